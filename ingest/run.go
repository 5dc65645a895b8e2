package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/doorward/doorward/ingest/catalog"
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
	touched bool             // it was read and is as it was: its fingerprint is another
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
	ended := r.live(ctx)
	batches := make(chan inPart, 1)
	group, gctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(batches)
		return r.produce(gctx, src, batches)
	})
	group.Go(func() error { return r.settleParts(gctx, batches) })
	err = group.Wait()
	if err == nil {
		err = r.vanished(ctx)
	}
	var unlikely *PruneError
	if errors.As(err, &unlikely) { // what it brought stays; the next reading comes past all again
		err = nil
	} else if err == nil {
		err = r.remember(ctx)
	}
	if err == nil {
		err = p.declareEpoch(ctx, o.Tenant, r.report.Chunks)
	}
	if err == nil {
		err = r.finish(ctx)
	}
	ended(err)
	r.report.Batch, r.report.Elapsed = r.batch, p.Now().Sub(started)
	if err == nil && unlikely != nil {
		err = unlikely
	}
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
	alive     atomic.Bool  // and wants signs of life
	stopped   bool         // policy had it contained
	usual     *usual       // nil until something is measured
	pushed    *pushedUsual // of pushed documents
	marks     map[string]catalog.Marked
	contains  bool          // an order stops the source: nothing of it was retired
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

// inPart is a judged part of a batch; done gives up its room.
type inPart struct {
	batch []*work
	done  func()
}

// produce walks the source, reads what changed and prepares it, part by part.
func (r *run) produce(ctx context.Context, src Source, out chan<- inPart) error {
	return r.gather(ctx, src, func(batch []*work) error {
		if err := r.admit(ctx, batch); err != nil {
			return err
		}
		return r.judgeParts(ctx, batch, func(p inPart) error {
			select {
			case out <- p:
				return nil
			case <-ctx.Done():
				p.done()
				return ctx.Err()
			}
		})
	})
}

// settleParts gives what was judged effect, part by part.
func (r *run) settleParts(ctx context.Context, parts <-chan inPart) error {
	settle := func(p inPart) error {
		defer p.done()
		if err := r.p.settle(ctx, p.batch, r.revision); err != nil {
			return err
		}
		r.accept(p.batch)
		for _, w := range p.batch {
			r.done(w.event)
			w.letGo()
		}
		return nil
	}
	for p := range parts {
		if err := settle(p); err != nil {
			go func() { // the producer ends soon, since this ends the run
				for p := range parts {
					p.done()
				}
			}()
			return err
		}
	}
	return nil
}

// letGo forgets a settled document's bytes and texts: the rest of its batch may be
// waiting.
func (w *work) letGo() {
	w.arrival.Bytes, w.read, w.version, w.result = nil, nil, nil, sanitize.Result{}
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
	if err := r.keepFingerprints(ctx, batch); err != nil {
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

// keepFingerprints: what was read and is as it was is not read again next time.
func (r *run) keepFingerprints(ctx context.Context, batch []*work) error {
	var list []catalog.Arrival
	for _, w := range batch {
		if w.touched {
			list = append(list, w.arrival)
		}
	}
	if len(list) == 0 {
		return nil
	}
	return r.p.Catalog.SetFingerprints(ctx, list)
}

// judgeParts judges what was received, in parts that may be in hand at once, and
// calls fn with each. Who settles a part calls its done.
func (r *run) judgeParts(ctx context.Context, batch []*work, fn func(inPart) error) error {
	if err := r.measure(ctx, batch); err != nil {
		return err
	}
	for _, part := range r.p.partsOf(batch) {
		done, err := r.p.hand(ctx, part)
		if err != nil {
			return err
		}
		if err := r.judgePart(ctx, part); err != nil {
			done()
			return err
		}
		if err := fn(inPart{part, done}); err != nil {
			return err
		}
	}
	return nil
}

// judgePart judges what was measured.
func (r *run) judgePart(ctx context.Context, part []*work) error {
	var err error
	if r.contained, err = r.p.orders(ctx); err != nil {
		return err
	}
	var list []*work
	for _, w := range part {
		if w.event.Outcome == "" && w.reattr == nil {
			list = append(list, w)
		}
	}
	err = r.p.each(ctx, list, func(ctx context.Context, w *work) {
		r.p.judge(ctx, w, judgeOptions{snapshot: r.snapshot, revision: r.revision, contained: r.contained})
	})
	if err != nil {
		return err
	}
	return r.stopFlood(ctx, part)
}

// each calls fn for every document, several at once. A goroutine takes one after the
// other, because evaluating policy grows its stack, which costs as much again.
func (p *Pipeline) each(ctx context.Context, list []*work, fn func(context.Context, *work)) error {
	group, gctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(p.Workers, len(list)) {
		group.Go(func() error {
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				fn(gctx, list[i])
				if err := gctx.Err(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
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
