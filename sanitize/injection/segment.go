package injection

import (
	"strings"
	"unicode/utf8"
)

// layer says how a reader meets a block; each layer is judged by its own
// threshold.
type layer uint8

const (
	plain   layer = iota // visible text
	hidden               // comments, hidden elements, invisible characters
	encoded              // decoded from base64, percent escapes, …
	forged               // between chat-template tokens
	layerCount
)

// block is a sentence, a line or a value, by offsets into the view; outer is
// what has to go when the block goes: the wrapper of a hidden element.
type block struct {
	start, end           int
	outerStart, outerEnd int
	layer                layer
	// para counts paragraphs, so that windows know when they cross one.
	para   int
	line   bool // starts a line
	styled bool // in an element hidden by its style or an attribute
}

// maxBlock is the longest block in bytes; longer sentences are cut at a blank.
const maxBlock = 700

// segment cuts text into blocks, in order. Bytes in no block are blanks, tags
// and quotes.
func segment(text string, base layer, blocks []block) []block {
	s := segmenter{text: text, blocks: blocks, layer: base}
	m := marks{text: text}
	pos := 0
	for pos < len(text) {
		r, ok := m.nextRegion(pos)
		if !ok {
			break
		}
		s.plainRun(pos, r.outerStart)
		from := len(s.blocks)
		s.layer = max(base, r.layer)
		s.plainRun(r.start, r.end)
		s.layer = base
		for i := from; i < len(s.blocks); i++ {
			s.blocks[i].outerStart, s.blocks[i].outerEnd = r.outerStart, r.outerEnd
			s.blocks[i].styled = r.styled
		}
		s.para++
		pos = r.outerEnd
	}
	s.plainRun(pos, len(text))
	return s.blocks
}

type segmenter struct {
	text   string
	blocks []block
	layer  layer
	para   int
}

// plainRun cuts text[from:to] at sentence ends, line ends, tags and the quotes
// of JSON-like values.
func (s *segmenter) plainRun(from, to int) {
	t := s.text
	start, line := from, true
	for i := from; i < to; {
		for dull := min(to, start+maxBlock); i < dull && !cutting[t[i]]; {
			i++
		}
		if i == to {
			break
		}
		c := t[i]
		switch {
		case c == '\n':
			if !s.wrapped(start, i, to) {
				s.add(start, i, line)
				start, line = i+1, true
			}
			if i+1 < to && (t[i+1] == '\n' || t[i+1] == '\r' && i+2 < to && t[i+2] == '\n') {
				s.para++
			}
			i++
		case c == '.' || c == '!' || c == '?':
			j := i + 1
			for j < to && (strings.IndexByte(".!?\"')]*_", t[j]) >= 0 || strings.HasPrefix(t[j:to], "\u200b")) {
				if t[j] >= 0x80 {
					j += 2
				}
				j++
			}
			if j < to && (t[j] == ' ' || t[j] == '\t') && s.sentenceEnd(start, i, j, to) {
				s.add(start, j, line)
				start, line = j, false
			}
			i = j
		case c == '<':
			if n := tagLength(t[i:to]); n > 0 {
				s.add(start, i, line)
				i += n
				start, line = i, false
			} else {
				i++
			}
		case c == '"' || c == '\'':
			if s.valueBorder(i, from, to) {
				s.add(start, i, line)
				start, line = i+1, false
			}
			i++
		case c == '\\' && i+1 < to && t[i+1] == 'n' && !(i+2 < to && isLower(t[i+2])):
			s.add(start, i, line)
			i += 2
			start, line = i, true
		case c == 0xF3 && tagRun(t[i:to]) >= minTagRun:
			s.add(start, i, line)
			n := tagRun(t[i:to])
			s.smuggled(i, i+n)
			i += n
			start, line = i, false
		case c >= 0xE3 && (strings.HasPrefix(t[i:], "。") || strings.HasPrefix(t[i:], "！") || strings.HasPrefix(t[i:], "？")):
			s.add(start, i+3, line)
			i += 3
			start, line = i, false
		case i-start >= maxBlock && (c == ' ' || i-start >= 2*maxBlock && utf8.RuneStart(c)):
			s.add(start, i, line)
			start, line = i, false
			i++
		default:
			i++
		}
	}
	s.add(start, to, line)
}

// cutting are the bytes at which plainRun looks twice.
var cutting = func() (t [256]bool) {
	for c := 0xE3; c < len(t); c++ {
		t[c] = true
	}
	for _, c := range "\n.!?<\"'\\" {
		t[c] = true
	}
	return t
}()

