package secret

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
)

// published is one labelled case of the evaluation data.
type published struct {
	ID, Text, Label, Rule string
	Scope                 string `json:"clean_scope"`
	Secrets               []sanitize.Span
}

// publishedCases reads the families of secrets, by file name.
func publishedCases(t testing.TB) map[string][]published {
	t.Helper()
	root := os.Getenv("DOORWARD_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	files, _ := filepath.Glob(filepath.Join(root, "secrets", "*.jsonl.gz"))
	if len(files) == 0 {
		t.Skip("no evaluation data: set DOORWARD_DATA to its directory")
	}
	families := map[string][]published{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 1<<24)
		family := strings.TrimSuffix(filepath.Base(name), ".jsonl.gz")
		for lines.Scan() {
			var p published
			if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			families[family] = append(families[family], p)
		}
	}
	return families
}

// hit reports whether a finding touches one of a case's secrets, or exists at
// all where the case does not say where its secret is.
func (p published) hit(found []sanitize.Finding) bool {
	for _, f := range found {
		if len(p.Secrets) == 0 {
			return true
		}
		for _, s := range p.Secrets {
			if f.Overlaps(s) {
				return true
			}
		}
	}
	return false
}

// TestPublishedCases reports, for each family of published cases, how many are
// found, and how many ordinary public documents are flagged. With -v and
// DOORWARD_MISSES set to a file, the ids of missed cases are written there.
func TestPublishedCases(t *testing.T) {
	s := builtIn(t)
	var misses strings.Builder
	families := publishedCases(t)
	names := make([]string, 0, len(families))
	for name := range families {
		names = append(names, name)
	}
	sort.Strings(names)
	sum, n := 0.0, 0
	for _, name := range names {
		hits, secrets, flagged, clean, ruleFlagged, ruleClean := 0, 0, 0, 0, 0, 0
		for _, p := range families[name] {
			found, err := s.Scan(context.Background(), normalize.Build(p.Text))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case p.Label == "secret":
				secrets++
				if p.hit(found) {
					hits++
				} else {
					fmt.Fprintf(&misses, "%s\t%s\n", name, p.ID)
				}
			case p.Scope == "rule":
				ruleClean++
				if len(found) > 0 {
					ruleFlagged++
				}
			default:
				clean++
				if len(found) > 0 {
					flagged++
					for _, f := range found {
						fmt.Fprintf(&misses, "FLAGGED %s\t%s\t%s\t%d\t%d\n", name, p.ID, f.Rule, f.Start, f.End)
					}
				}
			}
		}
		if secrets > 0 {
			recall := float64(hits) / float64(secrets)
			t.Logf("%-28s %4d/%4d = %.3f", name, hits, secrets, recall)
			if !strings.HasPrefix(name, "gitleaks") {
				sum, n = sum+recall, n+1
			}
		}
		if clean+ruleClean > 0 {
			t.Logf("%-28s clean flagged %d/%d, clean for one rule %d/%d", name, flagged, clean, ruleFlagged, ruleClean)
		}
	}
	t.Logf("macro recall without gitleaks' own: %.4f", sum/float64(n))
	if file := os.Getenv("DOORWARD_MISSES"); file != "" {
		if err := os.WriteFile(file, []byte(misses.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPublishedCasesThatTheLibraryFinds holds us to at least what gitleaks
// finds in every published case, by place.
func TestPublishedCasesThatTheLibraryFinds(t *testing.T) {
	d := library(t)
	s := builtIn(t)
	for family, cases := range publishedCases(t) {
		missed := 0
		for _, p := range cases {
			want := libraryMarks(d, p.Text)
			if len(want) == 0 {
				continue
			}
			found, err := s.Scan(context.Background(), sanitize.Plain(p.Text))
			if err != nil {
				t.Fatal(err)
			}
			for m := range want {
				hit := false
				for at := strings.Index(p.Text, m.secret); at >= 0 && !hit; {
					for _, f := range found {
						hit = hit || f.Overlaps(sanitize.Span{Start: at, End: at + len(m.secret)})
					}
					next := strings.Index(p.Text[at+1:], m.secret)
					if next < 0 {
						break
					}
					at += 1 + next
				}
				if !hit && !differs[m.rule] {
					missed++
					t.Errorf("%s %s: rule %s of the library not matched by any finding", family, p.ID, m.rule)
				}
			}
		}
	}
}
