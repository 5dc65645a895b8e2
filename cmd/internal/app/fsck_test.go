package app_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
)

// TestFsck damages one thing after the other: each must be found, mended or
// withdrawn, and after the repair and a new ingest everything must be as it was.
func TestFsck(t *testing.T) {
	whole := newStore(t, 12)
	whole.with(t, func(a *app.App) {
		whole.ingest(t, a)
		key, err := a.Keys.Derive("acme", ingest.ContentPurpose)
		if err != nil {
			t.Fatal(err)
		}
		text := []byte("a held document")
		held := catalog.Arrival{Tenant: "acme", ID: "held-1", Source: "other", Name: "a.txt", Content: receipt.Hash(key, text), Bytes: text, Received: a.Now()}
		if err := a.Catalog.Receive(t.Context(), []catalog.Arrival{held}); err != nil {
			t.Fatal(err)
		}
		if err := a.Catalog.Hold(t.Context(), []catalog.Judgement{{Ref: catalog.Ref{Tenant: "acme", Document: "held-1"}, State: catalog.Held, Reasons: []string{"test"}}}); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range []struct {
		name, file, damage, flaw string
		gone                     bool // withdrawn: must be ingested again
	}{
		{"point missing", "index.db", `delete from points where document like '%doc-1'`, "missing", false},
		{"all points missing", "index.db", `delete from points`, "missing", false},
		{"phantom point", "index.db", `insert into points (tenant, id, document, version, ordinal, receipt, attributes, terms, vector)
			select tenant, '00000000-0000-5000-8000-000000000000', 'nobody', version, ordinal, receipt, attributes, terms, vector from points limit 1`, "unexpected", false},
		{"phantom tenant", "index.db", `insert into points (tenant, id, document, version, ordinal, receipt, attributes, terms, vector)
			select 'ghost', id, document, version, ordinal, receipt, attributes, terms, vector from points limit 1`, "unexpected", false},
		{"point moved", "index.db", `update points set document = 'notes:doc-2', ordinal = 7 where document like '%doc-1'`, "moved", false},
		{"attributes widened", "index.db", `update points set attributes = replace(attributes, 'false', 'true')`, "altered attributes", false},
		{"terms altered", "index.db", `update points set terms = (select terms from points where document like '%doc-2') where document like '%doc-3'`, "altered terms", false},
		{"old receipt", "index.db", `update points set receipt = 'r' where document like '%doc-3'`, "stale receipt", false},
		{"text altered", "catalog.db", `update chunks set sealed = x'00' where document like '%doc-1'`, "does not open", true},
		{"terms of the catalog altered", "catalog.db", `update chunks set terms = x'0000000000008040' where document like '%doc-1'`, "terms differ", true},
		{"attributes of the catalog altered", "catalog.db", `update documents set attributes = replace(attributes, 'false', 'true') where id like '%doc-1'`, "attributes differ", true},
		{"receipt of another document", "catalog.db", `update documents set receipt = (select receipt from documents where id like '%doc-2') where id like '%doc-1'`, "receipt does not hold", true},
		{"document in an unknown state", "catalog.db", `update documents set state = 'lhve' where id like '%doc-1'`, "state nobody knows", true},
		{"row altered", "catalog.db", `update documents set source = 'elsewhere' where id like '%doc-1'`, "row differs", false},
		{"version without document", "catalog.db", `delete from documents where id like '%doc-1'`, "without its document", true},
		{"chunk of nothing", "catalog.db", `update chunks set version = 'v' where document like '%doc-1'`, "belong to no version", true},
		{"owed work nobody knows", "catalog.db", `insert into tasks (tenant, document, version, op, attributes, receipt) values ('acme', 'x', '', 'retirf', '{}', '')`, "task in a state", false},
		{"held document altered", "catalog.db", `update arrivals set sealed = x'00' where id = 'held-1'`, "does not open", false},
		{"held document in an unknown state", "catalog.db", `update arrivals set state = 'hdld' where id = 'held-1'`, "state nobody knows", false},
		{"intent that does not open", "catalog.db", `update versions set state = 'next', record = x'00' where document like '%doc-1'`, "does not open", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // each waits for its own disk writes most of the time
			s := whole.copied(t)
			db := s.db(t, c.file, false)
			if res, err := db.Exec(c.damage); err != nil {
				t.Fatal(err)
			} else if n, _ := res.RowsAffected(); n == 0 {
				t.Fatal("nothing was damaged")
			}
			db.Close()
			a := s.open(t)
			defer a.Close()
			found := inspect(t, a, false)
			if !slices.ContainsFunc(found.Faults, func(f ingest.Fault) bool { return strings.Contains(f.Flaw, c.flaw) }) {
				t.Fatalf("want %q, found %+v", c.flaw, found.Faults)
			}
			if got := inspect(t, a, true); got.Left() > 0 {
				t.Errorf("the repair left %d of %+v", got.Left(), got.Faults)
			}
			if got := inspect(t, a, false); len(got.Faults) > 0 {
				t.Errorf("after the repair: %+v", got.Faults)
			} else if live := got.States["document live"]; c.gone != (live < 12) {
				t.Errorf("%d documents are live", live)
			}
			s.ingest(t, a)
			if got := inspect(t, a, false); len(got.Faults) > 0 || got.States["document live"] != 12 {
				t.Errorf("after a new ingest: %v, %+v", got.States, got.Faults)
			}
		})
	}
}

// TestFsckSources says what a source has that the catalog does not, and the
// other way round.
func TestFsckSources(t *testing.T) {
	s := newStore(t, 5)
	s.with(t, func(a *app.App) {
		compare := func() (flaws []string) {
			sources, err := a.Compared(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			r, err := a.Inspect(t.Context(), ingest.Inspection{Sources: sources})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range r.Faults {
				flaws = append(flaws, f.Flaw)
			}
			slices.Sort(flaws)
			return slices.Compact(flaws)
		}
		if got := compare(); !slices.Equal(got, []string{"not ingested"}) {
			t.Errorf("before the ingest: %q", got)
		}
		s.ingest(t, a)
		if got := compare(); len(got) > 0 {
			t.Errorf("after it: %q", got)
		}
		s.cfg.Sources[0].Path = corpus(t, 3)
		if got := compare(); !slices.Equal(got, []string{"gone from its source"}) {
			t.Errorf("with documents gone: %q", got)
		}
	})
}
