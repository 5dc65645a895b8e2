package rego

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// probe plans for made-up subjects, so that what cannot be pushed shows when the
// policy loads: one with nothing, one with one of everything, one that carries
// every string the policy mentions. Conditions that no probe meets are still
// denied when a real subject meets them.
func (s *Snapshot) probe(ctx context.Context, c *collector) {
	words := policyWords(s)
	for _, p := range s.probes(words) {
		who, err := s.normalizeSubject(p.subject)
		if err != nil {
			c.add(Error, nil, "probe", "", "planning for a probe subject: %v", err)
			return
		}
		if _, err := s.planFilter(ctx, who, p.context); err != nil {
			s.reportProbe(c, err)
		}
	}
}

func (s *Snapshot) reportProbe(c *collector, err error) {
	var u *unpushable
	if errors.As(err, &u) {
		c.add(Error, u.loc, "not-pushable", u.instead, "%s", u.message)
		return
	}
	c.add(Error, nil, "not-pushable", "", "%v", err)
}

type probeSubject struct {
	subject policy.Subject
	context policy.Context
}

// At most so many strings are taken from a policy for probes, and so many of
// them get a probe of their own.
const maxProbeWords, maxWordProbes = 200, 30

func (s *Snapshot) probes(words []string) []probeSubject {
	plain := policy.Context{Purpose: "p", Destination: "internal", Action: "read"}
	one := []string{"probe-1"}
	out := []probeSubject{
		{policy.Subject{ID: "probe", Tenant: "probe"}, plain},
		{policy.Subject{ID: "probe", Tenant: "probe", Groups: one, Roles: one, Clearance: 1, Claims: s.probeClaims(one, 1)}, plain},
	}
	all := policy.Subject{ID: "probe", Tenant: "probe", Groups: words, Roles: words, Clearance: 1 << 40, Claims: s.probeClaims(words, 1<<40)}
	all.Authn.AMR = words
	all.Authn.ACR = "probe"
	out = append(out, probeSubject{all, plain})
	for _, w := range words[:min(len(words), maxWordProbes)] {
		sub := all
		sub.ID, sub.Tenant = w, w
		sub.Claims = s.probeClaims(append([]string{w}, words...), 0)
		out = append(out, probeSubject{sub, policy.Context{Purpose: w, Destination: w, Action: w}})
	}
	return out
}

func (s *Snapshot) probeClaims(words []string, n int64) map[string]any {
	claims := map[string]any{}
	for path, a := range s.cfg.Claims {
		switch a.Kind {
		case policy.String:
			claims[path] = "probe"
			if len(words) > 0 {
				claims[path] = words[0]
			}
		case policy.Int, policy.Time:
			claims[path] = n
		case policy.BoolKind:
			claims[path] = n > 0
		case policy.StringSet:
			claims[path] = words
		case policy.IntSet:
			claims[path] = []int64{n}
		}
	}
	return claims
}

// policyWords are the short strings the access rules mention, other than the
// names of what they read.
func policyWords(s *Snapshot) []string {
	set := map[string]bool{}
	for r := range s.taint.reachable {
		walkOwn(r, func(x any) bool {
			if ref, ok := x.(ast.Ref); ok && ref.IsGround() {
				return true
			}
			if str, ok := x.(ast.String); ok && str != "" && len(str) <= 64 && len(set) < maxProbeWords {
				set[string(str)] = true
			}
			return false
		})
	}
	return slices.Sorted(maps.Keys(set))
}