// minTagRun is the shortest run of Unicode tags, in bytes, that is taken for
// smuggled text: flags of regions (a black flag and six tags) are shorter.
const minTagRun = 4 * 10

// tagRun is the length of the run of Unicode tag characters s starts with.
func tagRun(s string) int {
	n := 0
	for len(s) >= n+4 && s[n] == 0xF3 && s[n+1] == 0xA0 && (s[n+2] == 0x80 || s[n+2] == 0x81) {
		n += 4
	}
	return n
}

// smuggled cuts a run of tag characters at its own sentence ends; the whole run
// is the wrapper of each.
func (s *segmenter) smuggled(from, to int) {
	first := len(s.blocks)
	start := from
	for i := from; i+8 <= to; i += 4 {
		c, next := s.text[i+3], s.text[i+7]
		if s.text[i+2] == 0x80 && (c == 0xAE || c == 0xA1 || c == 0xBF) && next == 0xA0 && s.text[i+6] == 0x80 {
			s.add(start, i+4, false)
			start = i + 4
		}
	}
	s.add(start, to, false)
	for k := first; k < len(s.blocks); k++ {
		s.blocks[k].layer = max(s.blocks[k].layer, hidden)
		s.blocks[k].outerStart, s.blocks[k].outerEnd = from, to
	}
}

// wrapped reports whether the line break at i is inside a sentence of
// hard-wrapped text.
func (s *segmenter) wrapped(start, i, to int) bool {
	t := s.text
	if i-start < 40 || i-start > maxBlock || i+1 >= to || !isLower(t[i+1]) {
		return false
	}
	j := i - 1
	for j > start && (t[j] == ' ' || t[j] == '\r') {
		j--
	}
	return isLower(t[j]) || t[j] == ','
}

// sentenceEnd tells a full stop from an abbreviation by what follows.
func (s *segmenter) sentenceEnd(start, dot, j, to int) bool {
	t := s.text
	for j < to && (t[j] == ' ' || t[j] == '\t') {
		j++
	}
	if j >= to {
		return true
	}
	if dot-start < 3 || t[dot] == '.' && isLower(t[j]) {
		return false
	}
	// "e.g. This", "No. 5": a one-letter word or a short one before a digit.
	if t[dot] == '.' && dot >= 2 && (t[dot-2] == '.' || t[dot-2] == ' ') {
		return false
	}
	return true
}

// valueBorder reports whether the quote at i opens or closes a value of JSON or
// a similar notation.
func (s *segmenter) valueBorder(i, from, to int) bool {
	t := s.text
	after := byte('\n')
	if i+1 < to {
		after = t[i+1]
	}
	before := byte('\n')
	j := i - 1
	if j >= from && t[j] == '\\' {
		j--
	}
	if j >= from {
		before = t[j]
	}
	switch after {
	case ',', '}', ']', ':':
		return before != ' '
	}
	if before == ' ' && j-1 >= from {
		before = t[j-1]
		return (before == ':' || before == ',') && t[i] == '"' || before == ':' && j-2 >= from && (t[j-2] == '"' || t[j-2] == '\'') || before == ',' && j-2 >= from && (t[j-2] == '"' || t[j-2] == '\'')
	}
	return before == '{' || before == '[' || before == '(' || before == ':' && t[i] == '"' || before == '='
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// add appends text[start:end] without the blanks around it, if it holds a word.
func (s *segmenter) add(start, end int, line bool) {
	t := s.text
	for start < end && (byteKinds[t[start]] == blankByte) {
		start++
	}
	for end > start && (byteKinds[t[end-1]] == blankByte) {
		end--
	}
	if end-start < 2 || !hasWord(t[start:end]) {
		return
	}
	s.blocks = append(s.blocks, block{start: start, end: end, outerStart: start, outerEnd: end, layer: s.layer, para: s.para, line: line})
}

// hasWord reports whether s holds a letter.
func hasWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 || byteKinds[s[i]]&letterByte != 0 {
			return true
		}
	}
	return false
}

// tagLength is the length of the HTML tag s starts with, or 0.
func tagLength(s string) int {
	if len(s) < 3 {
		return 0
	}
	i := 1
	if s[1] == '/' {
		i = 2
	}
	if byteKinds[s[i]]&letterByte == 0 {
		return 0
	}
	for ; i < len(s) && i < 400; i++ {
		switch s[i] {
		case '>':
			return i + 1
		case '<', '\n':
			return 0
		}
	}
	return 0
}
