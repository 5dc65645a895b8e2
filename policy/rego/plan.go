package rego

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// unknowns are what a plan does not know. The time is one of them, so that a
// cached plan can never carry a stale embargo.
var unknowns = []*ast.Term{ast.NewTerm(documentRef), ast.NewTerm(nowRef)}

// Plan partially evaluates doorward.access for the subject and returns the
// filter, with the request's time bound, and the obligations.
func (s *Snapshot) Plan(ctx context.Context, sub policy.Subject, c policy.Context) (policy.Filter, policy.Obligations, error) {
	s.counters.plans.Add(1)
	if c.Now.IsZero() {
		s.counters.failed.Add(1)
		return policy.Filter{}, policy.Obligations{}, errors.New("planning: the request has no time")
	}
	who, err := s.normalizeSubject(sub)
	if err != nil {
		s.counters.failed.Add(1)
		return policy.Filter{}, policy.Obligations{}, fmt.Errorf("planning: %w", err)
	}
	filter, err := s.plans.get(ctx, s.reads.key(who, c), func(ctx context.Context) (policy.Filter, error) {
		return s.planFilter(ctx, who, c)
	}, &s.counters.cached)
	if err != nil {
		return policy.Filter{}, policy.Obligations{}, fmt.Errorf("planning: %w", err)
	}
	duties, err := s.askObligations(ctx, who, c)
	if err != nil {
		return policy.Filter{}, policy.Obligations{}, fmt.Errorf("planning: %w", err)
	}
	return filter.At(c.Now), duties, nil
}

// planFilter makes the filter without the time.
func (s *Snapshot) planFilter(ctx context.Context, who subject, c policy.Context) (policy.Filter, error) {
	e, _, err := s.residual(ctx, who, c)
	if err != nil {
		return policy.Filter{}, err
	}
	f := policy.When(e)
	if err := s.cfg.Limits.Check(f); err != nil {
		return policy.Filter{}, err
	}
	if e != policy.Expr(policy.Bool(false)) && f.At(instantForGate).DeniesAll() {
		return policy.Filter{}, fmt.Errorf("%w: the filter is malformed", policy.ErrNotPushable)
	}
	if _, _, err := f.At(instantForGate).Prepare(s.cfg.Document); err != nil {
		return policy.Filter{}, err
	}
	return f, nil
}

// residual partially evaluates and translates.
func (s *Snapshot) residual(ctx context.Context, who subject, c policy.Context) (e policy.Expr, pq *rego.PartialQueries, err error) {
	return s.residualOf(ctx, knownInput(who, c))
}

func (s *Snapshot) residualOf(ctx context.Context, known ast.Value) (policy.Expr, *rego.PartialQueries, error) {
	return s.residualWith(ctx, s.partial, known)
}

func (s *Snapshot) residualWith(ctx context.Context, query rego.PreparedPartialQuery, known ast.Value) (e policy.Expr, pq *rego.PartialQueries, err error) {
	err = s.guarded(ctx, "partial evaluation", func(r run) error {
		pq, err = query.Partial(r.opa, r.stop, rego.EvalParsedInput(known), rego.EvalParsedUnknowns(unknowns))
		return classify(err)
	})
	if err != nil {
		return never, nil, err
	}
	if n := len(pq.Queries); n > maxQueries {
		return never, pq, fmt.Errorf("%w: the plan has %d alternatives, more than %d; iterate the document's collection first", policy.ErrNotPushable, n, maxQueries)
	}
	t := &translator{schema: s.cfg.Document, input: known, resolve: s.resolver(ctx, known),
		isSet: func(r ast.Ref) bool { return isPartialSet(s.program, r) }}
	err = s.guarded(ctx, "translation", func(run) error {
		e, err = t.translate(pq)
		return err
	})
	if err != nil {
		return never, pq, err
	}
	return e, pq, nil
}

const maxQueries = 5000

// classify keeps OPA's evaluation errors from carrying input into logs: only
// their class and place are kept.
func classify(err error) error {
	if err == nil {
		return nil
	}
	return &EvalError{Class: errorClass(err), At: errorPlace(err)}
}

// askObligations evaluates doorward.access.obligations, if there are any.
func (s *Snapshot) askObligations(ctx context.Context, who subject, c policy.Context) (policy.Obligations, error) {
	if s.obligations == nil {
		return policy.Obligations{}, nil
	}
	in := ast.NewObject(ast.Item(termSubject, ast.NewTerm(who.value)), ast.Item(termContext, contextValue(c, true)))
	var rs rego.ResultSet
	err := s.guarded(ctx, "obligations", func(r run) (err error) {
		rs, err = s.obligations.Eval(r.opa, r.stop, rego.EvalParsedInput(in))
		return classify(err)
	})
	if err != nil {
		return policy.Obligations{}, err
	}
	if len(rs) == 0 {
		return policy.Obligations{}, nil
	}
	return readObligations(rs[0].Expressions[0].Value)
}
