package sqlite

import (
	"encoding/binary"
	"math"
	"slices"
)

// bulk gathers the postings of many slots and files them list by list. Filing
// them slot by slot touches a different list, and misses the cache, for every
// posting; gathered, a list is touched once per batch.
type bulk struct {
	items, spare []item
	odd          []float32        // weights that have no code, in the order they came
	weights      map[item]float32 // the same, by their items, when those are in order
}

// item is a posting: the term's key above, then the slot relative to the batch's
// first in 16 bits, then the weight's code in 8.
type item uint64

func (it item) key() uint32 { return uint32(it >> 32) }

// mostGathered is how many slots can be gathered at once.
const mostGathered = 1 << 16

// gather takes of the stored terms of so many slots those that are wanted.
func (b *bulk) gather(slots [][]byte, wanted func(key uint32) bool) {
	for slot, stored := range slots {
		for len(stored) > 0 {
			key, c := binary.BigEndian.Uint32(stored), stored[4]
			if wanted(key) {
				b.items = append(b.items, item(key)<<32|item(slot)<<8|item(c))
				if c == 0 {
					b.odd = append(b.odd, math.Float32frombits(binary.BigEndian.Uint32(stored[5:])))
				}
			}
			stored = stored[sizeOf(c):]
		}
	}
}

func every(uint32) bool { return true }

// reset empties b.
func (b *bulk) reset() { b.items, b.odd, b.weights = b.items[:0], b.odd[:0], nil }

// order sorts what was gathered.
func (b *bulk) order() {
	b.weights = b.oddOnes()
	b.sort()
}

// append appends what is in order to p and empties b.
func (b *bulk) append(p *postings, first uint32) {
	for i := 0; i < len(b.items); {
		key := b.items[i].key()
		l := p.findOrMake(key)
		for ; i < len(b.items) && b.items[i].key() == key; i++ {
			b.put(l, b.items[i], first)
		}
	}
	b.reset()
}

// put adds an item to its list.
func (b *bulk) put(l *list, it item, first uint32) {
	slot, c := first+uint32(uint16(it>>8)), byte(it)
	if c != 0 {
		l.addCode(slot, c)
	} else {
		l.add(slot, b.weights[it])
	}
}

// oddOnes finds the weights of items without a code. A chunk has a term once.
func (b *bulk) oddOnes() map[item]float32 {
	if len(b.odd) == 0 {
		return nil
	}
	m, n := make(map[item]float32, len(b.odd)), 0
	for _, it := range b.items {
		if byte(it) == 0 {
			m[it] = b.odd[n]
			n++
		}
	}
	return m
}

// sort orders items by key and keeps slots ascending within a key. It is a radix
// sort: first by the highest 10 bits, then each part, which fits a processor's
// cache, by the 11 and 11 below. Every pass is stable.
func (b *bulk) sort() {
	const high, width = 10, 11
	if cap(b.spare) < len(b.items) {
		b.spare = make([]item, len(b.items), cap(b.items))
	}
	from, to := b.items, b.spare[:len(b.items)]
	var part [1<<high + 1]int
	for _, it := range from {
		part[it>>(64-high)+1]++
	}
	for i := 1; i < len(part); i++ {
		part[i] += part[i-1]
	}
	next := part
	for _, it := range from {
		d := it >> (64 - high)
		to[next[d]] = it
		next[d]++
	}
	for i := range 1 << high {
		start, end := part[i], part[i+1]
		switch {
		case end-start <= 1:
		case end-start < 1<<width/2:
			slices.Sort(to[start:end]) // a slot has a term once, so that nothing is equal
		default:
			deal(to[start:end], from[start:end], 32, width)
			deal(from[start:end], to[start:end], 32+width, width)
		}
	}
	b.items, b.spare = to, from
}

// deal copies items in the order of width bits above shift.
func deal(from, to []item, shift, width uint) {
	var at [1<<11 + 1]int
	mask := item(1)<<width - 1
	for _, it := range from {
		at[it>>shift&mask+1]++
	}
	for i := 1; i < len(at); i++ {
		at[i] += at[i-1]
	}
	for _, it := range from {
		d := it >> shift & mask
		to[at[d]] = it
		at[d]++
	}
}
