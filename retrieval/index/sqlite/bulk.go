package sqlite

// bulk gathers the postings of many slots and files them list by list. Filing
// them slot by slot touches a different list, and misses the cache, for every
// posting; gathered, a list is touched once per batch.
type bulk struct {
	items, spare []item
	odd          []float32 // weights that have no code
}

// item is a posting: the term's key, then the slot relative to the batch's
// first, then the weight's code, or with code 0 the position in odd.
type item struct {
	key  uint32
	slot uint16
	code byte
	odd  uint32
}

func (b *bulk) add(key uint32, slot uint16, weight float32) {
	it := item{key: key, slot: slot, code: code(weight)}
	if it.code == 0 {
		it.odd = uint32(len(b.odd))
		b.odd = append(b.odd, weight)
	}
	b.items = append(b.items, it)
}

// file appends everything to p and empties b. first is the batch's first slot.
func (b *bulk) file(p *postings, first uint32) {
	b.sort()
	for i := 0; i < len(b.items); {
		key := b.items[i].key
		l := p.findOrMake(key)
		for ; i < len(b.items) && b.items[i].key == key; i++ {
			it := b.items[i]
			w := float32(it.code) * quantum
			if it.code == 0 {
				w = b.odd[it.odd]
			}
			l.add(first+uint32(it.slot), w)
		}
	}
	b.items, b.odd = b.items[:0], b.odd[:0]
}

// sort orders items by key and keeps slots ascending within a key: a radix sort
// of three passes over 11 bits each, which is stable.
func (b *bulk) sort() {
	const width = 11
	if cap(b.spare) < len(b.items) {
		b.spare = make([]item, len(b.items), cap(b.items))
	}
	from, to := b.items, b.spare[:len(b.items)]
	for shift := 0; shift < 32; shift += width {
		var at [1<<width + 1]int
		for i := range from {
			at[from[i].key>>shift&(1<<width-1)+1]++
		}
		for i := 1; i < len(at); i++ {
			at[i] += at[i-1]
		}
		for i := range from {
			d := from[i].key >> shift & (1<<width - 1)
			to[at[d]] = from[i]
			at[d]++
		}
		from, to = to, from
	}
	b.items, b.spare = from, to
}
