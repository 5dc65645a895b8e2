package app_test

import (
	"context"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// TestInterruptedRunsAreTold: a run is running while it runs, and interrupted as soon
// as it failed, or as the process that it ran in is followed by another.
func TestInterruptedRunsAreTold(t *testing.T) {
	s := newStore(t, 3)
	a := s.open(t)
	state := func(a *app.App, id string) catalog.Batch {
		t.Helper()
		list, err := a.Catalog.Batches(t.Context(), "acme", id, 1)
		if err != nil || len(list) != 1 {
			t.Fatalf("batches %q: %v, %v", id, list, err)
		}
		return list[0]
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	during := catalog.BatchState("never")
	r, err := a.Ingest(ctx, s.cfg.Sources[0], ingest.Options{Progress: func(ingest.Event) {
		if during == "never" {
			during = state(a, "").State
		}
		cancel()
	}})
	if err == nil {
		t.Fatal("the run was done though it was interrupted")
	}
	if during != catalog.Running {
		t.Errorf("while it ran it was %s", during)
	}
	if b := state(a, r.Batch); b.State != catalog.Interrupted || !b.Finished.IsZero() {
		t.Errorf("the run that failed with %v is %s, finished %s", err, b.State, b.Finished)
	}
	// As a process that is killed leaves it.
	if err := a.Catalog.StartBatch(t.Context(), catalog.Batch{Tenant: "acme", ID: "killed", Source: "notes", Started: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if b := state(a, "killed"); b.State != catalog.Running {
		t.Errorf("a run that is alive is %s", b.State)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = s.open(t)
	defer a.Close()
	if b := state(a, "killed"); b.State != catalog.Interrupted {
		t.Errorf("after the next start the run is %s", b.State)
	}
	if r, err = a.Ingest(t.Context(), s.cfg.Sources[0], ingest.Options{Full: true}); err != nil {
		t.Fatal(err)
	}
	if list, err := a.Catalog.Batches(t.Context(), "acme", r.Batch, 1); err != nil || len(list) == 1 && list[0].State != catalog.Finished {
		t.Errorf("the run that was not disturbed: %v, %v", list, err)
	}
}
