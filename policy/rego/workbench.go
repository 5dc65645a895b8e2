package rego

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// RuleReport says what became of one rule of the access decision.
type RuleReport struct {
	Name string `json:"name"`
	File string `json:"file"`
	Line int    `json:"line"`
	// Known is true for rules that a plan evaluates outright, because they depend
	// on subject, context and data alone.
	Known bool `json:"known"`
	// Pushed is the condition the rule becomes inside the search, for a sample
	// subject; empty for functions and sets, which show where they are used.
	Pushed string `json:"pushed,omitempty"`
}

// Inspection is what `doorward policy check` prints about a policy that loads.
type Inspection struct {
	Revision policy.Revision `json:"revision"`
	Rules    []RuleReport    `json:"rules"`
	Reads    []string        `json:"reads"` // what plans depend on of subject and context, and so the cache key
	Points   []string        `json:"points"`
	Tests    int             `json:"tests"`
	Cost     Cost            `json:"cost"`
}

// Cost is what planning for the sample subject took.
type Cost struct {
	Alternatives int           `json:"alternatives"` // residual queries
	Conditions   int           `json:"conditions"`   // in the filter
	Values       int           `json:"values"`       // listed in the filter
	Plan         time.Duration `json:"plan_ns"`      // cold
	Check        time.Duration `json:"check_ns"`     // one empty document
}

// sample is the subject that inspections are made for.
func (s *Snapshot) sample() (policy.Subject, policy.Context) {
	words := policyWords(s)
	sub := policy.Subject{ID: "sample-user", Tenant: "sample-tenant", Groups: []string{"group-1", "group-2"},
		Roles: []string{"role-1"}, Clearance: 2, Claims: s.probeClaims([]string{"claim-1"}, 2)}
	c := policy.Context{Now: time.Unix(1_700_000_000, 0), Destination: "internal", Action: "read"}
	if slices.Contains(words, "external") {
		c.Destination = "external"
	}
	return sub, c
}

// Inspect reports, rule by rule, how the policy is pushed into the search.
func (s *Snapshot) Inspect(ctx context.Context) (Inspection, error) {
	out := Inspection{Revision: s.revision, Tests: s.countTests()}
	for _, p := range s.reads.paths {
		out.Reads = append(out.Reads, "input."+strings.Join(p, "."))
	}
	if s.reads.all {
		out.Reads = []string{"input.subject and input.context as a whole"}
	}
	slices.Sort(out.Reads)
	for _, p := range []policy.Point{policy.PointAccess, policy.PointIngest, policy.PointOutput, policy.PointAdmin} {
		if len(s.compiled.GetRulesWithPrefix(ast.MustParseRef("data."+string(p)))) > 0 {
			out.Points = append(out.Points, string(p))
		}
	}
	sub, c := s.sample()
	who, err := s.normalizeSubject(sub)
	if err != nil {
		return out, err
	}
	if out.Rules, err = s.ruleReports(ctx, knownInput(who, c)); err != nil {
		return out, err
	}
	out.Cost, err = s.cost(ctx, who, c)
	return out, err
}

// Words lists the strings that a decision point's rules hold, without those of
// its tests: roles, kinds and the like that tables can be made of.
func (s *Snapshot) Words(p policy.Point) []string {
	set := map[string]bool{}
	for file, m := range s.modules {
		if isTest(file) || m.Package.Path.String() != "data."+string(p) {
			continue
		}
		ast.WalkTerms(m, func(t *ast.Term) bool {
			if word, ok := t.Value.(ast.String); ok {
				set[string(word)] = true
			}
			return false
		})
	}
	return slices.Sorted(maps.Keys(set))
}

func (s *Snapshot) countTests() int {
	n := 0
	for _, m := range s.modules {
		for _, r := range m.Rules {
			if strings.HasPrefix(string(r.Head.Name), "test_") {
				n++
			}
		}
	}
	return n
}

