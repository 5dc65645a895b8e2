package pii

import (
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// wordIndex finds the words that say what a number is. Phrases are found at
// word starts by their first three bytes.
type wordIndex struct {
	buckets [1 << 12][]phrase
	lists   int
	byKey   map[string]int
}

type phrase struct {
	text string
	list int
}

func newWordIndex() *wordIndex { return &wordIndex{byKey: map[string]int{}, lists: numBuiltin} }

// reserve fills one of the lists kept for the built-in recognisers.
func (x *wordIndex) reserve(list int, words []string) {
	for _, w := range words {
		h := head(w[0], w[1], w[2])
		x.buckets[h] = append(x.buckets[h], phrase{w, list})
	}
}

// add makes a list of words, or finds the same one again.
func (x *wordIndex) add(words []string) int {
	key := ""
	for _, w := range words {
		key += w + "\x00"
	}
	if l, ok := x.byKey[key]; ok {
		return l
	}
	l := x.lists
	x.lists++
	x.byKey[key] = l
	x.reserve(l, words)
	return l
}

func head(a, b, c byte) int { return (int(a)*61 + int(b)*13 + int(c)) & (1<<12 - 1) }

// wordHits are the words near one chain, found when first asked for.
type wordHits struct {
	known bool
	n     int
	hit   [96]struct{ list, start, end int }
	buf   [maxChain + maxToken + wordsBack + wordsFore + 16]byte
}

func (w *wordHits) forget() { w.known = false }

// near reports whether a word of a list stands near a span, and a bonus of up
// to 0.05 that grows with nearness, to decide between two types that both have
// one.
func (r *run) near(list int, s sanitize.Span) (bonus float64, ok bool) {
	if !r.words.known {
		r.findWords()
	}
	best := wordsBack + 1
	for _, h := range r.words.hit[:r.words.n] {
		if h.list != list {
			continue
		}
		d := best
		switch {
		case h.end <= s.Start:
			d = s.Start - h.end
		case h.start >= s.End:
			d = (h.start - s.End) * 2
		}
		best = min(best, d)
	}
	if best > wordsBack {
		return 0, false
	}
	return 0.05 * float64(wordsBack-best) / wordsBack, true
}

// findWords looks once at the surroundings of the chain.
func (r *run) findWords() {
	w := &r.words
	w.known, w.n = true, 0
	from := max(0, r.tok[0].start-wordsBack)
	to := min(len(r.text), r.tok[r.ntok-1].end+wordsFore)
	for from > 0 && from < to && !utf8.RuneStart(r.text[from]) {
		from++
	}
	n := lowerInto(w.buf[:], r.text[from:to])
	b := w.buf[:n]
	for i := 0; i+3 <= n && w.n < len(w.hit); i++ {
		if i > 0 && isLetter(b[i]) && (isLetter(b[i-1]) || b[i-1] >= 0x80) || !isLetter(b[i]) && b[i] < 0xC0 {
			continue
		}
		if i > 0 && b[i] >= 0xC0 && b[i] < 0xE0 && (isLetter(b[i-1]) || b[i-1] >= 0x80) {
			continue
		}
		if i == 0 && from > 0 && isAlnum(r.text[from-1]) {
			continue
		}
		for _, p := range r.s.words.buckets[head(b[i], b[i+1], b[i+2])] {
			if len(p.text) <= n-i && string(b[i:i+len(p.text)]) == p.text && w.n < len(w.hit) && wordEnds(p.text, b[i+len(p.text):]) {
				w.hit[w.n] = struct{ list, start, end int }{p.list, from + i, from + i + len(p.text)}
				w.n++
			}
		}
	}
}

// wordEnds lets long words be beginnings ("passports", "Steuernummer") and
// wants short ones to stand by themselves.
func wordEnds(p string, rest []byte) bool {
	return len(p) > 5 || len(rest) == 0 || !isLetter(rest[0]) || p[0] >= 0xE0
}

// lowerInto writes text in lower case, byte for byte: runes whose lower case
// has another length stay as they are.
func lowerInto(dst []byte, text string) int {
	n := min(len(dst), len(text))
	for i := 0; i < n; {
		c := text[i]
		if c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c += 32
			}
			dst[i] = c
			i++
			continue
		}
		ru, size := utf8.DecodeRuneInString(text[i:n])
		if l := unicode.ToLower(ru); l != ru && utf8.RuneLen(l) == size {
			utf8.EncodeRune(dst[i:i+size], l)
		} else {
			copy(dst[i:i+size], text[i:i+size])
		}
		i += size
	}
	return n
}
