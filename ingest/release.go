package ingest

import (
	"context"
	"fmt"
	"slices"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/sanitize"
)

// ReleaseOptions say what a reviewer decided about single findings, by id.
type ReleaseOptions struct {
	// Strip, when not empty, are the findings that are cut out. What policy would
	// hold and is not among them stands. Empty: all that would hold is cut out.
	Strip []string
	// Keep are findings that stand whatever policy would do about them.
	Keep []string
}

// ReleasePlan is what releasing would make of a document.
type ReleasePlan struct {
	Document string       `json:"document"`
	Outcome  Outcome      `json:"outcome"`
	Reasons  []string     `json:"reasons,omitempty"` // why it would be held again
	Chunks   int          `json:"chunks"`
	Edits    []PlannedCut `json:"edits"`
	// Stands counts findings that would stand although policy would hold,
	// rewrite or cut them: letting them stand is an act of its own.
	Stands int `json:"stands"`
	// Text is the text as it would be indexed, with all that is still a finding
	// masked, and cut short after MaxPlanText bytes.
	Text string `json:"text"`
}

// PlannedCut is one change of the text.
type PlannedCut struct {
	Rule   string `json:"rule"`
	Kind   string `json:"kind"`
	Action string `json:"action"`
	Line   int    `json:"line"`
	Length int    `json:"length"` // bytes
	With   string `json:"with"`   // what stands there instead
}

// MaxPlanText bounds the text of a plan, in bytes.
const MaxPlanText = 64 << 10

// PlanRelease says what [Pipeline.ReleaseWith] would do.
func (p *Pipeline) PlanRelease(ctx context.Context, tenant, id string, o ReleaseOptions) (ReleasePlan, error) {
	w, options, err := p.prepareRelease(ctx, tenant, id, o)
	if err != nil {
		return ReleasePlan{}, err
	}
	p.judge(ctx, w, options)
	plan := ReleasePlan{Document: id, Outcome: w.event.Outcome, Reasons: w.event.Reasons, Edits: []PlannedCut{}, Stands: len(options.keep)}
	if w.version == nil || w.read == nil {
		return plan, ctx.Err()
	}
	plan.Chunks = len(w.version.Chunks)
	source, result := newMask(w.read.Text, nil), newMask(w.result.Text, w.result.Remaining)
	for _, e := range w.result.Edits {
		plan.Edits = append(plan.Edits, PlannedCut{Rule: e.Rule, Kind: string(e.Kind), Action: e.Action.String(), Line: source.line(e.Source.Start),
			Length: e.Source.Len(), With: printable(w.result.Text[e.Result.Start:e.Result.End])})
	}
	plan.Text = result.all(MaxPlanText)
	return plan, ctx.Err()
}

// Stands reports how many findings a release would let stand although policy
// would not.
func (p *Pipeline) Stands(ctx context.Context, tenant, id string, o ReleaseOptions) (int, error) {
	if len(o.Strip) == 0 && len(o.Keep) == 0 {
		return 0, nil
	}
	_, options, err := p.prepareRelease(ctx, tenant, id, o)
	return len(options.keep), err
}

// ReleaseWith lets a held document in after review. It may be held again, for
// example when it cannot be extracted. The caller has asked policy, also about
// what is to stand, and audited who and why.
func (p *Pipeline) ReleaseWith(ctx context.Context, tenant, id string, o ReleaseOptions) (Event, error) {
	w, options, err := p.prepareRelease(ctx, tenant, id, o)
	if err != nil {
		return Event{}, err
	}
	p.judge(ctx, w, options)
	if err := ctx.Err(); err != nil {
		return Event{}, err
	}
	return w.event, p.settle(ctx, []*work{w}, options.revision)
}

func (p *Pipeline) prepareRelease(ctx context.Context, tenant, id string, o ReleaseOptions) (*work, judgeOptions, error) {
	if len(o.Strip) == 0 && len(o.Keep) == 0 {
		w, options, err := p.again(ctx, tenant, id, judgeOptions{released: true})
		if err == nil && w.arrival.State != catalog.Held {
			err = fmt.Errorf("releasing: %w: the document is %s", catalog.ErrState, w.arrival.State)
		}
		if err == nil {
			err = stopped(options, w)
		}
		return w, options, err
	}
	l, _, err := p.look(ctx, tenant, id)
	if err != nil {
		return nil, judgeOptions{}, err
	}
	options := l.o
	options.released = true
	if err := stopped(options, l.w); err != nil {
		return nil, options, err
	}
	for _, ids := range [][]string{o.Strip, o.Keep} {
		for _, id := range ids {
			if i := slices.Index(l.ids, id); i < 0 || i >= len(l.found.visible) {
				return nil, options, fmt.Errorf("releasing: %w that can be chosen: %q", ErrFinding, printable(id[:min(len(id), 20)]))
			}
		}
	}
	for i, g := range l.found.visible {
		action := l.actions.For(g)
		acts := action != sanitize.Flag && action != sanitize.Pass
		switch {
		case slices.Contains(o.Strip, l.ids[i]):
			options.strip = append(options.strip, g.Span)
		case acts && slices.Contains(o.Keep, l.ids[i]), action == sanitize.Hold && len(o.Strip) > 0:
			options.keep = append(options.keep, g.Span)
		}
	}
	return l.w, options, nil
}

// stopped: nobody lets in what is contained.
func stopped(o judgeOptions, w *work) error {
	if err := o.contained.Document(origin(w.arrival)); err != nil {
		return fmt.Errorf("releasing: %w: lift the order first", err)
	}
	return nil
}

// reviewRule is the rule under which a reviewer's own cuts are reported.
const reviewRule = "reviewer"

// rewrite applies policy's actions and a reviewer's choices.
func (p *Pipeline) rewrite(ctx context.Context, w *work, o judgeOptions, text string, found []sanitize.Finding, a policy.Attributes, actions sanitize.Actions) (sanitize.Result, error) {
	for _, s := range o.strip {
		found = append(found, sanitize.Finding{Span: s, Rule: reviewRule, Score: 1})
		actions[reviewRule] = sanitize.Strip
	}
	var err error
	w.result, err = p.Sanitizer.Rewrite(ctx, text, found, actions, sanitize.RewriteOptions{Pseudonym: p.pseudonym(w.arrival.Tenant, a), Scanned: true, Keep: o.keep})
	return w.result, err
}
