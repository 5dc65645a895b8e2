package rego

import (
	"context"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego/regotest"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

func subjectWithGroups(n int) policy.Subject {
	s := policy.Subject{ID: "u1", Tenant: "t1", Clearance: 3, Roles: []string{"reader"},
		Claims: map[string]any{"compartments": []string{"A", "B"}}}
	for i := range n {
		s.Groups = append(s.Groups, fmt.Sprintf("group-%04d", i))
	}
	return s
}

var benchContext = policy.Context{Now: time.Unix(100, 0), Purpose: "support", Destination: "internal", Action: "read"}

func loadShape(b testing.TB, name string, cache int) *Snapshot {
	for _, sh := range accepted {
		if sh.name == name {
			cfg := testConfig(sh.rules)
			cfg.CacheEntries = cache
			s, _, err := Load(context.Background(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			return s
		}
	}
	b.Fatalf("no shape %q", name)
	return nil
}

// BenchmarkBareOPA is the anchor: one full evaluation of the mixed policy for one
// document by a prepared query, nothing of ours around it.
func BenchmarkBareOPA(b *testing.B) {
	for _, n := range []int{5, 50, 500} {
		s := loadShape(b, "mixed, document first", -1)
		who, err := s.normalizeSubject(subjectWithGroups(n))
		if err != nil {
			b.Fatal(err)
		}
		doc, _ := toValue(regotest.Document(rand.New(rand.NewSource(1))))
		in := fullInput(who, contextValue(benchContext, true), doc)
		b.Run(fmt.Sprintf("groups=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.allow.Eval(context.Background(), rego.EvalParsedInput(in)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPlan plans cold (no cache) and cached, in both orders of iteration.
func BenchmarkPlan(b *testing.B) {
	for _, shape := range []string{"mixed, document first", "mixed, subject first"} {
		for _, n := range []int{5, 50, 500} {
			for _, mode := range []string{"cold", "cached"} {
				cache := -1
				if mode == "cached" {
					cache = 0
				}
				s, sub := loadShape(b, shape, cache), subjectWithGroups(n)
				b.Run(fmt.Sprintf("%s/groups=%d/%s", shape, n, mode), func(b *testing.B) {
					for b.Loop() {
						if _, _, err := s.Plan(context.Background(), sub, benchContext); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkPartial is OPA's share of a cold plan.
func BenchmarkPartial(b *testing.B) {
	for _, shape := range []string{"mixed, document first", "mixed, subject first"} {
		for _, n := range []int{50, 500} {
			s := loadShape(b, shape, -1)
			who, _ := s.normalizeSubject(subjectWithGroups(n))
			known := knownInput(who, benchContext)
			b.Run(fmt.Sprintf("%s/groups=%d", shape, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := s.partial.Partial(context.Background(), rego.EvalParsedInput(known), rego.EvalParsedUnknowns(unknowns)); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCheck checks 50 hits in one call.
func BenchmarkCheck(b *testing.B) {
	docs := regotest.Documents(rand.New(rand.NewSource(1)), 50)
	for _, n := range []int{5, 50, 500} {
		s, sub := loadShape(b, "mixed, document first", -1), subjectWithGroups(n)
		b.Run(fmt.Sprintf("hits=50/groups=%d", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Check(context.Background(), sub, benchContext, docs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad loads the mixed policy, probes and tests included.
func BenchmarkLoad(b *testing.B) {
	cfg := testConfig(mixed("some g in input.document.acl.groups; g in input.subject.groups"))
	for b.Loop() {
		if _, _, err := Load(context.Background(), cfg); err != nil {
			b.Fatal(err)
		}
	}
}

var _ = ast.Null{}
