// Package contain is the contract of containment: orders by which an operator
// stops a batch, a source, a submitter, a tenant, a backend or a destination at
// once. Both doors ask on every request: what is contained is neither taken in
// nor given out, and nothing of it is removed, so that lifting the order undoes
// it. Orders are kept in the catalog; a [Watch] reads them.
package contain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Scope is what an order stops.
type Scope string

// Scopes. The first three stop documents, the others requests; a tenant's order
// stops both.
const (
	Batch       Scope = "batch"       // documents of one ingest run
	Source      Scope = "source"      // documents of a source
	Submitter   Scope = "submitter"   // documents somebody handed in
	Tenant      Scope = "tenant"      // everything of a tenant
	Backend     Scope = "backend"     // requests of a backend, and what it pushes
	Destination Scope = "destination" // passages and answers for a destination
)

// Scopes lists them all.
var Scopes = []Scope{Batch, Source, Submitter, Tenant, Backend, Destination}

// Order is one containment. It holds until it is lifted; time never lifts it.
type Order struct {
	ID         string    `json:"id"`
	Tenant     string    `json:"tenant"` // whose; "" only with scope destination: every tenant's
	Scope      Scope     `json:"scope"`
	Target     string    `json:"target"` // the batch, source, …; the tenant itself for scope tenant
	Reason     string    `json:"reason"`
	By         string    `json:"by"` // who ordered it, as the audit log names them
	Created    time.Time `json:"created"`
	Lifted     time.Time `json:"lifted,omitzero"`
	LiftedBy   string    `json:"lifted_by,omitempty"`
	LiftReason string    `json:"lift_reason,omitempty"`
}

// ErrContained means that an order stops the request.
var ErrContained = errors.New("stopped by a containment order")

// ErrOrder means an order that cannot be given.
var ErrOrder = errors.New("not a containment order")

// Validate checks an order before it is given.
func (o Order) Validate() error {
	known := false
	for _, s := range Scopes {
		known = known || s == o.Scope
	}
	switch {
	case !known:
		return fmt.Errorf("%w: the scope must be batch, source, submitter, tenant, backend or destination", ErrOrder)
	case o.Target == "":
		return fmt.Errorf("%w: it names no %s", ErrOrder, o.Scope)
	case o.Tenant == "" && o.Scope != Destination:
		return fmt.Errorf("%w: it names no tenant", ErrOrder)
	case o.Scope == Tenant && o.Target != o.Tenant:
		return fmt.Errorf("%w: tenant and target differ", ErrOrder)
	case o.Reason == "":
		return fmt.Errorf("%w: it has no reason", ErrOrder)
	case len(o.Reason) > MaxReason || len(o.Target) > 200:
		return fmt.Errorf("%w: reasons have at most %d bytes, targets 200", ErrOrder, MaxReason)
	}
	return nil
}

// MaxReason bounds a reason, in bytes.
const MaxReason = 500

// Store keeps orders; catalogs are one.
type Store interface {
	// Orders returns every order in force, of all tenants.
	Orders(ctx context.Context) ([]Order, error)
	// Contain makes an order durable.
	Contain(ctx context.Context, o Order) error
	// Lift ends one, and fails when it is not in force.
	Lift(ctx context.Context, tenant, id, by, reason string, at time.Time) error
}

type key struct {
	tenant string
	scope  Scope
	target string
}

// Set is the orders in force at one moment. Only one made by [NewSet] lets
// anything through: the zero value and nil stop everything.
type Set struct {
	known  bool
	orders map[key]Order
}

// NewSet makes a set of orders in force.
func NewSet(orders []Order) *Set {
	s := &Set{known: true, orders: make(map[key]Order, len(orders))}
	for _, o := range orders {
		if o.Lifted.IsZero() {
			s.orders[key{o.Tenant, o.Scope, o.Target}] = o
		}
	}
	return s
}

// Len is how many orders are in force.
func (s *Set) Len() int { return len(s.orders) }

func (s *Set) find(keys ...key) (Scope, bool) {
	if s == nil || !s.known {
		return "unknown", true
	}
	if len(s.orders) == 0 {
		return "", false
	}
	for _, k := range keys {
		if _, ok := s.orders[k]; ok && k.target != "" {
			return k.scope, true
		}
	}
	return "", false
}

// Request asks whether a request is stopped: by its tenant, its backend or where
// its passages would go. The error wraps [ErrContained] and names the scope.
func (s *Set) Request(tenant, backend, destination string) error {
	if scope, stopped := s.find(key{tenant, Tenant, tenant}, key{tenant, Backend, backend}, key{tenant, Destination, destination}, key{"", Destination, destination}); stopped {
		return fmt.Errorf("%w: %s", ErrContained, scope)
	}
	return nil
}

// Backend asks whether all that a backend sends is stopped, documents included.
func (s *Set) Backend(tenant, backend string) error {
	if scope, stopped := s.find(key{tenant, Backend, backend}); stopped {
		return fmt.Errorf("%w: %s", ErrContained, scope)
	}
	return nil
}

// Origin is where a document came from.
type Origin struct{ Tenant, Source, Batch, Submitter string }

// Document asks whether a document is stopped; the error names the scope.
func (s *Set) Document(o Origin) error {
	if scope, stopped := s.find(key{o.Tenant, Tenant, o.Tenant}, key{o.Tenant, Source, o.Source}, key{o.Tenant, Batch, o.Batch}, key{o.Tenant, Submitter, o.Submitter}); stopped {
		return fmt.Errorf("%w: %s", ErrContained, scope)
	}
	return nil
}

// DefaultFresh is how old a [Watch]'s knowledge may be.
const DefaultFresh = time.Second

// Watch keeps the orders in force in memory. What this process orders or lifts
// holds at once; what another replica orders holds here after Fresh at most. When
// the store cannot be read by then, nothing is let through.
type Watch struct {
	store Store
	fresh time.Duration
	now   func() time.Time

	mu   sync.Mutex
	set  *Set
	read time.Time
}

// NewWatch watches a store; fresh 0 means [DefaultFresh], now nil time.Now.
func NewWatch(s Store, fresh time.Duration, now func() time.Time) *Watch {
	if fresh <= 0 {
		fresh = DefaultFresh
	}
	if now == nil {
		now = time.Now
	}
	return &Watch{store: s, fresh: fresh, now: now}
}

// Contained returns the orders in force. An error means that nothing may go
// through.
func (w *Watch) Contained(ctx context.Context) (*Set, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	if age := now.Sub(w.read); w.set != nil && age >= 0 && age < w.fresh {
		return w.set, nil
	}
	return w.load(ctx, now)
}

func (w *Watch) load(ctx context.Context, now time.Time) (*Set, error) {
	orders, err := w.store.Orders(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading containment orders: %w", err)
	}
	w.set, w.read = NewSet(orders), now
	return w.set, nil
}

// Contain gives an order: durable, and in force here, when it returns.
func (w *Watch) Contain(ctx context.Context, o Order) error {
	if err := o.Validate(); err != nil {
		return err
	}
	return w.change(ctx, func() error { return w.store.Contain(ctx, o) })
}

// Lift ends an order.
func (w *Watch) Lift(ctx context.Context, tenant, id, by, reason string) error {
	return w.change(ctx, func() error { return w.store.Lift(ctx, tenant, id, by, reason, w.now()) })
}

func (w *Watch) change(ctx context.Context, do func() error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set = nil // whatever happens, the next request looks anew
	if err := do(); err != nil {
		return err
	}
	_, err := w.load(ctx, w.now())
	return err
}
