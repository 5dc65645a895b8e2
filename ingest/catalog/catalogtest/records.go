package catalogtest

import (
	"errors"
	"maps"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
)

// records names every row, and drops what was intended and given up.
func records(t *testing.T, s Store, _ func() Store) {
	live, coming := version("a", "v1", "one"), version("b", "v1", "two")
	arrival := catalog.Arrival{Tenant: tenant, ID: "c", Source: "dir", Bytes: []byte("x")}
	if err := errors.Join(s.Intend(ctx, []catalog.Version{live, coming}), s.Commit(ctx, []catalog.Ref{live.Ref}), s.Receive(ctx, []catalog.Arrival{arrival})); err != nil {
		t.Fatal(err)
	}
	count := func() map[string]int {
		n := map[string]int{}
		err := s.Records(ctx, func(r catalog.Record) error {
			if !r.Known() {
				t.Errorf("unknown: %+v", r)
			}
			n[r.Kind+" "+r.Document+" "+string(r.State)]++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	want := map[string]int{"document a live": 1, "version a live": 1, "version b intent": 1, "arrival c received": 1}
	if got := count(); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if flaws, err := s.Sound(ctx); err != nil || len(flaws) > 0 {
		t.Errorf("a sound catalog: %q, %v", flaws, err)
	}
	if err := s.Abandon(ctx, []catalog.Ref{live.Ref}); !errors.Is(err, catalog.ErrState) {
		t.Errorf("abandoning what is live: %v", err)
	}
	if err := s.Abandon(ctx, []catalog.Ref{coming.Ref, {Tenant: tenant, Document: "z", Version: "v"}}); err != nil {
		t.Fatal(err)
	}
	delete(want, "version b intent")
	want["task b retire"] = 1
	if got := count(); !maps.Equal(got, want) {
		t.Errorf("after giving up: %v, want %v", got, want)
	}
	if n, err := s.Sweep(ctx); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}
