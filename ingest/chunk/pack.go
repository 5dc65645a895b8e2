package chunk

import (
	"strings"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// packer joins pieces to chunks.
type packer struct {
	Config
	text   string
	count  func(start, end int) int
	pieces []piece
	path   []title // headings in force
	out    []Chunk
}

// title is a heading in force.
type title struct {
	level int
	text  string
}

// pack walks the pieces once. [from, to) are the pieces of the chunk being
// built.
func (p *packer) pack() []Chunk {
	from, tokens, bytes := 0, 0, 0
	for to := 0; to <= len(p.pieces); to++ {
		if to == len(p.pieces) {
			p.emit(from, to)
			break
		}
		next := p.pieces[to]
		if to > from && p.border(from, to, tokens, bytes) {
			end := p.keepHeadings(from, to)
			p.emit(from, end)
			from = end
			if back := p.overlap(end); back < from && end == to {
				from = back
			}
			tokens, bytes = p.sum(from, to)
		}
		if to == from {
			tokens, bytes = next.extra, next.context.Len()
		}
		tokens += next.tokens
		bytes += next.Len() + 2
	}
	return p.out
}

// border reports whether the chunk must or should end before piece to.
func (p *packer) border(from, to, tokens, bytes int) bool {
	next := p.pieces[to]
	if tokens+next.tokens > p.MaxTokens || p.width(from, to) > p.MaxBytes {
		return true
	}
	switch {
	case next.kind == Break:
		return tokens > 0
	case next.kind == Heading:
		return tokens >= p.MinTokens && p.pieces[to-1].kind != Heading
	case next.first && next.whole <= p.MaxTokens && tokens+next.whole > p.MaxTokens:
		return tokens >= p.MaxTokens/2 // the block fits a chunk of its own
	}
	return false
}

// width is the number of bytes a chunk of pieces from … to would have.
func (p *packer) width(from, to int) int {
	return p.pieces[to].End - p.pieces[from].Start + p.pieces[from].context.Len() + 1
}

// sum is the number of tokens and bytes of pieces [from, to).
func (p *packer) sum(from, to int) (tokens, bytes int) {
	if from < to {
		tokens, bytes = p.pieces[from].extra, p.pieces[from].context.Len()
	}
	for _, q := range p.pieces[from:to] {
		tokens += q.tokens
		bytes += q.Len() + 2
	}
	return tokens, bytes
}

// keepHeadings moves headings at the end of a chunk to the next one, unless
// the chunk is nothing but headings.
func (p *packer) keepHeadings(from, to int) int {
	end := to
	for end > from && p.pieces[end-1].kind == Heading {
		end--
	}
	if end == from {
		return to
	}
	return end
}

// overlap returns the piece a chunk following end starts at: whole sentences of
// the same section, at most Overlap tokens.
func (p *packer) overlap(end int) int {
	tokens, at := 0, end
	if p.Overlap == 0 || end >= len(p.pieces) || p.pieces[end].kind != Paragraph {
		return end
	}
	for at > 0 {
		q := p.pieces[at-1]
		if q.kind != Paragraph || tokens+q.tokens > p.Overlap || tokens+q.tokens+p.pieces[end].tokens > p.MaxTokens ||
			p.pieces[end].End-q.Start > p.MaxBytes || len(p.out) > 0 && q.Start <= p.out[len(p.out)-1].Start {
			break
		}
		tokens += q.tokens
		at--
	}
	return at
}

// emit appends the chunk of pieces [from, to). The sum of the pieces' tokens is
// nearly always an upper bound; when the whole counts more, it is cut in two.
// So is one that headings kept with their text made too long.
func (p *packer) emit(from, to int) {
	for from < to && p.pieces[from].kind == Break && p.pieces[from].Len() == 0 {
		from++
	}
	for to > from && p.pieces[to-1].Len() == 0 {
		to--
	}
	if from >= to {
		return
	}
	first := p.pieces[from]
	span := sanitize.Span{Start: first.Start, End: p.pieces[to-1].End}
	tokens := p.count(span.Start, span.End)
	if first.context.Len() > 0 {
		tokens += first.extra
	}
	if (tokens > p.MaxTokens || span.Len()+first.context.Len() > p.MaxBytes) && to-from > 1 {
		mid := from + (to-from)/2
		p.emit(from, mid)
		p.emit(mid, to)
		return
	}
	headings := p.enter(from, to)
	p.out = append(p.out, Chunk{Span: span, Headings: headings, Tokens: tokens, Context: first.context})
}

// enter returns the headings over the chunk's first text and brings the path up
// to date with all headings in it.
func (p *packer) enter(from, to int) []string {
	var over []string
	seen := false
	for _, q := range p.pieces[from:to] {
		if q.kind == Heading {
			for len(p.path) > 0 && p.path[len(p.path)-1].level >= q.level {
				p.path = p.path[:len(p.path)-1]
			}
			p.path = append(p.path, title{q.level, short(p.text[q.Start:q.End])})
			continue
		}
		if !seen && q.Len() > 0 {
			over, seen = p.titles(), true
		}
	}
	if !seen {
		over = p.titles()
	}
	return over
}

func (p *packer) titles() []string {
	if len(p.path) == 0 {
		return nil
	}
	out := make([]string, len(p.path))
	for i, t := range p.path {
		out[i] = t.text
	}
	return out
}

// short cuts a heading for the path and joins its lines.
func short(s string) string {
	s = strings.Join(strings.Fields(s[:min(len(s), maxHeading*4)]), " ")
	if len(s) > maxHeading {
		s = s[:maxHeading]
	}
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
