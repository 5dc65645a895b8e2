package rego

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/rego/regotest"
)

func files(rules string) fstest.MapFS {
	return fstest.MapFS{"access.rego": {Data: []byte("package doorward.access\n\nimport rego.v1\n\n" + rules + "\n")}}
}

func testConfig(rules string) Config {
	return Config{Files: files(rules), Name: "test", Document: regotest.Schema(), Claims: regotest.Claims()}
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
	docs := regotest.Documents(r, 60)
	total := 0
	for _, sh := range append(append([]shape{}, accepted...), more...) {
		s, diags, err := Load(context.Background(), testConfig(sh.rules))
		if err != nil {
			t.Errorf("%s: %v\n%s", sh.name, err, diags)
			continue
		}
		bad := 0
		for range 4 {
			n, wrong := agree(t, s, regotest.Subject(r), regotest.Now(r), docs)
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

// TestRandomPolicies decides random policies in both ways. DOORWARD_FUZZ is the
// number of decisions; `make policy-fuzz` asks for a million.
func TestRandomPolicies(t *testing.T) {
	want, seed := 20_000, int64(7)
	if v, err := strconv.Atoi(os.Getenv("DOORWARD_FUZZ")); err == nil {
		want = v
	}
	if v, err := strconv.ParseInt(os.Getenv("DOORWARD_SEED"), 10, 64); err == nil {
		seed = v
	}
	r := rand.New(rand.NewSource(seed))
	decisions, policies, unplanned := 0, 0, map[string]int{}
	for failures := 0; decisions < want && failures < 5; policies++ {
		rules := regotest.Policy(r)
		s, diags, err := Load(context.Background(), testConfig(rules))
		if err != nil {
			unplanned[reason(diags, err)]++
			if unplanned["load"] == 0 {
				t.Logf("not loaded: %v\n%s", err, rules)
			}
			unplanned["load"]++
			continue
		}
		docs := regotest.Documents(r, 60)
		for range 3 {
			n, wrong := agree(t, s, regotest.Subject(r), regotest.Now(r), docs)
			decisions += n
			if len(wrong) > 0 {
				t.Errorf("%d disagreements, for example %s\n%s", len(wrong), wrong[0], rules)
				failures++
			}
		}
	}
	t.Logf("%d decisions over %d policies; %v refused", decisions, policies, unplanned)
}

func reason(diags Diagnostics, err error) string {
	if errs := diags.Errors(); len(errs) > 0 {
		return errs[0].Code + ": " + errs[0].Message
	}
	return err.Error()
}

func TestHiddenShapesAreRefused(t *testing.T) {
	for _, sh := range append(append([]shape{}, hidden...), conflicting...) {
		_, diags, err := Load(context.Background(), testConfig(sh.rules))
		errs := diags.Errors()
		if err == nil || len(errs) == 0 || errs[0].Line < 5 || errs[0].Instead == "" {
			t.Errorf("%s: %v\n%s", sh.name, err, diags)
		}
	}
}
