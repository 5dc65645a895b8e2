package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
)

// quantum is the step of document-side weights that fit one byte; others take
// five. Package embed rounds its weights to it.
const quantum = 1.0 / 64

// code returns w's one-byte code, or 0 when w is no multiple of quantum below 4.
func code(w float32) byte {
	c := w * 64
	if c >= 1 && c <= 255 && c == float32(byte(c)) {
		return byte(c)
	}
	return 0
}

var errCodec = errors.New("stored value is damaged")

// appendTerm is the stored form of one term: key, code and, where the code is 0,
// the weight.
func appendTerm(b []byte, t embed.Term) []byte {
	b = binary.BigEndian.AppendUint32(b, t.Key)
	c := code(t.Weight)
	b = append(b, c)
	if c == 0 {
		b = binary.BigEndian.AppendUint32(b, math.Float32bits(t.Weight))
	}
	return b
}

func encodeTerms(terms []embed.Term) []byte {
	b := make([]byte, 0, 5*len(terms))
	for _, t := range terms {
		b = appendTerm(b, t)
	}
	return b
}

// sizeOf is how long the stored form of a term with a code is.
func sizeOf(code byte) int {
	if code == 0 {
		return 9
	}
	return 5
}

// checkTerms says whether stored terms are whole.
func checkTerms(b []byte) error {
	for len(b) > 0 {
		if len(b) < 5 || len(b) < sizeOf(b[4]) {
			return fmt.Errorf("%w: terms cut short", errCodec)
		}
		b = b[sizeOf(b[4]):]
	}
	return nil
}

// eachTerm decodes terms without allocating.
func eachTerm(b []byte, yield func(key uint32, weight float32)) error {
	for len(b) > 0 {
		if len(b) < 5 {
			return fmt.Errorf("%w: terms cut short", errCodec)
		}
		key, c := binary.BigEndian.Uint32(b), b[4]
		b = b[5:]
		w := float32(c) * quantum
		if c == 0 {
			if len(b) < 4 {
				return fmt.Errorf("%w: terms cut short", errCodec)
			}
			w = math.Float32frombits(binary.BigEndian.Uint32(b))
			b = b[4:]
		}
		yield(key, w)
	}
	return nil
}

func decodeTerms(b []byte) ([]embed.Term, error) {
	if len(b) == 0 {
		return nil, nil
	}
	out := make([]embed.Term, 0, len(b)/5)
	err := eachTerm(b, func(k uint32, w float32) { out = append(out, embed.Term{Key: k, Weight: w}) })
	return out, err
}

func encodeVector(v []float32) []byte {
	if v == nil {
		return nil
	}
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func decodeVector(b []byte) ([]float32, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("%w: vector cut short", errCodec)
	}
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out, nil
}

// encodeAttributes is canonical: encoding/json sorts keys.
func encodeAttributes(a policy.Attributes) (string, error) {
	if a == nil {
		return "{}", nil
	}
	b, err := json.Marshal(map[string]any(a))
	if err != nil {
		return "", errors.New("attributes hold a value that is not normalised")
	}
	return string(b), nil
}

// decodeAttributes reads numbers back as int64, as normalised attributes have
// them.
func decodeAttributes(s string) (policy.Attributes, error) {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: attributes", errCodec)
	}
	v, ok := integers(m).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: attributes hold a number that is no integer", errCodec)
	}
	return policy.Attributes(v), nil
}

// integers replaces json.Number by int64 throughout; nil where one is not.
func integers(v any) any {
	switch x := v.(type) {
	case json.Number:
		n, err := x.Int64()
		if err != nil {
			return nil
		}
		return n
	case map[string]any:
		for k, y := range x {
			if x[k] = integers(y); x[k] == nil {
				return nil
			}
		}
		return x
	case []any:
		for i, y := range x {
			if x[i] = integers(y); x[i] == nil {
				return nil
			}
		}
		return x
	}
	return v
}
