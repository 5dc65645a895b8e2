package sqlite

import (
	"encoding/binary"
	"math"
)

// postings maps a term to the slots that hold it. Slots only grow, so a list is
// appended to in place: the distance to the slot before as a varint, then the
// weight's code. Slots that died stay until the tenant is compacted.
type postings struct {
	table []cell   // open addressing; keys are hashes already
	lists [][]list // in pages, so that growing copies nothing
	n     int
}

const pageLists = 1 << 9

// at is the i-th list.
func (p *postings) at(i uint32) *list { return &p.lists[i/pageLists][i%pageLists] }

type cell struct {
	key  uint32
	list uint32 // number of its list plus one; 0 is an empty cell
}

type list struct {
	data []byte
	next uint32 // the slot after the last
}

// find returns the list of key, or nil.
func (p *postings) find(key uint32) *list {
	if len(p.table) == 0 {
		return nil
	}
	mask := uint32(len(p.table) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		c := p.table[i]
		if c.list == 0 {
			return nil
		}
		if c.key == key {
			return p.at(c.list - 1)
		}
	}
}

func (p *postings) findOrMake(key uint32) *list {
	if l := p.find(key); l != nil {
		return l
	}
	if 4*(p.n+1) > 3*len(p.table) {
		p.grow()
	}
	if p.n%pageLists == 0 {
		p.lists = append(p.lists, make([]list, pageLists))
	}
	p.n++
	p.insert(cell{key, uint32(p.n)})
	return p.at(uint32(p.n - 1))
}

func (p *postings) insert(c cell) {
	mask := uint32(len(p.table) - 1)
	i := c.key & mask
	for p.table[i].list != 0 {
		i = (i + 1) & mask
	}
	p.table[i] = c
}

func (p *postings) grow() {
	old := p.table
	p.table = make([]cell, max(1024, 2*len(old)))
	for _, c := range old {
		if c.list != 0 {
			p.insert(c)
		}
	}
}

// add appends slot to the list of key. Slots must be added in ascending order.
func (p *postings) add(key, slot uint32, weight float32) { p.findOrMake(key).add(slot, weight) }

func (l *list) add(slot uint32, weight float32) {
	c := code(weight)
	l.addCode(slot, c)
	if c == 0 {
		l.data = binary.LittleEndian.AppendUint32(l.data, math.Float32bits(weight))
	}
}

// addStored adds a slot with a weight in stored form: its code and, where that is 0,
// the weight.
func (l *list) addStored(slot uint32, weight []byte) {
	l.addCode(slot, weight[0])
	if weight[0] == 0 {
		l.data = binary.LittleEndian.AppendUint32(l.data, binary.BigEndian.Uint32(weight[1:]))
	}
}

func (l *list) addCode(slot uint32, c byte) {
	d := slot - l.next
	l.next = slot + 1
	if d < 0x80 {
		l.data = append(l.data, byte(d), c)
		return
	}
	l.data = append(binary.AppendUvarint(l.data, uint64(d)), c)
}

// score adds weight times each slot's weight to scores.
func (l *list) score(weight float32, scores []float32) {
	b := l.data
	slot := uint32(0)
	step := weight * quantum
	for i := 0; i < len(b); {
		d := uint32(b[i])
		i++
		if d >= 0x80 {
			d &= 0x7f
			for shift := 7; ; shift += 7 {
				c := b[i]
				i++
				d |= uint32(c&0x7f) << shift
				if c < 0x80 {
					break
				}
			}
		}
		slot += d
		c := b[i]
		i++
		if c != 0 {
			scores[slot] += step * float32(c)
		} else {
			scores[slot] += weight * math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
			i += 4
		}
		slot++
	}
}

// each yields slots and weights in ascending order of slots.
func (l *list) each(yield func(slot uint32, weight float32)) {
	b := l.data
	slot := uint32(0)
	for len(b) > 0 {
		d, n := binary.Uvarint(b)
		slot += uint32(d)
		c := b[n]
		b = b[n+1:]
		w := float32(c) * quantum
		if c == 0 {
			w = math.Float32frombits(binary.LittleEndian.Uint32(b))
			b = b[4:]
		}
		yield(slot, w)
		slot++
	}
}

// length is the number of slots in the list.
func (l *list) length() (n int) {
	for i := 0; i < len(l.data); n++ {
		for l.data[i] >= 0x80 {
			i++
		}
		if i += 2; l.data[i-1] == 0 {
			i += 4
		}
	}
	return n
}

// eachList yields every term's list.
func (p *postings) eachList(yield func(key uint32, l *list)) {
	for _, c := range p.table {
		if c.list != 0 {
			yield(c.key, p.at(c.list-1))
		}
	}
}
