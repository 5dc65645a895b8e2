package sqlite

// bulk gathers the postings of many slots and files them list by list. Filing
// them slot by slot touches a different list, and misses the cache, for every
// posting; gathered, a list is touched once per batch.
type bulk struct {
	items, spare []item
	odd          []float32 // weights that have no code, in the order they came
}

// item is a posting: the term's key above, then the slot relative to the batch's
// first in 16 bits, then the weight's code in 8.
type item uint64

func (b *bulk) add(key uint32, slot uint16, weight float32) {
	c := code(weight)
	if c == 0 {
		b.odd = append(b.odd, weight)
	}
	b.items = append(b.items, item(key)<<32|item(slot)<<8|item(c))
}

// file appends everything to p and empties b. first is the batch's first slot.
func (b *bulk) file(p *postings, first uint32) {
	odd := b.oddOnes()
	b.sort()
	for i := 0; i < len(b.items); {
		key := uint32(b.items[i] >> 32)
		l := p.findOrMake(key)
		for ; i < len(b.items) && uint32(b.items[i]>>32) == key; i++ {
			slot, c := first+uint32(uint16(b.items[i]>>8)), byte(b.items[i])
			if c != 0 {
				l.addCode(slot, c)
			} else {
				l.add(slot, odd[b.items[i]])
			}
		}
	}
	b.items, b.odd = b.items[:0], b.odd[:0]
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

// sort orders items by key and keeps slots ascending within a key: a radix sort
// of three passes over 11 bits each, which is stable.
func (b *bulk) sort() {
	const width = 11
	if cap(b.spare) < len(b.items) {
		b.spare = make([]item, len(b.items), cap(b.items))
	}
	from, to := b.items, b.spare[:len(b.items)]
	for shift := 32; shift < 64; shift += width {
		var at [1<<width + 1]int
		for _, it := range from {
			at[it>>shift&(1<<width-1)+1]++
		}
		for i := 1; i < len(at); i++ {
			at[i] += at[i-1]
		}
		for _, it := range from {
			d := it >> shift & (1<<width - 1)
			to[at[d]] = it
			at[d]++
		}
		from, to = to, from
	}
	b.items, b.spare = from, to
}
