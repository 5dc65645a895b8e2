package auth

import (
	"context"
	"maps"
	"slices"

	"github.com/doorward/doorward/policy"
)

// Within intersects what a policy lets a user do with what the backend that the
// request came through was registered for. It is done here, in Go and for every
// flow alike, and left to no policy: a mistake in Rego cannot give a backend more
// than its registration.
func Within(source policy.Source, backends *Backends, schema policy.Schema) policy.Source {
	return within{source, backends, schema}
}

type within struct {
	policy.Source
	backends *Backends
	schema   policy.Schema
}

func (w within) Snapshot() (policy.Snapshot, error) {
	s, err := w.Source.Snapshot()
	if err != nil {
		return nil, err
	}
	return scoped{s, w}, nil
}

// scoped is a snapshot of a policy within the register as it is when asked.
type scoped struct {
	inner policy.Snapshot
	within
}

// Decide implements [policy.Snapshot].
func (s scoped) Decide(ctx context.Context, p policy.Point, in policy.Input) (policy.Verdict, error) {
	return s.inner.Decide(ctx, p, in)
}

// Revision implements [policy.Snapshot].
func (s scoped) Revision() policy.Revision { return s.inner.Revision() }

// bounds are the documents a backend is confined to, nil for all, and the most
// passages it gets.
func (s scoped) bounds(sub policy.Subject) (policy.Expr, int, error) {
	b, ok, err := s.backends.byID(sub.Authn.Backend)
	if err != nil || !ok {
		return nil, 0, err // a local command's user comes through no backend
	}
	return b.documents(s.schema), b.MaxPassages, nil
}

// Plan implements [policy.Snapshot].
func (s scoped) Plan(ctx context.Context, sub policy.Subject, c policy.Context) (policy.Filter, policy.Obligations, error) {
	only, most, err := s.bounds(sub)
	if err != nil {
		return policy.Filter{}, policy.Obligations{}, err
	}
	f, o, err := s.inner.Plan(ctx, sub, c)
	if err != nil {
		return f, o, err
	}
	if most > 0 && (o.MaxPassages == 0 || most < o.MaxPassages) {
		o.MaxPassages = most
	}
	if only != nil {
		f = f.And(only)
	}
	return f, o, nil
}

// Check implements [policy.Snapshot].
func (s scoped) Check(ctx context.Context, sub policy.Subject, c policy.Context, docs []policy.Attributes) ([]policy.Decision, error) {
	only, _, err := s.bounds(sub)
	if err != nil {
		return nil, err
	}
	decisions, err := s.inner.Check(ctx, sub, c, docs)
	if err != nil || only == nil || len(decisions) != len(docs) {
		return decisions, err
	}
	f := policy.When(only)
	out := slices.Clone(decisions)
	for i := range out {
		if out[i].Allow && !f.Match(docs[i]) {
			out[i] = policy.Decision{Reason: "backend"}
		}
	}
	return out, nil
}

// documents is the condition of Only; nil is none.
func (b Backend) documents(schema policy.Schema) policy.Expr {
	var all policy.And
	for _, name := range slices.Sorted(maps.Keys(b.Only)) {
		values := make([]any, len(b.Only[name]))
		for i, v := range b.Only[name] {
			values[i] = v
		}
		switch a, ok := schema[name]; {
		case ok && a.Kind == policy.String:
			all = append(all, policy.In{Path: name, Values: values})
		case ok && a.Kind == policy.StringSet:
			all = append(all, policy.Any{Path: name, X: policy.In{Values: values}})
		default:
			return policy.Bool(false) // an attribute that is not declared: no document carries it
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}
