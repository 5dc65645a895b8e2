package app_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// TestAnOlderAnalysis opens a data directory whose terms and fingerprints were made
// in another way: it is refused until it is reindexed, then found by both; and what
// its receipt does not cover is vouched for by no new one.
func TestAnOlderAnalysis(t *testing.T) {
	s := newStores(t, 30, "")
	older, err := embed.NewAnalyzer(embed.Config{Languages: []string{"xx"}})
	if err != nil {
		t.Fatal(err)
	}
	var first, damaged string
	s.with(t, func(a *app.App) {
		a.Pipeline.Config.Analyzer = older
		s.ingest(t, a)
		err := a.Catalog.Live(t.Context(), "acme", "", func(d catalog.Document) error {
			first, damaged = d.ID, first
			return nil
		})
		if err != nil || damaged == "" {
			t.Fatalf("%q, %v", damaged, err)
		}
		for _, id := range []string{first, damaged} {
			v := liveVersion(t, a, id)
			if len(v.Prints) == 0 {
				v.Prints = catalog.Prints{0}
			}
			for i := range v.Prints {
				v.Prints[i] = fingerprint.Print(i) << 33 // of another form
			}
			if id == damaged {
				v.Chunks[0].Text = "Something " + v.Chunks[0].Text[10:]
			}
			if err := a.Catalog.Resign(t.Context(), []catalog.Version{v}); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Catalog.SetAnalysis(t.Context(), "older"); err != nil {
			t.Fatal(err)
		}
	})
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Unfinished: true}); !errors.Is(err, index.ErrMismatch) || !strings.Contains(err.Error(), "doorward reindex") {
		t.Fatalf("opening: %v", err)
	}
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Unfinished: true, NoIndex: true})
	if err != nil {
		t.Fatal(err)
	}
	live := 0
	if err := a.Catalog.Live(t.Context(), "acme", "", func(catalog.Document) error { live++; return nil }); err != nil {
		t.Fatal(err)
	}
	r, err := a.Reindex(t.Context(), nil)
	if err != nil || r.Analysed != live-1 {
		t.Fatalf("%+v of %d, %v", r, live, err)
	}
	if again, err := a.Reindex(t.Context(), nil); err != nil || again.Analysed != 0 {
		t.Fatalf("again: %+v, %v", again, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	s.with(t, func(a *app.App) {
		if r := inspect(t, a, false); len(r.Faults) > 0 {
			t.Errorf("faults: %+v", r.Faults)
		}
		v := liveVersion(t, a, first)
		key, err := a.Keys.Derive("acme", keys.Terms)
		if err != nil {
			t.Fatal(err)
		}
		hits, err := a.Index.Search(t.Context(), index.Query{Tenant: "acme", Filter: policy.AllowAll(), Limit: 50,
			Terms: a.Pipeline.Analyzer.Query(key, nil, v.Chunks[0].Text)})
		if err != nil || !slices.ContainsFunc(hits, func(h index.Hit) bool { return h.Document == first }) {
			t.Errorf("not found by its own text among %d: %v", len(hits), err)
		}
		protected, err := a.Keys.Derive("acme", keys.Protected)
		if err != nil {
			t.Fatal(err)
		}
		prints := fingerprint.Of(protected, v.Chunks[0].Text)
		owners, err := a.Catalog.Owners(t.Context(), "acme", prints)
		if err != nil || len(prints) == 0 || !slices.Contains(owners[0], first) {
			t.Errorf("%d prints have owners %v, %v", len(prints), owners, err)
		}
		docs, err := a.Catalog.Documents(t.Context(), "acme", []string{damaged})
		if err != nil || len(docs) != 0 {
			t.Errorf("%d documents with a new receipt over damage, %v", len(docs), err)
		}
	})
}

func liveVersion(t *testing.T, a *app.App, id string) catalog.Version {
	t.Helper()
	docs, err := a.Catalog.Documents(t.Context(), "acme", []string{id})
	if err != nil {
		t.Fatal(err)
	}
	d := docs[id]
	v, err := a.Catalog.Version(t.Context(), catalog.Ref{Tenant: "acme", Document: id, Version: d.Version})
	if err != nil {
		t.Fatal(err)
	}
	v.Attributes, v.Receipt = d.Attributes, d.Receipt
	return v
}
