package prompt

import (
	"runtime"
	"sync"
	"unicode/utf8"
)

// shortPiece is the most bytes of a piece that [shortPieces] remember, which nearly all
// are within.
const shortPiece = 15

const maxPieces = 1 << 16 // 16 bytes each

// shortPieces are short pieces and their counts, for one goroutine at a time: a text's
// bytes are the key, so that a look-up follows no pointer and locks nothing. Two
// places for each; of three pieces that fall on them the oldest goes.
type shortPieces struct {
	table [maxPieces]pieceCount
}

// pieceCount is up to 15 bytes, their number and their count.
type pieceCount struct{ low, high uint64 }

const countBits = 0xf << 56 // in high, below the length

// key packs text[start:end], of 1 to 15 bytes.
func key(text string, start, end int) (low, high uint64) {
	n := end - start
	if len(text)-start >= 16 {
		low, high = eight(text[start:start+8]), eight(text[start+8:start+16])
		if n < 8 {
			low, high = low&(1<<(8*n)-1), 0
		} else {
			high &= 1<<(8*(n-8)) - 1
		}
	} else {
		for i := range min(n, 8) {
			low |= uint64(text[start+i]) << (8 * i)
		}
		for i := 8; i < n; i++ {
			high |= uint64(text[start+i]) << (8 * (i - 8))
		}
	}
	return low, high | uint64(n)<<60
}

// eight reads 8 bytes.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// count is what [Counter.piece] gives for text[start:end].
func (p *shortPieces) count(c *Counter, text string, start, end int) int {
	if end-start > shortPiece || end == start {
		return c.piece(text[start:end])
	}
	low, high := key(text, start, end)
	at := ((low ^ high*0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15) >> (64 - 16) &^ 1
	first, second := &p.table[at], &p.table[at+1]
	if first.low == low && first.high&^countBits == high {
		return int(first.high >> 56 & 0xf)
	}
	if second.low == low && second.high&^countBits == high {
		return int(second.high >> 56 & 0xf)
	}
	n := c.piece(text[start:end])
	if n > 0xf { // more tokens than bytes: not UTF-8
		return n
	}
	*second = *first
	*first = pieceCount{low, high | uint64(n)<<56}
	return n
}

// lent lends pieces out.
type lent struct {
	mu   sync.Mutex
	idle []*shortPieces
}

func (l *lent) borrow() *shortPieces {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.idle); n > 0 {
		p := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return p
	}
	return &shortPieces{}
}

func (l *lent) giveBack(p *shortPieces) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) < runtime.GOMAXPROCS(0) {
		l.idle = append(l.idle, p)
	}
}

// cutter finds where two sides of a text count apart.
type cutter struct{ prev class }

// next steps over the rune at i: whether it stands behind a cut, and where it ends.
func (c *cutter) next(text string, i int) (cut bool, end int) {
	if b := text[i]; b < utf8.RuneSelf {
		cut = asciiCuts[c.prev][b]
		c.prev = asciiClass[b]
		return cut, i + 1
	}
	kind, r, size := classAt(text, i)
	cut = cuts(c.prev, kind, r)
	c.prev = kind
	return cut, i + size
}

var asciiCuts = func() (t [other + 1][utf8.RuneSelf]bool) {
	for prev := range t {
		for b := range utf8.RuneSelf {
			t[prev][b] = cuts(class(prev), asciiClass[b], rune(b))
		}
	}
	return t
}()
