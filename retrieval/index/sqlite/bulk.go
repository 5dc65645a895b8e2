package sqlite

import "slices"

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

func (b *bulk) add(key uint32, slot uint16, weight float32) {
	c := code(weight)
	if c == 0 {
		b.odd = append(b.odd, weight)
	}
	b.items = append(b.items, item(key)<<32|item(slot)<<8|item(c))
}

// file appends everything to p and empties b. first is the batch's first slot.
func (b *bulk) file(p *postings, first uint32) {
	b.order()
	b.append(p, first)
}

// order sorts what was gathered.
func (b *bulk) order() {
	b.weights = b.oddOnes()
	b.sort()
}

// append appends what is in order to p and empties b.
func (b *bulk) append(p *postings, first uint32) {
	for i := 0; i < len(b.items); {
		key := uint32(b.items[i] >> 32)
		l := p.findOrMake(key)
		for ; i < len(b.items) && uint32(b.items[i]>>32) == key; i++ {
			slot, c := first+uint32(uint16(b.items[i]>>8)), byte(b.items[i])
			if c != 0 {
				l.addCode(slot, c)
			} else {
				l.add(slot, b.weights[b.items[i]])
			}
		}
	}
	b.items, b.odd, b.weights = b.items[:0], b.odd[:0], nil
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

// filer files batches in the background, one after the other.
type filer struct {
	idle chan *bulk
	work chan filing
	done chan struct{}
}

type filing struct {
	batch *bulk
	to    *postings
	first uint32
}

func newFiler() *filer {
	f := &filer{idle: make(chan *bulk, 2), work: make(chan filing), done: make(chan struct{})}
	f.idle <- &bulk{}
	f.idle <- &bulk{}
	go func() {
		defer close(f.done)
		for w := range f.work {
			w.batch.append(w.to, w.first)
			f.idle <- w.batch
		}
	}()
	return f
}

// wait returns when all is filed.
func (f *filer) wait() {
	close(f.work)
	<-f.done
}
