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
	want := map[string]int{"document a live": 1, "version a live": 1, "version b " + string(catalog.Intent): 1, "arrival c received": 1}
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
	delete(want, "version b "+string(catalog.Intent))
	want["task b retire"] = 1
	if got := count(); !maps.Equal(got, want) {
		t.Errorf("after giving up: %v, want %v", got, want)
	}
	if n, err := s.Sweep(ctx); n != 0 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}

// resigned puts a new receipt over the same text, leaves alone what is not live
// any more, and pulls a document back in one step.
func resigned(t *testing.T, s Store, _ func() Store) {
	v := version("a", "v1", "one")
	if err := errors.Join(s.Intend(ctx, []catalog.Version{v}), s.Commit(ctx, []catalog.Ref{v.Ref})); err != nil {
		t.Fatal(err)
	}
	v.Receipt.Scanner, v.Chunks[0].Scanner, v.Chunks[0].Findings = "s2", "s2", nil
	gone := version("a", "v0", "zero")
	gone.Receipt.Scanner = "s2"
	if err := s.Resign(ctx, []catalog.Version{v, gone}); err != nil {
		t.Fatal(err)
	}
	docs, err := s.Documents(ctx, tenant, []string{"a"})
	if d := docs["a"]; err != nil || d.Version != "v1" || d.Receipt.Scanner != "s2" || d.Attributes.Hash() != v.Attributes.Hash() {
		t.Errorf("got %+v, %v", d, err)
	}
	stored, err := s.Version(ctx, v.Ref)
	if err != nil || stored.Receipt.Scanner != "s2" || len(stored.Chunks) != 1 || stored.Chunks[0].Text != "one" || stored.Chunks[0].Scanner != "s2" || len(stored.Chunks[0].Findings) != 0 {
		t.Errorf("stored %+v, %v", stored, err)
	}
	tasks, _, err := s.Tasks(ctx)
	if err != nil || len(tasks) != 1 || tasks[0].Op != catalog.AttributesOp || tasks[0].Receipt != v.Receipt.ID() {
		t.Errorf("owed %+v, %v", tasks, err)
	}
	a := catalog.Arrival{Tenant: tenant, ID: "a", Source: "dir", Bytes: []byte("one")}
	if err := s.PullBack(ctx, a, catalog.Judgement{Ref: catalog.Ref{Tenant: tenant, Document: "a"}, State: catalog.Held, Reasons: []string{"r"}}); err != nil {
		t.Fatal(err)
	}
	if docs, err := s.Documents(ctx, tenant, []string{"a"}); err != nil || len(docs) != 0 {
		t.Errorf("still live: %v, %v", docs, err)
	}
	if held, err := s.Arrival(ctx, tenant, "a"); err != nil || held.State != catalog.Held || string(held.Bytes) != "one" {
		t.Errorf("held: %v %q %v", held.State, held.Bytes, err)
	}
}
