package extract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/sanitize"
)

// maxMarks is how many combining marks may follow one character (the
// stream-safe limit of UAX #15, rounded up); more are hidden.
const maxMarks = 32

// budget is what is left of a document's limits, shared by its parts.
type budget struct {
	text     int
	expanded int64
}

// builder collects the visible text, its blocks and what was hidden. The first
// limit met is kept in err, and nothing is added after it.
type builder struct {
	ctx      context.Context
	config   Config
	budget   *budget
	out      []byte
	blocks   []chunk.Block
	hidden   []Hidden
	unread   map[string]int
	warnings []string
	name     string // first heading
	err      error
	space    bool // a blank is due before the next inline text
	apart    bool // the next hidden run does not go on the word of the last
	marks    int  // combining marks in a row
	steps    int
}

// stopped reports whether a limit was met or the time is over; parsers ask in
// their loops.
func (b *builder) stopped() bool {
	if b.err == nil {
		if b.steps++; b.steps%256 == 0 && b.ctx.Err() != nil {
			b.err = ErrTimeout
		}
	}
	return b.err != nil
}

// spend takes n bytes of the text budget.
func (b *builder) spend(n int) bool {
	if b.stopped() {
		return false
	}
	if b.budget.text -= n; b.budget.text < 0 {
		b.err = fmt.Errorf("%w: more than %d bytes of text", ErrTooLarge, b.config.MaxText)
		return false
	}
	return true
}

// inline adds running text: blanks in it are folded, blanks at its borders kept
// as one.
func (b *builder) inline(s string) {
	for i, r := range s {
		if !unicode.IsSpace(r) || r == '\u00a0' {
			b.blank()
			end := i + strings.IndexFunc(s[i:], unicode.IsSpace)
			if end < i {
				end = len(s)
			}
			b.raw(s[i:end])
			if end < len(s) {
				b.inlineRest(s[end:])
			}
			return
		}
		b.space = true
	}
}

// inlineRest goes on after the first word; split off to keep inline free of
// state other than b.space.
func (b *builder) inlineRest(s string) {
	for len(s) > 0 && b.err == nil {
		if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) }); i != 0 {
			b.space = true
			if i < 0 {
				return
			}
			s = s[i:]
		}
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 {
			end = len(s)
		}
		b.blank()
		b.raw(s[:end])
		s = s[end:]
	}
}

// blank adds the blank that is due, unless the text has one there.
func (b *builder) blank() {
	if n := len(b.out); b.space && n > 0 && b.out[n-1] != '\n' && b.out[n-1] != ' ' {
		b.raw(" ")
	}
	b.space = false
}

// raw adds text as it is, but for control characters, broken UTF-8 and
// excessive combining marks.
func (b *builder) raw(s string) {
	if s == "" || !b.spend(len(s)) {
		return
	}
	if plainRun(s) == len(s) {
		b.out = append(b.out, s...)
		b.marks = 0
		return
	}
	var stacked strings.Builder
	at := len(b.out)
	s, struck := terminal(s)
	if struck != "" {
		b.hideAt(at, Concealed, "terminal-control", "terminal control sequence", struck)
	}
	b.out = slices.Grow(b.out, len(s))
	for i := 0; i < len(s); {
		if n := plainRun(s[i:]); n > 0 {
			b.out, b.marks = append(b.out, s[i:i+n]...), 0
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch {
		case r == utf8.RuneError:
			b.out = utf8.AppendRune(b.out, r)
			continue
		case r == '\r':
			if i >= len(s) || s[i] != '\n' {
				b.out = append(b.out, '\n')
			}
			continue
		case r == '\u2028' || r == '\u2029' || r == '\u0085' || r == '\v' || r == '\f':
			b.out = append(b.out, '\n')
			continue
		case unicode.IsControl(r):
			continue
		case r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me):
			if b.marks++; b.marks > maxMarks {
				stacked.WriteRune(r)
				continue
			}
		default:
			b.marks = 0
		}
		b.out = utf8.AppendRune(b.out, r)
	}
	if stacked.Len() > 0 {
		b.hideAt(at, Concealed, "stacked-marks", "combining marks over the limit", stacked.String())
	}
}

