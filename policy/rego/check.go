package rego

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
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
	err = s.guarded(ctx, "checking", func(r run) error {
		txn, err := s.store.NewTransaction(r.opa) // one view of the data for all documents
		if err != nil {
			return fmt.Errorf("opening policy data: %w", err)
		}
		defer s.store.Abort(r.opa, txn)
		for i, d := range docs {
			if err := context.Cause(r.caller); err != nil {
				return err
			}
			out[i] = s.decide(r, txn, who, now, d)
		}
		return context.Cause(r.caller)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Snapshot) decide(r run, txn storage.Transaction, who subject, now *ast.Term, d policy.Attributes) policy.Decision {
	if d == nil || !normalised(map[string]any(d)) {
		s.counters.failed.Add(1)
		return policy.Decision{Reason: "attributes not normalised"}
	}
	// The lazy object converts what the policy reads of the document, and
	// nothing else; the other two are values already.
	input := ast.LazyObject(map[string]any{"subject": who.value, "context": now.Value, "document": map[string]any(d)})
	rs, err := s.allow.Eval(r.opa, rego.EvalParsedInput(input), rego.EvalTransaction(txn), r.stop)
	if err != nil {
		s.counters.failed.Add(1)
		return policy.Decision{Reason: classify(err).Error()}
	}
	if len(rs) == 1 && len(rs[0].Expressions) == 1 && rs[0].Expressions[0].Value == true {
		return policy.Decision{Allow: true, Reason: reasonAllowed}
	}
	return policy.Decision{Reason: reasonDenied}
}

// normalised reports whether v holds only what [policy.Schema.Normalize] makes.
func normalised(v any) bool {
	switch x := v.(type) {
	case string, int64, bool:
		return true
	case []any:
		for _, e := range x {
			if !normalised(e) {
				return false
			}
		}
		return x != nil
	case map[string]any:
		for _, e := range x {
			if !normalised(e) {
				return false
			}
		}
		return x != nil
	}
	return false
}
