package egress

import (
	"github.com/doorward/doorward/sanitize"
)

const (
	maxLook   = 2048 // bytes of one construct that are waited for
	maxTag    = 512  // bytes of an HTML tag
	lookback  = 64   // bytes kept of what was passed on
	manyLinks = 64   // nested brackets that are told apart
)

// lexer reads an answer once, from left to right. It lets go of a byte as soon
// as what comes next cannot make it part of a construct; what it has decided
// never depends on how the answer was split, only on the answer up to there.
//
// It knows blocks only as far as trusting code needs it: inside code nothing is
// a link, so text may pass there that would be judged elsewhere. Whatever makes
// the extent of code doubtful (an unpaired backtick, a table cell, a fence inside
// a list) ends that trust; see code.go.
type lexer struct {
	rules *Scanner
	buf   []byte
	pos   int    // buf[:pos] has been read
	base  int    // stream offset of buf[0]
	tail  []byte // the last bytes before buf
	final bool   // no more is coming
	found []sanitize.Finding

	line      line
	paragraph paragraph
	fence     fence
	distrust  bool // code is not told from text any more
}

// line is what is known of the current line.
type line struct {
	indent int  // columns of blanks it begins with
	fresh  bool // only blanks and the marks of lists and quotes so far
	marks  bool // at least one such mark, or a tab, stands before
	blank  bool // only blanks so far
	words  bool // a letter stands in it: it is a paragraph, or at least no HTML block
}

// paragraph is what is known since the last blank line; nothing inline reaches
// across one.
type paragraph struct {
	unpaired bool   // a backtick, or what may hide one, that has no partner on its line
	images   []bool // open brackets: whether they open an image
	image    bool   // whether the bracket closed last did
	label    bool   // an open bracket that may begin a reference definition
	foot     bool   // and it is a footnote's
	closed   bool   // that bracket was closed by the byte before
}

func newLexer(s *Scanner) *lexer { return &lexer{rules: s, line: line{fresh: true, blank: true}} }

// Write implements [sanitize.Stream].
func (l *lexer) Write(p []byte) (int, []sanitize.Finding) {
	l.buf = append(l.buf, p...)
	l.read()
	found := l.found
	l.found = nil
	return l.base, found
}

// Close implements [sanitize.Stream].
func (l *lexer) Close() []sanitize.Finding {
	l.final = true
	l.read()
	found := l.found
	l.found = nil
	return found
}

// read goes on as far as it can and drops what is decided.
func (l *lexer) read() {
	keep := -1
	for l.pos < len(l.buf) {
		if l.skim(); l.pos == len(l.buf) {
			break
		}
		closed := l.paragraph.closed
		n, hold := l.step(l.pos)
		if n == 0 {
			keep = hold
			l.paragraph.closed = closed // the same byte is read again
			break
		}
		l.pos += n
	}
	if keep < 0 {
		keep = l.pos
		if !l.final {
			keep = l.schemePrefix()
		}
	}
	if keep == 0 {
		return
	}
	l.tail = append(l.tail, l.buf[max(0, keep-lookback):keep]...)
	l.tail = l.tail[max(0, len(l.tail)-lookback):]
	l.buf = l.buf[:copy(l.buf, l.buf[keep:])]
	l.pos -= keep
	l.base += keep
}

// Bytes that need a look: in text once a line has begun, and in a fence.
var inText, inFence = func() (text, fence [256]bool) {
	for _, b := range []byte("\n\r`<[]^(:./&$") {
		text[b] = true
	}
	fence['\n'], fence['\r'], fence[':'], fence['/'] = true, true, true, true
	return
}()

// skim passes over bytes that mean nothing where they stand.
func (l *lexer) skim() {
	if l.line.fresh {
		return
	}
	table := &inText
	if l.fence.open() {
		table = &inFence
	}
	i := l.pos
	for i < len(l.buf) && !table[l.buf[i]] {
		i++
	}
	if i > l.pos {
		l.paragraph.closed = false
		if !l.line.words {
			l.line.words = hasLetter(l.buf[l.pos:i])
		}
	}
	l.pos = i
}

