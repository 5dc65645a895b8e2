package sqlite

import (
	"fmt"
	"math"
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
	counted   int   // of the tail's size in [Index.tails]
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

// put adds points to the tail. The ones they replace are buried by their rows. The
// caller holds mu.
func (t *corpus) put(ps []point) error {
	for i := range ps {
		if err := t.putOne(&ps[i]); err != nil {
			return fmt.Errorf("reading chunk %s: %w; run `doorward reindex`", ps[i].id, err)
		}
	}
	return nil
}

func (t *corpus) putOne(p *point) error {
	y, b := t.young, t.tail
	if err := checkTerms(p.terms); err != nil {
		return err
	}
	row, err := t.row(p.attributes)
	if err != nil {
		return err
	}
	n := uint32(len(b.slots))
	y.dead, y.vector = y.dead.grown(int(n)+1), y.vector.grown(int(n)+1)
	if t.dimension > 0 && normalise(p.vector, b.vectors.grow(n, t.dimension)) {
		y.vector.set(n)
	}
	y.pks, y.rows = append(y.pks, p.pk), append(y.rows, row)
	b.slots = append(b.slots, slot{id: p.id, document: p.document, version: p.version, receipt: p.receipt, ordinal: p.ordinal})
	b.size += slotBytes + len(p.terms) + 4*t.dimension
	if b.waiting = append(b.waiting, p.terms); len(b.waiting) == mostGathered {
		var g bulk
		g.gather(b.waiting[:fileBatch], every)
		g.order()
		b.file(&g, fileBatch)
	}
	return nil
}

// row is the tail's row of attributes: most often those of the point before.
func (t *corpus) row(attributes string) (uint32, error) {
	if n := len(t.young.rows); n > 0 && t.tail.stored[t.young.rows[n-1]] == attributes {
		return t.young.rows[n-1], nil
	}
	row, err := t.young.columns.row(attributes)
	if err == nil && int(row) == len(t.tail.stored) {
		t.tail.stored = append(t.tail.stored, attributes)
	}
	return row, err
}

// file files the postings that wait, a batch at a time, so that searches need not
// wait for all of it. Only the writer calls it, without mu.
func (t *corpus) file(g *bulk) {
	b := t.tail
	for len(b.waiting) > 0 {
		n := min(len(b.waiting), fileBatch)
		g.gather(b.waiting[:n], every)
		g.order()
		t.mu.Lock()
		b.file(g, n)
		t.mu.Unlock()
	}
}

// file files the first n slots that wait, which g has in order.
func (b *tail) file(g *bulk, n int) {
	g.append(&b.postings, b.filed)
	clear(b.waiting[:n])
	b.filed += uint32(n)
	if b.waiting = b.waiting[n:]; len(b.waiting) == 0 {
		b.waiting = nil
	}
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
		b.size += t.tail.size / len(t.tail.slots)
		if t.young.vector.has(uint32(old)) {
			young.vector.set(n)
		}
		if t.dimension > 0 {
			copy(b.vectors.grow(n, t.dimension), t.tail.vectors.at(uint32(old), t.dimension))
		}
	}
	moved := from[0].moved
	t.tail.postings.eachList(func(key uint32, l *list) {
		l.each(func(n uint32, w float32) {
			if to := moved[n]; to != 0 {
				b.postings.add(key, to-1, w)
			}
		})
	})
	for n, to := range moved {
		switch waits := n - int(t.tail.filed); {
		case to == 0:
		case waits < 0:
			b.filed = to
		default:
			b.waiting = append(b.waiting, t.tail.waiting[waits])
		}
	}
	t.young, t.tail = young, b
	return nil
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
