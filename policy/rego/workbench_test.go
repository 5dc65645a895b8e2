package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego/regotest"
)

func mustLoad(t testing.TB, rules string) *Snapshot {
	t.Helper()
	s, diags, err := Load(context.Background(), testConfig(rules))
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	return s
}

func document(t testing.TB, in map[string]any) policy.Attributes {
	t.Helper()
	d, err := regotest.Schema().Normalize(in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func at100() policy.Context { return policy.Context{Now: time.Unix(100, 0)} }

const deskRules = `allow if { readable; not denied }
readable if input.document.owner == input.subject.id
readable if {
	some g in input.document.acl.groups
	g in input.subject.groups
}
denied if input.document.level > input.subject.clearance`

func TestInspect(t *testing.T) {
	s := mustLoad(t, deskRules+"\ntest_nothing if not allow with input as {\"subject\": {\"id\": \"a\"}, \"document\": {}}")
	in, err := s.Inspect(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	forms := map[int]string{}
	for _, r := range in.Rules {
		forms[r.Line] = r.Pushed
	}
	if !strings.Contains(forms[5], "not level > 2") || forms[11] != "level > 2" || in.Tests != 1 || in.Cost.Conditions == 0 {
		t.Errorf("%+v", in)
	}
	if !slices.Equal(in.Reads, []string{"input.subject.clearance", "input.subject.groups", "input.subject.id"}) {
		t.Errorf("reads %v", in.Reads)
	}
}

func TestExplainPlan(t *testing.T) {
	s := mustLoad(t, deskRules)
	stores := map[string]Renderer{
		"good": func(f policy.Filter) (string, error) { return "WHERE", nil },
		"bad":  func(f policy.Filter) (string, error) { return "", errors.New("no") },
	}
	rep, err := s.ExplainPlan(context.Background(), policy.Subject{ID: "ann", Tenant: "t", Groups: []string{"eng"}, Clearance: 1}, at100(), stores)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Effect != "some" || !strings.Contains(rep.Filter, `owner == "ann"`) || rep.Stores["good"] != "WHERE" || rep.Stores["bad"] != "refused: no" || rep.Residual == "" {
		t.Errorf("%+v", rep)
	}
}

func TestExplainNamesRules(t *testing.T) {
	s := mustLoad(t, deskRules)
	ann := policy.Subject{ID: "ann", Tenant: "t", Groups: []string{"eng"}, Clearance: 1}
	held := func(doc map[string]any) (Explanation, string) {
		x, err := s.Explain(context.Background(), ann, at100(), document(t, doc))
		if err != nil {
			t.Fatal(err)
		}
		if x.Allow != x.Plan {
			t.Errorf("plan and evaluation disagree: %+v", x)
		}
		var b strings.Builder
		for _, r := range x.Rules {
			fmt.Fprintf(&b, "%s:%d=%v@%d ", strings.TrimPrefix(r.Rule, "doorward.access."), r.Line, r.Held, r.FailedLine)
		}
		return x, b.String()
	}
	x, got := held(map[string]any{"owner": "ann"})
	if !x.Allow || !strings.Contains(got, "readable:6=true") || !strings.Contains(got, "allow:5=true") {
		t.Errorf("%+v %s", x, got)
	}
	x, got = held(map[string]any{"owner": "bob", "level": 5, "acl.groups": []string{"eng"}})
	if x.Allow || !strings.Contains(got, "denied:11=true") || !strings.Contains(got, "readable:6=false@6") || !strings.Contains(got, "allow:5=false@5") {
		t.Errorf("%+v %s", x, got)
	}
	x, got = held(map[string]any{"owner": "bob", "acl.groups": []string{"hr"}})
	if x.Allow || !strings.Contains(got, "readable:7=false@9") {
		t.Errorf("%+v %s", x, got)
	}
}

func corpus(t *testing.T, n int) Corpus {
	docs := make([]policy.Attributes, n)
	for i := range docs {
		docs[i] = document(t, map[string]any{"owner": fmt.Sprintf("u%d", i%3), "level": i % 4, "acl.groups": []string{[]string{"eng", "hr"}[i%2]}})
	}
	return func(yield func(string, policy.Attributes) bool) {
		for i, d := range docs {
			if !yield(fmt.Sprintf("d%02d", i), d) {
				return
			}
		}
	}
}

func TestDiffAndWhoCanSee(t *testing.T) {
	before := mustLoad(t, deskRules)
	after := mustLoad(t, strings.Replace(deskRules, "level > input", "level >= input", 1))
	subjects := slices.Values([]policy.Subject{
		{ID: "u0", Tenant: "t", Groups: []string{"eng"}, Clearance: 2}, {ID: "u1", Tenant: "t", Clearance: 0}})
	got, err := Diff(context.Background(), before, after, subjects, at100(), corpus(t, 24))
	if err != nil {
		t.Fatal(err)
	}
	// Level 2 vanishes for u0: owned (6 | level 2) or in eng (even ids); level 0 for u1: owned.
	if got.Appear != 0 || got.Vanish == 0 || got.Same+got.Vanish != 48 || got.Documents != 24 || len(got.Changes) != got.Vanish {
		t.Errorf("%+v", got)
	}
	back, err := Diff(context.Background(), after, before, subjects, at100(), corpus(t, 24))
	if err != nil || back.Appear != got.Vanish || back.Opened != got.Closed {
		t.Errorf("%+v, %v", back, err)
	}
	who, err := before.WhoCanSee(context.Background(), subjects, at100(), document(t, map[string]any{"owner": "u1"}))
	if err != nil || !slices.Equal(who, []string{"u1"}) {
		t.Errorf("%v, %v", who, err)
	}
}

func TestShadowReportsDifferencesOnly(t *testing.T) {
	live, candidate := mustLoad(t, deskRules), mustLoad(t, "allow if input.document.public")
	var mu sync.Mutex
	var seen []Difference
	done := make(chan struct{}, 10)
	sh := NewShadow(NewSource(live), NewSource(candidate), func(d Difference) { mu.Lock(); seen = append(seen, d); mu.Unlock(); done <- struct{}{} })
	snap, err := sh.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	docs := []policy.Attributes{document(t, map[string]any{"owner": "ann"}), document(t, map[string]any{"public": true}), document(t, map[string]any{"owner": "ann", "public": true})}
	got, err := snap.Check(context.Background(), policy.Subject{ID: "ann", Tenant: "t"}, at100(), docs)
	if err != nil || !got[0].Allow || got[1].Allow || !got[2].Allow {
		t.Fatalf("%v %v", got, err)
	}
	<-done
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 1 || seen[0].Appear != 1 || seen[0].Vanish != 1 || seen[0].Checked != 3 {
		t.Errorf("%+v", seen)
	}
}

func TestOwnTestsAreRunBothWays(t *testing.T) {
	rules := deskRules + `
test_owner if allow with input as {"subject": {"id": "a"}, "document": {"owner": "a", "acl": {"groups": []}}}
test_wrong if allow with input as {"subject": {"id": "a"}, "document": {"owner": "b"}}
todo_test_later if false`
	cfg := testConfig(rules)
	_, diags, err := Load(context.Background(), cfg)
	if err == nil || !strings.Contains(diags.String(), "test_wrong fails") || strings.Contains(diags.String(), "test_owner") {
		t.Errorf("%v\n%s", err, diags)
	}
	cfg.SkipTests = true
	s, _, err := Load(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.Test(context.Background())
	if err != nil || report.Passed() || len(report.Results) != 3 || report.Plans != 2 || len(report.Disagreements) != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestLoadRefusesBadFiles(t *testing.T) {
	cases := map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"nothing":         {fstest.MapFS{}, "no rule doorward.access.allow"},
		"syntax":          {files("allow if {"), "access.rego:"},
		"data not JSON":   {fstest.MapFS{"data.json": {Data: []byte("{")}}, "data.json: not valid json"},
		"data not object": {fstest.MapFS{"data.json": {Data: []byte("[1]")}}, "must be an object"},
		"data twice":      {fstest.MapFS{"data.json": {Data: []byte(`{"a": 1}`)}, "data.yaml": {Data: []byte("a: 2")}}, `"a" is already given`},
		"old Rego":        {fstest.MapFS{"a.rego": {Data: []byte("package doorward.access\nallow { true }")}}, "a.rego:2"},
	}
	for name, c := range cases {
		cfg := testConfig("")
		cfg.Files = c.files
		_, diags, err := Load(context.Background(), cfg)
		if err == nil || !strings.Contains(err.Error()+diags.String(), c.want) {
			t.Errorf("%s: %v\n%s", name, err, diags)
		}
	}
}

func TestDataFilesAreRead(t *testing.T) {
	cfg := testConfig(`allow if input.document.region in data.offices.regions[input.subject.tenant]`)
	cfg.Files.(fstest.MapFS)["offices/data.yaml"] = &fstest.MapFile{Data: []byte("regions: {t1: [eu, us], t2: [cn]}")}
	s, diags, err := Load(context.Background(), cfg)
	if err != nil {
		t.Fatalf("%v\n%s", err, diags)
	}
	f, _, err := s.Plan(context.Background(), policy.Subject{ID: "u", Tenant: "t1"}, at100())
	if err != nil || f.String() != `region in {"eu", "us"}` {
		t.Errorf("%s, %v", f, err)
	}
	other := testConfig(`allow if input.document.region in data.offices.regions[input.subject.tenant]`)
	other.Files.(fstest.MapFS)["offices/data.yaml"] = &fstest.MapFile{Data: []byte("regions: {t1: [eu], t2: [cn]}")}
	s2, _, err := Load(context.Background(), other)
	if err != nil || s2.Revision().Hash == s.Revision().Hash {
		t.Errorf("other data, same revision: %v", err)
	}
}

func TestObligations(t *testing.T) {
	s := mustLoad(t, `allow if input.document.public
obligations["max_passages"] := 3 if input.context.destination != "internal"
obligations["mask"] := {"pii"}
obligations["require_mfa"] := true if "admin" in input.subject.roles
obligations["note"] := "hello"`)
	_, d, err := s.Plan(context.Background(), policy.Subject{ID: "a", Tenant: "t", Roles: []string{"admin"}}, policy.Context{Now: time.Unix(1, 0), Destination: "openai"})
	if err != nil || d.MaxPassages != 3 || !slices.Equal(d.Mask, []string{"pii"}) || !d.RequireMFA || d.Extra["note"] != "hello" {
		t.Errorf("%+v, %v", d, err)
	}
	bad := mustLoad(t, `allow if input.document.public
obligations := {"max_passages": "three"}`)
	if f, _, err := bad.Plan(context.Background(), policy.Subject{ID: "a", Tenant: "t"}, at100()); err == nil || !f.DeniesAll() {
		t.Errorf("%v, %v", f, err)
	}
	_, diags, err := Load(context.Background(), testConfig("allow if input.document.public\nobligations := {\"max_passages\": input.document.level}"))
	if err == nil || !strings.Contains(diags.String(), "obligation-document") {
		t.Errorf("%v %s", err, diags)
	}
}
