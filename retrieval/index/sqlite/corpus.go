package sqlite

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
)

// corpus is what one tenant's searches run on: segments, oldest first, and behind
// them what no segment holds yet. Slots are never reused, so posting lists stay
// ascending; dead ones go when their part is written anew.
type corpus struct {
	mu        sync.RWMutex
	dimension int
	segments  []*part
	young     *part // the tail
	tail      *tail // its body
	flushAt   int   // slots of the tail
	closed    bool

	statistics *embed.Statistics
}

// point is a chunk in stored form.
type point struct {
	pk                             int64
	id, document, version, receipt string
	ordinal                        int
	attributes                     string
	terms                          []byte
	vector                         []float32
}

func newCorpus(dimension, flushAt int) *corpus {
	t := &corpus{dimension: dimension, flushAt: flushAt, statistics: &embed.Statistics{}}
	t.young, t.tail = newTail(dimension)
	return t
}

// parts are all of them, the tail last.
func (t *corpus) parts(yield func(*part) bool) {
	for _, p := range t.segments {
		if !yield(p) {
			return
		}
	}
	yield(t.young)
}

// putAll puts points, at most 65,536. The caller holds mu.
func (t *corpus) putAll(ps []point, b *bulk) error {
	first, err := t.gather(ps, b)
	if err != nil {
		return err
	}
	b.file(&t.tail.postings, first)
	return nil
}

// gather is putAll but for the postings, which b has then; first is their first
// slot.
func (t *corpus) gather(ps []point, b *bulk) (first uint32, err error) {
	first = uint32(len(t.tail.slots))
	n := 0
	for i := range ps {
		n += len(ps[i].terms) / 5 // see appendTerm
	}
	b.items = slices.Grow(b.items, n)
	for _, p := range ps {
		err := t.putTerms(p, func(key, slot uint32, w float32) { b.add(key, uint16(slot-first), w) })
		if err != nil {
			return first, fmt.Errorf("reading chunk %s: %w; run `doorward reindex`", p.id, err)
		}
	}
	return first, nil
}

// putTerms adds a point to the tail and hands its terms to file. The one it
// replaces is buried by its row.
func (t *corpus) putTerms(p point, file func(key, slot uint32, weight float32)) error {
	y, b := t.young, t.tail
	row, err := y.columns.row(p.attributes)
	if err != nil {
		return err
	}
	if int(row) == len(b.stored) {
		b.stored = append(b.stored, p.attributes)
	}
	n := uint32(len(b.slots))
	if err := eachTerm(p.terms, func(key uint32, w float32) { file(key, n, w) }); err != nil {
		return err
	}
	y.dead, y.vector = y.dead.grown(int(n)+1), y.vector.grown(int(n)+1)
	if t.dimension > 0 && normalise(p.vector, b.vectors.grow(n, t.dimension)) {
		y.vector.set(n)
	}
	y.pks, y.rows = append(y.pks, p.pk), append(y.rows, row)
	b.slots = append(b.slots, slot{id: p.id, document: p.document, version: p.version, receipt: p.receipt, ordinal: p.ordinal})
	return nil
}

// bury marks the slots of rows dead that the file has no more.
func (t *corpus) bury(pks []int64) {
	for _, pk := range pks {
		for p := range t.parts {
			if n, ok := p.find(pk); ok {
				p.bury(n)
				break
			}
		}
	}
}

// alive counts what can be found.
func (t *corpus) alive() int {
	n := 0
	for p := range t.parts {
		n += p.alive()
	}
	return n
}

// normalise writes v at unit length to dst; a missing or zero vector leaves it
// zero and returns false.
func normalise(v, dst []float32) bool {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return false
	}
	f := 1 / math.Sqrt(sum)
	for i, x := range v {
		dst[i] = float32(float64(x) * f)
	}
	return true
}

// allowed returns the rows of p all filters select; nil selects every row.
func (p *part) allowed(exprs []policy.Expr) bits {
	var out bits
	for _, e := range exprs {
		b := p.columns.eval(e)
		if out == nil {
			out = b
		} else {
			out.and(b)
		}
	}
	return out
}

// shrink replaces the tail by a copy without dead slots and unused rows.
func (t *corpus) shrink() error {
	from, _ := sources([]*part{t.young})
	young, b := newTail(t.dimension)
	rows := map[uint32]uint32{}
	for old, to := range from[0].moved {
		if to == 0 {
			continue
		}
		row, ok := rows[t.young.rows[old]]
		if !ok {
			a := t.tail.stored[t.young.rows[old]]
			var err error
			if row, err = young.columns.row(a); err != nil {
				return err
			}
			b.stored = append(b.stored, a)
			rows[t.young.rows[old]] = row
		}
		n := to - 1
		young.dead, young.vector = young.dead.grown(int(to)), young.vector.grown(int(to))
		young.pks, young.rows = append(young.pks, t.young.pks[old]), append(young.rows, row)
		b.slots = append(b.slots, t.tail.slots[old])
		if t.young.vector.has(uint32(old)) {
			young.vector.set(n)
		}
		if t.dimension > 0 {
			copy(b.vectors.grow(n, t.dimension), t.tail.vectors.at(uint32(old), t.dimension))
		}
	}
	t.tail.postings.eachList(func(key uint32, l *list) {
		l.each(func(n uint32, w float32) {
			if to := from[0].moved[n]; to != 0 {
				b.postings.add(key, to-1, w)
			}
		})
	})
	t.young, t.tail = young, b
	return nil
}

// tally counts live postings for a new epoch.
func (t *corpus) tally(analysis string) *embed.Tally {
	out := embed.NewTally(analysis)
	terms := 0
	for p := range t.parts {
		c := p.sorted()
		for i, key := range c.keys {
			n := 0
			l := c.at(i)
			l.each(func(slot uint32, _ float32) {
				if !p.dead.has(slot) {
					n++
				}
			})
			if n > 0 {
				out.AddFrequency(key, n)
				terms += n
			}
		}
	}
	out.Size(t.alive(), terms)
	return out
}

// vectors are kept in pages, so that growing copies nothing.
type vectors [][]float32

const pageSlots = 512

// at returns the vector of slot n.
func (v vectors) at(n uint32, dim int) []float32 {
	from := int(n%pageSlots) * dim
	return v[n/pageSlots][from : from+dim : from+dim]
}

// grow makes room for slot n, the next one, and returns it.
func (v *vectors) grow(n uint32, dim int) []float32 {
	for int(n/pageSlots) >= len(*v) {
		*v = append(*v, make([]float32, pageSlots*dim))
	}
	return v.at(n, dim)
}
