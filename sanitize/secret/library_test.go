package secret

import (
	"context"
	"sort"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/doorward/doorward/sanitize"
)

// library is gitleaks as its users call it, but for comments that switch it off.
func library(t testing.TB) *detect.Detector {
	t.Helper()
	c, err := parse(config.DefaultConfig)
	if err != nil {
		t.Fatal(err)
	}
	d := detect.NewDetector(c)
	d.IgnoreGitleaksAllow = true
	return d
}

// onlyGitleaks is a scanner with gitleaks' rules alone.
func onlyGitleaks(t testing.TB) *Scanner {
	t.Helper()
	rules, err := gitleaksRules("")
	if err != nil {
		t.Fatal(err)
	}
	s := &Scanner{rules: rules}
	if err := s.compile(); err != nil {
		t.Fatal(err)
	}
	return s
}

type mark struct{ rule, secret string }

func libraryMarks(d *detect.Detector, text string) map[mark]int {
	marks := map[mark]int{}
	for _, f := range d.DetectString(text) {
		marks[mark{f.RuleID, f.Secret}]++
	}
	return marks
}

func ourMarks(t testing.TB, s *Scanner, text string) map[mark]int {
	t.Helper()
	found, err := s.Scan(context.Background(), sanitize.Plain(text))
	if err != nil {
		t.Fatal(err)
	}
	marks := map[mark]int{}
	for _, f := range found {
		marks[mark{f.Rule, text[f.Start:f.End]}]++
	}
	return marks
}

func TestSameFindingsAsTheLibraryOnDocuments(t *testing.T) {
	d, s := library(t), onlyGitleaks(t)
	total, missed, extra := 0, map[string]int{}, map[string]int{}
	for _, text := range corpus(t, 2) {
		want, got := libraryMarks(d, text), ourMarks(t, s, text)
		for m := range want {
			total++
			if got[m] == 0 {
				missed[m.rule]++
				if testing.Verbose() {
					t.Logf("missed %s in %d", m.rule, len(text))
				}
			}
		}
		for m := range got {
			if want[m] == 0 {
				extra[m.rule]++
				if testing.Verbose() {
					t.Logf("extra %s in %d", m.rule, len(text))
				}
			}
		}
	}
	t.Logf("%d findings of the library, missed %v, extra %v", total, missed, extra)
}

func BenchmarkAgainstLibrary(b *testing.B) {
	docs := corpus(b, 8)
	size := 0
	for _, d := range docs {
		size += len(d)
	}
	d, s := library(b), onlyGitleaks(b)
	all, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, text := range docs {
				d.DetectString(text)
			}
		}
	})
	for name, s := range map[string]*Scanner{"same-rules": s, "all-rules": all} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				for _, text := range docs {
					if _, err := s.Scan(context.Background(), sanitize.Plain(text)); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func sortedMarks(m map[string]int) string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}
