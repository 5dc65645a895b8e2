package embed

import (
	"encoding/binary"
	"unicode/utf8"
)

// maxShort is the longest word of a [shortWords].
const maxShort = 16

// shortWords finds words of at most 16 ASCII letters and digits, which nearly all
// are, in the pass that lowers and ends them: two numbers are their whole text, so
// that a look-up compares no strings and follows one pointer.
type shortWords struct {
	table []shortWord // open addressing, a power of two
	n     int
}

type shortWord struct {
	low, high uint64
	word      *lexeme
}

// next returns the known word that begins at start, and where it ends; nil where
// there is none, or something that is no ASCII stands beside it.
func (s *shortWords) next(text string, start int) (*lexeme, int) {
	if len(s.table) == 0 {
		return nil, 0
	}
	var low, high uint64
	end := start
	for limit := min(len(text), start+8); end < limit; end++ {
		c := lowerASCII[text[end]]
		if c == 0 {
			break
		}
		low |= uint64(c) << (8 * (end - start))
	}
	if end == start+8 {
		for limit := min(len(text), start+maxShort); end < limit; end++ {
			c := lowerASCII[text[end]]
			if c == 0 {
				break
			}
			high |= uint64(c) << (8 * (end - start - 8))
		}
	}
	if end < len(text) && (text[end] >= utf8.RuneSelf || lowerASCII[text[end]] != 0) {
		return nil, 0
	}
	mask := len(s.table) - 1
	for i := shortHash(low, high) & mask; ; i = (i + 1) & mask {
		e := &s.table[i]
		if e.low == low && e.high == high {
			return e.word, end // nil in an empty place: no word is empty
		}
		if e.word == nil {
			return nil, 0
		}
	}
}

func shortHash(low, high uint64) int {
	h := (low ^ high*0xff51afd7ed558ccd) * 0x9e3779b97f4a7c15
	return int(h >> 32)
}

// put adds a word of ASCII letters and digits, unless it is long or there.
func (s *shortWords) put(w *lexeme) {
	if len(w.text) == 0 || len(w.text) > maxShort {
		return
	}
	if 2*(s.n+1) > len(s.table) {
		before := s.table
		s.table, s.n = make([]shortWord, max(1024, 2*len(before))), 0
		for _, e := range before {
			if e.word != nil {
				s.put(e.word)
			}
		}
	}
	var b [maxShort]byte
	copy(b[:], w.text)
	e := shortWord{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:]), w}
	mask := len(s.table) - 1
	for i := shortHash(e.low, e.high) & mask; ; i = (i + 1) & mask {
		if s.table[i].word == nil {
			s.table[i] = e
			s.n++
			return
		}
		if s.table[i].low == e.low && s.table[i].high == e.high {
			return
		}
	}
}

// lowerASCII maps ASCII letters and digits to lower case and the rest to 0.
var lowerASCII = func() (t [256]byte) {
	for b := range utf8.RuneSelf {
		switch {
		case classOf(rune(b)) != classWord:
		case b >= 'A' && b <= 'Z':
			t[b] = byte(b) + 'a' - 'A'
		default:
			t[b] = byte(b)
		}
	}
	return t
}()
