package app_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// TestReindex makes the index anew while documents change and searches go on,
// goes back to the previous one, which lacks what came since, and starts with an
// index that cannot be opened at all.
func TestReindex(t *testing.T) {
	s := newStores(t, 200, "")
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	whole := func(a *app.App) {
		t.Helper()
		if r := inspect(t, a, false); len(r.Faults) > 0 {
			t.Errorf("faults: %+v", r.Faults)
		}
	}
	s.with(t, func(a *app.App) {
		s.ingest(t, a)
		if _, err := a.Rollback(t.Context()); !errors.Is(err, app.ErrNoPrevious) {
			t.Errorf("rolling back to nothing: %v", err)
		}
		done, searched := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for {
				select {
				case <-done:
					searched <- n
					return
				default:
				}
				if _, err := a.Index.Search(t.Context(), index.Query{Tenant: "acme", Filter: policy.AllowAll(), Limit: 10}); err != nil {
					t.Errorf("a search during the rebuild: %v", err)
				}
				n++
			}
		}()
		ingested := make(chan struct{})
		go func() {
			defer close(ingested)
			s.write(t, 200, 1)
			s.ingest(t, a)
		}()
		r, err := a.Reindex(t.Context(), nil)
		<-ingested
		close(done)
		if n := <-searched; n == 0 {
			t.Error("nothing was searched meanwhile")
		}
		if err != nil || r.Chunks == 0 || r.Previous != "index.db" {
			t.Fatalf("%+v, %v", r, err)
		}
		whole(a)
		s.write(t, 200, 2) // the previous index does not have these
		s.ingest(t, a)
		back, err := a.Rollback(t.Context())
		if err != nil || back.Current != "index.db" || back.Previous != r.Current || back.Mended == 0 {
			t.Fatalf("%+v, %v", back, err)
		}
		whole(a)
	})
	s.with(t, whole) // the pointer leads there after a restart too
	if err := os.WriteFile(filepath.Join(s.cfg.Data, "index.db"), []byte("not a database, not at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners}); err == nil {
		t.Fatal("a damaged index opened")
	}
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, NoIndex: true, Unfinished: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Index.Search(t.Context(), index.Query{Tenant: "acme", Filter: policy.AllowAll(), Limit: 10}); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("searching without an index: %v", err)
	}
	if _, err := a.Reindex(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	whole(a)
	files, err := filepath.Glob(filepath.Join(s.cfg.Data, "index*.db"))
	if err != nil || len(files) != 2 || slices.Contains(files, "") {
		t.Errorf("%d index files are left, want the one in force and the one before: %v", len(files), err)
	}
}

// slowCommit is a catalog in which nothing becomes live before it is told so.
type slowCommit struct {
	ingest.Catalog
	reached, proceed chan struct{}
	once             sync.Once
}

func (s *slowCommit) Commit(ctx context.Context, refs []catalog.Ref) error {
	s.once.Do(func() { close(s.reached) })
	<-s.proceed
	return s.Catalog.Commit(ctx, refs)
}

// TestReindexMeanwhile makes the index anew while documents are in the old one and
// not live yet: once they are, the new one has them.
func TestReindexMeanwhile(t *testing.T) {
	s := newStores(t, 40, "")
	s.with(t, func(a *app.App) {
		slow := &slowCommit{Catalog: a.Pipeline.Config.Catalog, reached: make(chan struct{}), proceed: make(chan struct{})}
		a.Pipeline.Config.Catalog = slow
		ingested := make(chan struct{})
		go func() {
			defer close(ingested)
			s.ingest(t, a)
		}()
		<-slow.reached
		_, err := a.Reindex(t.Context(), nil)
		close(slow.proceed)
		<-ingested
		if err != nil {
			t.Fatal(err)
		}
		if r := inspect(t, a, false); len(r.Faults) > 0 {
			t.Errorf("faults: %+v", r.Faults)
		}
	})
}
