package pii

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/doorward/doorward/sanitize"
)

// dialled is a telephone number's writing within a chain.
type dialled struct {
	span    sanitize.Span
	groups  [16]int // digits in each group
	seps    [16]byte
	n       int
	digits  int
	plus    bool // "+", or "00" in front
	parens  bool // an area code in parentheses
	ext     bool // an extension behind
	lead0   bool
	written string // the writing itself
}

// tryPhones looks for telephone numbers among the chain's tokens.
func (r *run) tryPhones() {
	if !r.s.builtin[phoneType] {
		return
	}
	for t := 0; t < r.ntok; {
		if !r.tok[t].numeric() || t == 0 && r.tok[0].cutBefore {
			t++
			continue
		}
		n, next := r.phoneAt(t)
		if n.digits >= 7 && n.digits <= 15 || n.digits == 6 && n.n == 3 {
			if score := r.phoneScore(&n); score > 0 {
				r.propose("PHONE", "phone", n.span, score)
			}
		}
		t = next
	}
}

// phoneAt reads the longest run of groups from token t.
func (r *run) phoneAt(t int) (n dialled, next int) {
	first := r.tok[t]
	n.span.Start = first.start
	if p := first.start - 1; p >= 0 {
		switch r.text[p] {
		case '+':
			n.plus, n.span.Start = true, p
			if p > 0 && r.text[p-1] == '(' {
				n.span.Start = p - 1
			}
		case '(':
			n.span.Start = p
			n.parens = true
			if p > 0 && r.text[p-1] == '+' {
				n.plus, n.span.Start = true, p-1
			}
		}
	}
	e := t
	for ; e < r.ntok && n.n < len(n.groups); e++ {
		tok := r.tok[e]
		if !tok.numeric() || tok.cutAfter {
			break
		}
		if e > t && !r.phoneSeparator(e, &n) {
			break
		}
		n.groups[n.n] = tok.len()
		n.seps[n.n] = tok.sep
		n.n++
		n.digits += tok.len()
		n.span.End = tok.end
	}
	if e == t {
		return n, t + 1
	}
	n.lead0 = r.text[first.start] == '0'
	if i := first.start; n.n > 1 && r.text[i] == '0' && r.text[i+1] == '0' && n.digits > 9 {
		next := i + 2
		if first.len() == 2 {
			next = r.tok[t+1].start
		}
		n.plus = r.text[next] != '0'
	}
	e = r.gluedExtension(e, &n)
	e = r.extension(e, &n)
	n.written = r.text[n.span.Start:n.span.End]
	if n.span.Start > 0 && n.written[0] != '(' && n.written[0] != '+' && r.text[n.span.Start-1] == '+' {
		n.span.Start--
	}
	return n, e
}

// phoneSeparator reports whether the separator before token e joins two groups
// of a number.
func (r *run) phoneSeparator(e int, n *dialled) bool {
	s := r.text[r.tok[e-1].end:r.tok[e].start]
	switch s {
	case " ", "-", ".", "/", ")", ") ", " (", "(", ")-", " - ", ").", "-(", " / ":
	default:
		return false
	}
	if strings.Contains(s, "(") {
		n.parens = true
	}
	return true
}

// gluedExtension takes a last group with its extension, "8340x12".
func (r *run) gluedExtension(e int, n *dialled) int {
	if e >= r.ntok || n.n == 0 || n.n == len(n.groups) || r.tok[e].cutAfter || !r.phoneSeparator(e, n) {
		return e
	}
	s := r.text[r.tok[e].start:r.tok[e].end]
	x := strings.IndexAny(s, "xX")
	if x < 2 || x > 5 || len(s)-x > 7 || len(s)-x < 2 || strings.Trim(s[:x]+s[x+1:], "0123456789") != "" {
		return e
	}
	n.groups[n.n], n.seps[n.n] = x, r.tok[e].sep
	n.n++
	n.digits += x
	n.ext, n.span.End = true, r.tok[e].end
	return e + 1
}

// extension takes "x123", "ext. 123" or "ext 123" that follows.
func (r *run) extension(e int, n *dialled) int {
	if e >= r.ntok {
		if c := r.byteAt(n.span.End); c != ' ' && c != ',' {
			return e
		}
	}
	i := n.span.End
	for k := 0; k < 2 && (r.byteAt(i) == ' ' || r.byteAt(i) == ','); k++ {
		i++
	}
	rest := r.text[min(i, len(r.text)):min(i+12, len(r.text))]
	for _, w := range [...]string{"extension ", "ext. ", "ext.", "ext ", "x. ", "x ", "x", "#"} {
		if len(rest) <= len(w) && strings.EqualFold(w[:len(rest)], rest) {
			r.byteAt(i + len(rest)) // more of it may come
		}
		if len(rest) <= len(w) || !strings.EqualFold(rest[:len(w)], w) || !isDigit(rest[len(w)]) {
			continue
		}
		end := i + len(w)
		for end < i+len(w)+7 && isDigit(r.byteAt(end)) {
			end++
		}
		if isAlnum(r.byteAt(end)) || w == "#" && i == n.span.End {
			return e
		}
		n.ext, n.span.End = true, end
		for e < r.ntok && r.tok[e].start < end {
			e++
		}
		return e
	}
	// A token such as 5681x8340 is one token with a letter.
	return e
}

