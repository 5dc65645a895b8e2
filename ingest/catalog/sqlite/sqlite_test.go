package sqlite

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/catalogtest"
	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/policy/keys/local"
)

func ring(t testing.TB) *local.Ring {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(dir, false); err != nil {
		t.Fatal(err)
	}
	r, err := local.Open(local.Config{Dir: dir, Tenants: filepath.Join(t.TempDir(), "tenants")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCatalog(t *testing.T) {
	catalogtest.Run(t, func(t *testing.T) (catalogtest.Store, func() catalogtest.Store) {
		c := Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour}
		open := func() catalogtest.Store {
			cat, err := Open(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cat.Close() })
			return cat
		}
		return open(), open
	})
}

func TestNoTextOnDisk(t *testing.T) {
	c := Config{Dir: t.TempDir(), Keys: ring(t)}
	cat, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	err = cat.Receive(context.Background(), []catalog.Arrival{{Tenant: "acme", ID: "d", Name: "zebrafish.txt", URI: "file:///zebrafish.txt",
		Claimed: map[string]any{"note": "zebrafish"}, Bytes: []byte("the zebrafish swims")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := cat.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(c.Dir, "*"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("zebrafish")) {
			t.Errorf("%s holds document text", filepath.Base(f))
		}
	}
}

func TestReadableCatalogIsRefused(t *testing.T) {
	c := Config{Dir: t.TempDir(), Keys: ring(t)}
	if err := os.WriteFile(filepath.Join(c.Dir, File), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), c); !errors.Is(err, catalog.ErrPermissions) {
		t.Errorf("got %v, want ErrPermissions", err)
	}
}

// What a batch replaced is kept for the time that was asked for and no longer.
func TestKeptVersionsEnd(t *testing.T) {
	ctx, now := context.Background(), time.Unix(1_700_000_000, 0)
	cat, err := Open(ctx, Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	refs := []catalog.Ref{{Tenant: "acme", Document: "d", Version: "v1"}, {Tenant: "acme", Document: "d", Version: "v2"}}
	for i, r := range refs {
		v := catalog.Version{Ref: r, Provenance: catalog.Provenance{Batch: []string{"b1", "b2"}[i]}}
		if err := errors.Join(cat.Intend(ctx, []catalog.Version{v}), cat.Commit(ctx, []catalog.Ref{r})); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		after time.Duration
		want  error
	}{{time.Hour, nil}, {time.Second, catalog.ErrNotFound}} {
		now = now.Add(step.after)
		if _, err := cat.Purge(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := cat.Version(ctx, refs[0]); !errors.Is(err, step.want) {
			t.Errorf("after %v the version before gives %v", step.after, err)
		}
	}
}

// Two jobs hold the same bytes of a document. The one that finishes last must not
// take back what the other made live.
func TestSameVersionOfTwoJobs(t *testing.T) {
	ctx := context.Background()
	cat, err := Open(ctx, Config{Dir: t.TempDir(), Keys: ring(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	a := catalog.Arrival{Tenant: "acme", ID: "d", Content: "h", Bytes: []byte("words")}
	v := catalog.Version{Ref: catalog.Ref{Tenant: "acme", Document: "d", Version: "v"}, Content: "h"}
	for _, job := range []string{"1", "2"} {
		if err := cat.ReceiveJob(ctx, []catalog.Arrival{a}, func(relational.Tx) (string, error) { return job, nil }); err != nil {
			t.Fatal(err)
		}
	}
	guard := func(context.Context, relational.Tx) error { return nil }
	one, two := cat.ForJob("1", guard), cat.ForJob("2", guard)
	refs := []catalog.Ref{v.Ref}
	err = errors.Join(one.Intend(ctx, []catalog.Version{v}), two.Intend(ctx, []catalog.Version{v}), two.Commit(ctx, refs), one.Commit(ctx, refs))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cat.Version(ctx, v.Ref); err != nil {
		t.Errorf("the live version is gone: %v", err)
	}
	if tasks, _, err := cat.Tasks(ctx); err != nil || len(tasks) != 0 {
		t.Errorf("owed %+v %v", tasks, err)
	}
}

// TestUndo: what a batch's statements are taken back with is kept in memory, what
// a statement over whole tables is, in a file, whatever came before.
func TestUndo(t *testing.T) {
	ctx := t.Context()
	cat, err := Open(ctx, Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	db := cat.DB().(*DB)
	for _, c := range []struct {
		locks []int64
		want  int
	}{{[]int64{}, 2}, {nil, 1}, {[]int64{7}, 2}, {nil, 1}} {
		err := db.Update(ctx, c.locks, func(x relational.Tx) error {
			var got int
			if err := x.(*tx).tx.QueryRowContext(ctx, `pragma temp_store`).Scan(&got); err != nil {
				return err
			}
			if got != c.want {
				t.Errorf("locks %v: temp_store is %d, want %d", c.locks, got, c.want)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
