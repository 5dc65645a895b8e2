package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// A run of which nothing was heard for as long as a lease is interrupted for who
// looks, until it is heard of again.
func TestSilentRunsAreInterrupted(t *testing.T) {
	ctx, now := context.Background(), time.Unix(1_700_000_000, 0)
	cat, err := Open(ctx, Config{Dir: t.TempDir(), Keys: ring(t), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	if err := cat.StartBatch(ctx, catalog.Batch{Tenant: "acme", ID: "b", Source: "wiki", Started: now}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		later time.Duration
		beat  bool
		want  catalog.BatchState
	}{{catalog.BatchLease, false, catalog.Running}, {time.Second, false, catalog.Interrupted}, {time.Hour, true, catalog.Running}, {catalog.BatchLease + time.Second, false, catalog.Interrupted}} {
		now = now.Add(c.later)
		if c.beat {
			if err := cat.BeatBatch(ctx, "acme", "b"); err != nil {
				t.Fatal(err)
			}
		}
		if list, err := cat.Batches(ctx, "acme", "b", 1); err != nil || len(list) != 1 || list[0].State != c.want || !list[0].Finished.IsZero() {
			t.Errorf("%s later, heard of: %v: %+v, %v; want %s", c.later, c.beat, list, err, c.want)
		}
	}
}
