package injection

import (
	"crypto/sha256"

	"github.com/doorward/doorward/policy/recent"
)

// reading is all that reading one block depends on: its text, hashed, and what
// the segmenter says of it.
type reading struct {
	text         [sha256.Size]byte
	before       [3]byte // the last bytes before it
	beforeN      int8    // how many of them there are
	layer        layer
	line, styled bool
}

// readBefore is what was read from a block, before its neighbours are looked at.
type readBefore struct {
	layer        layer
	bits         bitset
	chars, words float64
	charN, wordN int
	classes      class
	roleLine     int8
	content      []uint16
	security     int
}

// mostReadings bounds the remembered blocks, in some 200 bytes each.
const mostReadings = 1 << 14

// remember is foldBlock, but for blocks that were read before. Where passages are
// joined, all but one of a window's blocks stood at the end or the beginning of
// the same passages in other answers.
func (r *reader) remember(u *unit, text, s string) {
	if r.readings == nil || r.collect || !u.fresh {
		r.foldBlock(u, text, s)
		return
	}
	k := reading{text: recent.Sum(s), layer: u.layer, line: u.line, styled: u.styled}
	k.beforeN = int8(copy(k.before[:], text[max(0, u.start-len(k.before)):u.start]))
	if v, ok := r.readings.Get(k); ok {
		u.layer, u.bits, u.chars, u.words, u.charN, u.wordN, u.classes, u.roleLine = v.layer, v.bits, v.chars, v.words, v.charN, v.wordN, v.classes, v.roleLine
		u.contentFrom = len(r.content)
		r.content = append(r.content, v.content...)
		u.contentTo = len(r.content)
		for _, h := range v.content {
			r.countWord(h)
		}
		r.security += v.security
		return
	}
	security := r.security
	r.foldBlock(u, text, s)
	v := readBefore{u.layer, u.bits, u.chars, u.words, u.charN, u.wordN, u.classes, u.roleLine, append([]uint16(nil), r.content[u.contentFrom:u.contentTo]...), r.security - security}
	r.readings.Put(k, v, 1+len(v.content)/100)
}

// countWord counts a content word for the whole text.
func (r *reader) countWord(h uint16) {
	if c := &r.counts[h]; *c < 255 {
		*c++
	}
}
