package index

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"

	"github.com/doorward/doorward/retrieval/embed"
)

// Expected is what the catalog says one point must be.
type Expected struct {
	ID       string
	Document string
	Version  string
	Ordinal  int
	Receipt  string // hash of the receipt in force
	// Attributes is the hash of the document's attributes, as
	// policy.Attributes.Hash gives it; "" does not look at them.
	Attributes string
	// Terms says whether stored terms are the right ones, for example by the
	// keyed hash the receipt holds; nil does not look at them.
	Terms func([]embed.Term) bool
	// Sketch is [Sketch] of the vector when it was put; "" does not look at it.
	Sketch string
}

// Flaw is what is wrong with a point.
type Flaw string

// Flaws a scrub finds.
const (
	Missing           Flaw = "missing"            // removed, or moved to another tenant
	Unexpected        Flaw = "unexpected"         // the catalog knows no such point
	Moved             Flaw = "moved"              // says it belongs to another document, version or place
	StaleReceipt      Flaw = "stale receipt"      // rolled back, or an update got lost
	AlteredAttributes Flaw = "altered attributes" // a filter would decide on wrong facts
	AlteredTerms      Flaw = "altered terms"
	AlteredVector     Flaw = "altered vector" // or none where there should be one
	Duplicate         Flaw = "duplicate"      // the same id twice
)

// Fault is one flawed point.
type Fault struct {
	ID       string
	Document string // by the catalog; for unexpected points, by the point itself
	Flaw     Flaw
}

// ErrOrder means expected points did not come in ascending order of ids.
var ErrOrder = errors.New("expected points are not ascending by id")

// Scrub compares a tenant's stored points with the expected ones, which must
// come in ascending order of ids without repetition, and reports each flaw. It
// holds one point of each side in memory. Points of documents that change while
// it runs may be reported wrongly: look at them again before acting. It returns
// the number of points compared; an error of report ends it.
func Scrub(ctx context.Context, s Scroller, tenant string, expected iter.Seq2[Expected, error], report func(Fault) error) (int, error) {
	next, stop := iter.Pull2(expected)
	defer stop()
	m := &scrub{next: next, report: report}
	if err := m.advance(); err != nil {
		return 0, fmt.Errorf("scrubbing: %w", err)
	}
	if err := s.Scroll(ctx, tenant, m.stored); err != nil {
		return m.n, fmt.Errorf("scrubbing: %w", err)
	}
	for m.more {
		if err := m.missing(); err != nil {
			return m.n, fmt.Errorf("scrubbing: %w", err)
		}
	}
	return m.n, nil
}

// scrub merges two ascending sequences.
type scrub struct {
	next   func() (Expected, error, bool)
	report func(Fault) error
	want   Expected
	more   bool
	last   string // id of the stored point before
	n      int
}

func (m *scrub) advance() error {
	before, had := m.want.ID, m.more
	want, err, ok := m.next()
	if !ok {
		m.more = false
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing expected points: %w", err)
	}
	if had && want.ID <= before {
		return ErrOrder
	}
	m.want, m.more = want, true
	return nil
}

func (m *scrub) missing() error {
	m.n++
	if err := m.report(Fault{m.want.ID, m.want.Document, Missing}); err != nil {
		return err
	}
	return m.advance()
}

func (m *scrub) stored(c Chunk) error {
	if c.ID == m.last && m.last != "" {
		return m.report(Fault{c.ID, c.Document, Duplicate})
	}
	m.last = c.ID
	for m.more && m.want.ID < c.ID {
		if err := m.missing(); err != nil {
			return err
		}
	}
	m.n++
	if !m.more || m.want.ID != c.ID {
		return m.report(Fault{c.ID, c.Document, Unexpected})
	}
	for _, f := range m.want.flaws(&c) {
		if err := m.report(Fault{c.ID, m.want.Document, f}); err != nil {
			return err
		}
	}
	return m.advance()
}

func (e *Expected) flaws(c *Chunk) (out []Flaw) {
	if c.Document != e.Document || c.Version != e.Version || c.Ordinal != e.Ordinal {
		out = append(out, Moved)
	}
	if c.Receipt != e.Receipt {
		out = append(out, StaleReceipt)
	}
	if e.Attributes != "" && c.Attributes.Hash() != e.Attributes {
		out = append(out, AlteredAttributes)
	}
	if e.Terms != nil && !e.Terms(c.Terms) {
		out = append(out, AlteredTerms)
	}
	if e.Sketch != "" && !sketchFits(e.Sketch, c.Vector) {
		out = append(out, AlteredVector)
	}
	return out
}

// sketchBits is the length of a sketch; sketchSlack how many of them may differ:
// stores keep vectors at unit length or in fewer bits, which turns a sign only
// where a projection is almost zero.
const (
	sketchBits  = 256
	sketchSlack = 4
)

// Sketch is a fingerprint of a vector's direction: the signs of its projections
// on 256 fixed random directions (Charikar 2002), in hex. Two vectors an angle a
// apart differ in about 256·a/π bits, so a vector that was replaced, flipped or
// swapped shows, and one that was merely scaled or rounded does not; changes of
// less than about three degrees go unseen.
func Sketch(v []float32) string {
	if unit(v) == nil {
		return ""
	}
	var out [sketchBits / 8]byte
	for w := range sketchBits / 64 {
		word := uint64(0)
		var sums [64]float64
		for i, x := range v {
			signs := mix(uint64(w)<<32 | uint64(i))
			for b := range sums {
				if signs>>b&1 == 1 {
					sums[b] += float64(x)
				} else {
					sums[b] -= float64(x)
				}
			}
		}
		for b, s := range sums {
			if !math.Signbit(s) {
				word |= 1 << b
			}
		}
		binary.BigEndian.PutUint64(out[8*w:], word)
	}
	return hex.EncodeToString(out[:])
}

// mix is splitmix64's finalizer: 64 random signs for a component.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func sketchFits(want string, v []float32) bool {
	a, err1 := hex.DecodeString(want)
	b, err2 := hex.DecodeString(Sketch(v))
	if err1 != nil || err2 != nil || len(a) != len(b) {
		return false
	}
	n := 0
	for i := range a {
		n += bits.OnesCount8(a[i] ^ b[i])
	}
	return n <= sketchSlack
}
