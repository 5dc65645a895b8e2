package injection

import (
	"context"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// joinReach is how many bytes on each side of a join are read.
const joinReach = 400

// ScanJoins scans the places where an assembled text was joined, for payloads
// split over two parts: joins are byte offsets into text, ascending. views
// makes the views of a window (normalize.Build); nil reads it as it stands.
// Only findings that cross a join are returned: the parts themselves have been
// scanned before. It costs about 800 bytes of scanning for each join.
func (s *Scanner) ScanJoins(ctx context.Context, text string, joins []int, views func(string) sanitize.Views) ([]sanitize.Finding, error) {
	if views == nil {
		views = sanitize.Plain
	}
	var out []sanitize.Finding
	for _, at := range joins {
		if at <= 0 || at >= len(text) {
			continue
		}
		from, to := windowAround(text, at)
		found, err := s.Scan(ctx, views(text[from:to]))
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			f.Start += from
			f.End += from
			if f.Start < at && f.End > at {
				out = append(out, f)
			}
		}
		// A payload cut inside a sentence reads as two blocks when the parts are
		// set apart by blank lines: read the window once more without them.
		glued, lost := glue(text[from:to], at-from)
		if lost == 0 {
			continue
		}
		if found, err = s.Scan(ctx, views(glued)); err != nil {
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
// that took away; 0 when there was at most one line break.
func glue(window string, at int) (string, int) {
	a := joinStart(window, at)
	b := at
	for b < len(window) && byteKinds[window[b]] == blankByte {
		b++
	}
	if !strings.Contains(window[a:b], "\n") {
		return "", 0
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
