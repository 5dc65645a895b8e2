package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/sanitize"
)

// Bounds of a batch: what is received, audited, indexed and committed together.
const (
	batchDocuments = 64
	batchBytes     = 8 << 20
)

// work is one document on its way through a batch.
type work struct {
	tenant  string
	backend string // who pushed it; "" for sources that are read
	item    Item
	arrival catalog.Arrival
	claimed string // hash of the claimed attributes
	known   catalog.Known
	event   Event

	// What prepare decided; exactly one of these is set unless the event is final.
	judgement *catalog.Judgement
	version   *catalog.Version
	reattr    *catalog.Version
	// embed: policy lets the text go to the embedder.
	embed bool
	// protect: answers must not repeat the text to people who may not read it.
	protect bool
	// withdraw: the live version may not stay (its new attributes are unusable).
	withdraw bool

	read    *reading         // the document as extracted
	result  sanitize.Result  // its text as rewritten
	actions sanitize.Actions // policy's own
	signals *signal.Signals  // what policy is told of it; nil: not measured
	arrived bool             // it is new or has changed
	refused string           // why its manifest does not hold
	mark    *catalog.Marked  // its manifest, when it does
	contain string           // why policy has its whole run contained
}

// Run ingests a source: every document is received, judged and, if policy says
// so, indexed. It returns an error only when the run as a whole had to stop;
// everything acknowledged before stays, and running again goes on from there.
func (p *Pipeline) Run(ctx context.Context, src Source, o Options) (Report, error) {
	started := p.Now()
	if o.Tenant == "" {
		return Report{}, ErrTenant
	}
	r, err := p.startRun(src.Name(), o)
	if err != nil {
		return Report{}, err
	}
	if err := r.begin(ctx, src); err != nil {
		return Report{}, err
	}
	batches := make(chan []*work, 1)
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(batches)
		return r.produce(gctx, src, batches)
	})
	group.Go(func() error {
		for batch := range batches {
			if err := p.settle(gctx, batch, r.revision); err != nil {
				return err
			}
			r.accept(batch)
			for _, w := range batch {
				r.done(w.event)
			}
		}
		return nil
	})
	err = group.Wait()
	if err == nil {
		err = r.vanished(ctx)
	}
	if err == nil {
		err = r.remember(ctx)
	}
	if err == nil {
		err = p.declareEpoch(ctx, o.Tenant, r.report.Chunks)
	}
	if err == nil {
		err = r.finish(ctx)
	}
	r.report.Batch, r.report.Elapsed = r.batch, p.Now().Sub(started)
	return r.report, err
}

// run is the state of one Run.
type run struct {
	p        *Pipeline
	o        Options
	source   string
	snapshot policy.Snapshot
	revision string
	seen     idSet    // ids the source still has
	unnamed  bool     // an item could not be identified: pruning is off
	follower Follower // nil: the source is walked
	since    string   // cursor of the last reading, "" for all there is
	next     string   // cursor of this one
	deleted  []string // ids the source says are gone
	report   Report

	batch     string       // the run's name
	started   bool         // it is in the catalog
	stopped   bool         // policy had it contained
	usual     *usual       // nil until something is measured
	pushed    *pushedUsual // of pushed documents
	marks     map[string]catalog.Marked
	contained *contain.Set  // orders in force for the documents in hand
	limit     *rate.Limiter // nil: no bound
}

// startRun takes one snapshot of the policy for all of a run.
func (p *Pipeline) startRun(source string, o Options) (*run, error) {
	snapshot, err := p.Policy.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("starting ingest: %w", err)
	}
	batch := o.Batch
	if batch == "" {
		if batch, err = newBatch(); err != nil {
			return nil, err
		}
	}
	return &run{p: p, o: o, batch: batch, source: source, snapshot: snapshot, revision: p.revision(snapshot), seen: idSet{}}, nil
}

