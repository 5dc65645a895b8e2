package egress

import (
	"bytes"
	"strings"
)

// fence is an open fenced code block.
type fence struct {
	char   byte // 0: none
	length int
	indent int
}

func (f fence) open() bool { return f.char != 0 }

// openFence reads a run of backticks or tildes at the start of a line. It is
// taken for a fence only where every reader agrees: by itself on the line, at
// most three columns in, and not behind the mark of a list or quote. A run that
// might be a fence for some ends the trust in code for good, since from there on
// readers may disagree which of the following fences open and which close.
func (l *lexer) openFence(char byte, i int) (n, hold int, done bool) {
	end := l.runEnd(i)
	if end-i >= maxTag {
		l.distrust = true
		return 0, 0, false
	}
	if end == len(l.buf) && !l.final {
		return 0, i, true
	}
	if end-i < 3 {
		if char == '~' {
			l.line.fresh, l.line.blank = false, false
			return end - i, 0, true
		}
		return 0, 0, false
	}
	rest := bytes.IndexByte(l.buf[end:], '\n')
	if rest < 0 {
		if !l.final && len(l.buf)-end < maxTag {
			return 0, i, true
		}
		rest = len(l.buf) - end
	}
	info := bytes.TrimSuffix(l.buf[end:end+rest], []byte("\r"))
	if char == '`' && bytes.IndexByte(info, '`') >= 0 {
		// Code in running text, but a fence if the other backtick goes with
		// something that is removed.
		l.distrust = true
		return 0, 0, false
	}
	if l.line.marks || l.line.indent > 3 || rest >= maxTag || bytes.ContainsAny(info, "|<[\r") { // for some a table's header, or more lines than one
		l.distrust = true
		return 0, 0, false
	}
	if l.distrust {
		return 0, 0, false
	}
	l.fence = fence{char: char, length: end - i, indent: l.line.indent}
	l.line.fresh, l.line.blank = false, false
	return end - i, 0, true
}

// runEnd is the end of the run of one character at i, as far as it is looked at.
func (l *lexer) runEnd(i int) int {
	end := i + 1
	for end < len(l.buf) && l.buf[end] == l.buf[i] && end-i < maxTag {
		end++
	}
	return end
}

// inFence reads inside a fenced block, where only addresses are looked for.
func (l *lexer) inFence(b byte, i int) (n, hold int) {
	if !l.line.fresh {
		return l.inCode(b, i, len(l.buf))
	}
	switch {
	case b == ' ':
		l.line.indent++
		return 1, 0
	case b == '\t':
		l.line.indent += 4
		return 1, 0
	case l.fence.indent > 0 && l.line.indent < l.fence.indent:
		// Inside a list the block has ended here; elsewhere it has not.
		l.distrust, l.fence = true, fence{}
		l.line.blank = false
		return l.step(i)
	case b == l.fence.char:
		n, hold, done := l.closeFence(i)
		if done {
			return n, hold
		}
	}
	l.line.fresh, l.line.blank = false, false
	return l.inCode(b, i, len(l.buf))
}

// inCode reads one byte of code. Nothing is a link there, but an address may be
// copied, and a page that shows answers as HTML does not know of code: so
// addresses are judged, also those without a scheme where an attribute or a
// string has them.
func (l *lexer) inCode(b byte, i, limit int) (n, hold int) {
	switch {
	case b == ':':
		return l.colon(i, limit)
	case b == '/' && strings.IndexByte("=\"'`(", l.at(i-1)) >= 0 && l.at(i-1) != 0:
		return l.slashes(i, limit)
	}
	return 1, 0
}

// closeFence reads a run of the fence's character at the start of a line.
func (l *lexer) closeFence(i int) (n, hold int, done bool) {
	end := l.runEnd(i)
	run := end
	for end < len(l.buf) && end-i < maxTag && (l.buf[end] == ' ' || l.buf[end] == '\t') {
		end++
	}
	if end-i >= maxTag { // whether it closes is too far to see
		l.distrust, l.fence = true, fence{}
		return 0, 0, false
	}
	if end == len(l.buf) && !l.final {
		return 0, i, true
	}
	if run-i < l.fence.length || end < len(l.buf) && l.buf[end] != '\n' && l.buf[end] != '\r' {
		return 0, 0, false
	}
	if l.line.indent > 3 {
		if l.fence.indent == 0 {
			return 0, 0, false
		}
		l.distrust = true
	}
	l.fence = fence{}
	l.line.fresh, l.line.blank = false, false
	return end - i, 0, true
}

// backticks reads a run of backticks in running text. It is taken for code up to
// the run of the same length that ends it, if that stands on the same line, no
// table could end a cell in between, and no earlier run of the paragraph is
// unpaired: such a run could pair with this one instead.
func (l *lexer) backticks(i int) (n, hold int) {
	open := l.runEnd(i)
	if open == len(l.buf) && !l.final && open-i < maxTag {
		return 0, i
	}
	if l.distrust || l.paragraph.unpaired || l.at(i-1) == '\\' || open-i >= maxTag {
		l.paragraph.unpaired = true
		return open - i, 0
	}
	for at := open; ; {
		next := bytes.IndexAny(l.buf[at:], "`\n\r|")
		if next < 0 {
			if !l.final && len(l.buf)-i < maxTag {
				return 0, i
			}
			break
		}
		at += next
		if l.buf[at] != '`' || at-i >= maxTag {
			break
		}
		end := at
		for end < len(l.buf) && l.buf[end] == '`' {
			end++
		}
		if end == len(l.buf) && !l.final {
			return 0, i
		}
		if end-at == open-i {
			l.addresses(open, at)
			return end - i, 0
		}
		at = end
	}
	l.paragraph.unpaired = true
	return open - i, 0
}

// addresses looks for addresses in a code span that is complete.
func (l *lexer) addresses(start, end int) {
	for i := start; i < end; {
		next := bytes.IndexAny(l.buf[i:end], ":/")
		if next < 0 {
			return
		}
		i += next
		n, _ := l.inCode(l.buf[i], i, end)
		i += max(n, 1)
	}
}
