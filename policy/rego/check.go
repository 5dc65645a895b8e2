package rego

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// Reasons of decisions that are not a rule's.
const (
	reasonAllowed = "allowed"
	reasonDenied  = "denied"
)

// Check fully evaluates doorward.access.allow for each document, with the policy
// as written. A document the evaluation fails on is denied with the class of the
// error as its reason; the others are not affected.
func (s *Snapshot) Check(ctx context.Context, sub policy.Subject, c policy.Context, docs []policy.Attributes) ([]policy.Decision, error) {
	s.counters.checks.Add(int64(len(docs)))
	if c.Now.IsZero() {
		s.counters.failed.Add(1)
		return nil, errors.New("checking: the request has no time")
	}
	who, err := s.normalizeSubject(sub)
	if err != nil {
		s.counters.failed.Add(1)
		return nil, fmt.Errorf("checking: %w", err)
	}
	out := make([]policy.Decision, len(docs))
	now := contextValue(c, true)
	err = s.guarded(ctx, "checking", func(ctx context.Context) error {
		for i, d := range docs {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			out[i] = s.decide(ctx, who, now, d)
		}
		return context.Cause(ctx)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Snapshot) decide(ctx context.Context, who subject, now *ast.Term, d policy.Attributes) policy.Decision {
	doc, err := toValue(d)
	if d == nil || err != nil {
		s.counters.failed.Add(1)
		return policy.Decision{Reason: "attributes not normalised"}
	}
	rs, err := s.allow.Eval(ctx, rego.EvalParsedInput(fullInput(who, now, doc)))
	if err != nil {
		s.counters.failed.Add(1)
		return policy.Decision{Reason: classify(err).Error()}
	}
	if len(rs) == 1 && len(rs[0].Expressions) == 1 && rs[0].Expressions[0].Value == true {
		return policy.Decision{Allow: true, Reason: reasonAllowed}
	}
	return policy.Decision{Reason: reasonDenied}
}
