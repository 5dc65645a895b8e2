package catalogtest

import (
	"context"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
)

// vectors: another embedder's vectors come into force all at once, those before
// can be had back, and a document that goes takes all of them along.
func vectors(t *testing.T, s Store, reopen func() Store) {
	v := version("d", "v1", "x")
	w := version("e", "v1", "x")
	put(t, s, v)
	put(t, s, w)
	must(t, s.SetModel(ctx, "small"))
	s = reopen()
	if m, err := s.Model(ctx); err != nil || m != "small" {
		t.Errorf("model %q, %v", m, err)
	}
	n := 0
	must(t, s.Embeddable(ctx, func(catalog.Ref) error { n++; return nil }))
	if n != 2 {
		t.Errorf("%d versions to embed", n)
	}
	must(t, s.Stage(ctx, tenant, "large", map[string][]float32{v.Chunks[0].ID: {3, 4, 5}}))
	if there, err := s.Staged(ctx, v.Ref, "large"); err != nil || len(there) != 1 || !there[v.Chunks[0].ID] {
		t.Errorf("staged %v, %v", there, err)
	}
	if there, err := s.Staged(ctx, v.Ref, "other"); err != nil || len(there) != 0 {
		t.Errorf("staged for another %v, %v", there, err)
	}
	has := func(when string, r catalog.Ref, dimension int) {
		t.Helper()
		stored, err := s.Version(ctx, r)
		if err != nil || len(stored.Chunks[0].Vector) != dimension {
			t.Errorf("%s: %d dimensions, want %d, %v", when, len(stored.Chunks[0].Vector), dimension, err)
		}
	}
	has("before the swap", v.Ref, 2)
	must(t, s.SwapVectors(ctx, "small", "large"))
	has("after", v.Ref, 3)
	has("after, not staged", w.Ref, 0)
	if m, _ := s.Model(ctx); m != "large" {
		t.Errorf("model %q", m)
	}
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "e"}}, catalog.Retired))
	must(t, s.SwapVectors(ctx, "large", "small"))
	has("and back", v.Ref, 2)
	if there, err := s.Staged(ctx, v.Ref, "large"); err != nil || len(there) != 1 {
		t.Errorf("kept for going on: %v, %v", there, err)
	}
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}}, catalog.Retired))
	if removed, err := s.Sweep(ctx); err != nil || removed != 0 {
		t.Errorf("retired documents left %d rows, %v", removed, err)
	}
}

// Vectors is what embedding again needs.
type Vectors interface {
	Model(ctx context.Context) (string, error)
	SetModel(ctx context.Context, model string) error
	Embeddable(ctx context.Context, yield func(catalog.Ref) error) error
	Staged(ctx context.Context, r catalog.Ref, model string) (map[string]bool, error)
	Stage(ctx context.Context, tenant, model string, vectors map[string][]float32) error
	SwapVectors(ctx context.Context, from, to string) error
}
