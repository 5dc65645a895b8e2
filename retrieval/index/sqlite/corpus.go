package sqlite

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
)

// corpus is what one tenant's searches run on: everything but the text of the
// file's rows, in memory. Each chunk takes a slot; slots are never reused, so
// posting lists stay ascending; dead ones go when the tenant is compacted.
type corpus struct {
	mu        sync.RWMutex
	dimension int
	slots     []slot
	byID      map[string]uint32
	documents map[string][]uint32 // live slots by document
	postings  postings
	vectors   vectors // by slot, unit length; empty when there is no model
	columns   *columns
	dead      int
	terms     int // of all slots, dead ones included

	statistics *embed.Statistics
}

type slot struct {
	id, document, version, receipt string
	ordinal                        int
	row                            uint32
	terms                          uint32
	dead, vector                   bool
}

// point is a chunk in stored form.
type point struct {
	id, document, version, receipt string
	ordinal                        int
	attributes                     string
	terms                          []byte
	vector                         []float32
}

func newCorpus(dimension int) *corpus {
	return &corpus{
		dimension: dimension, byID: map[string]uint32{}, documents: map[string][]uint32{},
		columns: newColumns(), statistics: &embed.Statistics{},
	}
}

// putAll puts points, at most 65,536. The caller holds mu.
func (t *corpus) putAll(ps []point, b *bulk) error {
	first, err := t.gather(ps, b)
	if err != nil {
		return err
	}
	b.file(&t.postings, first)
	return nil
}

// gather is putAll but for the postings, which b has then; first is their first
// slot.
func (t *corpus) gather(ps []point, b *bulk) (first uint32, err error) {
	first = uint32(len(t.slots))
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

// putTerms adds a point, replacing the one of the same id, and hands its terms to
// file.
func (t *corpus) putTerms(p point, file func(key, slot uint32, weight float32)) error {
	row, err := t.columns.row(p.attributes)
	if err != nil {
		return err
	}
	if old, ok := t.byID[p.id]; ok {
		t.bury(old)
	}
	n := uint32(len(t.slots))
	s := slot{id: p.id, document: p.document, version: p.version, receipt: p.receipt, ordinal: p.ordinal, row: row}
	err = eachTerm(p.terms, func(key uint32, w float32) {
		file(key, n, w)
		s.terms++
	})
	if err != nil {
		return err
	}
	t.terms += int(s.terms)
	if t.dimension > 0 {
		s.vector = normalise(p.vector, t.vectors.grow(n, t.dimension))
	}
	t.slots = append(t.slots, s)
	t.byID[p.id] = n
	t.documents[p.document] = append(t.documents[p.document], n)
	return nil
}

// bury marks a slot dead and forgets its id.
func (t *corpus) bury(n uint32) {
	s := &t.slots[n]
	s.dead = true
	t.dead++
	delete(t.byID, s.id)
	left := t.documents[s.document][:0]
	for _, m := range t.documents[s.document] {
		if m != n {
			left = append(left, m)
		}
	}
	if len(left) == 0 {
		delete(t.documents, s.document)
	} else {
		t.documents[s.document] = left
	}
	s.id, s.document, s.version, s.receipt = "", "", "", ""
}

// retire buries the chunks of a version, or of the whole document for "".
func (t *corpus) retire(document, version string) {
	for _, n := range append([]uint32(nil), t.documents[document]...) {
		if version == "" || t.slots[n].version == version {
			t.bury(n)
		}
	}
}

func (t *corpus) setAttributes(document, attributes, receipt string) error {
	row, err := t.columns.row(attributes)
	if err != nil {
		return err
	}
	for _, n := range t.documents[document] {
		t.slots[n].row = row
		t.slots[n].receipt = receipt
	}
	return nil
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

// allowed returns the rows all filters select; nil selects every row.
func (t *corpus) allowed(exprs []policy.Expr) bits {
	var out bits
	for _, e := range exprs {
		b := t.columns.eval(e)
		if out == nil {
			out = b
		} else {
			out.and(b)
		}
	}
	return out
}

// wasteful reports that a quarter of the slots is dead, or that attributes nobody
// has any more outnumber those in use.
func (t *corpus) wasteful() bool {
	return t.dead > 1000 && 4*t.dead > len(t.slots) || t.columns.rows > 1000+2*len(t.documents)
}

// compacted returns a copy without dead slots and unused rows. The caller keeps
// writers away; readers may go on.
func (t *corpus) compacted(attributes func(id string) (string, error)) (*corpus, error) {
	out := newCorpus(t.dimension)
	out.statistics = t.statistics
	moved := make([]uint32, len(t.slots)) // new slot plus one
	rows := map[uint32]uint32{}
	for i := range t.slots {
		s := t.slots[i]
		if s.dead {
			continue
		}
		row, ok := rows[s.row]
		if !ok {
			a, err := attributes(s.id)
			if err != nil {
				return nil, err
			}
			if row, err = out.columns.row(a); err != nil {
				return nil, err
			}
			rows[s.row] = row
		}
		s.row = row
		n := uint32(len(out.slots))
		moved[i] = n + 1
		out.slots = append(out.slots, s)
		out.byID[s.id] = n
		out.documents[s.document] = append(out.documents[s.document], n)
		out.terms += int(s.terms)
		if t.dimension > 0 {
			copy(out.vectors.grow(n, t.dimension), t.vectors.at(uint32(i), t.dimension))
		}
	}
	t.postings.eachList(func(key uint32, l *list) {
		l.each(func(slot uint32, w float32) {
			if moved[slot] != 0 {
				out.postings.add(key, moved[slot]-1, w)
			}
		})
	})
	return out, nil
}

// tally counts live postings for a new epoch.
func (t *corpus) tally(analysis string) *embed.Tally {
	out := embed.NewTally(analysis)
	terms := 0
	t.postings.eachList(func(key uint32, l *list) {
		n := 0
		l.each(func(slot uint32, _ float32) {
			if !t.slots[slot].dead {
				n++
			}
		})
		if n > 0 {
			out.AddFrequency(key, n)
			terms += n
		}
	})
	out.Size(len(t.slots)-t.dead, terms)
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
