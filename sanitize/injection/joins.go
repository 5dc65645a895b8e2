package injection

import (
	"context"
	"strings"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
)

// joinReach is how many bytes on each side of a join are read.
const joinReach = 190

// ScanJoins scans the places where an assembled text was joined, for payloads
// split over two parts: joins are byte offsets into text, ascending.
// Only findings that cross a join are returned: the parts themselves have been
// scanned before. It reads about 400 bytes for each join; a payload whose halves both lie
// farther from the join is not seen.
func (s *Scanner) ScanJoins(ctx context.Context, text string, joins []int) ([]sanitize.Finding, error) {
	var out []sanitize.Finding
	for _, at := range joins {
		if at <= 0 || at >= len(text) {
			continue
		}
		from, to := windowAround(text, at)
		// A payload cut inside a sentence would read as two blocks where the parts
		// are set apart by blank lines, so those are taken out.
		window, lost := glue(text[from:to], at-from)
		found, err := s.Scan(ctx, normalize.Build(window))
		if err != nil {
			return nil, err
		}
		out = append(out, unglue(found, from, at, lost, joinStart(text, at))...)
	}
	return merge(text, out), nil
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

// joinStart is where the blanks around a join begin.
func joinStart(text string, at int) int {
	for at > 0 && byteKinds[text[at-1]] == blankByte {
		at--
	}
	return at
}

// glue replaces the blanks around a join by one blank and tells how many bytes
// that took away; a join without a line break stays.
func glue(window string, at int) (string, int) {
	a := joinStart(window, at)
	b := at
	for b < len(window) && byteKinds[window[b]] == blankByte {
		b++
	}
	if !strings.Contains(window[a:b], "\n") {
		return window, 0
	}
	return window[:a] + " " + window[b:], b - a - 1
}

// unglue maps findings of a glued window back and keeps those that cross the join.
func unglue(found []sanitize.Finding, from, at, lost, start int) (out []sanitize.Finding) {
	for _, f := range found {
		f.Start += from
		f.End += from
		if f.Start > start {
			f.Start += lost
		}
		if f.End > start {
			f.End += lost
		}
		if f.Start < at && f.End > at {
			out = append(out, f)
		}
	}
	return out
}
