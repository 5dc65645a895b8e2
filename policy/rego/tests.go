package rego

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// TestResult is one of the policy's own tests.
type TestResult struct {
	Package  string        `json:"package"`
	Name     string        `json:"name"`
	File     string        `json:"file"`
	Line     int           `json:"line"`
	Passed   bool          `json:"passed"`
	Skipped  bool          `json:"skipped,omitempty"` // todo_ tests
	Message  string        `json:"message,omitempty"` // why it failed
	Duration time.Duration `json:"duration_ns"`
}

// TestReport is the outcome of a policy's own tests.
type TestReport struct {
	Results []TestResult `json:"results"`
	// Plans is the number of access decisions the tests asked for that were also
	// decided by plan; Disagreements lists those where the two differed.
	Plans         int         `json:"plans"`
	Disagreements Diagnostics `json:"disagreements,omitempty"`
	Notes         Diagnostics `json:"notes,omitempty"`
	// Coverage is the percentage of policy lines the tests evaluated, and
	// Uncovered the lines they did not.
	Coverage  float64    `json:"coverage"`
	Uncovered []LineSpan `json:"uncovered,omitempty"`
}

// LineSpan is a range of lines in a policy file.
type LineSpan struct {
	File string `json:"file"`
	From int    `json:"from"`
	To   int    `json:"to"`
}

// Passed reports whether every test passed in both ways of deciding.
func (r TestReport) Passed() bool {
	return len(r.Disagreements) == 0 && !slices.ContainsFunc(r.Results, func(t TestResult) bool { return !t.Passed && !t.Skipped })
}

// Test runs the policy's own tests: rules named test_…, by OPA's test runner. Each
// access decision that a test asks for, with whatever input, is then decided once
// more by plan, and must come out the same.
func (s *Snapshot) Test(ctx context.Context) (report TestReport, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("testing policy: OPA panicked: %s", panicClass(r))
		}
	}()
	rec := &recorder{inputs: map[string]ast.Value{}, cover: cover.New()}
	// Tests ask whether the policy is right. On a busy machine they take longer than
	// an answer may; a program that does not start for that helps nobody.
	patience := 5 * s.cfg.timeout()
	err = storage.Txn(ctx, s.store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		results, err := tester.NewRunner().SetCompiler(newCompiler()).SetStore(s.store).SetModules(s.modules).
			RaiseBuiltinErrors(true).SetCoverageQueryTracer(rec).SetTimeout(patience).RunTests(ctx, txn)
		if err != nil {
			return err
		}
		for r := range results {
			report.Results = append(report.Results, testResult(r))
		}
		return nil
	})
	if err != nil {
		return report, fmt.Errorf("testing policy: %w", err)
	}
	c := &collector{}
	for _, in := range rec.sorted() {
		s.replay(ctx, in, &report, c)
	}
	for _, d := range c.sorted() {
		if d.Severity == Error {
			report.Disagreements = append(report.Disagreements, d)
		} else {
			report.Notes = append(report.Notes, d)
		}
	}
	s.coverage(rec.cover, &report)
	return report, nil
}

func testResult(r *tester.Result) TestResult {
	out := TestResult{Package: r.Package, Name: r.Name, Skipped: r.Skip, Duration: r.Duration, Passed: r.Pass()}
	if r.Location != nil {
		out.File, out.Line = r.Location.File, r.Location.Row
	}
	switch {
	case r.Error != nil:
		out.Message = r.Error.Error()
	case r.Fail && r.FailedAt != nil && r.FailedAt.Location != nil:
		out.Message = fmt.Sprintf("line %d does not hold: %s", r.FailedAt.Location.Row, strings.TrimSpace(string(r.FailedAt.Location.Text)))
	case r.Fail:
		out.Message = "does not hold"
	}
	return out
}

func (s *Snapshot) coverage(c *cover.Cover, report *TestReport) {
	got := c.Report(withoutTests(s.modules))
	report.Coverage = got.Coverage
	for file, f := range got.Files {
		if isTest(file) {
			continue
		}
		for _, r := range f.NotCovered {
			report.Uncovered = append(report.Uncovered, LineSpan{file, r.Start.Row, r.End.Row})
		}
	}
	slices.SortFunc(report.Uncovered, func(a, b LineSpan) int {
		if n := strings.Compare(a.File, b.File); n != 0 {
			return n
		}
		return a.From - b.From
	})
}

// recorder traces test runs: it measures coverage and keeps each input that the
// access decision was asked with.
type recorder struct {
	mu     sync.Mutex
	inputs map[string]ast.Value
	cover  *cover.Cover
}

func (r *recorder) Enabled() bool               { return true }
func (r *recorder) Config() topdown.TraceConfig { return r.cover.Config() }

