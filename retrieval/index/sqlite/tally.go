package sqlite

import (
	"encoding/binary"
	"slices"

	"github.com/doorward/doorward/retrieval/embed"
)

// tally counts live postings for a new epoch.
func (t *corpus) tally(analysis string, epoch uint64) *embed.Statistics {
	out := embed.NewSortedTally(analysis)
	terms := 0
	var walks []walk
	for p := range t.parts {
		w := walk{part: p}
		if p == t.young && p.deaths == 0 {
			w.keys, w.slots = t.tail.counts(countedKeys)
		} else {
			w.cursor = p.sorted()
		}
		if len(w.keys) > 0 {
			walks = append(walks, w)
		}
	}
	for len(walks) > 0 {
		key := walks[0].keys[walks[0].next]
		for _, w := range walks[1:] {
			key = min(key, w.keys[w.next])
		}
		n := 0
		for i := range walks {
			n += walks[i].count(key)
		}
		if n > 0 {
			out.Add(key, n)
			terms += n
		}
		walks = slices.DeleteFunc(walks, func(w walk) bool { return w.next == len(w.keys) })
	}
	return out.Statistics(epoch, t.alive(), terms)
}

// walk counts a part's live postings, term by term.
type walk struct {
	*part
	cursor
	slots []int // counts by term, where they are known already
	next  int
}

func (w *walk) count(key uint32) (n int) {
	if w.keys[w.next] != key {
		return 0
	}
	w.next++
	if w.slots != nil {
		return w.slots[w.next-1]
	}
	l := w.at(w.next - 1)
	if w.deaths == 0 {
		return l.length()
	}
	l.each(func(slot uint32, _ float32) {
		if !w.dead.has(slot) {
			n++
		}
	})
	return n
}

// countedKeys is how many keys are put in order at once, 8 bytes each.
const countedKeys = 1 << 21

// counts are all terms, ascending, and how many slots have each, dead or not; so
// many are put in order at once. Only
// to be counted, postings need not be put in order, nor lists made of them.
func (b *tail) counts(most int) (keys []uint32, slots []int) {
	old := b.filedTerms()
	add := func(key uint32, n int) { keys, slots = append(keys, key), append(slots, n) }
	before := func(key uint64) {
		for ; len(old) > 0 && uint64(old[0].key) < key; old = old[1:] {
			add(old[0].key, old[0].length())
		}
	}
	var list, spare []uint32
	bits := b.ranges(most)
	for part := range uint32(1) << bits {
		list = list[:0]
		for _, stored := range b.waiting {
			for ; len(stored) > 0; stored = stored[sizeOf(stored[4]):] {
				if key := binary.BigEndian.Uint32(stored); bits == 0 || key>>(32-bits) == part {
					list = append(list, key)
				}
			}
		}
		list, spare = ascending(list, spare)
		for i := 0; i < len(list); {
			key, n := list[i], 0
			for ; i < len(list) && list[i] == key; i++ {
				n++
			}
			before(uint64(key))
			if len(old) > 0 && old[0].key == key {
				n, old = n+old[0].length(), old[1:]
			}
			add(key, n)
		}
	}
	before(1 << 32)
	return keys, slots
}

// ascending sorts keys, by 11 bits at a time, and returns the room it used.
func ascending(list, spare []uint32) (sorted, room []uint32) {
	const width = 11
	spare = slices.Grow(spare[:0], len(list))[:len(list)]
	for shift := uint(0); shift < 32; shift += width {
		var at [1<<width + 1]int
		for _, k := range list {
			at[k>>shift&(1<<width-1)+1]++
		}
		for i := 1; i < len(at); i++ {
			at[i] += at[i-1]
		}
		for _, k := range list {
			d := k >> shift & (1<<width - 1)
			spare[at[d]] = k
			at[d]++
		}
		list, spare = spare, list
	}
	return list, spare
}
