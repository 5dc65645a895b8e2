package app_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/retrieval/index"
)

// TestRollBack takes in a collection, then a batch that changes half of it and
// brings as much again, and rolls the batch back: catalog and index, terms
// included, are as they were before. DOORWARD_ROLLBACK is about how many chunks
// the batch has.
func TestRollBack(t *testing.T) {
	const perDocument = 20
	n := 6
	if v := os.Getenv("DOORWARD_ROLLBACK"); v != "" {
		chunks, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal("DOORWARD_ROLLBACK: ", err)
		}
		n = chunks / perDocument
	}
	s := newStore(t, 0)
	s.cfg.Sources[0].Trust = "internal" // it repeats itself
	a := s.open(t)
	defer a.Close()
	s.cfg.Sources[0].Path = long(t, 0, n, 0)
	s.ingest(t, a)
	want, wantIndex := export(t, a), exportIndex(t, a)
	s.cfg.Sources[0].Path = long(t, n/2, n/2+n, 1)
	r, err := a.Ingest(t.Context(), s.cfg.Sources[0], ingest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Outcomes[ingest.Indexed] != n || len(exportIndex(t, a)) <= len(wantIndex) {
		t.Fatalf("the batch: %+v", r)
	}
	started := time.Now()
	undos, err := a.Pipeline.RollBack(t.Context(), "acme", r.Batch, nil)
	took := time.Since(started)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, u := range undos {
		counts[u.Did]++
	}
	if counts["restored"] != n-n/2 || counts["retired"] != n/2 {
		t.Errorf("rolling back did %v", counts)
	}
	sameExport(t, export(t, a), want)
	got := exportIndex(t, a)
	sameExport(t, got, wantIndex)
	t.Logf("rolling back a batch of %d documents, %d chunks, took %.1f s; %d documents restored, %d taken out; %d index lines equal to before",
		n, r.Chunks, took.Seconds(), counts["restored"], counts["retired"], len(got))
	if f := inspect(t, a, false); len(f.Faults) > 0 {
		t.Errorf("%d faults after it, first: %+v", len(f.Faults), f.Faults[0])
	}
	if again, err := a.Pipeline.RollBack(t.Context(), "acme", r.Batch, nil); err != nil || len(again) != 0 {
		t.Errorf("rolling back again: %v, %v", again, err)
	}
}

// exportIndex is every point of the index, with its terms.
func exportIndex(t testing.TB, a *app.App) []string {
	t.Helper()
	lines, err := index.Export(t.Context(), a.Index, "acme")
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// long writes documents from to to of about twenty chunks each.
func long(t testing.TB, from, to int, version uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "long.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	words := strings.Fields("budget printer holiday contract invoice server meeting harbour forest bridge letter garden window")
	e := json.NewEncoder(f)
	for i := from; i < to; i++ {
		rng := rand.New(rand.NewPCG(uint64(i), version))
		var text strings.Builder
		for range 10 {
			for range 40 {
				for range 8 {
					text.WriteString(words[rng.IntN(len(words))] + " ")
				}
				text.WriteString("today. ")
			}
			text.WriteString("\n\n")
		}
		e.Encode(map[string]any{"id": fmt.Sprintf("doc-%d", i), "title": "Note", "text": text.String(), "access": map[string]any{"groups": []string{"team"}}})
	}
	return path
}
