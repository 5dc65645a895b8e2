package sqlite

import (
	"cmp"
	"slices"
)

// part holds a run of a tenant's points, ascending by their row in the file: the
// tail in memory or a segment on disk. A row is never changed once written, so
// that all which can happen to a part's slot is that it dies.
type part struct {
	body
	pks     []int64 // by slot, ascending
	rows    []uint32
	vector  bits // slots that have a vector
	dead    bits
	deaths  int
	columns *columns
}

// body is where a part keeps what searches look at less often.
type body interface {
	list(key uint32) (list, bool)
	sorted() cursor               // all terms
	id(n uint32) string           // valid as long as the part is
	identity(n uint32) slot       // a copy
	vectorAt(n uint32) []float32  // unit length
	attributes(row uint32) string // stored form; valid as long as the part is
}

type slot struct {
	id, document, version, receipt string
	ordinal                        int
}

// cursor walks a part's terms in ascending order.
type cursor struct {
	keys []uint32
	at   func(i int) list
}

func (p *part) alive() int { return len(p.pks) - p.deaths }

// find returns the slot of a row.
func (p *part) find(pk int64) (uint32, bool) {
	n, ok := slices.BinarySearch(p.pks, pk)
	return uint32(n), ok
}

func (p *part) bury(n uint32) {
	if !p.dead.has(n) {
		p.dead.set(n)
		p.deaths++
	}
}

// tail is the body of points no segment holds yet.
type tail struct {
	postings  postings
	vectors   vectors
	dimension int
	slots     []slot
	stored    []string // attributes by row
}

func newTail(dimension int) (*part, *tail) {
	b := &tail{dimension: dimension}
	return &part{body: b, columns: newColumns()}, b
}

func (b *tail) list(key uint32) (list, bool) {
	if l := b.postings.find(key); l != nil {
		return *l, true
	}
	return list{}, false
}

func (b *tail) sorted() cursor {
	type entry struct {
		key uint32
		l   *list
	}
	entries := make([]entry, 0, b.postings.n)
	b.postings.eachList(func(key uint32, l *list) { entries = append(entries, entry{key, l}) })
	slices.SortFunc(entries, func(x, y entry) int { return cmp.Compare(x.key, y.key) })
	keys := make([]uint32, len(entries))
	for i, e := range entries {
		keys[i] = e.key
	}
	return cursor{keys, func(i int) list { return *entries[i].l }}
}

func (b *tail) id(n uint32) string     { return b.slots[n].id }
func (b *tail) identity(n uint32) slot { return b.slots[n] }

func (b *tail) vectorAt(n uint32) []float32 {
	if b.dimension == 0 {
		return nil
	}
	return b.vectors.at(n, b.dimension)
}

func (b *tail) attributes(row uint32) string { return b.stored[row] }
