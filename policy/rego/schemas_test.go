package rego

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// TestInputSchemas holds the published JSON Schemas to the input that access
// policies are really given.
func TestInputSchemas(t *testing.T) {
	raw, err := os.ReadFile("../../configs/schemas/access.input.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]object
	}
	var schema object
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	s := mustLoad(t, "allow if input.document.public")
	who, err := s.normalizeSubject(policy.Subject{ID: "a", Tenant: "t", Authn: policy.Authn{At: at100().Now, Issued: at100().Now}})
	if err != nil {
		t.Fatal(err)
	}
	input, err := ast.JSON(fullInput(who, contextValue(at100(), true), ast.NewObject()))
	if err != nil {
		t.Fatal(err)
	}
	var compare func(path string, have any, want object)
	compare = func(path string, have any, want object) {
		obj, ok := have.(map[string]any)
		if !ok || want.Properties == nil {
			return
		}
		a, b := sortedNames(obj), sortedNames(want.Properties)
		if !slices.Equal(a, b) {
			t.Errorf("input%s has %v, its schema %v", path, a, b)
		}
		for k := range obj {
			compare(path+"."+k, obj[k], want.Properties[k])
		}
	}
	compare("", input, schema)
	for _, name := range []string{"ingest", "output", "admin"} {
		raw, err := os.ReadFile("../../configs/schemas/" + name + ".input.json")
		if err != nil || !json.Valid(raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func sortedNames[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
