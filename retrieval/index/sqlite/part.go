package sqlite

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"github.com/doorward/doorward/retrieval/embed"
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

// cursor walks a part's terms in ascending order. A list is valid until the next.
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

// tail is the body of points no segment holds yet. Their terms wait as they are
// stored until somebody searches: most often a segment is made of them before that,
// and putting a batch's postings in order costs less the larger it is.
type tail struct {
	postings  postings    // of the slots before filed
	filed     uint32      // slots whose terms do not wait
	waiting   [][]byte    // stored terms of the slots from filed on
	asked     atomic.Bool // somebody searched what waits
	vectors   vectors
	dimension int
	slots     []slot
	stored    []string // attributes by row
	size      int      // bytes it takes, about
}

// slotBytes is what a slot takes beside its terms and vector, about.
const slotBytes = 300

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

// sorted merges what is filed with what waits, by ranges of keys, so that what is
// gathered at once stays small.
func (b *tail) sorted() cursor {
	old := b.filedTerms()
	bits := b.ranges(gatheredItems)
	var m merged
	var g bulk
	for part := range uint32(1) << bits {
		g.gather(b.waiting, func(key uint32) bool { return bits == 0 || key>>(32-bits) == part })
		g.order()
		n := len(old)
		if last := uint64(part+1) << (32 - bits); last < 1<<32 {
			n, _ = slices.BinarySearchFunc(old, uint32(last), func(x filed, key uint32) int { return cmp.Compare(x.key, key) })
		}
		m.merge(old[:n], &g, b.filed)
		old = old[n:]
		g.reset()
	}
	return cursor{m.keys, m.at}
}

// filedTerms are the terms that are filed, in order.
func (b *tail) filedTerms() []filed {
	out := make([]filed, 0, b.postings.n)
	b.postings.eachList(func(key uint32, l *list) { out = append(out, filed{key, l}) })
	slices.SortFunc(out, func(x, y filed) int { return cmp.Compare(x.key, y.key) })
	return out
}

// ranges is how many of a key's first bits divide what waits into ranges of about
// so many postings at most.
func (b *tail) ranges(most int) (bits int) {
	size := 0
	for _, stored := range b.waiting {
		size += len(stored) / 5 // see appendTerm
	}
	for size>>bits > most && bits < 16 {
		bits++
	}
	return bits
}

// gatheredItems is how many postings are put in order at once, 16 bytes each.
const gatheredItems = 1 << 20

// filed is a term's list.
type filed struct {
	key uint32
	*list
}

// merged are lists in ascending order of keys.
type merged struct {
	keys []uint32
	ends []int // where each list ends in data
	data []byte
}

func (m *merged) at(i int) list {
	if i == 0 {
		return list{data: m.data[:m.ends[0]]}
	}
	return list{data: m.data[m.ends[i-1]:m.ends[i]]}
}

// merge appends lists, and behind each what was gathered of its term.
func (m *merged) merge(old []filed, g *bulk, first uint32) {
	for i := 0; len(old) > 0 || i < len(g.items); {
		l := list{data: m.data}
		key := uint32(0)
		if i < len(g.items) {
			key = g.items[i].key()
		}
		if i == len(g.items) || len(old) > 0 && old[0].key <= key {
			key = old[0].key
			l.data, l.next = append(l.data, old[0].data...), old[0].next
			old = old[1:]
		}
		for i < len(g.items) && g.items[i].key() == key {
			g.put(&l, g.items[i], first)
			i++
		}
		m.data = l.data
		m.keys, m.ends = append(m.keys, key), append(m.ends, len(m.data))
	}
}

// rest finds what waits of some terms.
func (b *tail) rest(terms []embed.Term) map[uint32]*list {
	if len(b.waiting) == 0 {
		return nil
	}
	b.asked.Store(true)
	out := make(map[uint32]*list, len(terms))
	var wanted [32]uint64 // a first test: keys are hashes
	for _, t := range terms {
		out[t.Key] = &list{}
		wanted[t.Key>>6&31] |= 1 << (t.Key & 63)
	}
	for i, stored := range b.waiting {
		for len(stored) > 0 {
			key, c := binary.BigEndian.Uint32(stored), stored[4]
			size := sizeOf(c)
			if wanted[key>>6&31]&(1<<(key&63)) != 0 {
				if l := out[key]; l != nil {
					l.addStored(b.filed+uint32(i), stored[4:size])
				}
			}
			stored = stored[size:]
		}
	}
	return out
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
