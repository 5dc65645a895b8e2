package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
)

// hasher writes a canonical, prefix-free form into SHA-256: each item carries
// its type and length, so that no two different trees share a form.
type hasher struct {
	h   hash.Hash
	buf []byte
}

func newHasher() *hasher { return &hasher{h: sha256.New(), buf: make([]byte, 0, 512)} }

func (h *hasher) flush() {
	if len(h.buf) > 384 {
		h.h.Write(h.buf)
		h.buf = h.buf[:0]
	}
}

func (h *hasher) tag(t byte) { h.buf = append(h.buf, t); h.flush() }

func (h *hasher) num(n int64) {
	h.buf = binary.BigEndian.AppendUint64(append(h.buf, 'i'), uint64(n))
	h.flush()
}

func (h *hasher) bool(b bool) {
	if b {
		h.tag('T')
	} else {
		h.tag('F')
	}
}

func (h *hasher) str(s string) {
	h.buf = binary.BigEndian.AppendUint32(append(h.buf, 's'), uint32(len(s)))
	h.flush()
	if len(s) > 128 {
		h.h.Write(h.buf)
		h.buf = h.buf[:0]
		h.h.Write([]byte(s))
		return
	}
	h.buf = append(h.buf, s...)
	h.flush()
}

func (h *hasher) sum() string {
	h.h.Write(h.buf)
	h.buf = h.buf[:0]
	return hex.EncodeToString(h.h.Sum(nil))
}

// value writes any normalised value. Values of other types are written by
// their Go type and printed form: they hash apart from every normalised one.
func (h *hasher) value(v any) {
	switch x := v.(type) {
	case nil:
		h.tag('0')
	case string:
		h.str(x)
	case bool:
		h.bool(x)
	case int64:
		h.num(x)
	case int:
		h.num(int64(x))
	case float64:
		h.tag('f')
		h.num(int64(math.Float64bits(x)))
	case []any:
		h.tag('[')
		h.num(int64(len(x)))
		for _, e := range x {
			h.value(e)
		}
	case []string:
		h.tag('[')
		h.num(int64(len(x)))
		for _, e := range x {
			h.str(e)
		}
	case Attributes:
		h.value(map[string]any(x))
	case map[string]any:
		h.tag('{')
		h.num(int64(len(x)))
		for _, k := range sortedKeys(x) {
			h.str(k)
			h.value(x[k])
		}
	default:
		h.tag('?')
		h.str(fmt.Sprintf("%T %v", v, v))
	}
}

// Hash returns the hex SHA-256 of the attributes' canonical form: equal for
// equal normalised attributes, whatever the order they were built in.
func (a Attributes) Hash() string {
	h := newHasher()
	h.value(map[string]any(a))
	return h.sum()
}

// HashValue returns the hex SHA-256 of the canonical form of a normalised value
// (string, bool, int64, []any, map[string]any, and nestings of these).
func HashValue(v any) string {
	h := newHasher()
	h.value(v)
	return h.sum()
}
