package sanitize

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// RewriteOptions are what a single text's rewriting needs besides its actions.
type RewriteOptions struct {
	// Pseudonym makes the keyed pseudonym of a value for Pseudonymise: an HMAC
	// per tenant and access class of at least 96 bits, written in letters and
	// digits. Nil, or an empty answer, redacts instead.
	Pseudonym func(typ string, value []byte) string
	// KeepLast is how many final letters or digits Mask leaves readable; 0 means
	// 4, negative none. A value never keeps more than a third.
	KeepLast int
	// Scanned says that the findings hold all that [Sanitizer.Scan] found in this
	// very text; when none of them changes it, it is not scanned once more.
	Scanned bool
	// Keep are spans that a reviewer lets stand: a finding inside one of them is
	// flagged at most, whatever its action.
	Keep []Span
}

// Edit is one applied change.
type Edit struct {
	Source Span    `json:"source"` // in the text that was given
	Result Span    `json:"result"` // in Result.Text; empty when stripped
	Kind   Kind    `json:"kind"`
	Type   string  `json:"type,omitempty"`
	Rule   string  `json:"rule"` // of the finding that decided the action
	Action Action  `json:"action"`
	Score  float64 `json:"score"`
}

// Result is a rewritten text. Held means that nothing of the text may be used;
// Text is empty then.
type Result struct {
	Text string
	// Edits are in text order and do not overlap.
	Edits []Edit
	// Remaining are findings that policy lets stand (flag, pass), with spans in
	// Text.
	Remaining []Finding
	// Removed counts the findings acted on, by rule.
	Removed map[string]int
	// Held is set when an action is Hold, or when the text still had something
	// to remove after the last pass.
	Held bool
	// HeldBy names the rule that held it; empty when the passes ran out.
	HeldBy string
	// Passes is how often the text was rewritten; 0 when nothing was to be done.
	Passes int
}

// SortFindings sorts by start, longer first, then by kind, type and rule.
func SortFindings(f []Finding) {
	slices.SortFunc(f, func(a, b Finding) int {
		switch {
		case a.Start != b.Start:
			return a.Start - b.Start
		case a.End != b.End:
			return b.End - a.End
		case a.Kind != b.Kind:
			return strings.Compare(string(a.Kind), string(b.Kind))
		case a.Type != b.Type:
			return strings.Compare(a.Type, b.Type)
		}
		return strings.Compare(a.Rule, b.Rule)
	})
}

// Rewrite applies actions to the findings of text and scans the result again,
// until a scan finds nothing that is to be removed outside the replacements
// themselves. Where findings that are acted on overlap, the strictest action is
// taken over their union; findings that stand (flag, pass) widen nothing.
//
// findings are spans of text and may come from elsewhere than [Sanitizer.Scan].
// On an error the result is held.
func (s *Sanitizer) Rewrite(ctx context.Context, text string, findings []Finding, actions Actions, o RewriteOptions) (Result, error) {
	r := rewriter{text: text, actions: actions, options: o, removed: map[string]int{}}
	for _, f := range findings {
		if f.Start < 0 || f.End > len(text) || f.Start > f.End {
			return Result{Held: true}, fmt.Errorf("rewriting: %w: rule %q", ErrSpan, f.Rule)
		}
		f.Span = widen(text, f.Span)
		if !r.add(f, f.Span) {
			return Result{Held: true, HeldBy: f.Rule}, nil
		}
	}
	if o.Scanned && len(r.edits) == 0 {
		r.out = text
		return r.result(nil, 0), nil
	}
	for pass := 1; ; pass++ {
		r.render()
		again, err := s.Scan(ctx, r.out)
		if err != nil {
			return Result{Held: true}, fmt.Errorf("rewriting: scanning the result: %w", err)
		}
		more, heldBy := r.more(again)
		if heldBy != "" {
			return Result{Held: true, HeldBy: heldBy, Passes: pass}, nil
		}
		if !more {
			return r.result(again, pass), nil
		}
		if pass == s.passes {
			return Result{Held: true, Passes: pass}, nil
		}
	}
}

// acts reports whether an action changes the text.
func acts(a Action) bool { return a != Flag && a != Pass }

// edit is a planned change in source coordinates.
type edit struct {
	Span
	by     Finding // whose action it is
	action Action
	with   string // replacement, made by render
	result Span
}

// rewriter holds one text's edits. Everything is kept in source coordinates, so
// that a finding of a later pass simply grows or joins edits and the text is
// rendered from the source again.
type rewriter struct {
	text    string
	actions Actions
	options RewriteOptions
	edits   []edit
	stand   []Finding // given findings that stand, in source coordinates
	removed map[string]int
	out     string
	offsets EditMap
}

// action is what is done about a finding at a source span.
func (r *rewriter) action(f Finding, at Span) Action {
	a := r.actions.For(f)
	if !acts(a) {
		return a
	}
	for _, k := range r.options.Keep {
		if at.Start >= k.Start && at.End <= k.End && at.Len() > 0 {
			return Flag
		}
	}
	return a
}

