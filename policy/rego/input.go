package rego

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// Terms that every input repeats.
var (
	termSubject  = ast.StringTerm("subject")
	termContext  = ast.StringTerm("context")
	termDocument = ast.StringTerm("document")
	termNow      = ast.StringTerm("now")
)

// maxSubjectSet bounds groups and roles: plans grow with them.
const maxSubjectSet = 10_000

// subject is a subject brought into the form policies read.
type subject struct {
	value ast.Value      // input.subject
	plain map[string]any // the same, for the cache key
}

// normalizeSubject checks the subject and its claims. A subject without an id
// or a tenant is refused: "" would equal an empty owner.
func (s *Snapshot) normalizeSubject(sub policy.Subject) (subject, error) {
	if sub.ID == "" || sub.Tenant == "" {
		return subject{}, fmt.Errorf("%w: id and tenant are required", policy.ErrSubject)
	}
	if len(sub.Groups) > maxSubjectSet || len(sub.Roles) > maxSubjectSet {
		return subject{}, fmt.Errorf("%w: more than %d groups or roles", policy.ErrSubject, maxSubjectSet)
	}
	if sub.Clearance > policy.MaxInteger || sub.Clearance < -policy.MaxInteger {
		return subject{}, fmt.Errorf("%w: clearance beyond ±2^53", policy.ErrSubject)
	}
	claims, err := s.cfg.Claims.Project(sub.Claims)
	if err != nil {
		if a, ok := policy.IsAttributeError(err); ok {
			return subject{}, fmt.Errorf("%w: claim %s: expected %s, found %s", policy.ErrSubject, a.Path, a.Expect, a.Found)
		}
		return subject{}, fmt.Errorf("%w: %w", policy.ErrSubject, err)
	}
	authn := map[string]any{
		"backend": sub.Authn.Backend, "issuer": sub.Authn.Issuer, "acr": sub.Authn.ACR, "amr": stringSet(sub.Authn.AMR),
	}
	if !sub.Authn.At.IsZero() {
		authn["at"] = sub.Authn.At.Unix()
	}
	if !sub.Authn.Issued.IsZero() {
		authn["issued"] = sub.Authn.Issued.Unix()
	}
	plain := map[string]any{
		"id": sub.ID, "tenant": sub.Tenant, "groups": stringSet(sub.Groups), "roles": stringSet(sub.Roles),
		"clearance": sub.Clearance, "claims": map[string]any(claims), "authn": authn,
	}
	v, err := toValue(plain)
	if err != nil {
		return subject{}, fmt.Errorf("%w: %w", policy.ErrSubject, err)
	}
	return subject{value: v, plain: plain}, nil
}

func stringSet(in []string) []any {
	sorted := in
	if !slices.IsSorted(in) {
		sorted = slices.Clone(in)
		slices.Sort(sorted)
	}
	out := make([]any, 0, len(sorted))
	for i, x := range sorted {
		if i == 0 || x != sorted[i-1] {
			out = append(out, x)
		}
	}
	return out
}

// plainContext is input.context without the time.
func plainContext(c policy.Context) map[string]any {
	action := c.Action
	if action == "" {
		action = "read"
	}
	return map[string]any{"purpose": c.Purpose, "destination": c.Destination, "action": action}
}

// contextValue is input.context; the time is left out when it is unknown.
func contextValue(c policy.Context, withNow bool) *ast.Term {
	plain := plainContext(c)
	pairs := make([][2]*ast.Term, 0, 4)
	for _, k := range [...]string{"action", "destination", "purpose"} {
		pairs = append(pairs, ast.Item(ast.StringTerm(k), ast.StringTerm(plain[k].(string))))
	}
	if withNow {
		pairs = append(pairs, ast.Item(termNow, intTerm(c.Now.Unix())))
	}
	return ast.ObjectTerm(pairs...)
}

// knownInput is what a plan knows: subject, and context without the time.
func knownInput(sub subject, c policy.Context) ast.Value {
	return ast.NewObject(ast.Item(termSubject, ast.NewTerm(sub.value)), ast.Item(termContext, contextValue(c, false)))
}

// fullInput is what a check of one document sees.
func fullInput(sub subject, ctx *ast.Term, doc ast.Value) ast.Value {
	return ast.NewObject(ast.Item(termSubject, ast.NewTerm(sub.value)), ast.Item(termContext, ctx), ast.Item(termDocument, ast.NewTerm(doc)))
}

func intTerm(n int64) *ast.Term { return ast.NewTerm(intValue(n)) }

// toValue converts normalised values without a detour through JSON.
func toValue(v any) (ast.Value, error) {
	switch x := v.(type) {
	case string:
		return ast.String(x), nil
	case bool:
		return ast.Boolean(x), nil
	case int64:
		return intValue(x), nil
	case int:
		return intValue(int64(x)), nil
	case float64: // measures, as JSON writes them
		raw, err := json.Marshal(x)
		if err != nil {
			return nil, errors.New("a number is not finite")
		}
		return ast.Number(raw), nil
	case []any:
		terms := make([]*ast.Term, len(x))
		for i, e := range x {
			ev, err := toValue(e)
			if err != nil {
				return nil, err
			}
			terms[i] = ast.NewTerm(ev)
		}
		return ast.NewArray(terms...), nil
	case policy.Attributes:
		return toValue(map[string]any(x))
	case map[string]any:
		pairs := make([][2]*ast.Term, 0, len(x))
		for k, e := range x {
			ev, err := toValue(e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", k, err)
			}
			pairs = append(pairs, ast.Item(ast.StringTerm(k), ast.NewTerm(ev)))
		}
		return ast.NewObject(pairs...), nil
	case time.Time:
		return intValue(x.Unix()), nil
	}
	return nil, fmt.Errorf("%T is not a normalised value", v)
}

func intValue(n int64) ast.Value { return ast.Number(strconv.FormatInt(n, 10)) }
