package rego

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// Residual prints what partial evaluation leaves of the access decision for a
// subject, and the filter made of it: for explanations and golden files.
func (s *Snapshot) Residual(ctx context.Context, sub policy.Subject, c policy.Context) (string, error) {
	who, err := s.normalizeSubject(sub)
	if err != nil {
		return "", err
	}
	e, pq, err := s.residual(ctx, who, c)
	if pq == nil {
		return "", err
	}
	text := printResidual(pq)
	if err != nil {
		return text, err
	}
	return text + "filter " + policy.When(e).At(c.Now).String() + "\n", nil
}

// generated matches the suffixes by which OPA tells bindings apart; they carry
// no meaning and differ between runs of other policies.
var generated = regexp.MustCompile(`__local(\d+)__(\d+)?`)

func printResidual(pq *rego.PartialQueries) string {
	var b strings.Builder
	if len(pq.Queries) == 0 {
		b.WriteString("never\n")
	}
	for _, q := range pq.Queries {
		text := q.String()
		if text == "" {
			text = "always"
		}
		b.WriteString("when  " + text + "\n")
	}
	for _, m := range pq.Support {
		for _, r := range m.Rules {
			fmt.Fprintf(&b, "where %s\n", r)
		}
	}
	return generated.ReplaceAllString(b.String(), "x$1")
}

// RuleOutcome is what one definition of a rule came to for one document.
type RuleOutcome struct {
	Rule string `json:"rule"`
	File string `json:"file"`
	Line int    `json:"line"`
	Held bool   `json:"held"`
	// Failed is the line and text of the furthest condition that did not hold.
	FailedLine int    `json:"failed_line,omitempty"`
	FailedText string `json:"failed_text,omitempty"`
}

// Explanation says why a subject may or may not read a document.
type Explanation struct {
	Revision policy.Revision `json:"revision"`
	Allow    bool            `json:"allow"` // by full evaluation
	Plan     bool            `json:"plan"`  // by the search's filter; differs only if something is wrong
	Reason   string          `json:"reason"`
	Rules    []RuleOutcome   `json:"rules"` // in the order they were looked at
}

// Explain evaluates the access decision for one document with every rule looked
// at, and says which held and where the others failed. It names conditions of
// the policy, never values of the document.
func (s *Snapshot) Explain(ctx context.Context, sub policy.Subject, c policy.Context, doc policy.Attributes) (Explanation, error) {
	out := Explanation{Revision: s.revision}
	who, err := s.normalizeSubject(sub)
	if err != nil {
		return out, err
	}
	f, _, err := s.Plan(ctx, sub, c)
	if err != nil {
		return out, err
	}
	out.Plan = f.Match(doc)
	value, err := toValue(doc)
	if err != nil {
		return out, fmt.Errorf("explaining: %w", err)
	}
	tr := &witness{rules: map[uint64]*RuleOutcome{}}
	err = s.guarded(ctx, "explaining", func(r run) error {
		rs, err := s.allow.Eval(r.opa, r.stop, rego.EvalParsedInput(fullInput(who, contextValue(c, true), value)),
			rego.EvalQueryTracer(tr), rego.EvalRuleIndexing(false), rego.EvalEarlyExit(false))
		out.Allow = err == nil && len(rs) == 1 && rs[0].Expressions[0].Value == true
		return classify(err)
	})
	out.Reason = reasonDenied
	if out.Allow {
		out.Reason = reasonAllowed
	}
	if err != nil {
		out.Reason = err.Error()
	}
	out.Rules = tr.outcomes()
	return out, nil
}

// witness records which definitions of rules held, and where the others failed.
type witness struct {
	rules map[uint64]*RuleOutcome // by query
	order []*RuleOutcome
}

func (w *witness) Enabled() bool               { return true }
func (w *witness) Config() topdown.TraceConfig { return topdown.TraceConfig{} }

func (w *witness) TraceEvent(e topdown.Event) {
	switch node := e.Node.(type) {
	case *ast.Rule:
		if node.Default || node.Location == nil {
			return
		}
		switch e.Op {
		case topdown.EnterOp:
			o := &RuleOutcome{Rule: display(rulePath(node).String()), File: node.Location.File, Line: node.Location.Row}
			w.rules[e.QueryID] = o
			w.order = append(w.order, o)
		case topdown.ExitOp:
			if o := w.rules[e.QueryID]; o != nil {
				o.Held = true
			}
		}
	case *ast.Expr:
		if o := w.rules[e.QueryID]; o != nil && e.Op == topdown.FailOp && node.Location != nil && node.Location.Row >= o.FailedLine {
			o.FailedLine, o.FailedText = node.Location.Row, firstLine(string(node.Location.Text))
		}
	}
}

// outcomes joins repeated evaluations of one definition.
func (w *witness) outcomes() []RuleOutcome {
	at := map[string]int{}
	var out []RuleOutcome
	for _, o := range w.order {
		id := fmt.Sprintf("%s:%d:%s", o.File, o.Line, o.Rule)
		i, seen := at[id]
		if !seen {
			at[id] = len(out)
			out = append(out, *o)
			continue
		}
		out[i].Held = out[i].Held || o.Held
	}
	for i := range out {
		if out[i].Held {
			out[i].FailedLine, out[i].FailedText = 0, ""
		}
	}
	return out
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
