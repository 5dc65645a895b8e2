package catalogtest

import (
	"errors"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// analysed gives a live version other terms and fingerprints: they alone are found
// afterwards, and what batches replaced, which has none of them, is given up.
func analysed(t *testing.T, s Store, reopen func() Store) {
	before := version("a", "v0", "zero")
	before.Batch = "b1"
	v := version("a", "v1", "one")
	v.Batch, v.Prints = "b2", catalog.Prints{1 << 40, 2 << 40}
	for _, each := range []catalog.Version{before, v} {
		each.Batch = "b-" + each.Version
		must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: each.Batch, Source: "dir"}))
		must(t, errors.Join(s.Intend(ctx, []catalog.Version{each}), s.Commit(ctx, []catalog.Ref{each.Ref})))
	}
	if name, err := s.Analysis(ctx); err != nil || name != "" {
		t.Errorf("analysis %q, %v", name, err)
	}
	v.Chunks[0].Terms = []embed.Term{{Key: 9, Weight: 2}}
	v.Prints = catalog.Prints{3 << 40}
	v.Receipt.Issued++
	must(t, s.Resign(ctx, []catalog.Version{v}))
	must(t, s.SetAnalysis(ctx, "another"))
	s = reopen()
	if name, err := s.Analysis(ctx); err != nil || name != "another" {
		t.Errorf("analysis %q, %v", name, err)
	}
	stored, err := s.Version(ctx, v.Ref)
	if err != nil || len(stored.Chunks) != 1 || len(stored.Chunks[0].Terms) != 1 || stored.Chunks[0].Terms[0] != v.Chunks[0].Terms[0] ||
		len(stored.Prints) != 1 || stored.Prints[0] != v.Prints[0] || stored.Chunks[0].Text != "one" {
		t.Errorf("stored %+v, %v", stored, err)
	}
	owners, err := s.Owners(ctx, tenant, []fingerprint.Print{1 << 40, 3 << 40})
	if err != nil || len(owners[0]) != 0 || len(owners[1]) != 1 {
		t.Errorf("owners %v, %v", owners, err)
	}
	if _, err := s.Version(ctx, before.Ref); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("what was replaced is still kept: %v", err)
	}
}
