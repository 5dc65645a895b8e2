package egress

import (
	"bytes"
	"strings"
)

// openBracket reads "[": the beginning of a link's or an image's text.
func (l *lexer) openBracket(i int) (n, hold int) {
	if l.at(i-1) == '\\' { // TeX: \[ … \] may hide a backtick
		l.paragraph.unpaired = true
	}
	if len(l.paragraph.images) < manyLinks {
		l.paragraph.images = append(l.paragraph.images, l.at(i-1) == '!')
	}
	return 1, 0
}

// closeBracket reads "]". An escaped one counts too, but closes nothing.
func (l *lexer) closeBracket(i int) (n, hold int) {
	p := &l.paragraph
	top := len(p.images) - 1
	p.image = top >= 0 && p.images[top] || len(p.images) == manyLinks
	if top >= 0 && l.at(i-1) != '\\' {
		p.images = p.images[:top]
	}
	p.closed = p.label
	p.label = p.label && l.at(i-1) == '\\'
	return 1, 0
}

// target is an address in brackets as it was read.
type target struct {
	start, end int  // of the address
	close      int  // index after the construct, when it is well formed
	titled     bool // a title that is more than words
}

// destination reads the "(…)" behind a link's text. It passes if its address may
// be given out and nothing in it could be read in another way; an image never
// does.
func (l *lexer) destination(i int) (n, hold int) {
	t, known := l.target(i + 1)
	if !known {
		return 0, i
	}
	if t.start == t.end { // () or nothing that is an address
		return 1, 0
	}
	raw := string(l.buf[t.start:t.end])
	v, plain := l.rules.destination(raw)
	switch {
	case t.close == 0 && plain:
		return 1, 0 // words in parentheses, to every reader
	case t.close == 0:
		l.flag(i, t.end, "LINK", RuleLink)
		return t.end - i, 0
	case l.paragraph.image:
		l.flag(i, t.close, "IMAGE", RuleImage)
	case v == refused || t.titled:
		l.flag(i, t.close, "LINK", RuleLink)
	case v == cutQuery:
		l.flag(t.start+strings.IndexAny(raw, "?#"), t.end, TypeQuery, RuleQuery)
	}
	return t.close - i, 0
}

// target reads an address, perhaps with a title, up to the closing parenthesis.
// known is false when more must come first.
func (l *lexer) target(i int) (t target, known bool) {
	at, ok := l.skipBlanks(i)
	if !ok {
		return t, false
	}
	t.start = at
	if t.end, ok = l.addressIn(at); !ok {
		return t, false
	}
	if t.start < len(l.buf) && l.buf[t.start] == '<' && t.end > t.start {
		t.start++
		at = t.end + 1
	} else {
		at = t.end
	}
	if at, ok = l.skipBlanks(at); !ok {
		return t, false
	}
	if at < len(l.buf) && strings.IndexByte("\"'(", l.buf[at]) >= 0 {
		quote := l.buf[at]
		if quote == '(' {
			quote = ')'
		}
		body := l.buf[at+1 : min(len(l.buf), i+maxLook)]
		end := bytes.IndexByte(body, quote)
		if end < 0 {
			return t, l.final || len(l.buf)-i >= maxLook
		}
		t.titled = bytes.ContainsAny(body[:end], "`<>[]\\&:/")
		if at, ok = l.skipBlanks(at + 1 + end + 1); !ok {
			return t, false
		}
	}
	if at < len(l.buf) && l.buf[at] == ')' {
		t.close = at + 1
	}
	return t, true
}

// skipBlanks returns the index after blanks and at most one line end; ok is
// false when more may come.
func (l *lexer) skipBlanks(i int) (at int, ok bool) {
	lines := 0
	for at = i; at < len(l.buf); at++ {
		b := l.buf[at]
		if b == '\n' || b == '\r' && (at+1 < len(l.buf) && l.buf[at+1] != '\n') {
			if lines++; lines > 1 {
				return at, true
			}
		}
		if !blank(b) {
			return at, true
		}
	}
	return at, l.final || at-i > maxTag
}

// addressIn returns the end of an address between brackets: in "<…>" the index of
// the ">", otherwise the first blank or the parenthesis that closes.
func (l *lexer) addressIn(i int) (end int, ok bool) {
	angle := i < len(l.buf) && l.buf[i] == '<'
	depth := 0
	for end = i; end < len(l.buf) && end-i < maxLook; end++ {
		b := l.buf[end]
		switch {
		case angle && b == '>':
			return end, true
		case angle && (b == '\n' || b == '\r'):
			return end, true
		case angle:
		case b == '\\' && end+1 < len(l.buf) && !blank(l.buf[end+1]):
			end++
		case blank(b):
			return end, true
		case b == '(':
			depth++
		case b == ')':
			if depth == 0 {
				return end, true
			}
			depth--
		}
	}
	return min(end, len(l.buf)), l.final || end-i >= maxLook
}

