package test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy"
)

// effects are what drills must have done: what a service over the drill's data
// answers the backend of before, which may read both documents. Nothing is given
// out that the drill stopped, and the rest is as it was.
var effects = map[string]struct {
	refused bool     // the request itself is
	gone    []string // documents that are not found any more
}{
	"A backend's key was stolen": {refused: true},
	"A secret was indexed":       {gone: []string{"salaries.txt"}},
	"A source is poisoned":       {gone: []string{"salaries.txt", "crane.txt"}},
	"A backend or a destination misbehaves, or all of a tenant must stop": {refused: true},
	"The index was tampered with":                                         {},
	"Keys are compromised":                                                {refused: true},
	"A source lost its documents":                                         {},
	"Evidence for reviewers":                                              {},
}

// TestDrills runs the runbook: each section's commands, as they stand, on a copy
// of a small Doorward. Each must end and print as the page says, and must have the
// effect it is there for.
func TestDrills(t *testing.T) {
	page, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	small := t.TempDir()
	write(t, filepath.Join(small, "doorward.yaml"), []byte(leakConfig))
	write(t, filepath.Join(small, "documents", "salaries.txt"), []byte("The salaries are paid on the first day of the month."))
	write(t, filepath.Join(small, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, small, "keys", "init")
	b := register(t, small, "chatbot")
	must(t, small, "ingest")
	sections := strings.Split(string(page), "\n## ")[1:]
	done := 0
	for _, section := range sections {
		name, _, _ := strings.Cut(section, "\n")
		if _, ok := effects[name]; ok {
			done++
		}
		t.Run(name, func(t *testing.T) {
			list := steps(t, section)
			if len(list) == 0 {
				t.Fatal("it has no commands")
			}
			dir := filepath.Join(t.TempDir(), "copy")
			if out, err := exec.Command("cp", "-a", small, dir).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			follow(t, dir, list, func(command string) string { return command })
			if effect, ok := effects[name]; ok {
				took(t, dir, *b, effect.refused, effect.gone)
			}
		})
	}
	if done != len(effects) {
		t.Errorf("%d sections of the runbook have an effect to look at, not %d", done, len(effects))
	}
	alerts, err := os.ReadFile("../configs/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`runbook\.md#([a-z-]+)`).FindAllStringSubmatch(string(alerts), -1) {
		found := false
		for _, section := range sections {
			title, _, _ := strings.Cut(section, "\n")
			found = found || regexp.MustCompile(`[^a-z -]`).ReplaceAllString(strings.ReplaceAll(strings.ToLower(title), " ", "-"), "") == m[1]
		}
		if !found {
			t.Errorf("an alert points to the runbook's #%s, which is not there", m[1])
		}
	}
}

// TestNamedTestsExist holds the tests that documents name to the code.
func TestNamedTestsExist(t *testing.T) {
	have := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			have[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../SECURITY.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1) {
			if !have[m[1]] {
				t.Errorf("%s names %s, which does not exist", filepath.Base(page), m[1])
			}
		}
	}
}

// took asks for both documents after a drill.
func took(t *testing.T, dir string, b backend, refused bool, gone []string) {
	t.Helper()
	url, stop := serve(t, dir)
	defer stop()
	b.url = url
	for document, question := range map[string]string{"salaries.txt": "when are the salaries paid?", "crane.txt": "when is the harbour crane repaired?"} {
		status, body := b.as(t, policy.Subject{ID: "ann", Groups: []string{"staff"}}, "/v1/retrieve", api.RetrieveRequest{Question: question})
		found := strings.Contains(string(body), `"document":"`+document+`"`)
		switch {
		case refused && (status == http.StatusOK || found):
			t.Errorf("%s: answered with %d after the drill", document, status)
		case !refused && status != http.StatusOK:
			t.Errorf("%s: answered with %d: %s", document, status, body)
		case !refused && found == slices.Contains(gone, document):
			t.Errorf("%s: found: %v", document, found)
		}
	}
}