func (s *Snapshot) cost(ctx context.Context, who subject, c policy.Context) (Cost, error) {
	start := time.Now()
	e, pq, err := s.residual(ctx, who, c)
	if err != nil {
		return Cost{}, err
	}
	out := Cost{Alternatives: len(pq.Queries), Plan: time.Since(start)}
	out.Conditions, out.Values = policy.When(e).Size()
	empty, err := s.cfg.Document.Project(nil)
	if err != nil {
		return out, nil // required attributes: no empty document
	}
	start = time.Now()
	_, err = s.Check(ctx, policy.Subject{ID: "sample-user", Tenant: "sample-tenant"}, c, []policy.Attributes{empty})
	out.Check = time.Since(start)
	return out, err
}

func (s *Snapshot) ruleReports(ctx context.Context, known ast.Value) ([]RuleReport, error) {
	var out []RuleReport
	done := map[string]string{}
	for _, r := range s.taint.order {
		if r.Default || r.Location == nil {
			continue
		}
		path := rulePath(r).String()
		rep := RuleReport{Name: display(path), File: r.Location.File, Line: r.Location.Row, Known: !s.taint.unknown[r]}
		if !rep.Known && len(r.Head.Args) == 0 && r.Head.RuleKind() != ast.MultiValue && isTrue(r.Head.Value) {
			pushed, ok := done[path]
			if !ok {
				var err error
				if pushed, err = s.pushedForm(ctx, path, known); err != nil {
					return nil, err
				}
				done[path] = pushed
			}
			rep.Pushed = pushed
		}
		out = append(out, rep)
	}
	slices.SortStableFunc(out, func(a, b RuleReport) int {
		if n := strings.Compare(a.File, b.File); n != 0 {
			return n
		}
		return a.Line - b.Line
	})
	return out, nil
}

func isTrue(t *ast.Term) bool { return t != nil && t.Value.Compare(ast.Boolean(true)) == 0 }

// pushedForm plans one rule on its own.
func (s *Snapshot) pushedForm(ctx context.Context, path string, known ast.Value) (string, error) {
	q, err := rego.New(rego.Query(path+" == true"), rego.Compiler(s.program), rego.Store(s.store),
		rego.StrictBuiltinErrors(true), defineDefined, defineEqual).PrepareForPartial(ctx)
	if err != nil {
		return "", fmt.Errorf("inspecting %s: %w", display(path), err)
	}
	e, _, err := s.residualWith(ctx, q, known)
	if err != nil {
		return "not on its own: " + err.Error(), nil
	}
	return policy.FormatExpr(e), nil
}

// Renderer prints a filter as one store would be asked, for explanations. The
// stores provide them; this package knows none.
type Renderer func(policy.Filter) (string, error)

// PlanReport is what `doorward policy plan` prints.
type PlanReport struct {
	Revision    policy.Revision    `json:"revision"`
	Residual    string             `json:"residual"`
	Filter      string             `json:"filter"`
	Hash        string             `json:"hash"`
	Effect      string             `json:"effect"` // none, all or some
	Conditions  int                `json:"conditions"`
	Values      int                `json:"values"`
	Obligations policy.Obligations `json:"obligations"`
	Stores      map[string]string  `json:"stores,omitempty"` // by renderer
}

// ExplainPlan plans for a subject and shows every form of the result.
func (s *Snapshot) ExplainPlan(ctx context.Context, sub policy.Subject, c policy.Context, stores map[string]Renderer) (PlanReport, error) {
	out := PlanReport{Revision: s.revision, Effect: "none"}
	text, err := s.Residual(ctx, sub, c)
	out.Residual = text
	if err != nil {
		return out, err
	}
	f, duties, err := s.Plan(ctx, sub, c)
	if err != nil {
		return out, err
	}
	out.Filter, out.Hash, out.Obligations = f.String(), f.Hash(), duties
	out.Conditions, out.Values = f.Size()
	effect, _, err := f.Prepare(s.cfg.Document)
	if err != nil {
		return out, err
	}
	out.Effect = [...]string{"none", "all", "some"}[effect]
	for name, render := range stores {
		form, err := render(f)
		if err != nil {
			form = "refused: " + err.Error()
		}
		if out.Stores == nil {
			out.Stores = map[string]string{}
		}
		out.Stores[name] = form
	}
	return out, nil
}

