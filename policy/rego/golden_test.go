package rego

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego/regotest"
)

var update = flag.Bool("update", false, "write testdata/residuals.golden anew")

// TestGoldenResiduals holds what OPA's partial evaluation leaves of every
// accepted shape, and the filter made of it. The form of residuals is no
// interface of OPA's: an upgrade that changes one shows here, and has to be
// looked at before the file is written anew with -update.
func TestGoldenResiduals(t *testing.T) {
	var b strings.Builder
	sub := policy.Subject{ID: "u1", Tenant: "t1", Groups: []string{"eng", "hr"}, Roles: []string{"reader"}, Clearance: 2,
		Claims: map[string]any{"compartments": []string{"A", "B"}, "delegates": []string{"u2"}}}
	for _, sh := range append(append([]shape{}, accepted...), more...) {
		s, _, err := Load(context.Background(), testConfig(sh.rules))
		if err != nil {
			t.Errorf("%s: %v", sh.name, err)
			continue
		}
		text, err := s.Residual(context.Background(), sub, benchContext)
		if err != nil {
			t.Errorf("%s: %v", sh.name, err)
			continue
		}
		fmt.Fprintf(&b, "== %s\n%s\n", sh.name, text)
	}
	const file = "testdata/residuals.golden"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, old := strings.Split(b.String(), "== "), strings.Split(string(want), "== ")
	for i := range max(len(got), len(old)) {
		if i >= len(got) || i >= len(old) || got[i] != old[i] {
			t.Fatalf("residuals changed, first at:\n%s\nwas:\n%s", at(got, i), at(old, i))
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(nothing)"
}

// decision tables: for each policy, documents by name and what each subject may
// read, written by hand. They decide whether an OPA upgrade is right: a
// differential test of plan against evaluation shares OPA's mistakes.
type decisionTable struct {
	name     string
	rules    string
	now      int64
	subjects map[string]policy.Subject
	docs     map[string]string   // JSON
	allowed  map[string][]string // subject → documents
}

var decisionTables = []decisionTable{
	{
		// OPA 1.22.0 loses this denial to a wrong rule index.
		name: "embargo group",
		rules: `allow if { input.document.tenant == input.subject.tenant; not deny }
deny if { some g in input.document.acl.groups; g in input.subject.groups; g == "embargo" }`,
		subjects: map[string]policy.Subject{
			"insider": {ID: "i", Tenant: "t1", Groups: []string{"embargo", "eng"}},
			"plain":   {ID: "p", Tenant: "t1", Groups: []string{"eng"}},
			"other":   {ID: "o", Tenant: "t2", Groups: []string{"embargo"}},
		},
		docs: map[string]string{
			"embargoed": `{"tenant": "t1", "acl": {"groups": ["embargo"]}}`,
			"both":      `{"tenant": "t1", "acl": {"groups": ["embargo", "eng"]}}`,
			"open":      `{"tenant": "t1", "acl": {"groups": ["eng"]}}`,
			"bare":      `{"tenant": "t1"}`,
			"homeless":  `{"acl": {"groups": ["eng"]}}`,
		},
		allowed: map[string][]string{"insider": {"open", "bare"}, "plain": {"embargoed", "both", "open", "bare"}, "other": {}},
	},
	{
		name: "embargo time",
		now:  1000,
		rules: `allow if not embargoed
embargoed if input.document.embargo_until > input.context.now`,
		subjects: map[string]policy.Subject{"any": {ID: "a", Tenant: "t1"}},
		docs: map[string]string{
			"past": `{"embargo_until": 999}`, "now": `{"embargo_until": 1000}`, "future": `{"embargo_until": 1001}`, "none": `{}`,
		},
		allowed: map[string][]string{"any": {"past", "now", "none"}},
	},
	{
		name:     "bound value must exist",
		rules:    `allow if { l := input.document.level; not l == 3 }`,
		subjects: map[string]policy.Subject{"any": {ID: "a", Tenant: "t1"}},
		docs:     map[string]string{"three": `{"level": 3}`, "two": `{"level": 2}`, "none": `{}`},
		allowed:  map[string][]string{"any": {"two"}},
	},
	{
		name:     "operand of a negated call must exist",
		rules:    `allow if not input.document.region in ["cn", "ru"]`,
		subjects: map[string]policy.Subject{"any": {ID: "a", Tenant: "t1"}},
		docs:     map[string]string{"cn": `{"region": "cn"}`, "eu": `{"region": "eu"}`, "none": `{}`},
		allowed:  map[string][]string{"any": {"eu"}},
	},
	{
		name:     "negated equality holds where nothing is",
		rules:    `allow if not input.document.region == "cn"`,
		subjects: map[string]policy.Subject{"any": {ID: "a", Tenant: "t1"}},
		docs:     map[string]string{"cn": `{"region": "cn"}`, "eu": `{"region": "eu"}`, "none": `{}`},
		allowed:  map[string][]string{"any": {"eu", "none"}},
	},
	{
		name:  "every, also of nothing",
		rules: `allow if { every c in input.document.compartments { c in input.subject.claims.compartments } }`,
		subjects: map[string]policy.Subject{
			"a":    {ID: "a", Tenant: "t1", Claims: map[string]any{"compartments": []string{"A"}}},
			"none": {ID: "n", Tenant: "t1"},
		},
		docs:    map[string]string{"A": `{"compartments": ["A"]}`, "AB": `{"compartments": ["A", "B"]}`, "nothing": `{}`},
		allowed: map[string][]string{"a": {"A", "nothing"}, "none": {"nothing"}},
	},
	{
		name:     "entries",
		rules:    `allow if { some e in input.document.entries; e.id == input.subject.id; not e.revoked }`,
		subjects: map[string]policy.Subject{"u1": {ID: "u1", Tenant: "t1"}, "u2": {ID: "u2", Tenant: "t1"}},
		docs: map[string]string{
			"granted": `{"entries": [{"id": "u1"}]}`, "revoked": `{"entries": [{"id": "u1", "revoked": true}]}`,
			"again": `{"entries": [{"id": "u1", "revoked": true}, {"id": "u1", "revoked": false}]}`,
			"mixed": `{"entries": [{"id": "u1", "revoked": true}, {"id": "u2"}]}`, "none": `{}`,
		},
		allowed: map[string][]string{"u1": {"granted", "again"}, "u2": {"mixed"}},
	},
	{
		name:     "deny set for some",
		rules:    "denied contains \"x\" if { \"admin\" in input.subject.roles; input.document.level > 2 }\nallow if denied == set()",
		subjects: map[string]policy.Subject{"admin": {ID: "a", Tenant: "t1", Roles: []string{"admin"}}, "user": {ID: "u", Tenant: "t1"}},
		docs:     map[string]string{"high": `{"level": 3}`, "low": `{"level": 1}`, "none": `{}`},
		allowed:  map[string][]string{"admin": {"low", "none"}, "user": {"high", "low", "none"}},
	},
}

func TestDecisionTables(t *testing.T) {
	for _, table := range decisionTables {
		s, diags, err := Load(context.Background(), testConfig(table.rules))
		if err != nil {
			t.Errorf("%s: %v\n%s", table.name, err, diags)
			continue
		}
		if table.now == 0 {
			table.now = 100
		}
		for who, sub := range table.subjects {
			table.try(t, s, who, sub)
		}
	}
}

func (table decisionTable) try(t *testing.T, s *Snapshot, who string, sub policy.Subject) {
	may := map[string]bool{}
	for _, d := range table.allowed[who] {
		may[d] = true
	}
	c := policy.Context{Now: time.Unix(table.now, 0)}
	f, _, err := s.Plan(context.Background(), sub, c)
	if err != nil {
		t.Errorf("%s: %s: %v", table.name, who, err)
		return
	}
	for name, text := range table.docs {
		var raw map[string]any
		if err := json.Unmarshal([]byte(text), &raw); err != nil {
			t.Fatal(err)
		}
		doc, err := regotest.Schema().Normalize(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Check(context.Background(), sub, c, []policy.Attributes{doc})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].Allow != may[name] || f.Match(doc) != may[name] {
			t.Errorf("%s: %s reads %s: check %v, plan %v, want %v", table.name, who, name, got[0].Allow, f.Match(doc), may[name])
		}
	}
}
