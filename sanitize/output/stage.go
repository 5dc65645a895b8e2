package output

import (
	"cmp"
	"slices"

	"github.com/doorward/doorward/sanitize"
)

// maxHeld is the most bytes a stage holds back while a scanner says they could
// still match. Past it the stream is stopped: an answer does not hold a secret
// of a mebibyte, so this bounds memory against a model that tries.
const maxHeld = 1 << 20

// RuleOverflow is the rule counted when a stream is stopped for maxHeld.
const RuleOverflow = "held-too-long"

// stage rewrites a stream of text by the findings of its scanners. It passes a
// byte on only when every scanner has declared it safe, and never a byte of a
// match whose action withholds it.
type stage struct {
	streams []sanitize.Stream
	held    []byte // text not passed on, after its first head bytes
	head    int
	base    int                // stream offset of held[head]
	found   []sanitize.Finding // not yet applied, sorted by start
	flagged []sanitize.Finding // to be counted once the text they start in is passed
	report  *tally
	rewrite *rewriter
	// exempt says that a match is the user's own text; nil exempts nothing.
	exempt func(f sanitize.Finding, text []byte) bool

	lastEnd  int    // stream offset where the last replacement ended
	lastMark string // and what it was
	stopped  bool
}

func newStage(streams []sanitize.Stream, r *rewriter, t *tally) *stage {
	return &stage{streams: streams, report: t, rewrite: r, lastEnd: -1}
}

// write takes the next bytes and appends to out what may be passed on.
func (s *stage) write(out, p []byte) []byte {
	if s.stopped || len(p) == 0 {
		return out
	}
	s.held = append(s.held, p...)
	limit := s.end()
	for _, stream := range s.streams {
		safe, found := stream.Write(p)
		s.found = append(s.found, found...)
		limit = min(limit, safe)
	}
	return s.apply(out, limit)
}

// close ends the stage.
func (s *stage) close(out []byte) []byte {
	if s.stopped {
		return out
	}
	for _, stream := range s.streams {
		s.found = append(s.found, stream.Close()...)
	}
	return s.apply(out, s.end())
}

// end is the stream offset after the last byte written.
func (s *stage) end() int { return s.base + len(s.held) - s.head }

// text is the held text between two stream offsets.
func (s *stage) text(start, end int) []byte {
	return s.held[s.head+start-s.base : s.head+end-s.base]
}

// apply passes on the text before limit, rewritten. A group of overlapping
// matches waits until no further match can join it.
func (s *stage) apply(out []byte, limit int) []byte {
	s.tidy()
	for len(s.found) > 0 && s.found[0].Start < limit {
		n, end, strictest := s.group()
		if end > limit {
			limit = s.found[0].Start
			break
		}
		out = s.pass(out, s.found[0].Start)
		f := s.found[strictest]
		f.End = end
		action := s.rewrite.actions.For(f)
		if action == sanitize.Hold {
			s.stop(s.found[:n]...)
			return out
		}
		for _, f := range s.found[:n] {
			s.report.count(f.Rule)
		}
		s.report.acted(action)
		mark := s.rewrite.mark(f, action, s.text(s.found[0].Start, end))
		if s.lastEnd != s.found[0].Start || s.lastMark != mark {
			out = append(out, mark...)
		}
		s.lastEnd, s.lastMark = end, mark
		s.drop(end)
		s.found = s.found[n:]
	}
	out = s.pass(out, limit)
	if s.head > 0 {
		s.held = s.held[:copy(s.held, s.held[s.head:])]
		s.head = 0
	}
	if len(s.held) > maxHeld {
		s.stop(sanitize.Finding{Rule: RuleOverflow})
	}
	return out
}

// stop ends the stage for these matches and forgets what it held.
func (s *stage) stop(because ...sanitize.Finding) {
	s.report.stop(because)
	s.stopped = true
	s.held, s.head, s.found = nil, 0, nil
}

// failure is the error of a scanner that could not do its work. Nothing may be
// released then.
func (s *stage) failure() error {
	for _, stream := range s.streams {
		if f, ok := stream.(interface{ failed() error }); ok && f.failed() != nil {
			return f.failed()
		}
	}
	return nil
}

// tidy drops findings that don't change the text, setting aside those to be
// counted, and sorts the rest.
func (s *stage) tidy() {
	if len(s.found) == 0 {
		return
	}
	s.found = slices.DeleteFunc(s.found, func(f sanitize.Finding) bool {
		start, end := max(f.Start, s.base), min(f.End, s.end())
		if end <= start {
			return true // empty, or nothing of it is held any more
		}
		if s.exempt != nil && s.exempt(f, s.text(start, end)) {
			return true
		}
		switch s.rewrite.actions.For(f) {
		case sanitize.Pass:
			return true
		case sanitize.Flag:
			s.flagged = append(s.flagged, f)
			return true
		}
		return false
	})
	for i, f := range s.found {
		s.found[i].Start, s.found[i].End = max(f.Start, s.base), min(f.End, s.end())
	}
	slices.SortStableFunc(s.found, func(a, b sanitize.Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(a.Rule, b.Rule))
	})
}

// group returns how many of the first findings overlap, where the last of them
// ends, and which has the strictest action.
func (s *stage) group() (n, end, strictest int) {
	end = s.found[0].End
	n = 1
	for n < len(s.found) && s.found[n].Start < end {
		end = max(end, s.found[n].End)
		if s.rewrite.actions.For(s.found[n]) < s.rewrite.actions.For(s.found[strictest]) {
			strictest = n
		}
		n++
	}
	return n, end, strictest
}

// pass moves held text before the offset to out.
func (s *stage) pass(out []byte, before int) []byte {
	if before <= s.base {
		return out
	}
	out = append(out, s.text(s.base, before)...)
	s.drop(before)
	return out
}

// drop forgets held text before the offset.
func (s *stage) drop(before int) {
	s.flagged = slices.DeleteFunc(s.flagged, func(f sanitize.Finding) bool {
		if f.Start >= before {
			return false
		}
		s.report.count(f.Rule)
		s.report.acted(sanitize.Flag)
		return true
	})
	s.head += before - s.base
	s.base = before
}
