package injection

import (
	"context"
	"slices"
	"strings"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
)

// joinReach is how many bytes on each side of a join are read.
const joinReach = 190

// ScanJoins scans the places where an assembled text was joined, for payloads
// split over its parts: joins are byte offsets into text, ascending. The parts
// are taken to have been scanned before: only what is found because of a join is
// returned. It reads about 400 bytes for each join, twice where a word may have
// been cut; a payload whose halves lie farther away is not seen.
func (s *Scanner) ScanJoins(ctx context.Context, text string, joins []int) ([]sanitize.Finding, error) {
	var out []sanitize.Finding
	for _, word := range []bool{false, true} {
		g := glue(text, joins, word)
		if word && !g.words {
			break
		}
		found, err := s.scanGlued(ctx, &g)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return merge(text, out), nil
}

// scanGlued scans a window around each join of a glued text.
func (s *Scanner) scanGlued(ctx context.Context, g *glued) ([]sanitize.Finding, error) {
	var out []sanitize.Finding
	for i := 0; i < len(g.joins); i++ {
		from, to := windowAround(g.text, g.joins[i])
		// Windows that touch are one: a payload may be cut more than once.
		first := i
		for i+1 < len(g.joins) && g.joins[i+1] <= to {
			i++
			_, to = windowAround(g.text, g.joins[i])
		}
		found, err := s.scan(ctx, g.text[from:to])
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			f.Start, f.End = f.Start+from, f.End+from
			due, err := s.dueToJoin(ctx, g, f, from, to, g.joins[first:i+1])
			if err != nil {
				return nil, err
			}
			if due {
				f.Start, f.End = g.source(f.Start), g.source(f.End)
				out = append(out, f)
			}
		}
	}
	return out, nil
}

// dueToJoin reports whether a finding crosses a join, or would not be found in
// its part of the window alone.
func (s *Scanner) dueToJoin(ctx context.Context, g *glued, f sanitize.Finding, from, to int, joins []int) (bool, error) {
	for _, at := range joins {
		switch {
		case f.Start < at && f.End > at:
			return true, nil
		case at <= f.Start:
			from = at
		case at < to:
			to = at
		}
	}
	found, err := s.scan(ctx, g.text[from:to])
	for _, o := range found {
		if o.Start+from < f.End && f.Start < o.End+from {
			return false, err
		}
	}
	return true, err
}

func (s *Scanner) scan(ctx context.Context, text string) ([]sanitize.Finding, error) {
	return s.Scan(ctx, normalize.Build(text))
}

// glued is an assembled text without the line breaks between its parts: a
// payload cut inside a sentence would read as two blocks where the parts are
// set apart by blank lines.
type glued struct {
	text  string
	joins []int // in text
	ends  []int // in text, where each removed stretch stood
	lost  []int // bytes removed up to there, in all
	words bool  // a word may have been cut at a join
}

// glue puts one blank in place of the blanks around each join, or none where a
// word may have been cut and word is set. A join without a line break stays.
func glue(text string, joins []int, word bool) glued {
	g := glued{joins: make([]int, 0, len(joins))}
	var b strings.Builder
	done, lost := 0, 0
	for _, at := range joins {
		if at <= done || at >= len(text) {
			continue
		}
		from, to := blanksAround(text, at, done)
		if !strings.Contains(text[from:to], "\n") {
			g.joins = append(g.joins, at-lost)
			continue
		}
		b.WriteString(text[done:from])
		cut := cutsWord(text, from, to)
		g.words = g.words || cut
		g.joins = append(g.joins, b.Len())
		lost += to - from
		if !cut || !word {
			b.WriteByte(' ')
			lost--
		}
		g.ends, g.lost = append(g.ends, b.Len()), append(g.lost, lost)
		done = to
	}
	b.WriteString(text[done:])
	g.text = b.String()
	return g
}

// source maps an offset of the glued text back; one at a join maps behind it.
func (g *glued) source(at int) int {
	i, found := slices.BinarySearch(g.ends, at)
	if found {
		i++
	}
	if i == 0 {
		return at
	}
	return at + g.lost[i-1]
}

// blanksAround is the stretch of blanks at a join, not before least.
func blanksAround(text string, at, least int) (from, to int) {
	from, to = at, at
	for from > least && byteKinds[text[from-1]] == blankByte {
		from--
	}
	for to < len(text) && byteKinds[text[to]] == blankByte {
		to++
	}
	return from, to
}

// cutsWord reports whether a word may go on behind a join: a letter stands
// before it, and behind it a letter that opens no sentence.
func cutsWord(text string, from, to int) bool {
	if from == 0 || to >= len(text) {
		return false
	}
	before, after := text[from-1], text[to]
	return (byteKinds[before]&letterByte != 0 || before >= 0x80) && (byteKinds[after]&letterByte != 0 && byteKinds[after]&upperByte == 0 || after >= 0x80)
}

// windowAround is the text around a join, cut at blanks.
func windowAround(text string, at int) (from, to int) {
	from, to = max(0, at-joinReach), min(len(text), at+joinReach)
	if from > 0 {
		if i := strings.IndexAny(text[from:at], " \n"); i >= 0 {
			from += i + 1
		}
	}
	if to < len(text) {
		if i := strings.LastIndexAny(text[at:to], " \n"); i >= 0 {
			to = at + i
		}
	}
	return onRune(text, from, -1), onRune(text, to, +1)
}