func hasLetter(p []byte) bool {
	for _, b := range p {
		if letter(b) {
			return true
		}
	}
	return false
}

// step reads the construct at i and returns its length. 0 means that more must
// come before that is known; nothing from hold on may be let go until then.
func (l *lexer) step(i int) (n, hold int) {
	b := l.buf[i]
	switch b {
	case '\n', '\r':
		return l.newline(b, i)
	}
	if l.fence.open() {
		return l.inFence(b, i)
	}
	if l.line.fresh {
		if n, hold, done := l.lineStart(b, i); done {
			return n, hold
		}
	}
	closed := l.paragraph.closed
	l.paragraph.closed = false
	switch b {
	case '`':
		return l.backticks(i)
	case '<':
		return l.less(i)
	case '[':
		return l.openBracket(i)
	case ']':
		return l.closeBracket(i)
	case '^':
		if l.at(i-1) == '[' {
			l.paragraph.foot = l.paragraph.label
		}
	case '(':
		if l.at(i-1) == ']' {
			return l.destination(i)
		}
		if l.at(i-1) == '\\' { // TeX: \( … \) may hide a backtick
			l.paragraph.unpaired = true
		}
	case ':':
		if closed && l.at(i-1) == ']' {
			return l.definition(i)
		}
		return l.colon(i, len(l.buf))
	case '.':
		return l.dot(i)
	case '/':
		return l.slashes(i, len(l.buf))
	case '&':
		return l.entity(i)
	case '$': // TeX, likewise
		l.paragraph.unpaired = true
	}
	return 1, 0
}

// newline ends a line, and a paragraph if the line was blank. A carriage return
// alone ends a line for some readers only, so code is in doubt from there on.
func (l *lexer) newline(b byte, i int) (int, int) {
	n := 1
	if b == '\r' {
		switch {
		case i+1 == len(l.buf) && !l.final:
			return 0, i
		case i+1 < len(l.buf) && l.buf[i+1] == '\n':
			n = 2
		default:
			l.distrust, l.fence = true, fence{}
		}
	}
	if l.line.blank && !l.fence.open() {
		l.paragraph = paragraph{images: l.paragraph.images[:0]}
	}
	l.line = line{fresh: true, blank: true}
	return n, 0
}

// lineStart reads one byte of what a line begins with: blanks, marks of lists and
// quotes. done is false when b is to be read as any other.
func (l *lexer) lineStart(b byte, i int) (n, hold int, done bool) {
	switch b {
	case ' ':
		if l.line.blank {
			l.line.indent++
		}
		return 1, 0, true
	case '\t':
		if l.line.blank {
			l.line.indent += 4
		}
		l.line.marks = true
		return 1, 0, true
	case '`', '~':
		n, hold, done = l.openFence(b, i)
		if done {
			return n, hold, true
		}
	case '>', '-', '*', '+', ')', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		l.line.marks, l.line.blank = true, false
		return 1, 0, true
	case '.':
		l.line.marks, l.line.blank = true, false
		return 0, 0, false
	case '[':
		l.paragraph.label, l.paragraph.foot = true, false
	}
	l.line.fresh, l.line.blank = false, false
	l.line.words = l.line.words || letter(b)
	return 0, 0, false
}

// at is the byte at index i of buf, or one before it that was let go; 0 where
// nothing is known.
func (l *lexer) at(i int) byte {
	if i >= 0 {
		return l.buf[i]
	}
	if i += len(l.tail); i >= 0 {
		return l.tail[i]
	}
	return 0
}

// flag reports buf[start:end], up to the next border of a character.
func (l *lexer) flag(start, end int, typ, rule string) {
	for end < len(l.buf) && l.buf[end]&0xC0 == 0x80 {
		end++
	}
	l.found = append(l.found, sanitize.Finding{
		Span: sanitize.Span{Start: l.base + start, End: l.base + end},
		Kind: sanitize.Egress, Type: typ, Rule: rule, Score: 1,
	})
}

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func digit(b byte) bool  { return b >= '0' && b <= '9' }
func alnum(b byte) bool  { return letter(b) || digit(b) }
func blank(b byte) bool {
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\f' || b == '\v'
}