// definition reads the ":" of "[label]: address" at the start of a line. All
// definitions are removed: what refers to them is text then. A footnote's text
// is none, unless it is an address.
func (l *lexer) definition(i int) (n, hold int) {
	start, ok := l.skipBlanks(i + 1)
	if !ok {
		return 0, i
	}
	end, ok := l.addressIn(start)
	if !ok {
		return 0, i
	}
	if end == start {
		return 1, 0
	}
	raw := strings.TrimPrefix(string(l.buf[start:end]), "<")
	v, plain := l.rules.destination(raw)
	after := end
	for after < len(l.buf) && (l.buf[after] == ' ' || l.buf[after] == '\t' || l.buf[after] == '>') {
		after++
	}
	if after == len(l.buf) && !l.final && after-end < maxTag {
		return 0, i
	}
	// Words after the address make it text for every reader.
	words := after < len(l.buf) && strings.IndexByte("\n\r\"'(", l.buf[after]) < 0
	switch {
	case plain && (words || l.paragraph.foot):
		return 1, 0
	case v != refused && l.paragraph.foot:
		return 1, 0 // read on as text
	}
	l.flag(i, end, "REFERENCE", RuleReference)
	return end - i, 0
}

// active are the elements that do something by their name alone, or change how
// what follows is read.
var active = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`a img image picture source svg math iframe frame frameset object embed applet param video audio track
		script style link meta base title form input button select option optgroup textarea isindex keygen portal template slot
		noscript noembed noframes plaintext xmp listing pre html head body table td th tr bgsound marquee map area canvas dialog fencedframe
		annotation-xml foreignobject desc use animate set`) {
		m[name] = true
	}
	return m
}()

// less reads "<": an address in angle brackets, a mail address, a tag, or a
// comment or declaration, of which only the beginning is taken so that the rest
// is read as the text it then is.
func (l *lexer) less(i int) (n, hold int) {
	if i+1 == len(l.buf) {
		if l.final {
			return 1, 0
		}
		return 0, i
	}
	switch b := l.buf[i+1]; {
	case b == '!' || b == '?':
		l.flag(i, i+2, "HTML", RuleHTML)
		return 2, 0
	case b != '/' && !letter(b):
		return 1, 0
	}
	end, closed := l.tagEnd(i)
	if end < 0 {
		return 0, i
	}
	inner := string(l.buf[i+1 : end])
	if !closed {
		return l.openTag(i, inner)
	}
	end++ // the ">"
	switch {
	case l.harmless(inner):
	case autolink(inner):
		switch l.rules.judge(inner) {
		case refused:
			l.flag(i, end, "LINK", RuleURL)
		case cutQuery:
			l.flag(i+1+strings.IndexAny(inner, "?#"), end-1, TypeQuery, RuleQuery)
		}
	case mailbox(inner):
	default:
		l.flag(i, end, "HTML", RuleHTML)
	}
	return end - i, 0
}

// openTag deals with a tag that is not closed in sight: its name goes, the rest
// is text.
func (l *lexer) openTag(i int, inner string) (n, hold int) {
	end := 1
	for end < len(inner) && alnum(inner[end]) {
		end++
	}
	l.flag(i, i+1+end, "HTML", RuleHTML)
	return 1 + end, 0
}

// tagEnd finds the ">" of the tag at i, past quoted attribute values. It returns
// -1 when more must come, and closed false with the end of what was looked at
// when there is no ">" in reach or a blank line comes first.
func (l *lexer) tagEnd(i int) (end int, closed bool) {
	var quote byte
	for end = i + 1; end < len(l.buf) && end-i < maxTag; end++ {
		b := l.buf[end]
		switch {
		case b == '\n' && l.at(end-1) == '\n', b == '\n' && l.at(end-1) == '\r' && l.at(end-2) == '\n':
			return end, false
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case (b == '"' || b == '\'') && l.at(end-1) == '=':
			quote = b
		case b == '>':
			return end, true
		case b == '<':
			return end, false
		}
	}
	if !l.final && end-i < maxTag {
		return -1, false
	}
	return end, false
}

// harmless reports a tag without attributes that only formats, in the midst of a
// line: at its start it could begin a block in which Markdown is not read.
func (l *lexer) harmless(inner string) bool {
	name := strings.TrimSuffix(strings.TrimPrefix(inner, "/"), "/")
	name = strings.ToLower(strings.TrimRight(name, " "))
	if !l.line.words || name == "" || !letter(name[0]) || active[name] {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// autolink reports "scheme:…" without blanks.
func autolink(inner string) bool {
	colon := strings.IndexByte(inner, ':')
	if colon < 2 || strings.ContainsAny(inner, " \t\n\r\"'") {
		return false
	}
	return strings.Trim(strings.ToLower(inner[:colon]), "abcdefghijklmnopqrstuvwxyz0123456789+.-") == ""
}

// mailbox reports a plain mail address.
func mailbox(inner string) bool {
	local, host, ok := strings.Cut(inner, "@")
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+"
	return ok && local != "" && host != "" && strings.Trim(local+host, plain) == ""
}
