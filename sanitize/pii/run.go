package pii

import (
	"slices"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// trigger classes of bytes: everything else is passed over in one table lookup.
const (
	plain = iota
	digit
	at
	dot
	colon
	dash
	bracket
	dee // the d of " dot ", in addresses written out in words
)

var triggers = func() (t [256]uint8) {
	for c := '0'; c <= '9'; c++ {
		t[c] = digit
	}
	t['@'], t['.'], t[':'], t['-'], t['('], t['['], t['d'], t['D'] = at, dot, colon, dash, bracket, bracket, dee, dee
	return
}()

// run scans one text, or what has arrived of one. It is reused; nothing in it
// outlives a scan but capacity.
type run struct {
	s    *Scanner
	text string // digits and spaces folded to ASCII
	at   int    // next byte to look at
	low  int    // bytes before it belong to candidates already decided

	ended bool          // no more text comes
	short bool          // a decision needs more text than has arrived
	need  int           // and this chain's one that the text be at least this long
	lone  sanitize.Span // the value when the whole text is one; else empty

	tok   [maxTokens]token
	ntok  int
	value [maxLen + 4]byte
	small [48]byte // a word in lower case
	words wordHits
	cands []candidate
	found []sanitize.Finding
	fold  folding
}

// candidate is a possible finding of one chain, before they are compared.
type candidate struct {
	sanitize.Span
	typ, rule string
	score     float64
}

// scanAll scans a complete text into r.found; lone says that it may be one value.
func (r *run) scanAll(s *Scanner, text string, lone bool) {
	r.reset(s)
	r.text = r.fold.text(text)
	r.ended = true
	if lone {
		r.lone = loneValue(r.text)
	}
	r.loop()
	for i := range r.found {
		r.found[i].Span = r.fold.source(r.found[i].Span)
	}
	r.text = ""
}

func (r *run) reset(s *Scanner) {
	r.s, r.at, r.low, r.need, r.ended, r.short = s, 0, 0, 0, false, false
	r.found, r.cands, r.lone = r.found[:0], r.cands[:0], sanitize.Span{}
	r.fold.reset()
}

// loop runs until the text is used up or a decision needs more of it; r.at then
// stands at the byte that wants it.
func (r *run) loop() {
	if r.lone.Len() > 0 {
		r.alone()
	}
	for r.at < len(r.text) {
		c := triggers[r.text[r.at]]
		if c == plain || c == dee && (r.at == 0 || r.text[r.at-1] != ' ') {
			r.at++
			continue
		}
		before, low, i := len(r.found), r.low, r.at
		next := r.decide(c, i)
		if r.short && !r.ended {
			r.found, r.cands, r.short = r.found[:before], r.cands[:0], false
			r.at, r.low = i, low
			return
		}
		r.short, r.need = false, 0
		r.at = max(next, i+1)
	}
}

// decide looks at one trigger and returns where to go on.
func (r *run) decide(class uint8, i int) int {
	switch class {
	case digit:
		return r.chain(i)
	case at:
		return r.email(i)
	case dot:
		return r.domain(i)
	case colon:
		return r.colon(i)
	case dash:
		return r.dashedMAC(i)
	case bracket:
		return r.bracketedAt(i)
	}
	return r.spelledDot(i)
}

// byteAt returns a byte of the text, 0 behind its end; it notes when the end
// seen is not the text's.
func (r *run) byteAt(i int) byte {
	if i < 0 {
		return 0
	}
	if i >= len(r.text) {
		r.short = true
		return 0
	}
	return r.text[i]
}

// report adds a finding at once, for recognisers whose matches compete with
// nothing else.
func (r *run) report(b int, rule string, span sanitize.Span, score float64) {
	typ := builtins[b].Type
	if r.s.builtin[b] && score >= r.s.floor[typ] {
		r.found = append(r.found, sanitize.Finding{Span: span, Kind: sanitize.PII, Type: typ, Rule: rule, Score: score})
	}
}

// propose adds a candidate of the current chain.
func (r *run) propose(typ, rule string, span sanitize.Span, score float64) {
	if f, on := r.s.floor[typ]; on && score >= f {
		r.cands = append(r.cands, candidate{span, typ, rule, score})
	}
}

// settle compares the chain's candidates: of two that overlap, the likelier one
// stands, then the longer; equals on the same span both do.
func (r *run) settle() {
	for i, c := range r.cands {
		beaten := false
		for j, d := range r.cands {
			if i == j || !c.Overlaps(d.Span) {
				continue
			}
			if d.score > c.score || d.score == c.score && (d.Len() > c.Len() || d.Len() == c.Len() && d.Span != c.Span && j < i) ||
				d.Span == c.Span && d.typ == c.typ && d.score == c.score && j < i {
				beaten = true
				break
			}
		}
		if !beaten {
			r.found = append(r.found, sanitize.Finding{Span: c.Span, Kind: sanitize.PII, Type: c.typ, Rule: c.rule, Score: c.score})
		}
	}
	r.cands = r.cands[:0]
}

// loneValue returns the span of the value when a text is nothing else: at most
// 64 bytes, trimmed of blanks, quotes and escapes.
func loneValue(text string) sanitize.Span {
	if len(text) > maxLone {
		return sanitize.Span{}
	}
	start, end := 0, len(text)
	for start < end && strings.IndexByte(aroundLone, text[start]) >= 0 {
		start++
	}
	for end > start && strings.IndexByte(aroundLone, text[end-1]) >= 0 {
		end--
	}
	return sanitize.Span{Start: start, End: end}
}

const aroundLone = " \t\r\n\"'`,;"

// maxLone bounds a text that can be one value.
const maxLone = 64

// alone tries every rule on a text that is one value, however it is grouped.
// Rules of several countries may hold at once, and all are reported.
func (r *run) alone() {
	n, seps, dots, dashes := 0, 0, false, false
	for i := r.lone.Start; i < r.lone.End; i++ {
		c := r.text[i]
		switch {
		case isAlnum(c):
			if n == maxLen {
				return
			}
			r.value[n] = upper(c)
			n++
			seps = 0
		case strings.IndexByte(" -./_+", c) >= 0:
			if seps++; seps > 5 {
				return
			}
			dots, dashes = dots || c == '.', dashes || c == '-'
		default:
			return
		}
	}
	if n == 0 {
		return
	}
	v := r.value[:n]
	value := r.text[r.lone.Start:r.lone.End]
	shape := shapeOf(value)
	for _, list := range [][]int{r.s.digits[n%maxLen], r.s.mixed[n%maxLen]} {
		for _, k := range list {
			u := &r.s.rules[k]
			if u.alone == 0 || u.alone < r.s.floor[u.typ] || len(u.pattern) != n || !u.matches(v) || u.check != nil && !u.check(v) {
				continue
			}
			known := slices.Contains(u.shapes, shape)
			if (dots && dashes || strings.Contains(value, "+")) && !known || u.oneCase && mixedCase(value) || u.capitals && hasLower(value) {
				continue
			}
			r.found = append(r.found, sanitize.Finding{Span: r.lone, Kind: sanitize.PII, Type: u.typ, Rule: u.name, Score: u.alone})
		}
	}
}

// lowerWord returns a word in lower case, valid until the next call; longer
// ones are cut.
func (r *run) lowerWord(s string) []byte {
	return r.small[:lowerInto(r.small[:], s)]
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 32
	}
	return c
}
