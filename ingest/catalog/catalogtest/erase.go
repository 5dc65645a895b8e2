package catalogtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// Erasures is the erasing part of a [Store].
type Erasures interface {
	Holding(ctx context.Context, tenant, source string) ([]string, error)
	Erase(ctx context.Context, tenant string, documents []string, mayReturn bool) (catalog.Gone, error)
	Erased(ctx context.Context, tenant string, documents []string) (map[string]bool, error)
	AllowReturn(ctx context.Context, tenant string, documents []string) error
	StartErasure(ctx context.Context, e catalog.Erasure) (catalog.Erasure, bool, error)
	FinishErasure(ctx context.Context, tenant, id string, receipt []byte) error
	UnfinishedErasures(ctx context.Context) ([]catalog.Erasure, error)
	Shrink(ctx context.Context) error
	AddLegalHold(ctx context.Context, h catalog.LegalHold) error
	LiftLegalHold(ctx context.Context, tenant, id, by string, at time.Time) error
	LegalHolds(ctx context.Context, tenant string, all bool) ([]catalog.LegalHold, error)
}

func erased(t *testing.T, s Store, _ func() Store) {
	one, two := version("one", "v1", "first"), version("two", "v1", "second")
	put(t, s, one)
	put(t, s, two)
	work(t, s)
	must(t, s.Receive(ctx, []catalog.Arrival{{Tenant: tenant, ID: "three", Source: "s", Bytes: []byte("waiting")}}))
	gone, err := s.Erase(ctx, tenant, []string{"one", "three", "never"}, false)
	must(t, err)
	if gone.Documents != 1 || gone.Versions != 1 || gone.Chunks != len(one.Chunks) || gone.Arrivals != 1 {
		t.Errorf("gone: %+v", gone)
	}
	must(t, s.Shrink(ctx))
	if text, ok := released(t, s, tenant, one); ok {
		t.Errorf("an erased document is released: %q", text)
	}
	if _, ok := released(t, s, tenant, two); !ok {
		t.Error("another document went too")
	}
	if known, err := s.Known(ctx, tenant, []string{"one", "three"}); err != nil || len(known) != 0 {
		t.Errorf("known after erasing: %v, %v", known, err)
	}
	ops := 0
	for _, task := range work(t, s) {
		if task.Op == catalog.EraseOp {
			ops++
		}
	}
	if ops != 3 {
		t.Errorf("the index is owed %d erasures, want 3", ops)
	}
	stones, err := s.Erased(ctx, tenant, []string{"one", "two", "three"})
	if err != nil || !stones["one"] || stones["two"] || !stones["three"] {
		t.Errorf("erased: %v, %v", stones, err)
	}
	if err := s.Intend(ctx, []catalog.Version{one}); !errors.Is(err, catalog.ErrState) {
		t.Errorf("an erased document was stored again: %v", err)
	}
	if err := s.Receive(ctx, []catalog.Arrival{{Tenant: tenant, ID: "one", Source: "s"}}); !errors.Is(err, catalog.ErrState) {
		t.Errorf("an erased document was received again: %v", err)
	}
	must(t, s.AllowReturn(ctx, tenant, []string{"one"}))
	put(t, s, one)
	if _, ok := released(t, s, tenant, one); !ok {
		t.Error("a document that may return did not")
	}
	if _, err := s.Erase(ctx, tenant, []string{"one"}, true); err != nil {
		t.Error(err)
	}
	put(t, s, one)
}

func erasures(t *testing.T, s Store, reopen func() Store) {
	order := catalog.Order{Scope: catalog.BySubject, Target: "ann", Reason: "she asked", Items: []string{"a", "b"}}
	e, fresh, err := s.StartErasure(ctx, catalog.Erasure{Tenant: tenant, ID: "er-1", Key: "k", Order: order})
	if err != nil || !fresh || e.Order.Target != "ann" {
		t.Fatalf("%+v, %v, %v", e, fresh, err)
	}
	again, fresh, err := s.StartErasure(ctx, catalog.Erasure{Tenant: tenant, ID: "er-2", Key: "k"})
	if err != nil || fresh || again.ID != "er-1" {
		t.Errorf("under the same key: %+v, %v, %v", again, fresh, err)
	}
	s = reopen()
	list, err := s.UnfinishedErasures(ctx)
	if err != nil || len(list) != 1 || len(list[0].Order.Items) != 2 {
		t.Fatalf("unfinished: %+v, %v", list, err)
	}
	must(t, s.FinishErasure(ctx, tenant, "er-1", []byte("receipt")))
	if list, err := s.UnfinishedErasures(ctx); err != nil || len(list) != 0 {
		t.Errorf("unfinished afterwards: %+v, %v", list, err)
	}
	done, _, err := s.StartErasure(ctx, catalog.Erasure{Tenant: tenant, ID: "er-3", Key: "k"})
	if err != nil || done.State != catalog.ErasedDone || string(done.Receipt) != "receipt" || done.Order.Target != "" {
		t.Errorf("done: %+v, %v", done, err)
	}
}

func legalHolds(t *testing.T, s Store, reopen func() Store) {
	h := catalog.LegalHold{Tenant: tenant, ID: "hold-1", Scope: catalog.BySource, Target: "mail", Reason: "case 7", By: "os:root", Added: time.Unix(1_800_000_000, 0)}
	must(t, s.AddLegalHold(ctx, h))
	s = reopen()
	list, err := s.LegalHolds(ctx, tenant, false)
	if err != nil || len(list) != 1 || list[0].Target != "mail" || list[0].Reason != "case 7" || !list[0].Lifted.IsZero() {
		t.Fatalf("%+v, %v", list, err)
	}
	if list, err := s.LegalHolds(ctx, "globex", true); err != nil || len(list) != 0 {
		t.Errorf("another tenant's: %+v, %v", list, err)
	}
	must(t, s.LiftLegalHold(ctx, tenant, "hold-1", "os:root", time.Unix(1_800_000_100, 0)))
	if err := s.LiftLegalHold(ctx, tenant, "hold-1", "os:root", time.Now()); !errors.Is(err, catalog.ErrState) {
		t.Errorf("lifted twice: %v", err)
	}
	if list, _ := s.LegalHolds(ctx, tenant, false); len(list) != 0 {
		t.Errorf("in force after lifting: %+v", list)
	}
	if list, _ := s.LegalHolds(ctx, tenant, true); len(list) != 1 {
		t.Errorf("forgotten after lifting: %+v", list)
	}
}
