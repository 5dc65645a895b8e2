package app_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	catalogsqlite "github.com/doorward/doorward/ingest/catalog/sqlite"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
)

// TestBitFlips turns one bit of the catalog's file, at least one in every page,
// and looks what becomes of it. Every flip must be found when the file is opened
// or inspected (`fsck --deep`), or change nothing that is stored: a bit of a page that
// holds nothing; and whatever was flipped, no query may get a text that is not the
// document's, or one that it got not before. DOORWARD_BITFLIPS says how many
// (`make bitflips`: 10,000).
func TestBitFlips(t *testing.T) {
	n := number("DOORWARD_BITFLIPS", 8)
	s := newStores(t, 50, "")
	s.with(t, func(a *app.App) { s.ingest(t, a) })
	a := s.open(t)
	defer a.Close()
	pristine := filepath.Join(t.TempDir(), "pristine.db") // folded: no log beside it
	if err := a.Catalog.DB().(interface {
		Snapshot(context.Context, string) error
	}).Snapshot(t.Context(), pristine); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(pristine)
	if err != nil {
		t.Fatal(err)
	}
	f := &flips{a: a, data: data, outcomes: map[string]int{}}
	f.rows, f.texts = f.judge(t, data, t.TempDir())
	if len(f.rows) == 0 || len(f.texts) < 20 {
		t.Fatalf("%d rows, %d texts to begin with", len(f.rows), len(f.texts))
	}
	seed := uint64(number("DOORWARD_SEED", int(time.Now().UnixNano())))
	rng := rand.New(rand.NewPCG(seed, 3))
	pages := len(data) / 4096
	started := time.Now()
	bits := make(chan int, 16)
	go func() {
		defer close(bits)
		for i := range n {
			page := i % pages
			if n < pages {
				page = rng.IntN(pages)
			}
			bits <- page*4096*8 + rng.IntN(4096*8)
		}
	}()
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		dir := t.TempDir()
		group.Go(func() {
			for bit := range bits {
				f.try(t, bit, dir)
			}
		})
	}
	group.Wait()
	seconds := time.Since(started).Seconds()
	t.Logf("seed %d: %d bits flipped in %d pages in %.0f s (%.1f/s): %v; none released a wrong text", seed, n, pages, seconds, float64(n)/seconds, f.outcomes)
}

// flips is the state of the test.
type flips struct {
	a     *app.App
	data  []byte
	rows  map[string]string // table, row and column → value
	texts map[string]string // document → what a query gets

	mu       sync.Mutex
	outcomes map[string]int
}

// try flips one bit.
func (f *flips) try(t *testing.T, bit int, dir string) {
	data := slices.Clone(f.data)
	data[bit/8] ^= 1 << (bit % 8)
	rows, texts := f.judge(t, data, dir)
	outcome := "found"
	if rows != nil {
		outcome = f.unnoticed(t, bit, rows)
	}
	for id, text := range texts {
		if text != f.texts[id] {
			t.Errorf("bit %d: document %s is released with another text, or to somebody who may not read it", bit, id)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outcomes[outcome]++
}

// unnoticed says what a flip that no inspection found has changed: nothing that is
// stored, since it hit a page or a part of one that holds nothing, a comment of the
// schema, or what SQLite makes anew.
func (f *flips) unnoticed(t *testing.T, bit int, rows map[string]string) string {
	for name, value := range rows {
		if was, ok := f.rows[name]; !ok || was != value {
			t.Errorf("bit %d: %s was changed and nobody noticed", bit, name)
			return "unnoticed: " + name
		}
	}
	for name := range f.rows {
		if _, there := rows[name]; !there {
			t.Errorf("bit %d, byte %d of page %d: %s is gone and nobody noticed", bit, bit/8%4096, bit/8/4096, name)
			return "unnoticed: " + name
		}
	}
	return "changes nothing stored"
}

// judge opens a catalog file with the other parts. rows is nil when opening or
// inspecting it found something; texts are what somebody of each team and a
// stranger get by fetching every document.
func (f *flips) judge(t *testing.T, data []byte, dir string) (rows, texts map[string]string) {
	path := filepath.Join(dir, catalogsqlite.File)
	for _, end := range []string{"", "-wal", "-shm"} {
		os.Remove(path + end)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Error(err)
		return nil, nil
	}
	catalog, err := catalogsqlite.Open(t.Context(), catalogsqlite.Config{Dir: dir, Keys: f.a.Keys})
	if err != nil {
		return nil, nil
	}
	defer catalog.Close()
	if err := catalog.Intact(t.Context()); err != nil { // the program does not start
		return nil, nil
	}
	pc := f.a.Pipeline.Config
	pc.Catalog = catalog
	p, err := ingest.New(pc)
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	x := &ingest.Inspector{Pipeline: p, Catalog: catalog, Index: f.a.Index, Verifier: f.a.Verifier}
	found, err := x.Inspect(t.Context(), ingest.Inspection{Deep: true})
	if err == nil && len(found.Faults) == 0 {
		if rows, err = dump(path); err != nil {
			rows = nil // it cannot be read in full
		}
	}
	sc := f.a.Service.Config
	sc.Catalog, sc.Quota = catalog, nil // nobody asks that often
	service, err := retrieval.New(sc)
	if err != nil {
		t.Error(err)
		return nil, nil
	}
	texts = map[string]string{}
	for i := range 50 {
		id := fmt.Sprintf("doc-%d", i)
		for _, group := range []string{fmt.Sprintf("team-%d", i%7), "strangers"} {
			r := retrieval.FetchRequest{ID: "r", Document: id, Context: policy.Context{Now: time.Now()},
				Subject: policy.Subject{ID: "of " + group, Tenant: "acme", Groups: []string{group}, Authn: policy.Authn{Backend: "b"}}}
			passages, err := service.Fetch(t.Context(), r)
			if err != nil || len(passages) == 0 {
				continue
			}
			var b strings.Builder
			for _, passage := range passages {
				b.WriteString(passage.Text)
			}
			texts[id+" "+group] = b.String()
		}
	}
	return rows, texts
}

// dump reads every value of every table.
func dump(path string) (map[string]string, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	out := map[string]string{}
	var tables []string
	rows, err := db.Query(`select name from sqlite_master where type = 'table'`)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, table := range tables {
		if err := dumpTable(db, table, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func dumpTable(db *sql.DB, table string, out map[string]string) error {
	rows, err := db.Query(`select * from "` + table + `"`)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for n := 0; rows.Next(); n++ {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return err
		}
		for i, c := range columns {
			out[fmt.Sprintf("%s %d %s", table, n, c)] = fmt.Sprintf("%v", *values[i].(*any))
		}
	}
	return rows.Err()
}
