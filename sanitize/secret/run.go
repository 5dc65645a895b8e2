package secret

import (
	"sort"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// verdict is what the text around a literal says about a rule.
type verdict int

const (
	no   verdict = iota // no match begins here
	yes                 // one does
	more                // it depends on text that has not arrived
)

// run is the state of scanning one text: what was found and what it blocks.
// Offsets are of the text; in a stream, of the part that is kept.
type run struct {
	s *Scanner
	// base is where the text begins in a stream.
	base int
	// done[rule] is where the rule's last match ended: matches of one rule do not
	// overlap. Made at the first match.
	done []int
	// failed[rule] counts attempts that came to nothing. A text that provokes many
	// is read in windows instead of from each hit anew.
	failed []int
	// refused counts values that the rules written by hand did not take.
	refused int
	found   []candidate
}

// hit handles the literal that ends at end in a text that is all there.
func (r *run) hit(text string, literal, end int) {
	for i := range r.s.anchors[literal] {
		a := &r.s.anchors[literal][i]
		start := end - len(a.literal) - a.offset
		if start < 0 || a.check(text, start, true) == no {
			continue
		}
		r.decide(text, a, start, true)
	}
}

// decide settles whether the anchor's rule matches at start.
func (r *run) decide(text string, a *anchor, start int, final bool) verdict {
	if r.done != nil && start < r.done[a.rule] {
		return no
	}
	rule := r.s.rules[a.rule]
	crowded := rule.far && r.failed != nil && r.failed[a.rule] > fewFailures+(r.base+start)/sparse
	var c candidate
	var v verdict
	if crowded {
		c, v = rule.searchFrom(text, start, final)
	} else {
		c, v = rule.match(text, start, final)
	}
	if v == more {
		return v
	}
	if v == yes {
		r.found = append(r.found, c)
	}
	r.note(a.rule, c.match.End, v)
	return v
}

// note remembers how an attempt ended. A match that was refused blocks others
// within it, as with gitleaks; one of the rules written by hand does so only
// where a text is full of them.
func (r *run) note(rule, end int, v verdict) {
	if v == no && r.s.rules[rule].find != nil {
		if r.refused++; r.refused <= fewFailures {
			return
		}
	} else if v == no && end == 0 && !r.s.rules[rule].far {
		return
	}
	if r.done == nil {
		r.done, r.failed = make([]int, len(r.s.rules)), make([]int, len(r.s.rules))
	}
	if v == no {
		r.failed[rule]++
	}
	r.done[rule] = max(r.done[rule], end)
}

// fewFailures is how often a rule with a far look-ahead may fail in one text
// before it is searched for in windows.
const fewFailures = 64

// sparse is how many bytes of text one more failure is allowed for.
const sparse = 512

// release returns, in order, the findings that end by limit, without those that
// say no more than another: inside one of a higher rank, as gitleaks has it for
// its generic rules, or equal to one.
func (r *run) release(limit int) []candidate {
	if len(r.found) == 0 {
		return nil
	}
	sort.Slice(r.found, func(i, j int) bool { return wider(&r.found[i], &r.found[j]) })
	var out, kept []candidate
	var reached [ranks + 1]int // the furthest end so far of findings of a rank or above
	for i := range r.found {
		c := &r.found[i]
		same := i > 0 && r.found[i-1].Span == c.Span && (r.found[i-1].Rule == c.Rule || c.rank < rankGitleaks)
		switch {
		case c.End > limit:
			kept = append(kept, *c)
		case same || c.End <= reached[c.rank+1]:
		default:
			out = append(out, *c)
		}
		for k := rank(0); k <= c.rank; k++ {
			reached[k] = max(reached[k], c.End)
		}
	}
	r.found = kept
	return out
}

// wider orders findings by start, those that cover others first.
func wider(a, b *candidate) bool {
	switch {
	case a.Start != b.Start:
		return a.Start < b.Start
	case a.End != b.End:
		return a.End > b.End
	case a.rank != b.rank:
		return a.rank > b.rank
	}
	return a.Rule < b.Rule
}

// window is the part of text around a match that gitleaks gets to see: the
// match's lines, at most reach bytes to either side. ok is false when it reaches
// past what has arrived.
func window(text string, m sanitize.Span, final bool) (w sanitize.Span, ok bool) {
	const reach = 200
	w = m
	for w.Start > 0 && m.Start-w.Start < reach && text[w.Start-1] != '\n' {
		w.Start--
	}
	for w.End < len(text) && w.End-m.End < reach && text[w.End] != '\n' {
		w.End++
	}
	if w.End == len(text) && w.End-m.End < reach && !final {
		return w, false
	}
	w.Start, w.End = runeStart(text, w.Start), runeStart(text, w.End)
	return w, true
}

// runeStart moves an offset back to the beginning of the rune it is in.
func runeStart(text string, at int) int {
	if at >= len(text) {
		return len(text)
	}
	for back := 0; back < utf8.UTFMax-1 && at > 0 && !utf8.RuneStart(text[at]); back++ {
		at--
	}
	return at
}
