package api

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/doorward/doorward/api/contract"
)

// TestProblemsAreListed holds the list of problem types to the code: what the
// code can say is listed with the same status and title, and nothing else is.
func TestProblemsAreListed(t *testing.T) {
	list, err := contract.Problems()
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]contract.Problem{}
	for _, p := range list {
		if p.Means == "" {
			t.Errorf("%s: it is not said what it means", p.Type)
		}
		listed[p.Type] = p
	}
	for _, s := range statuses {
		if p := listed[s.problem.Type]; p.Status != s.problem.Status || p.Title != s.problem.Title {
			t.Errorf("%s: listed as %d %q, the code says %d %q", s.problem.Type, p.Status, p.Title, s.problem.Status, s.problem.Title)
		}
	}
	said := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, below...)
	literal := regexp.MustCompile(`(?:problem\{[^}]*Type: +|contract\.Base \+ )"([a-z-]+)"`)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range literal.FindAllStringSubmatch(string(source), -1) {
			said[m[1]] = true
			if _, ok := listed[m[1]]; !ok {
				t.Errorf("%s can answer %q, which api/contract/problems.yaml does not list", f, m[1])
			}
		}
	}
	for word := range listed {
		if !said[word] {
			t.Errorf("api/contract/problems.yaml lists %q, which nothing says", word)
		}
	}
}
