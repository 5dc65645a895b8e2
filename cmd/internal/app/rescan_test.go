package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
)

// renewed are the detectors with rules more than the documents came in under.
func renewed(t testing.TB, rules string) *app.Scanners {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.toml")
	if err := os.WriteFile(path, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := app.OpenScanners(&configs.Config{Scan: configs.Scan{SecretRules: []string{path}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// badgeRule finds what nobody looked for before.
const badgeRule = `
[[rules]]
id = "acme-badge"
description = "Acme badge"
regex = '''BADGE-[0-9]{6}'''
keywords = ["badge-"]
`

// TestRescan brings documents in, then rules that find something in one of them:
// a minimum of scanner revision keeps everything back, the re-scan takes the bad
// text out and signs for the rest, and what policy holds is out of the index at
// once and waits in quarantine.
func TestRescan(t *testing.T) {
	s := newStore(t, 0)
	s.notes(t, map[string]string{"a": "nothing here", "c": "my number is BADGE-123456 for the door", "d": "more of nothing"}, "team")
	s.with(t, func(a *app.App) { s.ingest(t, a) })
	scanners := renewed(t, badgeRule)
	s.cfg.Scan.Minimum = "current"
	open := func() *app.App {
		a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	defer a.Close()
	if n := released(t, a); n != 0 {
		t.Errorf("%d passages released below the minimum", n)
	}
	plan, err := a.Rescan(t.Context(), ingest.RenewOptions{Plan: true})
	if err != nil || plan.Stale != 3 || plan.Live != 3 || len(plan.Outcomes) > 0 {
		t.Errorf("plan: %+v, %v", plan, err)
	}
	r, err := a.Rescan(t.Context(), ingest.RenewOptions{})
	if err != nil || r.Outcomes[ingest.Resigned] != 2 || r.Stale != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Outcomes[ingest.Rewritten]+r.Outcomes[ingest.Quarantined] != 1 {
		t.Errorf("the badge: %+v", r.Outcomes)
	}
	if n := released(t, a); n < 2 {
		t.Errorf("%d passages released after the re-scan", n)
	}
	if f := inspect(t, a, false); len(f.Faults) > 0 {
		t.Errorf("%+v", f.Faults)
	}
	err = a.Catalog.Live(t.Context(), "acme", "", func(d catalog.Document) error {
		ids := []string{}
		for _, c := range d.Receipt.Chunks {
			ids = append(ids, c.ID)
		}
		chunks, err := a.Catalog.Open(t.Context(), "acme", ids)
		for _, c := range chunks {
			if strings.Contains(c.Text, "BADGE-1") {
				t.Error("the badge can still be released")
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := a.Rescan(t.Context(), ingest.RenewOptions{}); err != nil || again.Stale != 0 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
	if all, err := a.Rescan(t.Context(), ingest.RenewOptions{All: true, Source: "notes", Rate: 1000}); err != nil || all.Stale != all.Live {
		t.Errorf("all: %+v, %v", all, err)
	}
}

// released is how many passages somebody of the team gets.
func released(t testing.TB, a *app.App) int {
	t.Helper()
	answer, err := a.Service.Retrieve(t.Context(), ask("team"))
	if err != nil {
		t.Fatal(err)
	}
	return len(answer.Passages)
}

var asked atomic.Int64

// ask is a question by a user of their own: one alone has a quota.
func ask(group string) retrieval.Request {
	return retrieval.Request{ID: "r", Subject: policy.Subject{ID: fmt.Sprint("u", asked.Add(1)), Tenant: "acme", Groups: []string{group}, Authn: policy.Authn{Backend: "b"}}, Context: policy.Context{Now: time.Now()}, Question: "nothing of the contract, the number"}
}

// TestRescanPullsBack: what policy holds now is out at once, its text waits for a
// reviewer, and a version that waited before is not lost.
func TestRescanPullsBack(t *testing.T) {
	s := newStore(t, 0)
	dir := filepath.Join(s.dir, "policy")
	if err := os.CopyFS(dir, os.DirFS("../../../configs/policies/default")); err != nil {
		t.Fatal(err)
	}
	s.cfg.Policy.Dir = dir
	s.notes(t, map[string]string{"a": "nothing here", "c": "my number is BADGE-123456 for the door"}, "team")
	s.with(t, func(a *app.App) { s.ingest(t, a) })
	strict := "package doorward.ingest\n\nimport rego.v1\n\ndefault verdict := \"quarantine\"\n\nverdict := \"index\" if not badge\n\nbadge if some f in input.findings\nbadge_rule if badge\n\nactions := {\"*\": \"redact\"}\n\nreasons := [\"badge\"] if badge\n"
	strict = strings.Replace(strict, "badge if some f in input.findings\nbadge_rule if badge\n", "badge if {\n\tsome f in input.findings\n\tf.rule == \"acme-badge\"\n}\n", 1)
	files, _ := filepath.Glob(filepath.Join(dir, "ingest*"))
	for _, f := range files {
		os.Remove(f)
	}
	if err := os.WriteFile(filepath.Join(dir, "ingest.rego"), []byte(strict), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: renewed(t, badgeRule)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r, err := a.Rescan(t.Context(), ingest.RenewOptions{})
	if err != nil || r.Outcomes[ingest.Quarantined] != 1 || r.Outcomes[ingest.Resigned] != 1 || len(r.Documents) != 1 || r.Documents[0] != "c" {
		t.Fatalf("%+v, %v", r, err)
	}
	held, err := a.Catalog.Arrival(t.Context(), "acme", "c")
	if err != nil || held.State != catalog.Held || !strings.Contains(string(held.Bytes), "BADGE-123456") || len(held.Reasons) == 0 {
		t.Errorf("held: %v %q %v", held.State, held.Reasons, err)
	}
	if f := inspect(t, a, false); len(f.Faults) > 0 || f.States["document live"] != 1 {
		t.Errorf("%v %+v", f.States, f.Faults)
	}
}

// TestRescanRate scans many chunks again while queries go on, and prints the
// rate. DOORWARD_RESCAN says how many documents (`make rescans`: 100,000).
func TestRescanRate(t *testing.T) {
	n := number("DOORWARD_RESCAN", 0)
	if n == 0 {
		t.Skip("set DOORWARD_RESCAN to a number of documents")
	}
	s := newStore(t, n)
	s.with(t, func(a *app.App) { s.ingest(t, a) })
	started := time.Now()
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: renewed(t, badgeRule)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	restart := time.Since(started)
	ctx, cancel := context.WithCancel(t.Context())
	var queries, failed atomic.Int64
	var slowest time.Duration
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			at := time.Now()
			if _, err := a.Service.Retrieve(ctx, ask("team-1")); err != nil && ctx.Err() == nil {
				failed.Add(1)
				t.Log(err)
			}
			queries.Add(1)
			slowest = max(slowest, time.Since(at))
			time.Sleep(10 * time.Millisecond)
		}
	}()
	r, err := a.Rescan(t.Context(), ingest.RenewOptions{})
	cancel()
	<-ended
	if err != nil || r.Outcomes[ingest.Resigned] != n || failed.Load() > 0 {
		t.Fatalf("%+v, %v, %d queries failed", r, err, failed.Load())
	}
	data, _ := json.Marshal(r.Outcomes)
	t.Logf("%d documents, %d chunks scanned again in %.1f s: %.0f documents/s; %d queries meanwhile, the slowest %v, none failed; opened in %v; %s",
		r.Stale, r.Chunks, r.Elapsed.Seconds(), float64(r.Stale)/r.Elapsed.Seconds(), queries.Load(), slowest.Round(time.Millisecond), restart.Round(time.Millisecond), data)
}