// Corpus yields documents by id with their catalog attributes. It may be ranged
// over more than once.
type Corpus = iter.Seq2[string, policy.Attributes]

// WhoCanSee returns the ids of the subjects who may read a document, by full
// evaluation, in the order given.
func (s *Snapshot) WhoCanSee(ctx context.Context, subjects iter.Seq[policy.Subject], c policy.Context, doc policy.Attributes) ([]string, error) {
	var out []string
	for sub := range subjects {
		d, err := s.Check(ctx, sub, c, []policy.Attributes{doc})
		if err != nil {
			return nil, fmt.Errorf("who can see: subject %s: %w", sub.ID, err)
		}
		if d[0].Allow {
			out = append(out, sub.ID)
		}
	}
	return out, nil
}

// Change is one document that a candidate policy shows to, or hides from, a
// subject.
type Change struct {
	Subject  string `json:"subject"`
	Document string `json:"document"`
	Visible  bool   `json:"visible"` // under the candidate
}

// Impact is the difference two policies make over a corpus.
type Impact struct {
	Old       policy.Revision `json:"old"`
	New       policy.Revision `json:"new"`
	Subjects  int             `json:"subjects"`
	Documents int             `json:"documents"`
	Appear    int             `json:"appear"`            // (subject, document) pairs that become visible
	Vanish    int             `json:"vanish"`            // pairs that become invisible
	Same      int             `json:"same"`              // pairs unchanged
	Opened    int             `json:"opened"`            // documents that become visible to somebody new
	Closed    int             `json:"closed"`            // documents that become invisible to somebody
	Changes   []Change        `json:"changes,omitempty"` // the first MaxChanges of them
	Errors    []string        `json:"errors,omitempty"`  // subjects that only one of the two can be planned for
}

// MaxChanges is how many changes an impact lists; it counts them all.
const MaxChanges = 1000

// Diff compares what two policies let subjects see, over the live documents. It
// goes by plan; each change is then confirmed by full evaluation of both.
func Diff(ctx context.Context, before, after *Snapshot, subjects iter.Seq[policy.Subject], c policy.Context, docs Corpus) (Impact, error) {
	out := Impact{Old: before.revision, New: after.revision}
	opened, closed := map[string]bool{}, map[string]bool{}
	for sub := range subjects {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		out.Subjects++
		was, _, err1 := before.Plan(ctx, sub, c)
		is, _, err2 := after.Plan(ctx, sub, c)
		if (err1 == nil) != (err2 == nil) {
			out.Errors = append(out.Errors, fmt.Sprintf("%s: before: %v; after: %v", sub.ID, err1, err2))
		}
		out.Documents = 0
		for id, doc := range docs {
			out.Documents++
			old, now := was.Match(doc), is.Match(doc)
			if old == now {
				out.Same++
				continue
			}
			if err := confirm(ctx, before, after, sub, c, doc, old, now); err != nil {
				return out, fmt.Errorf("comparing policies: subject %s, document %s: %w", sub.ID, id, err)
			}
			if now {
				out.Appear++
				opened[id] = true
			} else {
				out.Vanish++
				closed[id] = true
			}
			if len(out.Changes) < MaxChanges {
				out.Changes = append(out.Changes, Change{sub.ID, id, now})
			}
		}
	}
	out.Opened, out.Closed = len(opened), len(closed)
	return out, nil
}

func confirm(ctx context.Context, before, after *Snapshot, sub policy.Subject, c policy.Context, doc policy.Attributes, old, now bool) error {
	for s, want := range map[*Snapshot]bool{before: old, after: now} {
		d, err := s.Check(ctx, sub, c, []policy.Attributes{doc})
		if err != nil {
			continue // that policy denies this subject everything; so did its plan
		}
		if d[0].Allow != want {
			return fmt.Errorf("plan and full evaluation of revision %s disagree", s.revision.Hash)
		}
	}
	return nil
}