// plainRun is the length of what s begins with that needs no cleaning.
func plainRun(s string) int {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x7f || c < 0x20 && c != '\n' && c != '\t' {
			return i
		}
	}
	return len(s)
}

// line ends the current line, if it has text.
func (b *builder) line() {
	b.space, b.apart = false, true
	b.out = trimBlanks(b.out)
	if n := len(b.out); n > 0 && b.out[n-1] != '\n' {
		b.raw("\n")
	}
}

// gap makes sure a blank line precedes what follows.
func (b *builder) gap() {
	b.line()
	if n := len(b.out); n > 1 && b.out[n-2] != '\n' {
		b.raw("\n")
	}
}

// trimBlanks drops blanks at the end of the last line.
func trimBlanks(p []byte) []byte {
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// block marks out[start:] as a block, without trailing line breaks.
func (b *builder) block(kind chunk.Kind, level, start int) {
	b.space = false
	b.out = trimBlanks(b.out)
	end := len(b.out)
	for end > start && b.out[end-1] == '\n' {
		end--
	}
	for start < end && b.out[start] == '\n' {
		start++
	}
	if end <= start {
		return
	}
	if kind == chunk.Heading && b.name == "" {
		b.name = strings.Join(strings.Fields(string(b.out[start:end])), " ")
	}
	b.blocks = append(b.blocks, chunk.Block{Span: sanitize.Span{Start: start, End: end}, Kind: kind, Level: level})
}

// heading adds a title of its own.
func (b *builder) heading(level int, text string) {
	b.gap()
	start := len(b.out)
	b.inline(text)
	b.block(chunk.Heading, level, start)
	b.gap()
}

// border marks a hard border here.
func (b *builder) border() {
	b.gap()
	b.blocks = append(b.blocks, chunk.Block{Span: sanitize.Span{Start: len(b.out), End: len(b.out)}, Kind: chunk.Break})
}

// row adds one line of cells.
func (b *builder) row(cells []string) {
	for i, c := range cells {
		if i > 0 {
			b.bar()
		}
		b.inline(c)
		b.space = false
	}
	b.line()
}

// bar separates two cells.
func (b *builder) bar() {
	b.space = false
	b.out = trimBlanks(b.out)
	b.raw(" | ")
}

// tableBlock marks out[start:] as a table with its header ending at head.
func (b *builder) tableBlock(start, head int) {
	n := len(b.blocks)
	b.block(chunk.Table, 0, start)
	if len(b.blocks) > n && head > start && head < len(b.out) {
		b.blocks[n].Header = sanitize.Span{Start: b.blocks[n].Start, End: head}
	}
}

// hide reports hidden text at the present place.
func (b *builder) hide(class Class, technique, locator, text string) {
	// Before trailing blanks, which may yet be trimmed: the offset must stay on
	// a rune border.
	b.hideAt(len(trimBlanks(b.out)), class, technique, locator, text)
}

// hideRun reports hidden running text: a run that follows another without a
// blank or a border goes on its last word, as it would on the page.
func (b *builder) hideRun(class Class, technique, locator, text string) {
	n := len(b.hidden)
	apart := b.apart || n == 0 || strings.TrimLeftFunc(text, unicode.IsSpace) != text
	if strings.TrimSpace(text) == "" {
		b.apart = b.apart || text != ""
		return
	}
	at := len(trimBlanks(b.out))
	same := n > 0 && b.hidden[n-1].Offset == at && b.hidden[n-1].Technique == technique && b.hidden[n-1].Locator == locator
	if same && !apart && b.spend(len(text)) {
		b.hidden[n-1].Text += strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	} else {
		b.hideAt(at, class, technique, locator, text)
	}
	b.apart = strings.TrimRightFunc(text, unicode.IsSpace) != text
}

func (b *builder) hideAt(at int, class Class, technique, locator, text string) {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if text == "" || !b.spend(len(text)+len(locator)) {
		return
	}
	if n := len(b.hidden); n > 0 {
		if last := &b.hidden[n-1]; last.Offset == at && last.Technique == technique && last.Locator == locator && len(last.Text) < 1<<16 {
			last.Text += " " + text
			return
		}
	}
	b.apart = true
	b.hidden = append(b.hidden, Hidden{Offset: at, Locator: locator, Technique: technique, Class: class, Text: text})
}

// skip counts a part no text was taken from.
func (b *builder) skip(mediaType string) {
	if b.unread == nil {
		b.unread = map[string]int{}
	}
	if mediaType != "image/*" && !mediaTypeWords.MatchString(mediaType) {
		mediaType = "application/octet-stream"
	}
	b.unread[mediaType]++
}

// warn adds a remark once.
func (b *builder) warn(words string) {
	if !slices.Contains(b.warnings, words) {
		b.warnings = append(b.warnings, words)
	}
}

// part returns a builder for a part of the document that shares its limits.
func (b *builder) part() *builder {
	return &builder{ctx: b.ctx, config: b.config, budget: b.budget}
}

// join appends a part's result at the present place.
func (b *builder) join(p *builder) {
	if b.err == nil {
		b.err = p.err
	}
	b.gap()
	base := len(b.out)
	b.out = append(b.out, p.out...)
	for _, k := range p.blocks {
		k.Start, k.End = k.Start+base, k.End+base
		if k.Header.Len() > 0 {
			k.Header.Start, k.Header.End = k.Header.Start+base, k.Header.End+base
		}
		b.blocks = append(b.blocks, k)
	}
	for _, h := range p.hidden {
		h.Offset += base
		b.hidden = append(b.hidden, h)
	}
	for t, n := range p.unread {
		if b.unread == nil {
			b.unread = map[string]int{}
		}
		b.unread[t] += n
	}
	for _, w := range p.warnings {
		b.warn(w)
	}
	if b.name == "" {
		b.name = p.name
	}
}

// document ends building.
func (b *builder) document() (Document, error) {
	if b.err != nil {
		return Document{}, b.err
	}
	text := strings.TrimRight(string(b.out), "\n\t ")
	slices.SortStableFunc(b.blocks, outerFirst)
	blocks := make([]chunk.Block, 0, len(b.blocks))
	for _, k := range b.blocks {
		k.Start, k.End = min(k.Start, len(text)), min(k.End, len(text))
		if k.Header.Len() > 0 {
			k.Header.End = min(k.Header.End, k.End)
		}
		if n := len(blocks); n > 0 && k.Start < blocks[n-1].End {
			continue // nested structure: the outer block wins
		}
		if k.Len() > 0 || k.Kind == chunk.Break {
			blocks = append(blocks, k)
		}
	}
	for i := range b.hidden {
		at := min(b.hidden[i].Offset, len(text))
		for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
			at-- // what stood there was taken back
		}
		b.hidden[i].Offset = at
	}
	slices.SortStableFunc(b.hidden, func(x, y Hidden) int { return x.Offset - y.Offset })
	return Document{Text: text, Title: short(b.name), Blocks: blocks, Hidden: b.hidden, Unread: b.unread, Warnings: b.warnings}, nil
}

// outerFirst orders blocks by place, borders and longer blocks first.
func outerFirst(x, y chunk.Block) int {
	switch {
	case x.Start != y.Start:
		return x.Start - y.Start
	case (x.Kind == chunk.Break) != (y.Kind == chunk.Break):
		if x.Kind == chunk.Break {
			return -1
		}
		return 1
	}
	return y.End - x.End
}

// short cuts a title.
func short(s string) string {
	if len(s) > 300 {
		s = s[:300]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}
