package rego

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/policy"
)

// Measures reach policies as the numbers JSON would make of them.
func TestInputNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := policy.Input{"signals": map[string]any{"score": rapid.Float64().Draw(t, "score"), "seen": rapid.Int().Draw(t, "seen"), "known": rapid.Bool().Draw(t, "known")}}
		got, err := toValue(map[string]any(in))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ast.ValueFromReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() || got.Compare(want) != 0 {
			t.Fatalf("%v, want %v", got, want)
		}
	})
	if _, err := inputValue(policy.Input{"score": math.NaN()}); err == nil {
		t.Error("not a number was given to a policy")
	}
}