// phoneScore weighs how a number is written, the words near it, and for
// national numbers whether a number plan knows it.
func (r *run) phoneScore(n *dialled) float64 {
	if r.notPhone(n) {
		return 0
	}
	near := 0.0
	if d, ok := r.near(phoneType, n.span); ok && !r.otherLabel(n.span.Start, d) {
		near = 0.75 + d
		if n.digits < 7 && d < 0.044 { // six digits want the word beside them
			return 0
		}
	} else if n.digits < 7 {
		return 0
	}
	switch {
	case n.plus:
		if _, ok := r.plan(n.written, "ZZ"); ok {
			return 0.9
		}
		if n.n > 2 || n.ext {
			return max(near, 0.6)
		}
		return near
	case near > 0 && (n.n > 1 || n.digits >= 9 || n.digits == 7 || n.digits == 8):
		return near
	case n.span == r.lone && n.lead0 && n.digits >= 10 && r.anywhere(n):
		return 0.55
	case n.ext && n.n > 1:
		return 0.7
	case n.parens && n.n > 1 && n.digits >= 8 && strings.Contains(n.written, ")") && (r.text[n.span.Start] == '(' || n.lead0):
		return 0.6
	case n.n == 3 && n.groups[0] == 3 && n.groups[1] == 3 && n.groups[2] == 4 && n.seps[1] == n.seps[2]:
		return 0.6
	case n.n == 4 && n.groups == [16]int{3, 3, 2, 2} && n.seps[1] == n.seps[3] && r.anywhere(n):
		return 0.55
	case n.lead0 && n.n > 2 && n.digits >= 9 && r.national(n):
		return 0.55
	}
	return 0
}

// otherLabel reports whether a label right before a number says that it is
// something else than the telephone number a word further off speaks of:
// "File: 2594890. Tel: …".
func (r *run) otherLabel(start int, bonus float64) bool {
	i := start
	for i > 0 && start-i < 3 && r.text[i-1] == ' ' {
		i--
	}
	if i == 0 || r.text[i-1] != ':' || bonus > 0.05-0.05*12/wordsBack {
		return false
	}
	end := i - 1
	for i = end; i > 0 && end-i < 16 && isLetter(r.text[i-1]); {
		i--
	}
	switch strings.ToLower(r.text[i:end]) {
	case "", "number", "no", "nr", "num", "is", "home", "work", "main", "direct", "private", "personal", "day", "evening", "emergency":
		return false
	}
	return true
}

// notPhone refuses what has the writing of something else: dates, versions,
// book numbers, series of equal numbers.
func (r *run) notPhone(n *dialled) bool {
	switch r.byteAt(n.span.Start - 1) {
	case '$', '#', '=', '_', '&', '/', '\\', '.', '-', '%':
		return true
	case ',', ':':
		if isDigit(r.byteAt(n.span.Start - 2)) {
			return true
		}
	}
	switch c := r.byteAt(n.span.End); {
	case c == '%', c == '_', c == '=':
		return true
	case c == '.', c == ',', c == ':', c == '/', c == '-':
		if isDigit(r.byteAt(n.span.End + 1)) {
			return true
		}
	}
	if n.plus {
		return false
	}
	ones := 0
	for i := range n.n {
		if n.groups[i] == 1 {
			ones++
		}
		if i+2 < n.n && n.groups[i] == 4 && n.groups[i+1] == 2 && n.groups[i+2] == 2 && n.seps[i+1] == '-' && n.seps[i+2] == '-' {
			return true // a date
		}
	}
	if ones > 1 && strings.Contains(n.written, ".") {
		return true // a version, a list
	}
	g := n.groups
	v := strings.TrimLeft(n.written, "(")
	switch {
	case n.n == 3 && n.seps[1] == n.seps[2] && (g[0] == 4 && g[1] <= 2 && g[2] <= 2 || g[2] == 4 && g[1] <= 2 && g[0] <= 2):
		return true // a date
	case n.n >= 3 && g[0] == 4 && g[1] == 2 && g[2] == 2 && (v[0] == '1' || v[0] == '2') && v[4] == '-':
		return true // a date and a time
	case n.n >= 4 && n.seps[1] == '.' && n.seps[2] == '.' && n.seps[3] == '.' && g[0] <= 3 && g[1] <= 3 && n.digits <= 12 && n.n == 4 && r.ipv4(v):
		return true
	case n.digits == 13 && (strings.HasPrefix(v, "978") || strings.HasPrefix(v, "979")):
		return true
	case n.n == 2 && g[0] == 4 && g[1] == 4 && n.seps[1] != ' ' && century(v[:2]) && century(v[len(v)-4:]):
		return true // years
	case n.n == 2 && g[0] == 5 && g[1] == 4 && n.seps[1] == '-':
		return true // a postal code of the United States
	case n.n > 3 && 2*strings.Count(v, "0") > n.digits:
		return true // bytes
	}
	return false
}

// anywhere reports whether a national number is one of any larger country's.
func (r *run) anywhere(n *dialled) bool {
	for _, region := range [...]string{"GB", "DE", "FR", "IT", "TR", "PH", "AU", "JP", "KR", "IN", "ZA", "NL", "BE", "SE", "AT", "CH", "CN"} {
		if valid, _ := r.plan(n.written, region); valid {
			return true
		}
	}
	return false
}

func century(s string) bool { return s[:2] == "19" || s[:2] == "20" }

// plan asks the number plan of a region.
func (r *run) plan(text, region string) (valid, possible bool) {
	p, err := phonenumbers.Parse(text, region)
	if err != nil {
		return false, false
	}
	return phonenumbers.IsValidNumber(p), phonenumbers.IsPossibleNumber(p)
}

// national reports whether one of the configured number plans knows a number.
func (r *run) national(n *dialled) bool {
	for _, region := range r.s.regions {
		if valid, _ := r.plan(n.written, region); valid {
			return true
		}
	}
	return false
}