// add plans a finding at a source span; false means it holds the text.
func (r *rewriter) add(f Finding, at Span) bool {
	a := r.action(f, at)
	switch {
	case a == Hold || a < 0 || a > Pass:
		return false
	case !acts(a):
		f.Span = at
		r.stand = append(r.stand, f)
		return true
	}
	r.removed[f.Rule]++
	if at.Len() > 0 { // an empty span marks something already dropped
		f.Span = at
		r.edits = append(r.edits, edit{Span: at, by: f, action: a})
	}
	return true
}

// more plans what a scan of the rendered text found beyond our own
// replacements. It reports whether anything new is to be removed, or the rule
// that holds the text.
func (r *rewriter) more(again []Finding) (more bool, heldBy string) {
	for _, f := range again {
		at := r.offsets.Source(f.Span)
		a := r.action(f, at)
		if r.ours(f, a) || !acts(a) {
			continue
		}
		if !r.add(f, at) {
			return false, f.Rule
		}
		more = more || f.Len() > 0
	}
	return more, ""
}

// ours reports whether a finding in the rendered text marks only what we put
// there: a placeholder, pseudonym or mask; or words kept on purpose.
func (r *rewriter) ours(f Finding, a Action) bool {
	i := sort.Search(len(r.edits), func(i int) bool { return r.edits[i].result.End > f.Start })
	if i == len(r.edits) {
		return false
	}
	e := r.edits[i]
	if f.Start < e.result.Start || f.End > e.result.End || f.Len() == 0 {
		return false
	}
	return e.action != Neutralise || a >= Neutralise
}

// render merges overlapping edits and writes the text.
func (r *rewriter) render() {
	r.edits = merge(r.edits)
	names := newNames(r.text)
	var b strings.Builder
	b.Grow(len(r.text))
	at := 0
	for i := range r.edits {
		e := &r.edits[i]
		e.with = r.replacement(*e, names)
		limit := len(r.text)
		if i+1 < len(r.edits) {
			limit = r.edits[i+1].Start
		}
		if e.action == Strip {
			e.Span = tidy(r.text, e.Span, at, limit)
		}
		b.WriteString(r.text[at:e.Start])
		e.result.Start = b.Len()
		b.WriteString(e.with)
		e.result.End = b.Len()
		at = e.End
	}
	b.WriteString(r.text[at:])
	r.out = b.String()
	r.offsets = mapOf(r.edits)
}

// merge joins overlapping edits: the strictest action over the union. Edits
// that only touch stay apart, so that two adjacent values keep two numbers.
func merge(edits []edit) []edit {
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].Start < edits[j].Start })
	out := edits[:0]
	for _, e := range edits {
		if n := len(out); n > 0 && e.Start < out[n-1].End {
			last := &out[n-1]
			if stricter(e, *last) {
				last.by, last.action = e.by, e.action
			}
			last.End = max(last.End, e.End)
			continue
		}
		out = append(out, e)
	}
	return out
}

// stricter orders two overlapping edits; the more certain, then the longer
// finding names the placeholder when the actions are the same.
func stricter(a, b edit) bool {
	switch {
	case a.action != b.action:
		return a.action < b.action
	case a.by.Score != b.by.Score:
		return a.by.Score > b.by.Score
	}
	return a.by.Len() > b.by.Len()
}

// result makes the answer after the last scan.
func (r *rewriter) result(last []Finding, passes int) Result {
	res := Result{Text: r.out, Removed: r.removed, Passes: passes, Edits: make([]Edit, len(r.edits))}
	for i, e := range r.edits {
		res.Edits[i] = Edit{Source: e.Span, Result: e.result, Kind: e.by.Kind, Type: e.by.Type,
			Rule: e.by.Rule, Action: e.action, Score: e.by.Score}
	}
	seen := map[Finding]bool{}
	keep := func(f Finding) {
		if !seen[f] {
			seen[f] = true
			res.Remaining = append(res.Remaining, f)
		}
	}
	for _, f := range last {
		if a := r.action(f, r.offsets.Source(f.Span)); !acts(a) && !r.ours(f, a) {
			keep(f)
		}
	}
	for _, f := range r.stand {
		to := r.offsets.Result(f.Span)
		if to.Len() == 0 && f.Len() > 0 || r.ours(Finding{Span: to}, Pass) {
			continue // what it marked is gone
		}
		f.Span = to
		keep(f)
	}
	SortFindings(res.Remaining)
	return res
}

// widen moves a span's ends outwards to rune borders.
func widen(text string, s Span) Span {
	for s.Start > 0 && s.Start < len(text) && !utf8.RuneStart(text[s.Start]) {
		s.Start--
	}
	for s.End > 0 && s.End < len(text) && !utf8.RuneStart(text[s.End]) {
		s.End++
	}
	return s
}
