package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/catalogtest"
	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/policy/keys/local"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

var ctx = context.Background()

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

func open(t testing.TB, url string, r *local.Ring) *relational.Catalog {
	return openSchema(t, url, "", r)
}

func openSchema(t testing.TB, url, schema string, r *local.Ring) *relational.Catalog {
	t.Helper()
	c, err := Open(ctx, Config{URL: url, Schema: schema, Connections: 4, Keep: time.Hour}, r, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Each case has a schema of its own, which is cheaper than a database.
func TestCatalog(t *testing.T) {
	url, n := postgrestest.URL(t), 0
	catalogtest.Run(t, func(t *testing.T) (catalogtest.Store, func() catalogtest.Store) {
		n++
		schema, r := fmt.Sprint("case_", n), ring(t)
		return openSchema(t, url, schema, r), func() catalogtest.Store { return openSchema(t, url, schema, r) }
	})
}

// Several processes open an empty database at once: one schema comes of it.
func TestOpenTogether(t *testing.T) {
	url, r := postgrestest.URL(t), ring(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			c, err := Open(ctx, Config{URL: url, Connections: 2}, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	group.Wait()
}

// Changes of one document wait for each other; every one of them counts.
func TestUpdatesOfOneDocument(t *testing.T) {
	url, r := postgrestest.URL(t), ring(t)
	a, b := open(t, url, r), open(t, url, r)
	db := a.DB()
	if err := db.Update(ctx, nil, func(tx relational.Tx) error {
		_, err := tx.Exec(ctx, `create table counts (n bigint)`)
		return errors.Join(err, tx.Queue(ctx, `insert into counts values (0)`))
	}); err != nil {
		t.Fatal(err)
	}
	// With the document's lock or without any lock named: both exclude.
	add := func(c *relational.Catalog, locks []int64) error {
		return c.DB().Update(ctx, locks, func(tx relational.Tx) error {
			rows, err := tx.Query(ctx, `select n from counts`)
			if err != nil {
				return err
			}
			var n int64
			for rows.Next() {
				if err := rows.Scan(&n); err != nil {
					return err
				}
			}
			rows.Close()
			return tx.Queue(ctx, `update counts set n = ?`, n+1)
		})
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 25 {
				locks := []int64{7}
				if i%4 == 0 {
					locks = nil
				}
				if err := add([]*relational.Catalog{a, b}[i%2], locks); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	rows, err := db.Query(ctx, `select n from counts`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil || n != 200 {
			t.Errorf("counted %d, %v; want 200", n, err)
		}
	}
}

// Two machines replace the same documents in different orders.
func TestWritersTogether(t *testing.T) {
	url, r := postgrestest.URL(t), ring(t)
	var group sync.WaitGroup
	for w := range 4 {
		c := open(t, url, r)
		group.Go(func() {
			for i := range 10 {
				var versions []catalog.Version
				var refs []catalog.Ref
				for d := range 8 {
					if w%2 == 1 {
						d = 7 - d
					}
					ref := catalog.Ref{Tenant: "acme", Document: fmt.Sprint("d", d), Version: fmt.Sprintf("w%d.%d", w, i)}
					refs = append(refs, ref)
					versions = append(versions, catalog.Version{Ref: ref, Chunks: []catalog.StoredChunk{{Chunk: catalog.Chunk{ID: ref.Document + ref.Version, Text: "t"}}}})
				}
				if err := c.Intend(ctx, versions); err != nil {
					t.Error(err)
				}
				// Another's commit may have taken our intents out: then ours is refused as a whole.
				if err := c.Commit(ctx, refs); err != nil && !errors.Is(err, catalog.ErrNotFound) {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	c := open(t, url, r)
	n := 0
	err := c.Live(ctx, "acme", "", func(d catalog.Document) error {
		n++
		chunks, err := c.Open(ctx, "acme", []string{d.ID + d.Version})
		if err == nil && len(chunks) != 1 {
			t.Errorf("%s is live without its chunk", d.ID)
		}
		return err
	})
	if err != nil || n == 0 {
		t.Errorf("%d live documents, %v", n, err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]Config{
		"malformed":   {URL: "postgres://u:hunter2@:bad:port/"},
		"unprotected": {URL: "postgres://u:hunter2@db.example.org/d?sslmode=require"},
		"schema":      {URL: "postgres:///d", Schema: `x"; drop`},
		"unreachable": {URL: "postgres://u:hunter2@127.0.0.1:1/d?connect_timeout=2"},
	} {
		_, err := Connect(ctx, c)
		if err == nil {
			t.Fatalf("%s: connected", name)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the password: %v", name, err)
		}
	}
}

// A database with other tables, and a catalog from the future, are left alone.
func TestForeignSchemas(t *testing.T) {
	url, r := postgrestest.URL(t), ring(t)
	d, err := Connect(ctx, Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	exec := func(sql string) {
		t.Helper()
		if _, err := d.Pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	exec(`create table customers (id int)`)
	if _, err := Open(ctx, Config{URL: url}, r, nil); err == nil || !strings.Contains(err.Error(), "not a Doorward catalog") {
		t.Errorf("a foreign schema gives %v", err)
	}
	exec(`drop table customers`)
	open(t, url, r)
	exec(`update meta set value = '999'`)
	if _, err := Open(ctx, Config{URL: url}, r, nil); err == nil || !strings.Contains(err.Error(), "version 999") {
		t.Errorf("a newer catalog gives %v", err)
	}
}

// Machines that share a catalog and a master key share every tenant's secret,
// whoever asked first.
func TestSecretsAreShared(t *testing.T) {
	url := postgrestest.URL(t)
	open(t, url, ring(t)) // makes the tables
	dir := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(dir, false); err != nil {
		t.Fatal(err)
	}
	derived := make([]string, 6)
	var group sync.WaitGroup
	for i := range derived {
		group.Go(func() {
			d, err := Connect(ctx, Config{URL: url, Connections: 2})
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			r, err := local.Open(local.Config{Dir: dir, Store: relational.Secrets{DB: d}})
			if err != nil {
				t.Error(err)
				return
			}
			key, err := r.Derive("acme", "terms")
			if err != nil {
				t.Error(err)
			}
			derived[i] = string(key)
		})
	}
	group.Wait()
	for _, k := range derived {
		if k == "" || k != derived[0] {
			t.Fatal("machines derive different keys")
		}
	}
	other := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(other, false); err != nil {
		t.Fatal(err)
	}
	d, err := Connect(ctx, Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := local.Open(local.Config{Dir: other, Store: relational.Secrets{DB: d}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Derive("acme", "terms"); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("another master key gives %v", err)
	}
}

// One process with an index of its own excludes all others.
func TestJoin(t *testing.T) {
	url := postgrestest.URL(t)
	join := func(alone bool) (func() error, bool) {
		t.Helper()
		d, err := Connect(ctx, Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		release, ok, err := d.Join(ctx, alone)
		if err != nil {
			t.Fatal(err)
		}
		return release, ok
	}
	leave, ok := join(false)
	if _, both := join(false); !ok || !both {
		t.Error("two machines cannot share a catalog")
	}
	if _, ok := join(true); ok {
		t.Error("one joined alone beside others")
	}
	_ = leave()
}
