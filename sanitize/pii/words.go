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
	lists [4]uint64 // the lists hit, one bit each
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
		switch {
		case h.list != list:
		case h.end <= s.Start && !r.spentOn(h.end, s.Start):
			best = min(best, s.Start-h.end)
		case h.start >= s.End && h.start-s.End <= foreReach && !r.labels(h.end):
			best = min(best, 2*(h.start-s.End))
		}
	}
	if best > wordsBack {
		return 0, false
	}
	return 0.05 * float64(wordsBack-best) / wordsBack, true
}

// spentOn reports whether what lies between a word and a value gives the word
// to another value and the value another label: "Tel: 911 222 333, file: 12".
func (r *run) spentOn(from, to int) bool {
	digits := false
	for i := from; i < to; i++ {
		c := r.text[i]
		if isDigit(c) {
			digits = true
		} else if digits && c == ':' && i+1 < to && !isDigit(r.text[i+1]) {
			return true
		}
	}
	return false
}

// labels reports whether the word that ends at or behind i is followed by ':'
// or '=', so that it speaks of the next value.
func (r *run) labels(i int) bool {
	for n := 0; n < 24; n++ {
		switch c := r.byteAt(i + n); {
		case c == ':' || c == '=':
			return true
		case !isLetter(c) && c < 0x80:
			return false
		}
	}
	return false
}

// anyWords reports whether any word of any list stands near the chain, and
// hasWord whether one of a list does: cheap questions before a check is run.
func (r *run) anyWords() bool {
	if !r.words.known {
		r.findWords()
	}
	return r.words.n > 0
}

func (r *run) hasWord(list int) bool {
	return r.anyWords() && r.words.lists[list/64]>>(list%64)&1 == 1
}

// findWords looks once at the surroundings of the chain.
func (r *run) findWords() {
	w := &r.words
	w.known, w.n, w.lists = true, 0, [4]uint64{}
	from := max(0, r.tok[0].start-wordsBack)
	to := min(len(r.text), r.tok[r.ntok-1].end+wordsFore)
	for from > 0 && from < to && !utf8.RuneStart(r.text[from]) {
		from++
	}
	n := lowerInto(w.buf[:], r.text[from:to])
	b := w.buf[:n]
	r.waitForWords(b, from, to)
	for i := 0; i+3 <= n && w.n < len(w.hit); i++ {
		if !r.beginsWord(b, i, from) {
			continue
		}
		for _, p := range r.s.words.buckets[head(b[i], b[i+1], b[i+2])] {
			if len(p.text) <= n-i && string(b[i:i+len(p.text)]) == p.text && w.n < len(w.hit) && wordEnds(p.text, b[i+len(p.text):]) {
				w.hit[w.n] = struct{ list, start, end int }{p.list, from + i, from + i + len(p.text)}
				w.n++
				w.lists[p.list/64] |= 1 << (p.list % 64)
			}
		}
	}
}

// beginsWord reports whether a word or phrase may begin at b[i]; b is the text
// from from, in lower case.
func (r *run) beginsWord(b []byte, i, from int) bool {
	switch {
	case !isLetter(b[i]) && b[i] < 0xC0:
		return false
	case i == 0:
		return from == 0 || !isAlnum(r.text[from-1])
	case i > 1 && b[i-1] == '.' && isAlnum(b[i-2]):
		return false // a file's ending, a field's name
	}
	joined := isLetter(b[i-1]) || b[i-1] >= 0x80
	switch {
	case isLetter(b[i]):
		return !joined || r.camel(from+i)
	case b[i] < 0xE0:
		return !joined
	}
	return true
}

// waitForWords notes that words behind the chain may still come: those near
// takes begin within foreReach bytes of a value's end. Of the window's rest only
// a word that has begun there is waited for.
func (r *run) waitForWords(b []byte, from, to int) {
	end := r.tok[r.ntok-1].end
	if r.ended || to == end+wordsFore {
		return
	}
	reach := end + foreReach + 1
	if to < reach {
		r.short, r.need = true, reach
		return
	}
	for i := max(0, end-from-foreReach); i < reach-from; i++ { // from the chain's last words on, which may begin a phrase
		if i >= len(b) || !r.beginsWord(b, i, from) {
			continue
		}
		if i+3 > len(b) {
			r.short = true
			return
		}
		for _, p := range r.s.words.buckets[head(b[i], b[i+1], b[i+2])] {
			if rest := b[i:]; len(rest) <= len(p.text) && p.text[:len(rest)] == string(rest) {
				r.short = true
				return
			}
		}
	}
}

// camel reports whether a word begins at i within another: "userPhone".
func (r *run) camel(i int) bool {
	return r.text[i] >= 'A' && r.text[i] <= 'Z' && r.text[i-1] >= 'a' && r.text[i-1] <= 'z'
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
