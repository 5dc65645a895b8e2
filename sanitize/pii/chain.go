package pii

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// token is a maximal run of ASCII letters and digits within a chain.
type token struct {
	start, end int
	digits     int
	sep        byte // the separator before it; 0 at the chain's start, '~' for several blanks or hyphens, '*' for several others
	cutBefore  bool // a letter or digit stands right before (the run was too long)
	cutAfter   bool
}

func (t token) len() int      { return t.end - t.start }
func (t token) numeric() bool { return t.digits == t.end-t.start }

// apart reports that more than one byte separates a token from the one before.
func (t token) apart() bool { return t.sep == '*' || t.sep == '~' }

// maxToken bounds one token; longer runs are no identifier of a person.
const maxToken = 100

// chain gathers the tokens around the digit at i, separated by no more than a
// few blanks, hyphens, dots, slashes or parentheses, and tries every rule on
// them. It returns the end of what it decided.
func (r *run) chain(i int) int {
	if r.short = len(r.text) < r.need; r.short && !r.ended {
		return i
	}
	r.gather(i)
	if r.short && !r.ended {
		return i
	}
	last := r.tok[r.ntok-1]
	r.words.forget()
	long, digits := 0, 0
	for _, t := range r.tok[:r.ntok] {
		long += t.len()
		digits += t.digits
	}
	for t := 0; t < r.ntok; t++ {
		if long >= minLen {
			r.tryRules(t)
			r.tryWallet(r.tok[t])
		}
		r.tryAddress(t)
	}
	if digits >= 4 {
		r.tryDotted()
		r.tryDates()
		r.tryPostal()
	}
	if digits >= 6 {
		r.tryPhones()
	}
	r.settle()
	next := last.end
	if r.ntok == maxTokens || last.end-r.tok[0].start >= maxChain {
		next = r.tok[r.ntok-1-r.ntok/4].start // the next chain overlaps, so that nothing is lost at the cut
		if next <= i {
			next = last.end
		}
	}
	r.low = next
	return next
}

// gather fills r.tok.
func (r *run) gather(i int) {
	start := i
	for start > r.low && i-start < lookBack && isAlnum(r.text[start-1]) {
		start--
	}
	if start > 0 && start < i && r.text[start-1] == '\\' && (r.text[start] == 't' || r.text[start] == 'n' || r.text[start] == 'r') {
		start++ // a written-out escape, "\t1234"
	}
	r.ntok = 0
	r.push(r.chainStart(start), 0)
	for r.ntok < maxTokens {
		t := &r.tok[r.ntok-1]
		if t.cutAfter || t.end-r.tok[0].start >= maxChain {
			return
		}
		next, sep := r.separator(t.end)
		if next < 0 {
			return
		}
		r.push(next, sep)
		u := &r.tok[r.ntok-1]
		if u.digits == 0 && (u.len() > 6 || t.digits == 0 && sep == ' ' && r.ntok > 2) {
			r.ntok--
			return
		}
	}
}

// chainStart goes back from a token over short words that may belong to the
// value: "AB 12 34 56 C", "B-MW 1234".
func (r *run) chainStart(token int) int {
	start := token
	if q := r.shortWord(start, 6); q >= 0 {
		start = q
		if q = r.shortWord(start, 3); q >= 0 && r.text[start-1] == '-' {
			start = q
		}
	}
	return start
}

// shortWord returns the start of a word of at most n letters that ends one
// separator before i, or -1.
func (r *run) shortWord(i, n int) int {
	p := i - 1
	if p <= r.low || r.text[p] != ' ' && r.text[p] != '-' && r.text[p] != '.' {
		return -1
	}
	q := p
	for q > r.low && p-q <= n && isLetter(r.text[q-1]) {
		q--
	}
	if q == p || p-q > n || r.wordBefore(q) {
		return -1
	}
	return q
}

// push adds the token that starts at start.
func (r *run) push(start int, sep byte) {
	t := token{start: start, end: start, sep: sep}
	if sep == 0 && r.wordBefore(start) {
		t.cutBefore = start < 2 || r.text[start-2] != '\\'
	}
	for {
		c := r.byteAt(t.end)
		if !isAlnum(c) {
			break
		}
		if t.end-start == maxToken {
			t.cutAfter = true
			break
		}
		if isDigit(c) {
			t.digits++
		}
		t.end++
	}
	t.cutAfter = t.cutAfter || r.wordAfter(t.end)
	r.tok[r.ntok] = t
	r.ntok++
}

// separator reads up to three separating bytes at i; next is where a token
// starts behind them, or -1.
func (r *run) separator(i int) (next int, sep byte) {
	for n := 0; n <= 3; n++ {
		c := r.byteAt(i + n)
		switch c {
		case ' ', '-', '.', '/', '(', ')', '+':
			switch {
			case n == 0:
				sep = c
			case (c == ' ' || c == '-') && (sep == ' ' || sep == '-' || sep == '~'):
				sep = '~'
			default:
				sep = '*'
			}
		default:
			if n == 0 || !isAlnum(c) {
				return -1, 0
			}
			return i + n, sep
		}
	}
	return -1, 0
}

