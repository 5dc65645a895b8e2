package app_test

import (
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest/catalog"
)

// TestTidy: what was held longer than configured is discarded, never released;
// what a batch replaced can be put back for as long as it is kept, and then is
// gone. Before its time nothing happens.
func TestTidy(t *testing.T) {
	s := newStore(t, 0)
	s.notes(t, map[string]string{"a": "first words", "x": "nobody may read this"}, "team")
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	s.ingest(t, a)
	s.notes(t, map[string]string{"a": "other words", "x": "nobody may read this"}, "team")
	batch := s.ingest(t, a).Batch
	for _, c := range []struct {
		after            time.Duration
		held, restorable int
	}{
		{0, 1, 1},
		{s.cfg.Contain.Keep + time.Minute, 1, 0},
		{s.cfg.Review.Expire + time.Minute, 0, 0},
	} {
		now = now.Add(c.after)
		if err := a.TidyOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
		held, err := a.Catalog.HeldCounts(t.Context(), "acme", now)
		if err != nil || held.Total != c.held {
			t.Errorf("%s later: %d held, %v", c.after, held.Total, err)
		}
		list, err := a.Catalog.Batches(t.Context(), "acme", batch, 1)
		if err != nil || len(list) != 1 || list[0].Restorable != c.restorable {
			t.Errorf("%s later: %+v, %v", c.after, list, err)
		}
	}
	live := 0
	err = a.Catalog.Live(t.Context(), "acme", "", func(d catalog.Document) error { live++; return nil })
	if err != nil || live != 1 {
		t.Errorf("%d live documents, %v: time released one", live, err)
	}
	known, err := a.Catalog.Known(t.Context(), "acme", []string{"notes:x", "x"})
	for id, k := range known {
		if k.State != catalog.Rejected {
			t.Errorf("%s is %s after it expired", id, k.State)
		}
	}
	if err != nil || len(known) != 1 {
		t.Errorf("%v, %v", known, err)
	}
	if f := inspect(t, a, false); len(f.Faults) > 0 {
		t.Errorf("%+v", f.Faults)
	}
}
