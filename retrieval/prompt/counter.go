package prompt

import (
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// Encodings a [Counter] knows.
const (
	CL100K = "cl100k_base" // GPT-4, GPT-3.5, text-embedding-3
	O200K  = "o200k_base"  // GPT-4o, GPT-4.1 and later
)

const (
	maxCached = 48      // bytes; longer pieces are rare and seldom come again
	maxPiece  = 512     // bytes; the tokenizer takes quadratic time in a run without a cut
	maxMemo   = 1 << 17 // pieces remembered
)

// Counter counts the tokens of a text as tiktoken does, in linear time and
// without keeping the tokens. It is safe for concurrent use.
//
// The count is that of encoding the whole text at once, except for runs of more
// than 512 bytes without any border (one letter repeated, say), where it may be
// a token or two higher. It holds up to 131,072 pieces of at most 48 bytes of
// text it has seen, so that words are encoded once.
type Counter struct {
	vocabulary func() *vocabulary
	seed       maphash.Seed
	memo       []atomic.Pointer[counted] // by hash, two places for each
	lent       lent
}

// counted is a piece that was counted before.
type counted struct {
	text string
	n    int
}

var counters = map[string]func() *Counter{CL100K: counterOf(CL100K), O200K: counterOf(O200K)}

func counterOf(encoding string) func() *Counter {
	return sync.OnceValue(func() *Counter {
		c := &Counter{vocabulary: sync.OnceValue(func() *vocabulary { return load(encoding) }), seed: maphash.MakeSeed(), memo: make([]atomic.Pointer[counted], maxMemo)}
		go c.vocabulary() // 0.1 s and more, while its user is still getting ready
		return c
	})
}

// NewCounter returns the process's counter of a vocabulary, [CL100K] or [O200K],
// which takes tens of megabytes.
func NewCounter(encoding string) (*Counter, error) {
	c, ok := counters[encoding]
	if !ok {
		return nil, fmt.Errorf("loading tokenizer: encoding %q is not known, use %s or %s", encoding, CL100K, O200K)
	}
	return c(), nil
}

// Count returns the number of tokens in text. Bytes that are not UTF-8 count as
// U+FFFD does.
func (c *Counter) Count(text string) int {
	if len(text) <= shortPiece {
		return c.countIn(nil, text)
	}
	known := c.lent.borrow()
	n := c.countIn(known, text)
	c.lent.giveBack(known)
	return n
}

// countIn counts with the pieces lent, or nil for a short text.
func (c *Counter) countIn(known *shortPieces, text string) int {
	n, start := 0, 0
	var at cutter
	for i := 0; i < len(text); {
		cut, end := at.next(text, i)
		if cut && i > start {
			n += c.known(known, text, start, i)
			start = i
		}
		i = end
	}
	return n + c.known(known, text, start, len(text))
}

func (c *Counter) known(p *shortPieces, text string, start, end int) int {
	if p == nil {
		return c.piece(text[start:end])
	}
	return p.count(c, text, start, end)
}

// Spans prepares to count parts of a text: the function it returns gives what
// Count would of text[start:end], both on rune borders, and works through the text
// only once.
func (c *Counter) Spans(text string) func(start, end int) int {
	if len(text) > math.MaxInt32 {
		return func(start, end int) int { return c.Count(text[start:end]) }
	}
	cut := make([]int32, 0, len(text)/5)    // where two sides count apart
	before := make([]int32, 0, len(text)/5) // tokens before it from the first cut on
	n, start := 0, 0
	known := c.lent.borrow()
	var at cutter
	for i := 0; i < len(text); {
		apart, end := at.next(text, i)
		if apart && i > start {
			if len(cut) > 0 {
				n += known.count(c, text, start, i)
			}
			cut, before = append(cut, int32(i)), append(before, int32(n))
			start = i
		}
		i = end
	}
	c.lent.giveBack(known)
	return func(start, end int) int {
		i, _ := slices.BinarySearch(cut, int32(start))
		j, found := slices.BinarySearch(cut, int32(end))
		if !found {
			j--
		}
		if i >= len(cut) || j < i {
			return c.piece(text[start:end])
		}
		return c.piece(text[start:cut[i]]) + int(before[j]-before[i]) + c.piece(text[cut[j]:end])
	}
}

// A class groups runes by how the tokenizers' patterns treat them.
type class uint8

const (
	borderless class = iota // combining marks: never cut beside one
	letter
	digit
	space
	other
)

var asciiClass = func() (t [utf8.RuneSelf]class) {
	for i := range t {
		t[i] = classOf(rune(i))
	}
	return t
}()

func classAt(s string, i int) (class, rune, int) {
	if b := s[i]; b < utf8.RuneSelf {
		return asciiClass[b], rune(b), 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return classOf(r), r, size
}

func classOf(r rune) class {
	switch {
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return digit
	case unicode.IsSpace(r):
		return space
	case unicode.IsMark(r):
		return borderless
	default:
		return other
	}
}

// cuts reports whether no pattern of either encoding can match across the
// border between a rune of class prev and the rune r of class next: there, and
// only there, counting the two sides apart gives the count of the whole.
func cuts(prev, next class, r rune) bool {
	switch prev {
	case letter:
		return next == digit || next == space || next == other && r != '\''
	case digit:
		return next == letter || next == space || next == other
	case other:
		return next == space && r != '\n' && r != '\r'
	}
	return false
}

// piece counts text between two cuts.
func (c *Counter) piece(s string) int {
	if len(s) == 0 {
		return 0
	}
	if len(s) > maxCached {
		return c.long(s)
	}
	place := c.memo[maphash.String(c.seed, s)%(maxMemo/2)*2:][:2]
	first := place[0].Load()
	if first != nil && first.text == s {
		return first.n
	}
	if second := place[1].Load(); second != nil && second.text == s {
		return second.n
	}
	n := c.vocabulary().count(s)
	place[1].Store(first)                                  // the older one goes
	place[0].Store(&counted{text: strings.Clone(s), n: n}) // a clone: it must not keep a document alive
	return n
}

// long counts a long piece in parts of at most maxPiece bytes.
func (c *Counter) long(s string) int {
	n, v := 0, c.vocabulary()
	for len(s) > maxPiece {
		end := maxPiece
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		if end == 0 { // not UTF-8 at all
			end = maxPiece
		}
		n += len(v.enc.EncodeOrdinary(s[:end]))
		s = s[end:]
	}
	return n + len(v.enc.EncodeOrdinary(s))
}
