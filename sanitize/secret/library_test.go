package secret

import (
	"context"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
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
	s, err := gitleaksAlone()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var gitleaksAlone = sync.OnceValues(func() (*Scanner, error) {
	rules, err := gitleaksRules("")
	if err != nil {
		return nil, err
	}
	s := &Scanner{rules: rules}
	return s, s.compile()
})

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

// TestSameFindingsAsTheLibraryOnDocuments compares rule and secret of every
// finding in real documents. Differences are those listed in differs, and
// matches longer than a rule's reach. DOORWARD_CORPUS_MB=50 reads 50 MB.
func TestSameFindingsAsTheLibraryOnDocuments(t *testing.T) {
	d, s := library(t), onlyGitleaks(t)
	total, long, extra := 0, 0, map[string]int{}
	for _, text := range corpus(t, 1) {
		want, got := libraryMarks(d, text), ourMarks(t, s, text)
		for m := range want {
			total++
			switch {
			case got[m] > 0:
			case len(m.secret) > unbounded:
				long++
			default:
				t.Errorf("rule %s: the library finds %d bytes that we do not, in a text of %d", m.rule, len(m.secret), len(text))
			}
		}
		for m := range got {
			if want[m] > 0 {
				continue
			}
			if extra[m.rule]++; !differs[m.rule] {
				t.Errorf("rule %s: we find %d bytes that the library does not, in a text of %d", m.rule, len(m.secret), len(text))
			}
		}
	}
	t.Logf("%d findings of the library; %d too long for us, besides them %v", total, long, extra)
}

// BenchmarkAgainstLibrary reads the same documents with the library and with
// us, turn by turn, and reports both rates and their ratio. "same" has gitleaks'
// rules, "all" also our own, "views" normalises first.
func BenchmarkAgainstLibrary(b *testing.B) {
	docs := corpus(b, 4)
	size := 0
	for _, d := range docs {
		size += len(d)
	}
	d, same := library(b), onlyGitleaks(b)
	all := builtIn(b)
	ctx := context.Background()
	ways := []struct {
		name string
		scan func(text string)
	}{
		{"library", func(text string) { d.DetectString(text) }},
		{"same", func(text string) { same.Scan(ctx, sanitize.Plain(text)) }},
		{"all", func(text string) { all.Scan(ctx, sanitize.Plain(text)) }},
		{"views", func(text string) { all.Scan(ctx, normalize.Build(text)) }},
	}
	spent := make([]time.Duration, len(ways))
	for b.Loop() {
		for _, text := range docs {
			for i, w := range ways {
				begun := time.Now()
				w.scan(text)
				spent[i] += time.Since(begun)
			}
		}
	}
	for i, w := range ways {
		b.ReportMetric(float64(size)*float64(b.N)/1e6/spent[i].Seconds(), w.name+"-MB/s")
		if i > 0 {
			b.ReportMetric(spent[0].Seconds()/spent[i].Seconds(), w.name+"-x")
		}
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
