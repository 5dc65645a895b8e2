package extract

import (
	"bytes"
	"strconv"
)

// PDF objects are nil, bool, float64, pdfString, pdfName, pdfArray, pdfDict,
// pdfRef and *pdfStream; in content streams also pdfOp.
type (
	pdfString string
	pdfName   string
	pdfOp     string
	pdfArray  []any
	pdfDict   map[pdfName]any
	pdfRef    struct{ num, gen int }
	pdfStream struct {
		dict pdfDict
		raw  []byte
		ref  pdfRef
	}
)

// pdfDepth is how deep arrays and dictionaries may nest.
const pdfDepth = 64

// pdfLexer reads objects from bytes. It never fails: what is no object comes
// out as an operator, and callers decide what that means.
type pdfLexer struct {
	p    []byte
	at   int
	deep int
}

func pdfSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func pdfDelim(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

// skip steps over blanks and comments.
func (l *pdfLexer) skip() {
	for l.at < len(l.p) {
		switch c := l.p[l.at]; {
		case pdfSpace(c):
			l.at++
		case c == '%':
			for l.at < len(l.p) && l.p[l.at] != '\n' && l.p[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// end reports whether nothing is left.
func (l *pdfLexer) end() bool {
	l.skip()
	return l.at >= len(l.p)
}

// object reads the next object; "N G R" becomes a reference.
func (l *pdfLexer) object() any {
	l.skip()
	if l.at >= len(l.p) {
		return pdfOp("")
	}
	switch c := l.p[l.at]; {
	case c == '/':
		return l.name()
	case c == '(':
		return l.literal()
	case c == '<' && l.at+1 < len(l.p) && l.p[l.at+1] == '<':
		return l.dict()
	case c == '<':
		return l.hex()
	case c == '[':
		return l.array()
	case c == '+' || c == '-' || c == '.' || c >= '0' && c <= '9':
		return l.number()
	case pdfDelim(c):
		l.at++
		if c == '>' && l.at < len(l.p) && l.p[l.at] == '>' {
			l.at++
			return pdfOp(">>")
		}
		return pdfOp(string(c))
	}
	return l.keyword()
}

func (l *pdfLexer) keyword() any {
	start := l.at
	for l.at < len(l.p) && !pdfSpace(l.p[l.at]) && !pdfDelim(l.p[l.at]) {
		l.at++
	}
	switch w := string(l.p[start:l.at]); w {
	case "true":
		return true
	case "false":
		return false
	case "null":
		return nil
	default:
		return pdfOp(w)
	}
}

// number reads a number, or a reference when two more tokens make it one.
func (l *pdfLexer) number() any {
	start := l.at
	for l.at < len(l.p) && !pdfSpace(l.p[l.at]) && !pdfDelim(l.p[l.at]) {
		l.at++
	}
	word := string(l.p[start:l.at])
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		// Tolerated by every viewer: 12-34, --5, 1.2.3. The leading part counts.
		for len(word) > 0 && err != nil {
			word = word[:len(word)-1]
			n, err = strconv.ParseFloat(word, 64)
		}
	}
	if n < 0 || n != float64(int(n)) || n > 1e9 {
		return n
	}
	if gen, after, ok := l.smallInt(l.at); ok {
		if r, ok := l.refMark(after); ok {
			l.at = r
			return pdfRef{int(n), gen}
		}
	}
	return n
}

// smallInt reads an unsigned integer after blanks at a place.
func (l *pdfLexer) smallInt(at int) (n, after int, ok bool) {
	for at < len(l.p) && pdfSpace(l.p[at]) {
		at++
	}
	start := at
	for at < len(l.p) && at-start < 6 && l.p[at] >= '0' && l.p[at] <= '9' {
		n = n*10 + int(l.p[at]-'0')
		at++
	}
	return n, at, at > start && at < len(l.p) && pdfSpace(l.p[at])
}

// refMark reads the R of a reference.
func (l *pdfLexer) refMark(at int) (int, bool) {
	for at < len(l.p) && pdfSpace(l.p[at]) {
		at++
	}
	if at < len(l.p) && l.p[at] == 'R' && (at+1 == len(l.p) || pdfSpace(l.p[at+1]) || pdfDelim(l.p[at+1])) {
		return at + 1, true
	}
	return 0, false
}

func (l *pdfLexer) name() pdfName {
	l.at++
	var b []byte
	for l.at < len(l.p) && !pdfSpace(l.p[l.at]) && !pdfDelim(l.p[l.at]) {
		c := l.p[l.at]
		if c == '#' && l.at+2 < len(l.p) {
			if n, err := strconv.ParseUint(string(l.p[l.at+1:l.at+3]), 16, 8); err == nil {
				c = byte(n)
				l.at += 2
			}
		}
		b = append(b, c)
		l.at++
	}
	return pdfName(b)
}

// literal reads a string in parentheses.
func (l *pdfLexer) literal() pdfString {
	l.at++
	var b []byte
	for depth := 1; l.at < len(l.p); l.at++ {
		c := l.p[l.at]
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.at++
				return pdfString(b)
			}
		case '\\':
			b = l.escape(b)
			continue
		case '\r':
			if l.at+1 < len(l.p) && l.p[l.at+1] == '\n' {
				l.at++
			}
			c = '\n'
		}
		b = append(b, c)
	}
	return pdfString(b)
}

// escape reads what follows a backslash; l.at ends on its last byte.
func (l *pdfLexer) escape(b []byte) []byte {
	l.at++
	if l.at >= len(l.p) {
		return b
	}
	switch c := l.p[l.at]; c {
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'b':
		return append(b, '\b')
	case 'f':
		return append(b, '\f')
	case '\n':
		return b
	case '\r':
		if l.at+1 < len(l.p) && l.p[l.at+1] == '\n' {
			l.at++
		}
		return b
	default:
		if c < '0' || c > '7' {
			return append(b, c)
		}
		n := 0
		for i := 0; i < 3 && l.at < len(l.p) && l.p[l.at] >= '0' && l.p[l.at] <= '7'; i++ {
			n = n*8 + int(l.p[l.at]-'0')
			l.at++
		}
		l.at--
		return append(b, byte(n))
	}
}

func (l *pdfLexer) hex() pdfString {
	l.at++
	var b []byte
	half, have := byte(0), false
	for ; l.at < len(l.p); l.at++ {
		c := l.p[l.at]
		if c == '>' {
			l.at++
			break
		}
		n, ok := hexDigit(c)
		if !ok {
			continue
		}
		if have {
			b = append(b, half<<4|n)
		}
		half, have = n, !have
	}
	if have {
		b = append(b, half<<4)
	}
	return pdfString(b)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func (l *pdfLexer) array() any {
	l.at++
	if l.deep++; l.deep > pdfDepth {
		panic("nested too deep") // becomes ErrMalformed
	}
	defer func() { l.deep-- }()
	a := pdfArray{}
	for !l.end() {
		if l.p[l.at] == ']' {
			l.at++
			break
		}
		before := l.at
		o := l.object()
		if op, ok := o.(pdfOp); ok && (op == "endobj" || op == ">>") {
			l.at = before
			break
		}
		a = append(a, o)
	}
	return a
}

func (l *pdfLexer) dict() any {
	l.at += 2
	if l.deep++; l.deep > pdfDepth {
		panic("nested too deep")
	}
	defer func() { l.deep-- }()
	d := pdfDict{}
	for !l.end() {
		key := l.object()
		if key == pdfOp(">>") || key == pdfOp("endobj") || key == pdfOp("stream") {
			break
		}
		name, ok := key.(pdfName)
		if !ok {
			continue
		}
		value := l.object()
		if value == pdfOp(">>") {
			break
		}
		if _, twice := d[name]; !twice {
			d[name] = value
		}
	}
	return d
}
