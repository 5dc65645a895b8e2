package contain

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// memory is a store that keeps orders in a list and can be made to fail.
type memory struct {
	mu     sync.Mutex
	orders []Order
	failed error
}

func (m *memory) Orders(context.Context) ([]Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Order(nil), m.orders...), m.failed
}

func (m *memory) Contain(_ context.Context, o Order) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders = append(m.orders, o)
	return m.failed
}

func (m *memory) Lift(_ context.Context, tenant, id, by, reason string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, o := range m.orders {
		if o.Tenant == tenant && o.ID == id && o.Lifted.IsZero() {
			m.orders[i].Lifted, m.orders[i].LiftedBy, m.orders[i].LiftReason = at, by, reason
			return nil
		}
	}
	return errors.New("none in force")
}

func TestScopes(t *testing.T) {
	in := func(s Scope, target string) *Set {
		return NewSet([]Order{{ID: "1", Tenant: "acme", Scope: s, Target: target}})
	}
	here := Origin{Tenant: "acme", Source: "wiki", Batch: "b1", Submitter: "ann"}
	for _, c := range []struct {
		scope             Scope
		target            string
		request, document bool // stopped
	}{
		{Batch, "b1", false, true}, {Batch, "b2", false, false}, {Source, "wiki", false, true}, {Submitter, "ann", false, true},
		{Tenant, "acme", true, true}, {Backend, "bot", true, false}, {Backend, "other", false, false}, {Destination, "openai", true, false},
	} {
		s := in(c.scope, c.target)
		if got := s.Request("acme", "bot", "openai") != nil; got != c.request {
			t.Errorf("%s %s stops the request: %v", c.scope, c.target, got)
		}
		if got := s.Document(here) != nil; got != c.document {
			t.Errorf("%s %s stops the document: %v", c.scope, c.target, got)
		}
		if s.Request("globex", "bot", "openai") != nil || s.Document(Origin{Tenant: "globex", Source: "wiki", Batch: "b1", Submitter: "ann"}) != nil {
			t.Errorf("%s %s stops another tenant", c.scope, c.target)
		}
	}
	everywhere := NewSet([]Order{{Scope: Destination, Target: "openai"}})
	if everywhere.Request("globex", "bot", "openai") == nil || everywhere.Request("globex", "bot", "internal") != nil {
		t.Error("a destination of every tenant")
	}
	empty := Origin{Tenant: "acme"} // a document from before batches were recorded
	if err := NewSet([]Order{{Tenant: "acme", Scope: Batch, Target: "b1"}}).Document(empty); err != nil {
		t.Error(err)
	}
}

func TestNothingKnownStopsAll(t *testing.T) {
	for _, s := range []*Set{nil, {}} {
		if !errors.Is(s.Request("a", "b", "c"), ErrContained) || !errors.Is(s.Document(Origin{Tenant: "a"}), ErrContained) {
			t.Error("an unknown set let something through")
		}
	}
}

func TestWatch(t *testing.T) {
	ctx, now := context.Background(), time.Unix(1000, 0)
	store := &memory{}
	w := NewWatch(store, time.Second, func() time.Time { return now })
	stopped := func() bool {
		s, err := w.Contained(ctx)
		return err != nil || s.Request("acme", "bot", "internal") != nil
	}
	if stopped() {
		t.Fatal("stopped without an order")
	}
	order := Order{ID: "o", Tenant: "acme", Scope: Backend, Target: "bot", Reason: "why", By: "me"}
	if err := w.Contain(ctx, order); err != nil || !stopped() {
		t.Fatalf("an order of this process does not hold at once: %v", err)
	}
	if err := w.Lift(ctx, "acme", "o", "me", "over"); err != nil || stopped() {
		t.Fatalf("lifting does not hold at once: %v", err)
	}
	order.ID = "p"
	if err := store.Contain(ctx, order); err != nil { // another replica
		t.Fatal(err)
	}
	if now = now.Add(time.Second); !stopped() {
		t.Error("another replica's order does not hold after the bound")
	}
	now = now.Add(time.Second)
	if store.failed = errors.New("gone"); !stopped() {
		t.Error("let through while the orders cannot be read")
	}
	if now = now.Add(-time.Hour); !stopped() {
		t.Error("a clock set back keeps old knowledge fresh")
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []Order{{}, {Tenant: "a", Scope: "all", Target: "x", Reason: "r"}, {Tenant: "a", Scope: Source, Reason: "r"}, {Scope: Source, Target: "x", Reason: "r"},
		{Tenant: "a", Scope: Source, Target: "x"}, {Tenant: "a", Scope: Tenant, Target: "b", Reason: "r"}} {
		if err := o.Validate(); !errors.Is(err, ErrOrder) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := (Order{Scope: Destination, Target: "openai", Reason: "r"}).Validate(); err != nil {
		t.Error(err)
	}
}
