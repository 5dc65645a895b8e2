package ingest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
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
	select {
	case <-call.done:
		if call.err == nil && o.Batch != "" {
			call.err = p.finishPush(ctx, o, call.events)
		}
		return call.events, call.err
	case <-ctx.Done():
		return nil, ctx.Err()
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

// intake is the queue of pushed documents. Three stages work on it at once, each
// on a group of up to a batch: receive, judge, settle. A document is in one of
// them only once, so that a later version of it waits for the one before.
type intake struct {
	mu      sync.Mutex
	waiting []*pushed
	bytes   int64
	groups  int                         // on their way through the stages
	busy    map[[2]string]chan struct{} // tenant, id → closed when it is free again
	running bool
	idle    *sync.Cond
}

func (q *intake) add(p *Pipeline, list []*pushed) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	var size int64
	for _, d := range list {
		size += max(d.work.item.Size, 0)
	}
	if len(q.waiting)+len(list) > maxWaiting || len(q.waiting) > 0 && q.bytes+size > maxWaitingBytes {
		return ErrBusy
	}
	if q.busy == nil {
		q.busy, q.idle = map[[2]string]chan struct{}{}, sync.NewCond(&q.mu)
	}
	q.waiting, q.bytes = append(q.waiting, list...), q.bytes+size
	q.idle.Broadcast()
	if !q.running {
		q.running = true
		go p.takeIn()
	}
	return nil
}

// again reports whether more came in while the last turn ended; otherwise the
// next document starts a new one.
func (q *intake) again() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		return true
	}
	q.running = false
	q.idle.Broadcast()
	return false
}

// take removes the next group: documents of one tenant, source and batch that are
// not on their way already. It returns nil when nothing can be taken now, and ends
// the turn when nothing waits and nothing is on its way: stages of two turns must
// not work side by side, because groups are judged one after the other.
func (q *intake) take() (group []*pushed, wait <-chan struct{}, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && q.groups > 0 {
		q.idle.Wait()
	}
	if len(q.waiting) == 0 {
		return nil, nil, true
	}
	var rest []*pushed
	var size int64
	passed := map[[2]string]bool{} // left waiting: what comes after must not overtake it
	for _, d := range q.waiting {
		key := [2]string{d.work.tenant, d.work.item.ID}
		free, taken := q.busy[key]
		other := len(group) > 0 && (group[0].work.tenant != d.work.tenant || group[0].source != d.source || group[0].batch != d.batch)
		if taken || passed[key] || other || len(group) >= batchDocuments || len(group) > 0 && size >= batchBytes {
			if taken && wait == nil {
				wait = free
			}
			passed[key] = true
			rest = append(rest, d)
			continue
		}
		if d.work.item.ID != "" {
			q.busy[key] = make(chan struct{})
		}
		size += max(d.work.item.Size, 0)
		group = append(group, d)
	}
	q.waiting, q.bytes = rest, q.bytes-size
	if group != nil {
		q.groups++
	}
	return group, wait, false
}

func (q *intake) free(tenant, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := [2]string{tenant, id}
	if c, ok := q.busy[key]; ok {
		close(c)
		delete(q.busy, key)
	}
}

// hold waits until none of a pushed document's versions is on its way, and keeps
// new ones waiting until release is called.
func (q *intake) hold(ctx context.Context, tenant, id string) (release func(), err error) {
	key := [2]string{tenant, id}
	for {
		q.mu.Lock()
		if q.busy == nil {
			q.busy, q.idle = map[[2]string]chan struct{}{}, sync.NewCond(&q.mu)
		}
		c, taken := q.busy[key]
		if !taken {
			q.busy[key] = make(chan struct{})
			q.mu.Unlock()
			return func() { q.free(tenant, id) }, nil
		}
		q.mu.Unlock()
		select {
		case <-c:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Quiesce waits until nothing that was pushed is on its way.
func (p *Pipeline) Quiesce() {
	q := &p.intake
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.running || len(q.busy) > 0 {
		q.idle.Wait()
	}
}

// pushGroup is a group on its way through the stages.
type pushGroup struct {
	run  *run
	docs []*pushed
}

func (g pushGroup) works() []*work {
	out := make([]*work, len(g.docs))
	for i, d := range g.docs {
		out[i] = d.work
	}
	return out
}

func (p *Pipeline) finish(g pushGroup, err error) {
	for _, d := range g.docs {
		p.intake.free(d.work.tenant, d.work.item.ID)
		d.finish(err)
	}
	p.intake.mu.Lock()
	p.intake.groups--
	p.intake.idle.Broadcast()
	p.intake.mu.Unlock()
}

// takeIn works until nothing waits. It belongs to no caller, so that one who
// gives up does not take others' documents with him. One is under way at a time.
func (p *Pipeline) takeIn() {
	for again := true; again; again = p.intake.again() {
		p.turn()
	}
}

// turn works until nothing waits and nothing is on its way.
func (p *Pipeline) turn() {
	ctx := context.Background()
	judging, settling := make(chan pushGroup, 4), make(chan pushGroup, 1)
	var stages sync.WaitGroup
	defer stages.Wait()
	defer close(judging)
	stages.Go(func() {
		defer close(settling)
		for g := range judging {
			if err := g.run.judgeBatch(ctx, g.works()); err != nil {
				p.finish(g, err)
				continue
			}
			settling <- g
		}
	})
	stages.Go(func() { p.settleGroups(ctx, settling) })
	for {
		docs, wait, end := p.intake.take()
		if end {
			return
		}
		if docs == nil {
			<-wait
			continue
		}
		g := pushGroup{docs: docs}
		var err error
		if g.run, err = p.startPush(ctx, docs[0].work.tenant, docs[0].source, docs[0].batch); err == nil {
			err = g.run.admit(ctx, g.works())
		}
		if err != nil {
			p.finish(g, err)
			continue
		}
		for _, d := range docs {
			d.receive()
		}
		judging <- g
	}
}

// settleGroups gives judged groups effect, and renews term statistics when what
// came in since the last time is worth it.
func (p *Pipeline) settleGroups(ctx context.Context, settling <-chan pushGroup) {
	added := map[string]int{}
	for g := range settling {
		err := p.settle(ctx, g.works(), g.run.revision)
		if err == nil {
			err = g.run.acceptPushed(ctx, g.works())
		}
		p.finish(g, err)
		tenant := g.docs[0].work.tenant
		for _, d := range g.docs {
			added[tenant] += d.work.event.Chunks
		}
		if len(settling) > 0 && added[tenant] < 4096 {
			continue
		}
		if err := p.declareEpoch(ctx, tenant, added[tenant]); err != nil {
			p.Log.ErrorContext(ctx, "term statistics could not be renewed", "class", fmt.Sprintf("%T", errors.Unwrap(err)))
		}
		added[tenant] = 0
	}
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
