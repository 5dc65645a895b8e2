package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest"
)

// TestPrune: a source that lost all, or most, of its documents is more likely not
// there. A reading that prunes retires none of them and says so, once or followed;
// what else it found stays, and the same reading retires them when it is told to.
func TestPrune(t *testing.T) {
	const n = 44
	lines := recordsOf(t, n)
	for _, c := range []struct {
		name string
		left []string // lines
		gone int      // documents that are not there any more
		may  bool
	}{
		{"a few", lines[20:], 20, true},
		{"less than half", lines[21:], 21, true},
		{"half", lines[22:], 22, false},
		{"most", lines[n-1:], n - 1, false},
		{"all", nil, n, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t, 0)
			s.cfg.Sources[0].Trust = "internal" // it repeats itself
			s.cfg.Sources[0].Path = recordsFile(t, lines)
			a := s.open(t)
			defer a.Close()
			s.ingest(t, a)
			s.cfg.Sources[0].Path = recordsFile(t, c.left)
			src := s.cfg.Sources[0]
			planned, err := a.Plan(t.Context(), src, ingest.Options{Prune: true})
			refused(t, "the plan", err, c.may, c.gone, n)
			if planned.Outcomes[ingest.Retired] != c.gone {
				t.Errorf("the plan retires %d, want %d", planned.Outcomes[ingest.Retired], c.gone)
			}
			if !c.may { // followed, it is the same
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				var followed error
				src := src
				src.Every = time.Nanosecond
				left := 3
				_ = a.Follow(ctx, src, ingest.Options{}, func(_ ingest.Report, err error) {
					if followed = err; left == 1 {
						cancel()
					}
					left--
				})
				refused(t, "followed", followed, c.may, c.gone, n)
				page := serve(t, a.Metrics.Handler())
				for _, want := range []string{
					`doorward_audit_entries_total{event="alarm",outcome="vanished"} 1`, // for three readings that missed the same
					fmt.Sprintf(`doorward_source_missing_documents{source=%q} %d`, src.Name, c.gone)} {
					if !strings.Contains(page, want) {
						t.Errorf("followed: metrics lack %s", want)
					}
				}
			}
			r, err := a.Ingest(t.Context(), src, ingest.Options{Prune: true})
			refused(t, "the run", err, c.may, c.gone, n)
			if want := map[bool]int{true: c.gone}[c.may]; r.Outcomes[ingest.Retired] != want {
				t.Errorf("%d retired, want %d", r.Outcomes[ingest.Retired], want)
			}
			if r, err = a.Ingest(t.Context(), src, ingest.Options{Prune: true, PruneAll: true}); err != nil || !c.may && r.Outcomes[ingest.Retired] != c.gone {
				t.Errorf("told to: %d retired, %v", r.Outcomes[ingest.Retired], err)
			}
			if page := serve(t, a.Metrics.Handler()); !strings.Contains(page, fmt.Sprintf("doorward_source_missing_documents{source=%q} 0", src.Name)) {
				t.Error("documents are still said to be missing")
			}
		})
	}
}

// serve is what a page of a service says.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Body.String()
}

func refused(t *testing.T, what string, err error, may bool, gone, known int) {
	t.Helper()
	var unlikely *ingest.PruneError
	switch errors.As(err, &unlikely); {
	case may && err != nil, !may && unlikely == nil:
		t.Errorf("%s ended with %v", what, err)
	case !may && (unlikely.Gone != gone || unlikely.Known != known):
		t.Errorf("%s: %d of %d are gone, want %d of %d", what, unlikely.Gone, unlikely.Known, gone, known)
	}
}

// recordsOf are the lines of a made-up corpus.
func recordsOf(t *testing.T, n int) []string {
	t.Helper()
	f, err := os.Open(corpus(t, n))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

func recordsFile(t *testing.T, lines []string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(slices.Concat(lines, []string{""}), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
