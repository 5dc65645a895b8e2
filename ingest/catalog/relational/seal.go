package relational

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/embed"
)

// sealJSON seals v with what it belongs to as associated data, so that a sealed
// value moved to another row does not open.
func sealJSON(s keys.Sealer, v any, belongs ...string) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	return s.Seal(data, associated(belongs))
}

func openJSON(s keys.Sealer, sealed []byte, v any, belongs ...string) error {
	data, err := s.Open(sealed, associated(belongs))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// sealWith is sealJSON with bytes that are not worth encoding as JSON: a version, the
// JSON's length, the JSON, the bytes.
func sealWith(s keys.Sealer, v any, rest []byte, belongs ...string) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	plain := make([]byte, 0, 1+binary.MaxVarintLen64+len(data)+len(rest))
	plain = binary.AppendUvarint(append(plain, withRest), uint64(len(data)))
	return s.Seal(append(append(plain, data...), rest...), associated(belongs))
}

// withRest begins what sealWith sealed; JSON cannot begin so.
const withRest = 1

var errCutOff = errors.New("sealed value is cut off")

// openWith opens what sealWith sealed, or sealJSON before there was that; rest is
// nil then.
func openWith(s keys.Sealer, sealed []byte, v any, belongs ...string) (rest []byte, err error) {
	data, err := s.Open(sealed, associated(belongs))
	if err != nil {
		return nil, err
	}
	if len(data) > 0 && data[0] == withRest {
		n, k := binary.Uvarint(data[1:])
		if k <= 0 || n > uint64(len(data)-1-k) {
			return nil, errCutOff
		}
		data, rest = data[1+k:1+k+int(n)], data[1+k+int(n):]
	}
	return rest, json.Unmarshal(data, v)
}

// associated joins the parts so that no two lists give the same bytes.
func associated(parts []string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// jsonText is v as JSON for a text column.
func jsonText(v any) (string, error) {
	data, err := json.Marshal(v)
	return string(data), err
}

// encodeTerms writes a term as its key and one byte, or five, of its weight: package
// embed rounds weights to quantum. Terms were eight bytes each before; a length that
// is no multiple of eight tells them apart, so that the last byte, or two, only
// make the length.
func encodeTerms(terms []embed.Term) []byte {
	b := make([]byte, 0, 5*len(terms)+2)
	for _, t := range terms {
		b = binary.LittleEndian.AppendUint32(b, t.Key)
		c := t.Weight / quantum
		if c >= 1 && c <= 255 && c == float32(byte(c)) {
			b = append(b, byte(c))
			continue
		}
		b = binary.LittleEndian.AppendUint32(append(b, 0), math.Float32bits(t.Weight))
	}
	if b = append(b, 1); len(b)%8 == 0 {
		b[len(b)-1] = 0
		b = append(b, 2)
	}
	return b
}

const quantum = 1.0 / 64

var errTerms = errors.New("stored terms are damaged")

func decodeTerms(b []byte) ([]embed.Term, error) {
	if len(b)%8 == 0 {
		return decodeWide(b), nil
	}
	end := len(b) - int(b[len(b)-1])
	if end < 0 || len(b)-end > 2 {
		return nil, errTerms
	}
	b = b[:end]
	terms := make([]embed.Term, 0, len(b)/5)
	for len(b) > 0 {
		if len(b) < 5 || b[4] == 0 && len(b) < 9 {
			return nil, errTerms
		}
		t := embed.Term{Key: binary.LittleEndian.Uint32(b), Weight: float32(b[4]) * quantum}
		c := b[4]
		if b = b[5:]; c == 0 {
			t.Weight, b = math.Float32frombits(binary.LittleEndian.Uint32(b)), b[4:]
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// decodeWide reads what was written before.
func decodeWide(b []byte) []embed.Term {
	terms := make([]embed.Term, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		terms = append(terms, embed.Term{
			Key:    binary.LittleEndian.Uint32(b),
			Weight: math.Float32frombits(binary.LittleEndian.Uint32(b[4:])),
		})
	}
	return terms
}

func encodeVector(v []float32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, f := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func decodeVector(b []byte) []float32 {
	if len(b) == 0 {
		return nil
	}
	v := make([]float32, 0, len(b)/4)
	for ; len(b) >= 4; b = b[4:] {
		v = append(v, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return v
}
