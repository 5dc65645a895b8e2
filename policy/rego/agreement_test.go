package rego

import (
	"context"
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/doorward/doorward/policy"
)

func files(rules string) fstest.MapFS {
	return fstest.MapFS{"access.rego": {Data: []byte("package doorward.access\n\nimport rego.v1\n\n" + rules + "\n")}}
}

func testConfig(rules string) Config {
	return Config{Files: files(rules), Name: "test", Document: testSchema(), Claims: testClaims()}
}

func pick[T any](r *rand.Rand, xs ...T) T { return xs[r.Intn(len(xs))] }

func some(r *rand.Rand, xs ...string) []string {
	out := []string{}
	for _, x := range xs {
		if r.Intn(3) == 0 {
			out = append(out, x)
		}
	}
	return out
}

var groupNames = []string{"eng", "hr", "ops", "fin"}

// randomDocument draws attributes in which every scalar may be missing.
func randomDocument(t testing.TB, r *rand.Rand) policy.Attributes {
	d := map[string]any{}
	maybe := func(k string, v any) {
		if r.Intn(4) > 0 {
			d[k] = v
		}
	}
	maybe("tenant", pick(r, "t1", "t2"))
	maybe("owner", pick(r, "u1", "u2", "public"))
	maybe("region", pick(r, "eu", "us", "cn", "ru"))
	maybe("classification", pick(r, "public", "internal", "confidential", "secret", "odd"))
	maybe("level", r.Intn(6))
	maybe("public", r.Intn(2) == 0)
	maybe("legal_hold", r.Intn(2) == 0)
	maybe("embargo_until", 90+r.Intn(20))
	maybe("expires_at", 80+r.Intn(40))
	maybe("acl.mode", pick(r, "open", "link", "closed"))
	d["acl.groups"], d["acl.deny_groups"] = some(r, groupNames...), some(r, groupNames...)
	d["acl.users"], d["tags"] = some(r, "u1", "u2", "u3"), some(r, "a", "b", "c")
	d["compartments"] = some(r, "A", "B", "C")
	var years []int
	for y := 2018; y < 2025; y++ {
		if r.Intn(4) == 0 {
			years = append(years, y)
		}
	}
	maybe("years", append([]int{}, years...))
	entries := []any{}
	for range r.Intn(3) {
		e := map[string]any{}
		for k, v := range map[string]any{"id": pick(r, "u1", "u2", "eng", "hr"), "perm": pick(r, "read", "write", "none"), "rank": r.Intn(5), "revoked": r.Intn(2) == 0} {
			if r.Intn(4) > 0 {
				e[k] = v
			}
		}
		entries = append(entries, e)
	}
	d["entries"] = entries
	out, err := testSchema().Normalize(d)
	if err != nil {
		t.Fatalf("normalising a generated document: %v", err)
	}
	return out
}

func randomSubject(r *rand.Rand) policy.Subject {
	s := policy.Subject{
		ID: pick(r, "u1", "u2", "u3"), Tenant: pick(r, "t1", "t2"), Groups: some(r, groupNames...),
		Roles: some(r, "reader", "analyst", "admin", "legal"), Clearance: int64(r.Intn(5)),
		Claims: map[string]any{"compartments": some(r, "A", "B", "C"), "delegates": some(r, "u1", "u2")},
	}
	return s
}

// agree compares the plan with the check for one subject and reports the
// number of decisions and of disagreements.
func agree(t testing.TB, s *Snapshot, sub policy.Subject, now int64, docs []policy.Attributes) (decisions int, wrong []string) {
	c := policy.Context{Now: time.Unix(now, 0), Purpose: "support", Destination: "internal"}
	f, _, err := s.Plan(context.Background(), sub, c)
	if err != nil {
		return 0, []string{fmt.Sprintf("plan: %v", err)}
	}
	got, err := s.Check(context.Background(), sub, c, docs)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for i, d := range docs {
		decisions++
		if f.Match(d) != got[i].Allow {
			kind := "plan releases, check denies"
			if got[i].Allow {
				kind = "plan hides, check allows"
			}
			wrong = append(wrong, fmt.Sprintf("%s (%s)\n document %v\n subject %+v\n filter %s", kind, got[i].Reason, d, sub, f))
		}
	}
	return decisions, wrong
}

func TestAcceptedShapes(t *testing.T) {
	if len(accepted) != 71 {
		t.Fatalf("%d shapes", len(accepted))
	}
	r := rand.New(rand.NewSource(1))
	docs := make([]policy.Attributes, 60)
	for i := range docs {
		docs[i] = randomDocument(t, r)
	}
	total := 0
	for _, sh := range append(append([]shape{}, accepted...), more...) {
		s, diags, err := Load(context.Background(), testConfig(sh.rules))
		if err != nil {
			t.Errorf("%s: %v\n%s", sh.name, err, diags)
			continue
		}
		bad := 0
		for range 4 {
			n, wrong := agree(t, s, randomSubject(r), int64(95+r.Intn(10)), docs)
			total += n
			if len(wrong) > 0 && bad == 0 {
				t.Errorf("%s: %d disagreements, for example %s\n%s", sh.name, len(wrong), wrong[0], sh.rules)
				bad++
			}
		}
	}
	t.Logf("%d decisions", total)
}

func TestRefusedShapes(t *testing.T) {
	if len(refused) != 26 {
		t.Fatalf("%d shapes", len(refused))
	}
	for _, sh := range refused {
		_, diags, err := Load(context.Background(), testConfig(sh.rules))
		if err == nil {
			t.Errorf("%s: loaded", sh.name)
			continue
		}
		for _, d := range diags.Errors() {
			if d.File != "access.rego" || d.Line < 5 {
				t.Errorf("%s: no place: %s", sh.name, d)
			}
			if d.Instead == "" && !strings.Contains(d.Code, "rego_") {
				t.Errorf("%s: no remedy: %s", sh.name, d)
			}
			t.Logf("%-30s %s", sh.name, d)
		}
	}
}
