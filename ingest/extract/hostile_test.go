package extract_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

// TestHostileFiles reads every hostile file in children of 256 MiB, each
// followed by an honest document that must come out whole. DOORWARD_HOSTILE=10
// makes the files ten times as large.
func TestHostileFiles(t *testing.T) {
	scale, timeout := 1, 20*time.Second
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_HOSTILE")); err == nil && n > 0 {
		scale = n
	}
	e := sandboxed(t, extract.Config{Workers: 2, Timeout: timeout, MaxEntries: 10_000 * scale, MaxText: 4 << 20 * scale})
	if scale > 1 {
		e = sandboxed(t, extract.Config{Workers: 2})
	}
	if len(extracttest.Hostile) < 30 {
		t.Errorf("only %d files", len(extracttest.Hostile))
	}
	honest := extract.Input{Name: "honest.html", Bytes: []byte("<h1>Fine</h1><p>words</p>")}
	for _, h := range extracttest.Hostile {
		t.Run(h.Name, func(t *testing.T) {
			began := time.Now()
			doc, err := e.Extract(context.Background(), extract.Input{Name: h.File, Bytes: h.Make(t, scale)})
			reason := ""
			if err != nil {
				reason = extract.Reason(err)
				if doc.Text != "" || len(doc.Hidden) > 0 {
					t.Error("a document came with the error")
				}
			}
			if !strings.Contains(","+h.Reasons+",", ","+reason+",") {
				t.Errorf("got %q (%v), want one of %q", reason, err, h.Reasons)
			}
			if took := time.Since(began); took > timeout+time.Minute { // no busy machine explains that
				t.Errorf("took %v", took)
			}
			if doc, err := e.Extract(context.Background(), honest); err != nil || doc.Text != "Fine\n\nwords" {
				t.Errorf("the honest document after it: %v", err)
			}
			t.Logf("%q in %v, largest child so far %d MiB", reason, time.Since(began).Round(time.Millisecond), childPeak(t))
		})
	}
}

// childPeak is the largest resident size of this process's children, in MiB.
func childPeak(t testing.TB) int {
	most := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, f := range stats {
		p, _ := os.ReadFile(f)
		s := string(p)
		if !strings.Contains(s, "PPid:\t"+strconv.Itoa(os.Getpid())+"\n") {
			continue
		}
		if i := strings.Index(s, "VmHWM:"); i >= 0 {
			n, _ := strconv.Atoi(strings.Fields(s[i+6:])[0])
			most = max(most, n>>10)
		}
	}
	return most
}
