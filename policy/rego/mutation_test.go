package rego

import (
	"context"
	"math/rand"
	"strings"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego/regotest"
)

// decide counts the disagreements of all accepted shapes and some random
// policies over the given documents, by their direction.
func decideAll(t *testing.T, mut mutation, docs []policy.Attributes, r *rand.Rand) (decisions, open, closed int) {
	rules := []string{}
	for _, sh := range append(append([]shape{}, accepted...), more...) {
		rules = append(rules, sh.rules)
	}
	for range 12 {
		rules = append(rules, regotest.Policy(r))
	}
	for _, text := range rules {
		cfg := testConfig(text)
		cfg.mutation = mut
		s, _, err := Load(context.Background(), cfg)
		if err != nil {
			continue
		}
		n, wrong := agree(t, s, regotest.Subject(r), regotest.Now(r), docs)
		decisions += n
		for _, w := range wrong {
			if strings.HasPrefix(w, "plan releases") {
				open++
			} else {
				closed++
			}
		}
	}
	return decisions, open, closed
}

// TestMutations shows that the suite would notice the loss of each mitigation:
// the documents released by a plan that full evaluation denies are not 0.
func TestMutations(t *testing.T) {
	docs := regotest.Documents(rand.New(rand.NewSource(3)), 80)
	cases := []struct {
		name string
		mut  mutation
		docs []policy.Attributes
		want bool // disagreements expected
	}{
		{"nothing switched off", mutation{}, docs, false},
		{"M1: bindings not guarded", mutation{noBindingGuards: true}, docs, true},
		{"M2: operands of negated calls not guarded", mutation{noOperandGuards: true}, docs, true},
		{"M4: documents not normalised", mutation{}, rawDocuments(rand.New(rand.NewSource(3)), 80), true},
	}
	for _, c := range cases {
		n, open, closed := decideAll(t, c.mut, c.docs, rand.New(rand.NewSource(4)))
		t.Logf("%-45s %d decisions: %d released wrongly, %d hidden wrongly", c.name, n, open, closed)
		if (open > 0) != c.want {
			t.Errorf("%s: %d released wrongly", c.name, open)
		}
	}
}

// rawDocuments are claimed attributes as sources give them: nulls, drifted
// types, sets missing or scalar. They are never normalised.
func rawDocuments(r *rand.Rand, n int) []policy.Attributes {
	out := make([]policy.Attributes, n)
	for i := range out {
		d := regotest.Document(r)
		switch i % 4 {
		case 0:
			for _, k := range []string{"tags", "compartments", "entries", "years", "acl"} {
				if r.Intn(2) == 0 {
					delete(d, k)
				}
			}
		case 1:
			d["level"], d["embargo_until"] = "high", true
		case 2:
			d["level"], d["owner"] = true, int64(3)
		case 3:
			d["tags"] = []any{"a", int64(3)}
			d["acl"].(map[string]any)["groups"] = "eng"
		}
		out[i] = d
	}
	return out
}
