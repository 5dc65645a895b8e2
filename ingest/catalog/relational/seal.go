package relational

import (
	"encoding/binary"
	"encoding/json"
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

func encodeTerms(terms []embed.Term) []byte {
	b := make([]byte, 0, 8*len(terms))
	for _, t := range terms {
		b = binary.LittleEndian.AppendUint32(b, t.Key)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(t.Weight))
	}
	return b
}

func decodeTerms(b []byte) []embed.Term {
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