// tryRules runs the table rules on every value that starts at token t.
func (r *run) tryRules(t int) {
	first := &r.tok[t]
	if first.cutBefore {
		return
	}
	n, digits := 0, 0
	shape := uint64(0)
	for e := t; e < r.ntok; e++ {
		tok := &r.tok[e]
		if e > t {
			if tok.sep == '*' || tok.sep == ')' || tok.sep == '+' {
				return
			}
			shape = shapeStep(shape, uint64(r.tok[e-1].len()), tok.sep)
		}
		if n+tok.len() >= maxLen || e-t > 8 {
			return
		}
		for i := tok.start; i < tok.end; i++ {
			r.value[n] = upper(r.text[i])
			n++
		}
		digits += tok.digits
		if tok.cutAfter {
			return
		}
		if digits == 0 {
			continue
		}
		list := r.s.mixed[n]
		if digits == n {
			list = r.s.digits[n]
		}
		if len(list) > 0 {
			r.tryList(list, n, shapeStep(shape, uint64(tok.len()), 0), t, e)
		}
	}
}

// manyTokens is the length of a chain from which its words are looked for before
// a check is run: it has many values to check. In shorter ones they are looked
// for when a check holds, which spares prose the search and a stream the wait.
const manyTokens = 12

// tryList runs the rules for one value: tokens t to e, n letters and digits.
func (r *run) tryList(list []int, n int, shape uint64, t, e int) {
	listed := r.s.shapes[n]>>(shape%64)&1 == 1
	if !listed && (r.words.known || r.ntok > manyTokens) && !r.anyWords() {
		return
	}
	v := r.value[:n]
	span := sanitize.Span{Start: r.tok[t].start, End: r.tok[e].end}
	embedded, slashed := -1, false
	for i := t + 1; i <= e; i++ {
		slashed = slashed || r.tok[i].sep == '/' || r.tok[i].sep == '('
	}
	for _, k := range list {
		u := &r.s.rules[k]
		usual := listed && slices.Contains(u.shapes, shape)
		if !usual && (u.strict || u.near == 0 || slashed) {
			continue
		}
		if (!usual || u.prose == 0) && (r.words.known || r.ntok > manyTokens) && !r.hasWord(u.word) || !u.matches(v) {
			continue
		}
		if u.check != nil && !u.check(v) || u.oneCase && mixedCase(r.text[span.Start:span.End]) || u.capitals && hasLower(r.text[span.Start:span.End]) {
			continue
		}
		if (!usual || u.prose == 0) && !r.hasWord(u.word) { // asked late: a stream waits for the words behind a number
			continue
		}
		if embedded < 0 {
			embedded = 0
			if r.embedded(t, e) {
				embedded = 1
			}
		}
		score := 0.0
		if usual && embedded == 0 && !(u.lower && hasLower(r.text[span.Start:span.End])) {
			score = u.prose
		}
		if u.near > score && u.near >= r.s.floor[u.typ] {
			if d, ok := r.near(u.word, span); ok {
				score = u.near + d
				if embedded == 1 {
					score -= 0.4
				}
			}
		}
		if score > 0 {
			r.propose(u.typ, u.name, span, score)
		}
	}
}

func mixedCase(s string) bool { return hasLower(s) && strings.ToLower(s) != s }

func hasLower(s string) bool {
	for i := range len(s) {
		if s[i] >= 'a' && s[i] <= 'z' {
			return true
		}
	}
	return false
}

// embedded reports whether the value is part of something longer: a decimal
// number, a UUID, a path, a series of equal groups.
func (r *run) embedded(t, e int) bool {
	first, last := r.tok[t], r.tok[e]
	spaced := t == e || r.tok[e].sep == ' '
	if t > 0 && !r.tok[t].apart() {
		p := r.tok[t-1]
		if first.sep != ' ' && (p.digits > 0 || first.sep == '/' || first.sep == '.') {
			return true
		}
		if spaced && first.sep == ' ' && (p.sep == ' ' || p.sep == 0) && p.numeric() && p.len() >= 3 && first.numeric() && p.len() == first.len() {
			return true
		}
	}
	if e+1 < r.ntok && !r.tok[e+1].apart() {
		p := r.tok[e+1]
		if p.sep != ' ' && (p.digits > 0 || p.sep == '/') {
			return true
		}
		if spaced && p.sep == ' ' && p.numeric() && last.numeric() && p.len() >= 3 && p.len() == last.len() &&
			(e+2 >= r.ntok || r.tok[e+2].sep != '-') {
			return true
		}
	}
	switch r.byteAt(first.start - 1) {
	case '$', '#', '=', '&', '%', '_', '\\', '~', '^':
		return true
	case ',', '.', '/', ':', '-', '+':
		if c := r.byteAt(first.start - 2); isDigit(c) || r.text[first.start-1] == '/' || (r.text[first.start-1] == '-' || r.text[first.start-1] == '.') && isAlnum(c) {
			return true
		}
	}
	switch r.byteAt(last.end) {
	case '%', '_', '=':
		return true
	case ',', ':':
		return isDigit(r.byteAt(last.end + 1))
	}
	return false
}

// wordBefore reports whether a letter or digit ends right before i. Letters of
// scripts written without spaces do not join what follows.
func (r *run) wordBefore(i int) bool {
	if i <= 0 {
		return false
	}
	c := r.text[i-1]
	if c < utf8.RuneSelf {
		return isAlnum(c) || c == '_'
	}
	ru, _ := utf8.DecodeLastRuneInString(r.text[:i])
	return joins(ru)
}

// wordAfter reports whether a letter or digit begins at i.
func (r *run) wordAfter(i int) bool {
	c := r.byteAt(i)
	if c < utf8.RuneSelf {
		return isAlnum(c) || c == '_'
	}
	if i+utf8.UTFMax > len(r.text) {
		r.short = true
	}
	ru, _ := utf8.DecodeRuneInString(r.text[i:])
	return joins(ru)
}

func joins(r rune) bool { return r < 0x0E00 && unicode.IsLetter(r) }
