package ingest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/contain"
)

// Pushed is a document that somebody brings, before its source's mapping rules.
type Pushed struct {
	ID         string // the caller's own id
	Name       string // file name, a hint to its type
	URI        string
	MediaType  string
	Title      string // of a text: goes before it
	Bytes      []byte
	Attributes []byte // a JSON object, or nothing
	Manifest   []byte // the connector's signed statement, or nothing
}

// PushSource turns pushed documents into items, and attributes into what its
// mapping rules leave of them; ingest/source has one.
type PushSource interface {
	Name() string
	Tenant() string // the only tenant it is for; "" is any
	Item(d Pushed) Item
	Attributes(id string, own map[string]any) (map[string]any, error)
}

// maxOwnID is the most bytes a caller's own id may have.
const maxOwnID = 128

var ownID = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,128}$`)

// ErrID means a document id that cannot be used.
var ErrID = errors.New("document id cannot be used")

// PushedID is the document id of a caller's own id: "SOURCE~:ID". No other source
// makes such ids (see source.DocumentID), so that callers can neither meet nor
// find out another source's documents.
func PushedID(source, own string) (string, error) {
	if !ownID.MatchString(own) {
		return "", fmt.Errorf("%w: use 1 to %d of the characters A-Z a-z 0-9 . _ ~ : -", ErrID, maxOwnID)
	}
	return source + "~:" + own, nil
}

// OwnID is the caller's own id of one of a source's pushed documents.
func OwnID(source, document string) (string, bool) {
	return strings.CutPrefix(document, source+"~:")
}

// PushOptions say who brings documents.
type PushOptions struct {
	Tenant string // required
	Source string // required: the push source's name
	// Backend is who brought them, for the audit log.
	Backend string
	// Batch names the batch they came in, as containment and roll-back may; what
	// comes without one is of its source's batch of the hour.
	Batch string
	// Received, if set, is called once all documents are durable in the catalog;
	// from then on a crash loses none of them.
	Received func()
}

// ErrBusy means that too much is waiting already.
var ErrBusy = errors.New("too many documents are waiting")

// Bounds of what waits to be received.
const (
	maxWaiting      = 20_000
	maxWaitingBytes = 256 << 20
)

// Push takes in documents and returns what became of each, in the same order,
// once that is durable. Calls at the same time share their transactions. When
// the context ends first, documents that were received go on all the same.
func (p *Pipeline) Push(ctx context.Context, items []Item, o PushOptions) ([]Event, error) {
	if o.Tenant == "" {
		return nil, ErrTenant
	}
	call := &pushCall{events: make([]Event, len(items)), done: make(chan struct{}), left: len(items), unreceived: len(items), received: o.Received}
	if len(items) == 0 {
		return nil, nil
	}
	list := make([]*pushed, len(items))
	for i, it := range items {
		list[i] = &pushed{work: &work{tenant: o.Tenant, item: it, backend: o.Backend, event: Event{ID: it.ID}}, source: o.Source, batch: o.Batch, call: call, at: i}
	}
	if err := p.intake.add(p, list); err != nil {
		return nil, err
	}
	for alive := time.Tick(beatEvery); ; {
		select {
		case <-call.done:
			if call.err == nil && o.Batch != "" {
				call.err = p.finishPush(ctx, o, call.events)
			}
			return call.events, call.err
		case <-alive:
			if o.Batch != "" {
				(&run{p: p, o: Options{Tenant: o.Tenant}, batch: o.Batch}).beat(ctx)
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pushCall is one call of Push.
type pushCall struct {
	mu         sync.Mutex
	events     []Event
	err        error
	left       int // documents without an outcome
	unreceived int
	received   func()
	done       chan struct{}
}

// pushed is one document of a call.
type pushed struct {
	work   *work
	source string
	batch  string // as its sender names it; "": the hour's
	call   *pushCall
	at     int
}

func (d *pushed) receive() {
	c := d.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unreceived--; c.unreceived == 0 && c.received != nil && c.err == nil {
		c.received()
	}
}

func (d *pushed) finish(err error) {
	c := d.call
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events[d.at] = d.work.event
	if err != nil && c.err == nil {
		c.err = err
	}
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

// stopped refuses to remove or to change documents while an order stops their
// source, their tenant or who sends them: what is contained stays as it is.
func (p *Pipeline) stopped(ctx context.Context, o PushOptions) error {
	set, err := p.orders(ctx)
	if err != nil {
		return err
	}
	return set.Document(contain.Origin{Tenant: o.Tenant, Source: o.Source, Submitter: "backend:" + o.Backend})
}

// Unpush takes a pushed document out. A document that is not this source's is
// [catalog.ErrNotFound], whether it exists or not.
func (p *Pipeline) Unpush(ctx context.Context, id string, o PushOptions) error {
	release, err := p.intake.hold(ctx, o.Tenant, id)
	if err != nil {
		return err
	}
	defer release()
	known, err := p.Catalog.Known(ctx, o.Tenant, []string{id})
	if err != nil {
		return err
	}
	k, ok := known[id]
	if !ok || k.Source != o.Source || k.State == catalog.Retired || k.State == catalog.Erased {
		return catalog.ErrNotFound
	}
	if err := p.stopped(ctx, o); err != nil {
		return fmt.Errorf("deleting: %w", err)
	}
	return p.retireFor(ctx, []catalog.Ref{{Tenant: o.Tenant, Document: id}}, catalog.Retired, "deleted by its source", o.Backend)
}

// Reattribute changes the attributes of a pushed document: change is given what
// is claimed now and returns what is claimed from now on. Nothing is scanned or
// embedded again; a held document is judged anew under its new attributes.
// Attributes that grant nobody access are refused and change nothing.
func (p *Pipeline) Reattribute(ctx context.Context, id string, o PushOptions, change func(map[string]any) (map[string]any, error)) (Event, error) {
	release, err := p.intake.hold(ctx, o.Tenant, id)
	if err != nil {
		return Event{}, err
	}
	defer release()
	known, err := p.Catalog.Known(ctx, o.Tenant, []string{id})
	if err != nil {
		return Event{}, err
	}
	k, ok := known[id]
	if !ok || k.Source != o.Source {
		return Event{}, catalog.ErrNotFound
	}
	if err := p.stopped(ctx, o); err != nil {
		return Event{}, fmt.Errorf("changing attributes: %w", err)
	}
	switch k.State {
	case catalog.Live:
		return p.reattributeLive(ctx, id, o, k, change)
	case catalog.Held:
		return p.reattributeHeld(ctx, id, o, k, change)
	}
	return Event{}, catalog.ErrNotFound
}

func (p *Pipeline) reattributeLive(ctx context.Context, id string, o PushOptions, k catalog.Known, change func(map[string]any) (map[string]any, error)) (Event, error) {
	if p.Connectors[o.Source].Required {
		return Event{}, fmt.Errorf("%w: this source's documents change by signed manifests only", catalog.ErrState)
	}
	docs, err := p.Catalog.Documents(ctx, o.Tenant, []string{id})
	if err != nil {
		return Event{}, err
	}
	d, ok := docs[id]
	if !ok {
		return Event{}, catalog.ErrNotFound
	}
	claimed, err := change(d.Attributes)
	if err != nil {
		return Event{}, err
	}
	attributes, err := p.attributes(o.Source, claimed)
	if err != nil {
		return Event{}, err
	}
	w := &work{tenant: o.Tenant, backend: o.Backend, item: Item{ID: id}, known: k, claimed: p.claims(o.Source, attributes), event: Event{ID: id, Version: d.Version, Outcome: Reattribute}}
	if attributes.Hash() == d.Attributes.Hash() {
		w.event.Outcome = Unchanged
		return w.event, nil
	}
	if w.reattr, err = p.newReceipt(d, attributes, w.claimed, k.Fingerprint); err != nil {
		return Event{}, err
	}
	w.reattr.Provenance = catalog.Provenance{Batch: pushBatch(o.Source, p.Now()), Submitter: "backend:" + o.Backend}
	return w.event, p.settle(ctx, []*work{w}, k.Revision)
}

// newReceipt covers a live version under other attributes.
func (p *Pipeline) newReceipt(d catalog.Document, a policy.Attributes, claimed, fingerprint string) (*catalog.Version, error) {
	next := d.Receipt.Receipt
	next.Attributes, next.Issued = a.Hash(), p.Now().Unix()
	signed, err := receipt.Sign(next, p.Signer)
	if err != nil {
		return nil, err
	}
	return &catalog.Version{Ref: catalog.Ref{Tenant: d.Tenant, Document: d.ID, Version: d.Version},
		Claimed: claimed, Fingerprint: fingerprint, Attributes: a, Receipt: signed}, nil
}

func (p *Pipeline) reattributeHeld(ctx context.Context, id string, o PushOptions, k catalog.Known, change func(map[string]any) (map[string]any, error)) (Event, error) {
	a, err := p.Catalog.Arrival(ctx, o.Tenant, id)
	if err != nil {
		return Event{}, err
	}
	if a.Claimed == nil {
		a.Claimed = map[string]any{}
	}
	if a.Claimed, err = change(a.Claimed); err != nil {
		return Event{}, err
	}
	if _, err := p.attributes(o.Source, a.Claimed); err != nil {
		return Event{}, err
	}
	if err := p.Catalog.Receive(ctx, []catalog.Arrival{a}); err != nil {
		return Event{}, err
	}
	return p.rejudge(ctx, o.Tenant, id, false)
}
