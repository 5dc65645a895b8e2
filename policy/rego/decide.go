package rego

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// Decide asks doorward.ingest, doorward.output or doorward.admin. An answer of
// another shape than the point's is an error, and the verdict zero.
func (s *Snapshot) Decide(ctx context.Context, p policy.Point, in policy.Input) (policy.Verdict, error) {
	q, ok := s.points[p]
	if !ok {
		return policy.Verdict{}, fmt.Errorf("deciding: %q is not a decision point", p)
	}
	input, err := inputValue(in)
	if err != nil {
		s.counters.failed.Add(1)
		return policy.Verdict{}, fmt.Errorf("deciding %s: %w", p, err)
	}
	var rs rego.ResultSet
	err = s.guarded(ctx, "deciding "+string(p), func(r run) (err error) {
		rs, err = q.Eval(r.opa, r.stop, rego.EvalParsedInput(input))
		return classify(err)
	})
	if err != nil {
		return policy.Verdict{}, err
	}
	if len(rs) == 0 { // the policy does not have the package
		return policy.Verdict{}, nil
	}
	answer, ok := rs[0].Expressions[0].Value.(map[string]any)
	if !ok {
		return policy.Verdict{}, fmt.Errorf("deciding %s: the package has no rules", p)
	}
	v, err := readVerdict(p, answer)
	if err != nil {
		s.counters.failed.Add(1)
		return policy.Verdict{}, fmt.Errorf("deciding %s: %w", p, err)
	}
	return v, nil
}

// inputValue converts what callers give: normalised values, policy types, and
// anything that marshals to JSON.
func inputValue(in policy.Input) (ast.Value, error) {
	if v, err := toValue(map[string]any(in)); err == nil {
		return v, nil
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("the input is not JSON: %T", err)
	}
	v, err := ast.ValueFromReader(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("the input is not JSON: %T", err)
	}
	return v, nil
}

func readVerdict(p policy.Point, answer map[string]any) (policy.Verdict, error) {
	var v policy.Verdict
	switch p {
	case policy.PointAdmin:
		allow, given := answer["allow"]
		b, ok := allow.(bool)
		if given && !ok {
			return v, fmt.Errorf("allow must be true or false")
		}
		v.Allow = b
	case policy.PointIngest:
		outcome, err := readOutcome(answer["verdict"])
		if err != nil {
			return v, err
		}
		v.Outcome = outcome
		embed, given := answer["embed"]
		b, ok := embed.(bool)
		if given && !ok {
			return policy.Verdict{}, fmt.Errorf("embed must be true or false")
		}
		v.Embed = b
		protect, given := answer["protect"]
		b, ok = protect.(bool)
		if given && !ok {
			return policy.Verdict{}, fmt.Errorf("protect must be true or false")
		}
		v.Protect = b
		contain, given := answer["contain"]
		b, ok = contain.(bool)
		if given && !ok {
			return policy.Verdict{}, fmt.Errorf("contain must be true or false")
		}
		v.Contain = b
	}
	if p != policy.PointAdmin {
		actions, err := readActions(answer["actions"])
		if err != nil {
			return policy.Verdict{}, err
		}
		v.Actions = actions
	}
	reasons, err := readStrings("reasons", answer["reasons"])
	if err != nil {
		return policy.Verdict{}, err
	}
	v.Reasons = reasons
	return v, nil
}

func readOutcome(raw any) (policy.Outcome, error) {
	if raw == nil {
		return policy.Quarantine, nil
	}
	word, _ := raw.(string)
	for _, o := range [...]policy.Outcome{policy.Index, policy.Quarantine, policy.Reject} {
		if o.String() == word {
			return o, nil
		}
	}
	return policy.Quarantine, fmt.Errorf("verdict must be index, quarantine or reject")
}

// actionWords are those of package sanitize; a policy that answers another word
// is mistaken, and its mistake must show.
var actionWords = []string{"hold", "quarantine", "stop", "withhold", "strip", "redact", "pseudonymise", "mask", "neutralise", "flag", "pass"}

func readActions(raw any) (map[string]string, error) {
	if raw == nil {
		return nil, nil
	}
	obj, ok := raw.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("actions must be an object from kind, type or rule to an action")
	}
	out := make(map[string]string, len(obj))
	for _, k := range slices.Sorted(maps.Keys(obj)) {
		word, ok := obj[k].(string)
		if !ok || !slices.Contains(actionWords, word) {
			return nil, fmt.Errorf("actions: the action for %q must be one of %v", k, actionWords)
		}
		out[k] = word
	}
	return out, nil
}

func readStrings(what string, raw any) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	list, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%s must be a set or array of strings", what)
	}
	out := make([]string, 0, len(list))
	for _, x := range list {
		s, ok := x.(string)
		if !ok {
			return nil, fmt.Errorf("%s must be a set or array of strings", what)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return out, nil
}

// readObligations reads what a plan comes with. Unknown names pass to the
// caller; known ones must have their type.
func readObligations(raw any) (policy.Obligations, error) {
	obj, ok := raw.(map[string]any)
	if !ok {
		return policy.Obligations{}, fmt.Errorf("obligations must be an object")
	}
	var out policy.Obligations
	for k, v := range obj {
		switch k {
		case "max_passages":
			n, ok := v.(json.Number)
			i, err := n.Int64()
			if !ok || err != nil || i < 0 || i > 1<<20 {
				return policy.Obligations{}, fmt.Errorf("obligations: max_passages must be a whole number from 0")
			}
			out.MaxPassages = int(i)
		case "limits":
			l, err := readLimits(v)
			if err != nil {
				return policy.Obligations{}, err
			}
			out.Quota = l
		case "mask":
			list, err := readStrings("obligations: mask", v)
			if err != nil {
				return policy.Obligations{}, err
			}
			out.Mask = list
		case "require_mfa":
			b, ok := v.(bool)
			if !ok {
				return policy.Obligations{}, fmt.Errorf("obligations: require_mfa must be true or false")
			}
			out.RequireMFA = b
		default:
			if out.Extra == nil {
				out.Extra = map[string]any{}
			}
			out.Extra[k] = v
		}
	}
	return out, nil
}

// readLimits reads the limits of one user; names are exact, so that a misspelt
// one does not leave a user unbounded.
func readLimits(raw any) (policy.Quota, error) {
	obj, ok := raw.(map[string]any)
	if !ok {
		return policy.Quota{}, fmt.Errorf("obligations: limits must be an object")
	}
	var l policy.Quota
	fields := map[string]*int{"requests_per_minute": &l.Requests, "passages_per_minute": &l.Passages, "tokens_per_minute": &l.Tokens, "concurrent": &l.Concurrent, "coverage": &l.Coverage}
	for name, v := range obj {
		field, known := fields[name]
		n, isNumber := v.(json.Number)
		i, err := n.Int64()
		if !known || !isNumber || err != nil || i < 1 || i > 1<<30 {
			return policy.Quota{}, fmt.Errorf("obligations: limits may hold requests_per_minute, passages_per_minute, tokens_per_minute, concurrent and coverage, each a whole number from 1")
		}
		*field = int(i)
	}
	return l, nil
}
