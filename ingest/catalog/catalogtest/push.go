package catalogtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
)

// Pushes is what pushed documents and cursors need.
type Pushes interface {
	Claim(ctx context.Context, r catalog.Request) (*catalog.Answer, error)
	Answer(ctx context.Context, r catalog.Request, a catalog.Answer) (catalog.Answer, error)
	ForgetAnswers(ctx context.Context, before time.Time) error
	PutDelivery(ctx context.Context, b catalog.Delivery) error
	Delivery(ctx context.Context, tenant, source, id string) (catalog.Delivery, error)
	Deliveries(ctx context.Context, tenant, source, before string, limit int) ([]catalog.Delivery, error)
	Standings(ctx context.Context, q catalog.Standings) ([]catalog.Document, error)
	Cursor(ctx context.Context, tenant, source, settings string) (string, error)
	SetCursor(ctx context.Context, tenant, source, settings, cursor string) error
}

func answers(t *testing.T, s Store, reopen func() Store) {
	r := catalog.Request{Tenant: tenant, Backend: "crm", Key: "k", Hash: "h1"}
	if a, err := s.Claim(ctx, r); a != nil || err != nil {
		t.Fatalf("a new key gives %v, %v", a, err)
	}
	if a, err := s.Claim(ctx, r); a != nil || err != nil {
		t.Errorf("a key without its answer gives %v, %v", a, err)
	}
	if a, err := s.Answer(ctx, r, catalog.Answer{Status: 200, Body: []byte("one")}); err != nil || string(a.Body) != "one" {
		t.Fatalf("keeping an answer: %v, %v", a, err)
	}
	if a, err := s.Answer(ctx, r, catalog.Answer{Status: 200, Body: []byte("two")}); err != nil || string(a.Body) != "one" {
		t.Errorf("the first answer does not stay: %v, %v", a, err)
	}
	s = reopen()
	if a, err := s.Claim(ctx, r); err != nil || a == nil || a.Status != 200 || string(a.Body) != "one" {
		t.Errorf("after a restart: %v, %v", a, err)
	}
	other := r
	other.Hash = "h2"
	if _, err := s.Claim(ctx, other); !errors.Is(err, catalog.ErrMismatch) {
		t.Errorf("another request under the key: %v", err)
	}
	other.Backend = "wiki"
	if a, err := s.Claim(ctx, other); a != nil || err != nil {
		t.Errorf("another backend's key: %v, %v", a, err)
	}
	must(t, s.ForgetAnswers(ctx, time.Now().Add(time.Hour)))
	if a, err := s.Claim(ctx, r); a != nil || err != nil {
		t.Errorf("a forgotten key gives %v, %v", a, err)
	}
}

func deliveries(t *testing.T, s Store, _ func() Store) {
	b := catalog.Delivery{Tenant: tenant, ID: "b1", Source: "crm", Backend: "key", Created: time.Unix(100, 0).UTC(),
		Documents: []catalog.Delivered{{Document: "crm~:a", ID: "a"}}}
	must(t, s.PutDelivery(ctx, b))
	got, err := s.Delivery(ctx, tenant, "crm", "b1")
	must(t, err)
	if !got.Finished.IsZero() || got.Documents[0].Document != "crm~:a" || !got.Created.Equal(b.Created) {
		t.Errorf("came back as %+v", got)
	}
	b.Finished, b.Documents[0].Outcome, b.Documents[0].Reasons = time.Unix(101, 0).UTC(), "quarantined", []string{"secret"}
	must(t, s.PutDelivery(ctx, b))
	b.ID = "b2"
	must(t, s.PutDelivery(ctx, b))
	list, err := s.Deliveries(ctx, tenant, "crm", "", 10)
	must(t, err)
	if len(list) != 2 || list[0].ID != "b2" || list[1].Documents[0].Outcome != "quarantined" || list[1].Finished.IsZero() {
		t.Errorf("listed as %+v", list)
	}
	if list, err = s.Deliveries(ctx, tenant, "crm", "b2", 10); err != nil || len(list) != 1 {
		t.Errorf("before b2: %+v, %v", list, err)
	}
	if _, err := s.Delivery(ctx, tenant, "wiki", "b1"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("another source's batch: %v", err)
	}
	if _, err := s.Delivery(ctx, "globex", "crm", "b1"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("another tenant's batch: %v", err)
	}
}

func standings(t *testing.T, s Store, _ func() Store) {
	put(t, s, version("a", "v1", "x"))
	put(t, s, version("c", "v1", "x"))
	put(t, s, version("gone", "v1", "x"))
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "gone"}}, catalog.Retired))
	other := version("b", "v1", "x")
	other.Source = "elsewhere"
	put(t, s, other)
	held := catalog.Arrival{Tenant: tenant, ID: "c", Source: "dir", Bytes: []byte("y"), Received: time.Unix(5, 0)}
	must(t, s.Receive(ctx, []catalog.Arrival{held, {Tenant: tenant, ID: "d", Source: "dir", Bytes: []byte("z"), Received: time.Unix(5, 0)}}))
	must(t, s.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: tenant, Document: "c"}, State: catalog.Held, Reasons: []string{"why"}}}))
	ask := func(q catalog.Standings, want string) {
		t.Helper()
		q.Tenant, q.Source = tenant, "dir"
		list, err := s.Standings(ctx, q)
		must(t, err)
		got := ""
		for _, d := range list {
			got += d.ID + " " + string(d.State) + " " + d.Version + ";"
		}
		if got != want {
			t.Errorf("%+v: got %q, want %q", q, got, want)
		}
	}
	ask(catalog.Standings{}, "a live v1;c held v1;d received ;")
	ask(catalog.Standings{After: "a", Limit: 1}, "c held v1;")
	ask(catalog.Standings{IDs: []string{"d", "b", "a"}}, "a live v1;d received ;")
	ask(catalog.Standings{IDs: []string{}}, "")
}

func cursors(t *testing.T, s Store, reopen func() Store) {
	ask := func(settings, want string) {
		t.Helper()
		got, err := s.Cursor(ctx, tenant, "git", settings)
		if err != nil || got != want {
			t.Errorf("cursor under %s is %q, %v; want %q", settings, got, err, want)
		}
	}
	ask("s1", "")
	must(t, s.SetCursor(ctx, tenant, "git", "s1", "c1"))
	must(t, s.SetCursor(ctx, tenant, "git", "s1", "c2"))
	s = reopen()
	ask("s1", "c2")
	ask("s2", "")
	must(t, s.SetCursor(ctx, tenant, "git", "s2", "c3"))
	ask("s1", "")
	ask("s2", "c3")
}
