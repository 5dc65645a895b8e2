package queue

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/policy/keys/local"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

// TestOwnSuccessor: a worker that was late takes over its own batch. When its first
// attempt leaves off, the second is still noted; and when it dies with both in hand,
// that is one life lost, not none and not two.
func TestOwnSuccessor(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(dir, false); err != nil {
		t.Fatal(err)
	}
	ring, err := local.Open(local.Config{Dir: dir, Tenants: filepath.Join(t.TempDir(), "tenants")})
	if err != nil {
		t.Fatal(err)
	}
	cat, err := postgres.Open(ctx, postgres.Config{URL: postgrestest.URL(t), Schema: "successor", Connections: 4}, ring, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	q, err := Open(ctx, Config{DB: cat.DB().(*postgres.DB), Catalog: cat, Pipeline: &ingest.Pipeline{}, Lease: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) *worker { return &worker{q: q, name: name, room: semaphore.NewWeighted(4)} }
	late, other := of("host-1-late"), of("host-2-other")
	begin := func(w *worker, attempt int) func() {
		t.Helper()
		lost, end, err := w.begin(ctx, 7, attempt)
		if err != nil || lost != 0 {
			t.Fatalf("attempt %d: %d lives lost, %v", attempt, lost, err)
		}
		return end
	}
	lives := func(want int, when string) {
		t.Helper()
		if n, err := other.lost(ctx, 7); err != nil || n != want {
			t.Errorf("%s: %d lives lost, %v, want %d", when, n, err, want)
		}
	}
	if err := q.beat(ctx, late.name); err != nil {
		t.Fatal(err)
	}
	first := begin(late, 1)
	second := begin(late, 2)
	lives(0, "while it is heard from")
	if n, err := late.lost(ctx, 7); err != nil || n != 0 {
		t.Errorf("its own: %d, %v", n, err)
	}
	die := func() {
		if _, err := q.DB.Pool.Exec(ctx, `update ingest_workers set seen = clock_timestamp() - interval '2 hours'`); err != nil {
			t.Fatal(err)
		}
	}
	die()
	lives(1, "gone with both attempts in hand")
	first()
	lives(1, "gone with the second in hand")
	second()
	lives(0, "gone with neither")
	defer begin(late, 3)()
	lives(1, "gone with a third")
	if err := q.leave(ctx, late.name); err != nil {
		t.Fatal(err)
	}
	lives(0, "after it left")
}
