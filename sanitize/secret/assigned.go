package secret

import (
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// assignedRules are written by hand, not as expressions: a name that says what
// it holds, something that assigns, and a value that looks like it.
func assignedRules() []*rule {
	named := &rule{id: "assigned-secret", class: "TOKEN", score: 0.7, rank: rankNeighbour, find: findAssigned}
	for _, l := range []string{"passw", "passphrase", "passcode", "pwd", "pass", "pw", "secret", "token", "key", "cred", "jwt", "_pat", "salt", "psw"} {
		named.anchors = append(named.anchors, plainAnchor(l))
	}
	near := &rule{id: "vendor-key", class: "TOKEN", score: 0.6, rank: rankNeighbour, find: findNearVendor}
	for _, v := range strings.Fields(distinctVendors) {
		near.anchors = append(near.anchors, plainAnchor(v))
	}
	url := &rule{id: "url-password", class: "PASSWORD", score: 0.9, rank: rankVendor, find: findURLPassword}
	url.anchors = []anchor{plainAnchor("://"), plainAnchor(`:\/\/`), plainAnchor("%3a%2f%2f")}
	return []*rule{named, near, url}
}

func plainAnchor(literal string) anchor {
	return anchor{literal: literal}
}

// Limits of reading an assignment, in bytes.
const (
	maxName  = 60
	maxGap   = 24
	maxValue = 512
)

// isName are the bytes of an identifier, as languages and configuration write
// them.
var isName = bytesOf(func(c byte) bool { return isWord[c] || c == '-' || c == '.' })

// findAssigned looks for an assignment to the name around start.
func findAssigned(text string, start int, final bool) (m, secret sanitize.Span, v verdict) {
	name := sanitize.Span{Start: start, End: start}
	for name.Start > 0 && start-name.Start < maxName && isName[text[name.Start-1]] {
		name.Start--
	}
	for name.End < len(text) && name.End-start < maxName && isName[text[name.End]] {
		name.End++
	}
	if name.End == len(text) && !final && name.End-start < maxName {
		return m, secret, more
	}
	r := roleOf(text[name.Start:name.End])
	if r == roleNone || r == roleKey {
		if r = qualified(text, name, r); r == roleNone {
			return m, secret, no
		}
	}
	flag := text[name.Start] == '-' // --password value
	p := reader{text: text, at: name.End, final: final, flag: flag, role: r}
	p.called = name.Start > 1 && strings.IndexByte("\"'`", text[name.Start-1]) >= 0 && text[name.Start-2] == '('
	if v := p.assign(); v != yes {
		return m, secret, v
	}
	secret, quoted, v := p.value()
	if v != yes {
		return m, secret, v
	}
	m = sanitize.Span{Start: name.Start, End: secret.End}
	if !p.fits(text[secret.Start:secret.End], quoted) {
		return m, secret, no
	}
	return m, secret, yes
}

// qualified looks for the word before a bare "key" that says what it opens, as
// in "API key: ...".
func qualified(text string, name sanitize.Span, r role) role {
	if name.Start < 2 || text[name.Start-1] != ' ' {
		return r
	}
	start := name.Start - 1
	for start > 0 && name.Start-start < 24 && isName[text[start-1]] {
		start--
	}
	if q := roleOf(text[start:name.End]); q != roleNone {
		return q
	}
	return r
}

// fits judges a value by what the name and the operator ask for.
func (p *reader) fits(value string, quoted bool) bool {
	s := shapeOf(value)
	switch p.role {
	case rolePassword:
		if p.loose && !p.flag {
			return likePassword(value, quoted && p.verb) && (quoted || s.digit > 0)
		}
		return likePassword(value, quoted || p.env)
	case roleKey:
		return len(value) >= 40 && strings.HasSuffix(value, "=") && likeToken(value, true)
	}
	if p.loose {
		return likeToken(value, true) && s.digit > 0 && len(value) >= 16
	}
	return likeToken(value, true) || quoted && likePassphrase(value)
}

// likePassphrase admits quoted values of secrets that people chose.
func likePassphrase(v string) bool {
	s := shapeOf(v)
	if len(v) < 8 || s.spaces > 0 || placeholder(v) || reference(v) || placeholderPassword(v) {
		return false
	}
	if strings.ContainsAny(v, "!#$%^&*?~;") {
		return s.lower+s.upper > 0
	}
	return s.digit > 0 && (s.upper > 0 || s.digit >= 2) && !strings.ContainsAny(v, "./:")
}

// reader reads what follows a name.
type reader struct {
	text  string
	at    int
	final bool
	flag  bool
	role  role
	// loose says that only a space or a verb stood between name and value.
	loose bool
	// verb says that it was a verb.
	verb bool
	// called says that the name is the first argument of a call.
	called bool
	// env says that the assignment is written as in an environment: NAME=value.
	env bool
}

// unsure is the verdict at the end of the text.
func (p *reader) unsure() verdict {
	if p.final {
		return no
	}
	return more
}

func (p *reader) peek(s string) bool { return strings.HasPrefix(p.text[p.at:], s) }

func (p *reader) skip(cut string, most int) {
	for n := 0; n < most && p.at < len(p.text) && strings.IndexByte(cut, p.text[p.at]) >= 0; n++ {
		p.at++
	}
}

// assign reads what closes the name and the operator.
func (p *reader) assign() verdict {
	before := p.at
	p.skip("\"'`])*\\", 6)
	for _, q := range [...]string{"&quot;", "&#34;", "%22"} {
		if p.peek(q) {
			p.at += len(q)
		}
	}
	closed := p.at > before
	p.skip(" \t", maxGap)
	if p.at >= len(p.text) {
		return p.unsure()
	}
	if len(p.text)-p.at < 8 && !p.final {
		return more
	}
	for _, op := range [...]string{"===", "!==", "==", "!=", "=>", ":=", "?=", "+=", "->", "::", "=", ":", "%3D", "&gt;", ">"} {
		if p.peek(op) {
			if op == ">" && closed {
				return no
			}
			p.env = op == "=" && p.at > 0 && 'A' <= p.text[p.at-1] && p.text[p.at-1] <= 'Z'
			p.at += len(op)
			p.skip(" \t", maxGap)
			if op == ":" && p.annotation() {
				p.at++
				p.skip(" \t", maxGap)
			}
			return yes
		}
	}
	switch {
	case p.text[p.at] == ',' && closed && p.called:
		p.at++
		p.skip(" \t", maxGap)
		return yes
	case p.text[p.at] == '(':
		p.at++
		p.skip(" \t", 4)
		return yes
	}
	return p.spaced(closed)
}

// annotation skips a type between a colon and an equals sign, as in
// "password: str = ...".
func (p *reader) annotation() bool {
	end := p.at
	for end < len(p.text) && end-p.at < 24 && (isWord[p.text[end]] || p.text[end] == '.' || p.text[end] == '?') {
		end++
	}
	if end == p.at {
		return false
	}
	eq := end
	for eq < len(p.text) && eq-end < 4 && p.text[eq] == ' ' {
		eq++
	}
	if eq < len(p.text) && p.text[eq] == '=' {
		p.at = eq
		return true
	}
	return false
}

// spaced accepts a mere space behind a command's flag and some names, and the
// verbs of prose.
func (p *reader) spaced(closed bool) verdict {
	if p.at == 0 || p.text[p.at-1] != ' ' && p.text[p.at-1] != '\t' {
		return no
	}
	p.loose = !p.flag
	if p.flag {
		return yes
	}
	for _, verb := range [...]string{"is ", "was ", "for "} {
		if p.peek(verb) {
			p.verb = true
			if verb == "for " {
				return p.forUser()
			}
			p.at += len(verb)
			p.skip(" \t:", 3)
			return yes
		}
	}
	if closed {
		return no
	}
	return yes
}

// forUser reads "for user 'x' is" behind a password.
func (p *reader) forUser() verdict {
	line := p.text[p.at:]
	if n := strings.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	if len(line) > 80 {
		line = line[:80]
	}
	i := strings.Index(line, " is ")
	if i < 0 {
		if len(line) < 80 && len(line) == len(p.text)-p.at {
			return p.unsure()
		}
		return no
	}
	p.at += i + 4
	return yes
}

// value reads a quoted or bare value.
func (p *reader) value() (s sanitize.Span, quoted bool, v verdict) {
	if p.at < len(p.text) && p.text[p.at] == '\n' || p.peek("\r\n") {
		p.skip("\r\n \t", maxGap) // "key":\n  "value"
		if p.at < len(p.text) && p.text[p.at] != '"' && p.text[p.at] != '\'' {
			return s, false, no
		}
	}
	if len(p.text)-p.at < 8 && !p.final {
		return s, false, more
	}
	p.prefix()
	if p.at >= len(p.text) {
		return s, false, p.unsure()
	}
	for _, q := range [...]string{`\\\"`, `\"`, `\'`, `"""`, "'''", `"`, "'", "`", "&quot;", "&#34;", "%22"} {
		if p.peek(q) {
			p.at += len(q)
			return p.until(q)
		}
	}
	return p.bare()
}

// prefix skips a string literal's prefix and what may stand before it.
func (p *reader) prefix() {
	for _, s := range [...]string{"b", "r", "u", "f", "L", "@", "br", "rb", "[", "**", "- ", "!!str "} {
		rest := p.text[p.at:]
		if strings.HasPrefix(rest, s) && len(rest) > len(s) && (rest[len(s)] == '"' || rest[len(s)] == '\'' || s == "**") {
			p.at += len(s)
			return
		}
	}
}

// until reads to a closing quote on the same line.
func (p *reader) until(quote string) (s sanitize.Span, quoted bool, v verdict) {
	rest := p.text[p.at:]
	if len(rest) > maxValue {
		rest = rest[:maxValue]
	}
	end := strings.Index(rest, quote)
	line := strings.IndexByte(rest, '\n')
	if line >= 0 && (end < 0 || line < end) {
		return s, true, no
	}
	if end < 0 {
		if len(rest) == maxValue {
			return s, true, no
		}
		return s, true, p.unsure()
	}
	return sanitize.Span{Start: p.at, End: p.at + end}, true, yes
}

// bare reads to the next space or punctuation that ends a value.
func (p *reader) bare() (s sanitize.Span, quoted bool, v verdict) {
	end := p.at
	for end < len(p.text) && end-p.at < maxValue && !isBareEnd[p.text[end]] {
		end++
	}
	if end == len(p.text) && !p.final && end-p.at < maxValue {
		return s, false, more
	}
	if end < len(p.text) && p.text[end] == '(' {
		return s, false, no // a call
	}
	for end > p.at && strings.IndexByte(".:*", p.text[end-1]) >= 0 {
		end--
	}
	if p.role == rolePassword && !p.env && p.prose(end) {
		return s, false, no
	}
	return sanitize.Span{Start: p.at, End: runeStart(p.text, end)}, false, yes
}

var isBareEnd = bytesOf(func(c byte) bool {
	return c <= ' ' || strings.IndexByte("\"'`,;)]}<>|(", c) >= 0
})

// prose reports that a bare word goes on as a sentence: a small letter follows.
func (p *reader) prose(end int) bool {
	word := p.text[p.at:end]
	plain := true
	for i := 0; i < len(word); i++ {
		plain = plain && (isLower(word[i]) || i == 0)
	}
	return plain
}