func (r *recorder) TraceEvent(e topdown.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cover.TraceEvent(e)
	if e.Op != topdown.IndexOp || e.Ref == nil || e.Input() == nil || !e.Ref.Equal(allowRef) {
		return
	}
	if len(r.inputs) < maxReplays {
		r.inputs[e.Input().Value.String()] = e.Input().Value
	}
}

const maxReplays = 20_000

var allowRef = ast.MustParseRef(accessPath + ".allow")

func (r *recorder) sorted() []ast.Value {
	keys := make([]string, 0, len(r.inputs))
	for k := range r.inputs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]ast.Value, len(keys))
	for i, k := range keys {
		out[i] = r.inputs[k]
	}
	return out
}

// replay decides one recorded input by plan and by full evaluation.
func (s *Snapshot) replay(ctx context.Context, in ast.Value, report *TestReport, c *collector) {
	obj, ok := in.(ast.Object)
	if !ok || obj.Get(termDocument) == nil || obj.Get(termSubject) == nil {
		return // asked without a document or a subject: nothing to plan
	}
	raw, err := ast.JSON(obj.Get(termDocument).Value)
	plain, ok := raw.(map[string]any)
	if err != nil || !ok {
		return
	}
	doc, err := s.cfg.Document.Normalize(plain)
	if err != nil {
		c.add(Warning, nil, "test-document", "give the test a document that fits the schema", "a test's document is not decided by plan: %v", err)
		return
	}
	docValue, err := toValue(doc)
	if err != nil {
		return
	}
	now, known := splitKnown(obj)
	full := ast.NewObject()
	known.Foreach(func(k, v *ast.Term) { full.Insert(k, v) })
	if ctxTerm := obj.Get(termContext); ctxTerm != nil {
		full.Insert(termContext, ctxTerm)
	}
	full.Insert(termDocument, ast.NewTerm(docValue))
	want, errFull := s.evalAllow(ctx, full)
	got, errPlan := s.matchByPlan(ctx, known, now, doc)
	report.Plans++
	switch {
	case errPlan != nil:
		c.add(Error, nil, "test-plan", "", "a test's decision cannot be planned: %v", errPlan)
	case errFull != nil && got:
		c.add(Error, nil, "test-plan", "", "a test's decision fails when evaluated, but its plan releases the document: %v", errFull)
	case errFull == nil && got != want:
		c.add(Error, nil, "test-plan", "", "plan and full evaluation disagree on the input of a test: plan %v, evaluation %v", got, want)
	}
}

// splitKnown separates a recorded input into what a plan knows and the time.
func splitKnown(obj ast.Object) (now int64, known ast.Object) {
	known = ast.NewObject(ast.Item(termSubject, obj.Get(termSubject)))
	ctxTerm := obj.Get(termContext)
	if ctxTerm == nil {
		return 0, known
	}
	ctxObj, ok := ctxTerm.Value.(ast.Object)
	if !ok {
		return 0, known
	}
	rest := ast.NewObject()
	ctxObj.Foreach(func(k, v *ast.Term) {
		if k.Value.Compare(termNow.Value) != 0 {
			rest.Insert(k, v)
			return
		}
		if n, ok := v.Value.(ast.Number); ok {
			i, _ := json.Number(n).Int64()
			now = i
		}
	})
	known.Insert(termContext, ast.NewTerm(rest))
	return now, known
}

func (s *Snapshot) evalAllow(ctx context.Context, input ast.Value) (allowed bool, err error) {
	err = s.guarded(ctx, "evaluating", func(r run) error {
		rs, err := s.allow.Eval(r.opa, r.stop, rego.EvalParsedInput(input))
		allowed = len(rs) == 1 && rs[0].Expressions[0].Value == true
		return classify(err)
	})
	return allowed && err == nil, err
}

func (s *Snapshot) matchByPlan(ctx context.Context, known ast.Value, now int64, doc policy.Attributes) (bool, error) {
	e, _, err := s.residualOf(ctx, known)
	if err != nil {
		return false, err
	}
	return policy.When(e).At(time.Unix(now, 0)).Match(doc), nil
}

// gateTests runs the policy's own tests before it is activated.
func (s *Snapshot) gateTests(ctx context.Context, c *collector) {
	report, err := s.Test(ctx)
	if err != nil {
		c.add(Error, nil, "tests", "", "%v", err)
		return
	}
	for _, r := range report.Results {
		if !r.Passed && !r.Skipped {
			c.list = append(c.list, Diagnostic{Severity: Error, File: r.File, Line: r.Line, Code: "test-failed",
				Message: fmt.Sprintf("%s.%s fails: %s", display(r.Package), r.Name, r.Message)})
		}
	}
	c.list = append(c.list, report.Disagreements...)
	c.list = append(c.list, report.Notes...)
}
