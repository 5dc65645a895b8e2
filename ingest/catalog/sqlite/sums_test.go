package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
)

// filled is a catalog with a little of everything, and its file.
func filled(t testing.TB, c Config, documents int) {
	t.Helper()
	ctx := context.Background()
	cat, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	for i := range documents {
		r := catalog.Ref{Tenant: "acme", Document: fmt.Sprint("d", i), Version: "v"}
		v := catalog.Version{Ref: r, Source: "wiki", Content: "h", Provenance: catalog.Provenance{Batch: "b"}}
		a := catalog.Arrival{Tenant: "acme", ID: r.Document, Source: "wiki", Content: "h", Bytes: []byte("words")}
		for _, err := range []error{cat.Receive(ctx, []catalog.Arrival{a}), cat.Intend(ctx, []catalog.Version{v}), cat.Commit(ctx, []catalog.Ref{r})} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cat.SetCursor(ctx, "acme", "wiki", "s", "c"); err != nil {
		t.Fatal(err)
	}
	if err := cat.Contain(ctx, contain.Order{Tenant: "acme", ID: "o", Scope: "source", Target: "mail", Reason: "r", By: "ann", Created: time.Now()}); err != nil {
		t.Fatal(err)
	}
}

// raw changes a catalog's file behind its back.
func raw(t testing.TB, c Config, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(c.Dir, File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// withoutSums is what takes a file back to when there were none.
func withoutSums(t testing.TB, c Config) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(c.Dir, File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	names, err := storedTriggers(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	for name := range names {
		if _, err := db.Exec("drop trigger " + name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("drop table sums"); err != nil {
		t.Fatal(err)
	}
}

// sound opens a catalog and says what is wrong with its storage, and whether the
// rows that hold something back are intact.
func sound(t *testing.T, c Config, rebuild bool) (flaws []string, intact error) {
	t.Helper()
	cat, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	intact = cat.Intact(t.Context())
	if rebuild {
		if _, err := cat.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if flaws, err = cat.Sound(t.Context()); err != nil {
		t.Fatal(err)
	}
	return flaws, intact
}

// A row that changed without its checksum, one that is gone and a trigger that
// changed are found; what holds something back already when the catalog is opened.
// The repair leaves none.
func TestChecksums(t *testing.T) {
	for name, c := range map[string]struct {
		damage []string
		flaw   string
		intact bool
	}{
		"nothing":    {nil, "", true},
		"a row":      {[]string{`drop trigger sum_lineage_update`, `update lineage set recorded = recorded + 1 where document = 'd1'`}, `row "acme/d1/v" of lineage differs`, true},
		"an order":   {[]string{`update sums set sum = sum + 1 where of = 'containments'`}, `row "acme/o" of containments differs`, false},
		"a cursor":   {[]string{`update sums set sum = 0 where of = 'cursors'`}, "of cursors differs", false},
		"a lost row": {[]string{`insert into sums values ('batches', 'acme' || char(31) || 'x', 1)`}, "rows of batches that have checksums are missing", true},
		"a trigger":  {[]string{`drop trigger sum_notes_insert`}, "the triggers that keep the checksums of notes", true},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour}
			filled(t, config, 3)
			raw(t, config, c.damage...)
			flaws, intact := sound(t, config, false)
			if all := strings.Join(flaws, "\n"); c.flaw == "" && all != "" || !strings.Contains(all, c.flaw) {
				t.Errorf("found %q, want %q", flaws, c.flaw)
			}
			if (intact == nil) != c.intact {
				t.Errorf("when opened: %v", intact)
			}
			if flaws, intact := sound(t, config, true); len(flaws) > 0 {
				t.Errorf("after the repair: %q %v", flaws, intact)
			}
			if _, intact := sound(t, config, false); intact != nil {
				t.Errorf("after the repair: %v", intact)
			}
		})
	}
}

// A table whose entry in the schema says in another case what it is, or its name,
// is used by SQLite as before, but no list of tables has it: one bit is enough.
func TestNoTableHides(t *testing.T) {
	for _, damage := range []string{`type = 'tablE'`, `name = 'Containments'`} {
		config := Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour}
		filled(t, config, 3)
		raw(t, config, `pragma writable_schema = on`, `update sqlite_master set `+damage+` where type = 'table' and name = 'containments'`)
		flaws, intact := sound(t, config, false)
		if all := strings.Join(flaws, "\n"); !strings.Contains(strings.ToLower(all), "the schema's entry of containment") || intact == nil {
			t.Errorf("%s: found %q, when opened: %v", damage, flaws, intact)
		}
	}
}

// A catalog of before there were checksums gets them when it is opened, and one whose
// tables have grown a column gets them anew.
func TestChecksumsOfOlderFiles(t *testing.T) {
	config := Config{Dir: t.TempDir(), Keys: ring(t), Keep: time.Hour}
	filled(t, config, 3)
	withoutSums(t, config)
	for _, change := range []string{"", `alter table batches add column more text not null default 'x'`} {
		if change != "" {
			raw(t, config, change)
		}
		if flaws, intact := sound(t, config, false); len(flaws) > 0 || intact != nil {
			t.Errorf("%s: %q %v", change, flaws, intact)
		}
		raw(t, config, `update sums set sum = 0 where of = 'documents' and row like '%d2'`)
		if flaws, _ := sound(t, config, true); len(flaws) > 0 {
			t.Errorf("%s: after the repair %q", change, flaws)
		}
	}
}

// Every single bit of a row's values counts.
func TestSumNoticesEveryBit(t *testing.T) {
	row := []byte("id, attributes and a receipt")
	was := sum([]driver.Value{"acme", int64(7), row})
	for bit := range 8 * len(row) {
		row[bit/8] ^= 1 << (bit % 8)
		if sum([]driver.Value{"acme", int64(7), row}) == was {
			t.Errorf("bit %d is not noticed", bit)
		}
		row[bit/8] ^= 1 << (bit % 8)
	}
	if sum([]driver.Value{"acme", int64(7), string(row)}) == was || sum([]driver.Value{"acm", int64(7), row}) == was || sum([]driver.Value{"acme", int64(7), row, nil}) == was {
		t.Error("type or number of values are not noticed")
	}
}

// What checksums cost an ingest, beside the same without them.
func BenchmarkChecksums(b *testing.B) {
	for _, with := range []bool{false, true} {
		b.Run(map[bool]string{false: "without", true: "with"}[with], func(b *testing.B) {
			ctx := context.Background()
			cat, err := Open(ctx, Config{Dir: b.TempDir(), Keys: ring(b), Keep: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			defer cat.Close()
			if !with {
				db := cat.DB().(*DB)
				names, err := storedTriggers(ctx, db.Read)
				if err != nil {
					b.Fatal(err)
				}
				for name := range names {
					if _, err := db.Write.Exec("drop trigger " + name); err != nil {
						b.Fatal(err)
					}
				}
			}
			const batch = 64
			for n := 0; b.Loop(); n++ {
				var arrivals []catalog.Arrival
				var versions []catalog.Version
				var refs []catalog.Ref
				for i := range batch {
					r := catalog.Ref{Tenant: "acme", Document: fmt.Sprintf("document-%d-%d", n, i), Version: "v"}
					arrivals = append(arrivals, catalog.Arrival{Tenant: r.Tenant, ID: r.Document, Content: "h", Bytes: make([]byte, 10_000)})
					versions = append(versions, catalog.Version{Ref: r, Content: "h", Provenance: catalog.Provenance{Batch: "b"}})
					refs = append(refs, r)
				}
				for _, err := range []error{cat.Receive(ctx, arrivals), cat.Intend(ctx, versions), cat.Commit(ctx, refs)} {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "µs/document")
		})
	}
}
