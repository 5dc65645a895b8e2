package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// piece is a span that is never cut further: a sentence, a row, a line, a word.
// The pieces of a text are in order and together cover all of it but blanks.
type piece struct {
	sanitize.Span
	tokens  int
	kind    Kind
	level   int           // headings
	first   bool          // first piece of its block
	whole   int           // tokens of the whole block, on its first piece
	context sanitize.Span // table header to repeat when a chunk starts here
	extra   int           // tokens of context
}

// cutter makes pieces of blocks.
type cutter struct {
	Config
	text   string
	count  func(start, end int) int
	pieces []piece
}

// block appends the pieces of one block.
func (c *cutter) block(b Block) {
	from := len(c.pieces)
	if b.Kind == Break {
		c.pieces = append(c.pieces, piece{Span: sanitize.Span{Start: b.Start, End: b.Start}, kind: Break})
	}
	switch b.Kind {
	case Heading:
		c.add(b.Span, b)
	case List, Table, Code:
		for _, s := range lines(c.text, b.Span) {
			c.add(s, b)
		}
	default:
		for _, s := range sentences(c.text, b.Span) {
			c.add(s, b)
		}
	}
	if b.Kind == Break {
		from++
	}
	if from >= len(c.pieces) {
		return
	}
	c.pieces[from].first = true
	for _, p := range c.pieces[from:] {
		c.pieces[from].whole += p.tokens
	}
	if b.Kind == Table && b.Header.Len() > 0 {
		c.repeat(c.pieces[from:], b.Header)
	}
}

// repeat marks the rows under a table's header to carry it along, unless the
// header would take more than a third of the budget.
func (c *cutter) repeat(rows []piece, header sanitize.Span) {
	header = trim(c.text, header)
	if header.Len() > c.MaxBytes/3 {
		return
	}
	n := c.count(header.Start, header.End) + 1
	if n > c.MaxTokens/3 {
		return
	}
	for i := range rows {
		if rows[i].Start >= header.End {
			rows[i].context, rows[i].extra = header, n
		}
	}
}

// add appends a span as one piece, or as several when it is over the budget. A
// third is left free in tables for a repeated header.
func (c *cutter) add(s sanitize.Span, b Block) {
	s = trim(c.text, s)
	if s.Len() == 0 {
		return
	}
	maxTokens, maxBytes := c.MaxTokens, c.MaxBytes
	if b.Kind == Table {
		maxTokens, maxBytes = maxTokens*2/3-1, maxBytes*2/3
	}
	// The byte limit is tried first: no token is longer than a few bytes, and a
	// counter may be slow on megabytes.
	if s.Len() <= maxBytes && s.Len() <= maxTokens*16 {
		if n := c.count(s.Start, s.End) + 1; n <= maxTokens {
			c.pieces = append(c.pieces, piece{Span: s, tokens: n, kind: b.Kind, level: b.Level})
			return
		}
	}
	at := halve(c.text, s, min(maxBytes, maxTokens*8))
	if at <= s.Start || at >= s.End {
		c.pieces = append(c.pieces, piece{Span: s, tokens: c.count(s.Start, s.End) + 1, kind: b.Kind, level: b.Level})
		return
	}
	c.add(sanitize.Span{Start: s.Start, End: at}, b)
	// A loop would do as well; the depth of this call is bounded by cutting at
	// least half of what remains or a full limit's worth.
	c.rest(sanitize.Span{Start: at, End: s.End}, b)
}

// rest cuts a long remainder limit by limit, so that recursion stays shallow
// on a line of gigabytes.
func (c *cutter) rest(s sanitize.Span, b Block) {
	limit := min(c.MaxBytes, c.MaxTokens*8) / 2
	for s.Len() > limit*2 {
		at := borderBefore(c.text, s.Start, s.Start+limit)
		c.add(sanitize.Span{Start: s.Start, End: at}, b)
		s.Start = at
	}
	c.add(s, b)
}

// halve returns where to cut a span: at a blank near its middle, or near limit
// when it is much longer.
func halve(text string, s sanitize.Span, limit int) int {
	return borderBefore(text, s.Start, s.Start+min(s.Len()/2, limit))
}

// borderBefore returns the last place after a blank in the second half of
// (start, at], else the rune border at or before at; more than start when the
// span has more than one rune.
func borderBefore(text string, start, at int) int {
	if i := strings.LastIndexAny(text[start+(at-start)/2:at], " \t\n,;|"); i >= 0 {
		return start + (at-start)/2 + i + 1
	}
	for at > start && !utf8.RuneStart(text[at]) {
		at--
	}
	if at == start {
		_, n := utf8.DecodeRuneInString(text[start:])
		at = start + n
	}
	return at
}

// trim shrinks a span to its non-blank part.
func trim(text string, s sanitize.Span) sanitize.Span {
	t := strings.TrimLeftFunc(text[s.Start:s.End], unicode.IsSpace)
	s.Start = s.End - len(t)
	s.End = s.Start + len(strings.TrimRightFunc(t, unicode.IsSpace))
	return s
}

// lines splits a span at line breaks; a line that begins with a blank belongs
// to the item before it only in so far as packing keeps neighbours together.
func lines(text string, s sanitize.Span) []sanitize.Span {
	var out []sanitize.Span
	for s.Start < s.End {
		end := s.End
		if i := strings.IndexByte(text[s.Start:s.End], '\n'); i >= 0 {
			end = s.Start + i + 1
		}
		out = append(out, sanitize.Span{Start: s.Start, End: end})
		s.Start = end
	}
	return out
}

// paragraphs splits text[from:to] at blank lines.
func paragraphs(text string, from, to int) []Block {
	var out []Block
	start, blank := from, true
	flush := func(end int) {
		if s := trim(text, sanitize.Span{Start: start, End: end}); s.Len() > 0 {
			out = append(out, Block{Span: s, Kind: Paragraph})
		}
	}
	for _, l := range lines(text, sanitize.Span{Start: from, End: to}) {
		empty := trim(text, l).Len() == 0
		if blank && !empty {
			start = l.Start
		}
		if !blank && empty {
			flush(l.Start)
		}
		blank = empty
	}
	if !blank {
		flush(to)
	}
	return out
}
