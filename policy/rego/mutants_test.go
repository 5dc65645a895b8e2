package rego

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestPolicyMutants seeds mistakes into the default policy and the packs, one at
// a time, and counts those that the policies' own tests notice: a policy mistake
// that opens access must not be activated. Every fifth is tried; all of some two
// hundred where DOORWARD_FUZZ is set.
func TestPolicyMutants(t *testing.T) {
	step := 5
	if os.Getenv("DOORWARD_FUZZ") != "" {
		step = 1
	}
	mutants, killed := 0, 0
	dirs, _ := filepath.Glob("../../configs/packs/*/access.rego")
	for _, file := range append(dirs, "../../configs/policies/default/access.rego") {
		dir := filepath.Dir(file)
		document, claims, own, err := ReadSchema(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		if !own {
			document = defaultSchema()
		}
		source, err1 := os.ReadFile(file)
		tests, err2 := os.ReadFile(filepath.Join(dir, "access_test.rego"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		for i, m := range mutate(string(source)) {
			if i%step != 0 {
				continue
			}
			_, diags, err := Load(context.Background(), Config{Document: document, Claims: claims, Files: fstest.MapFS{
				"access.rego": {Data: []byte(m.text)}, "access_test.rego": {Data: tests}}})
			if !onlyTests(diags) {
				continue // the compiler or the linter refused it: no mutant
			}
			mutants++
			if err != nil {
				killed++
			} else {
				t.Logf("not noticed: %s:%d: %s", filepath.Base(dir), m.line, m.what)
			}
		}
	}
	t.Logf("%d of %d mutants noticed (%.1f %%)", killed, mutants, 100*float64(killed)/float64(mutants))
	if killed*100 < mutants*95 {
		t.Error("fewer than 95 % of the mutants were noticed")
	}
}

func onlyTests(diags Diagnostics) bool {
	for _, d := range diags.Errors() {
		if d.Code != "test-failed" {
			return false
		}
	}
	return true
}

type mutant struct {
	line int
	what string
	text string
}

// mutate changes one line at a time: drops it, negates it, or turns an operator.
func mutate(text string) []mutant {
	lines := strings.Split(text, "\n")
	var out []mutant
	add := func(i int, what, line string) {
		changed := append(append(append([]string{}, lines[:i]...), line), lines[i+1:]...)
		out = append(out, mutant{i + 1, what, strings.Join(changed, "\n")})
	}
	for i, line := range lines {
		code := strings.TrimSpace(line)
		indented := strings.HasPrefix(line, "\t")
		if code == "" || strings.HasPrefix(code, "#") || strings.HasPrefix(code, "package") || strings.HasPrefix(code, "import") ||
			strings.HasPrefix(code, "default") || strings.HasPrefix(code, "\"") || strings.HasSuffix(code, "{") || code == "}" {
			continue
		}
		rule := strings.Contains(code, " if ")
		if indented || rule {
			add(i, "dropped: "+code, "")
		}
		if strings.Contains(code, "not ") {
			add(i, "not dropped: "+code, strings.Replace(line, "not ", "", 1))
		} else if indented && !strings.HasPrefix(code, "some ") {
			add(i, "negated: "+code, "\tnot "+code)
		} else if rule {
			add(i, "negated: "+code, strings.Replace(line, " if ", " if not ", 1))
		}
		for _, turn := range [][2]string{{" == ", " != "}, {" > ", " >= "}, {" <= ", " < "}, {" >= ", " > "}} {
			if strings.Contains(code, turn[0]) {
				add(i, turn[0]+"to"+turn[1]+": "+code, strings.Replace(line, turn[0], turn[1], 1))
			}
		}
	}
	return out
}