func (r *run) done(e Event) {
	r.report.Add(e)
	if r.o.Progress != nil {
		r.o.Progress(e)
	}
}

// produce walks the source, reads what changed and prepares it, batch by batch.
func (r *run) produce(ctx context.Context, src Source, out chan<- []*work) error {
	return r.gather(ctx, src, func(batch []*work) error {
		if err := r.prepareBatch(ctx, batch); err != nil {
			return err
		}
		select {
		case out <- batch:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// gather calls fn with what the source has, in batches.
func (r *run) gather(ctx context.Context, src Source, fn func([]*work) error) error {
	var batch []*work
	var size int64
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := fn(batch)
		batch, size = nil, 0
		return err
	}
	err := r.read(ctx, src, func(it Item) error {
		if it.ID == "" {
			r.unnamed = true
		} else if r.o.Prune || r.follower != nil {
			r.seen.add(it.ID)
		}
		batch = append(batch, &work{tenant: r.o.Tenant, item: it, event: Event{ID: it.ID}})
		size += max(it.Size, 0)
		if len(batch) >= batchDocuments || size >= batchBytes {
			return flush()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading source %s: %w", r.source, err)
	}
	return flush()
}

// prepareBatch finds out what changed, makes it durable, and judges it.
func (r *run) prepareBatch(ctx context.Context, batch []*work) error {
	if err := r.admit(ctx, batch); err != nil {
		return err
	}
	return r.judgeBatch(ctx, batch)
}

// admit finds out what changed and makes it durable.
func (r *run) admit(ctx context.Context, batch []*work) error {
	if err := r.triage(ctx, batch); err != nil {
		return err
	}
	if err := r.start(ctx, batch); err != nil {
		return err
	}
	if err := r.keepMarks(ctx, batch); err != nil {
		return err
	}
	var arrivals []catalog.Arrival
	for _, w := range batch {
		if w.event.Outcome == "" && w.reattr == nil {
			arrivals = append(arrivals, w.arrival)
		}
	}
	if len(arrivals) == 0 {
		return nil
	}
	return r.receive(ctx, arrivals, batch)
}

// judgeBatch judges what was received.
func (r *run) judgeBatch(ctx context.Context, batch []*work) error {
	if err := r.measure(ctx, batch); err != nil {
		return err
	}
	var err error
	if r.contained, err = r.p.orders(ctx); err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(r.p.Workers)
	for _, w := range batch {
		if w.event.Outcome != "" || w.reattr != nil {
			continue
		}
		group.Go(func() error {
			r.p.judge(gctx, w, judgeOptions{snapshot: r.snapshot, revision: r.revision, contained: r.contained})
			return gctx.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return r.stopFlood(ctx, batch)
}

// receive makes changed documents durable, here or with those who will judge them.
func (r *run) receive(ctx context.Context, arrivals []catalog.Arrival, batch []*work) error {
	if r.limit == nil && r.o.Rate > 0 {
		r.limit = rate.NewLimiter(rate.Limit(r.o.Rate), 1)
	}
	for range arrivals {
		if r.limit == nil {
			break
		}
		if err := r.limit.Wait(ctx); err != nil {
			return err
		}
	}
	if r.o.Queue == nil {
		return r.p.Catalog.Receive(ctx, arrivals)
	}
	// What a manifest speaks against is held here: only here is that known.
	var here, elsewhere []catalog.Arrival
	for _, w := range batch {
		switch {
		case w.event.Outcome != "" || w.reattr != nil:
		case w.refused != "":
			here = append(here, w.arrival)
		default:
			w.event.Outcome = Queued
			elsewhere = append(elsewhere, w.arrival)
		}
	}
	if len(here) > 0 {
		if err := r.p.Catalog.Receive(ctx, here); err != nil {
			return err
		}
	}
	if len(elsewhere) == 0 {
		return nil
	}
	return r.o.Queue(ctx, elsewhere)
}

// triage settles what needs no work: failures, and documents that are unchanged
// or changed in their attributes only.
func (r *run) triage(ctx context.Context, batch []*work) error {
	ids := make([]string, 0, len(batch))
	for _, w := range batch {
		ids = append(ids, w.item.ID)
	}
	known, err := r.p.Catalog.Known(ctx, r.o.Tenant, ids)
	if err != nil {
		return err
	}
	erased, err := r.p.Catalog.Erased(ctx, r.o.Tenant, ids)
	if err != nil {
		return err
	}
	if err := r.readMarks(ctx, ids); err != nil {
		return err
	}
	inBatch := map[string]bool{}
	var differ []*work
	for _, w := range batch {
		w.known = known[w.item.ID]
		if w.item.Err != nil {
			w.item.Attributes = nil // unusable ones must not be found again after a restart
		}
		w.claimed = r.p.claimed(r.source, w.item.Attributes, w.item.Manifest)
		switch {
		case w.item.ID == "" || w.item.Open == nil:
			w.fail(orUnreadable(w.item.Err))
		case !ValidID(w.item.ID):
			w.event.ID = "" // not repeated where ids are shown and logged
			w.fail(fmt.Errorf("%w: the source gave a document id that is not [A-Za-z0-9._~:-]{1,200}", ErrMalformed))
		case inBatch[w.item.ID]:
			w.fail(ErrDuplicate)
		case erased[w.item.ID]:
			w.fail(ErrErased)
			w.event.Outcome = Rejected
		case w.known.Source != "" && w.known.Source != r.source && w.known.State != catalog.Retired:
			w.fail(fmt.Errorf("%w: the id belongs to source %q", ErrDuplicate, w.known.Source))
		case w.known.State != catalog.Retired && w.known.Fingerprint != "" && w.known.Fingerprint == w.item.Fingerprint && r.same(w):
			w.event.Outcome = Unchanged
		default:
			differ = append(differ, w)
		}
		inBatch[w.item.ID] = true
	}
	return r.triageDiffering(ctx, differ)
}

// triageDiffering goes on with documents that are new or differ. Only for them
// does it matter whether something holds what is there.
func (r *run) triageDiffering(ctx context.Context, list []*work) error {
	if len(list) == 0 {
		return nil
	}
	ids := make([]string, len(list))
	for i, w := range list {
		ids[i] = w.item.ID
	}
	held, err := r.p.Holds.Held(ctx, r.o.Tenant, ids)
	if err != nil {
		return err
	}
	for _, w := range list {
		if err := r.differs(ctx, w); err != nil {
			return err
		}
		if held[w.item.ID] && w.event.Outcome == "" && w.reattr == nil {
			w.fail(catalog.ErrLegalHold) // what is there must not be replaced
		}
	}
	return nil
}

// differs handles a document that is new or differs. Where only its attributes
// do, its bytes are not read.
func (r *run) differs(ctx context.Context, w *work) error {
	k := w.known
	if !r.p.signs(r.source) && k.State == catalog.Live && k.Fingerprint != "" && k.Fingerprint == w.item.Fingerprint && k.Revision == r.revision && w.item.Err == nil {
		if err := r.reattribute(ctx, w); err != nil || w.reattr != nil {
			return err
		}
	}
	return r.take(ctx, w)
}

// same: judged under the revision in force, with the same claims.
func (r *run) same(w *work) bool {
	return (w.known.Revision == r.revision || w.known.Revision == catalog.Final) && w.known.Claimed == w.claimed
}

// behind says what of an item the catalog does not have yet, as far as can be
// told without reading it; "" when nothing.
func (r *run) behind(it Item, known catalog.Known) string {
	switch {
	case it.Open == nil:
		return "" // cannot be ingested either
	case known.State == "" || known.State == catalog.Retired:
		return "not ingested"
	case known.Source != r.source:
		return "its id belongs to another source"
	case known.Fingerprint != "" && it.Fingerprint != "" && known.Fingerprint != it.Fingerprint:
		return "changed in its source"
	case it.Err == nil && known.Claimed != r.p.claimed(r.source, it.Attributes, it.Manifest):
		return "attributes changed in its source"
	}
	return ""
}

func orUnreadable(err error) error {
	if err == nil {
		return ErrUnreadable
	}
	return err
}

func (w *work) fail(err error) {
	w.event.Outcome, w.event.Err, w.event.Reasons = Failed, err, []string{failure(err)}
}

// failure classes a source's error in one word.
func failure(err error) string {
	for _, c := range []struct {
		err  error
		word string
	}{{ErrUnreadable, "unreadable"}, {ErrTooLarge, "too_large"}, {ErrNotRegular, "not_regular"}, {ErrMalformed, "malformed"}, {ErrDuplicate, "duplicate"}, {ErrAttributes, "no_acl"}, {ErrErased, "erased"}, {catalog.ErrLegalHold, "legal_hold"}} {
		if errors.Is(err, c.err) {
			return c.word
		}
	}
	return "failed"
}

// take takes the bytes and decides between unchanged, attributes only and new.
func (r *run) take(ctx context.Context, w *work) error {
	data, err := readItem(ctx, w.item, r.p.MaxBytes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		w.fail(err)
		return nil
	}
	w.event.Bytes = int64(len(data))
	key, err := r.p.Keys.Derive(r.o.Tenant, ContentPurpose)
	if err != nil {
		return err
	}
	w.arrival = catalog.Arrival{
		Tenant: r.o.Tenant, ID: w.item.ID, Source: r.source, Name: w.item.Name, URI: w.item.URI, MediaType: w.item.MediaType,
		Content: receipt.Hash(key, data), Fingerprint: w.item.Fingerprint, Claimed: w.item.Attributes, Bytes: data, Received: r.p.Now(),
		Provenance: catalog.Provenance{Batch: r.batch, Submitter: r.submitter(w)},
	}
	if w.known.Content == w.arrival.Content && w.known.Revision == catalog.Final && w.known.State == catalog.Rejected {
		w.event.Outcome = Unchanged // a person refused these very bytes
		return nil
	}
	if w.known.State == catalog.Retired || w.known.Content != w.arrival.Content || w.known.Revision != r.revision {
		r.verify(w)
		return nil
	}
	if w.known.Claimed == w.claimed {
		w.event.Outcome = Unchanged
		return nil
	}
	r.verify(w)
	switch {
	case w.refused != "":
	case w.known.State == catalog.Live && w.item.Err == nil:
		return r.reattribute(ctx, w)
	}
	return nil
}

// ContentPurpose derives the key that content hashes and receipts use.
const ContentPurpose = "content"

func readItem(ctx context.Context, it Item, limit int64) ([]byte, error) {
	if it.Size > limit {
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, it.Size, limit)
	}
	f, err := it.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, limit)
	}
	return data, nil
}

// reattribute prepares a change of attributes alone: a new receipt and new
// payload for the same version, nothing scanned or embedded again.
func (r *run) reattribute(ctx context.Context, w *work) error {
	attributes, err := r.p.attributes(r.source, w.item.Attributes)
	if err != nil {
		return nil // judged in full: it will be held, and the live version withdrawn
	}
	docs, err := r.p.Catalog.Documents(ctx, r.o.Tenant, []string{w.item.ID})
	if err != nil {
		return err
	}
	d, ok := docs[w.item.ID]
	if !ok {
		return nil
	}
	if w.reattr, err = r.p.newReceipt(d, attributes, w.claimed, w.item.Fingerprint); err != nil {
		return err
	}
	w.reattr.Provenance = catalog.Provenance{Batch: r.batch, Submitter: r.submitter(w)}
	w.event.Version = d.Version
	w.event.Outcome = Reattribute
	return nil
}
