package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/manifest"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
)

// Batches is the catalog's record of runs and of what they replaced.
type Batches interface {
	StartBatch(ctx context.Context, b catalog.Batch) error
	FinishBatch(ctx context.Context, tenant, id string, counts map[string]int) error
	BeatBatch(ctx context.Context, tenant, id string) error
	InterruptBatch(ctx context.Context, tenant, id string) error
	InterruptBatches(ctx context.Context) error
	PlanUndo(ctx context.Context, tenant, batch string) ([]catalog.Undo, error)
	UndoBatch(ctx context.Context, tenant, batch string, limit int) (done []catalog.Undo, more bool, err error)
	Purge(ctx context.Context) (int, error)
	Held(ctx context.Context, q catalog.HeldQuery) (catalog.HeldPage, error)
	Version(ctx context.Context, r catalog.Ref) (catalog.Version, error)
}

// Manifests is the catalog's memory of connectors' statements.
type Manifests interface {
	Marks(ctx context.Context, tenant, source string, ids []string) (map[string]catalog.Marked, error)
	Mark(ctx context.Context, tenant string, marks []catalog.Marked) error
}

// start records the run when its first document is not as it was before.
func (r *run) start(ctx context.Context, batch []*work) error {
	if r.started || !slices.ContainsFunc(batch, func(w *work) bool { return w.event.Outcome == "" || w.reattr != nil }) {
		return nil
	}
	r.started = true
	_, err := r.p.Catalog.Purge(ctx)
	if err != nil {
		return err
	}
	b := catalog.Batch{Tenant: r.o.Tenant, ID: r.batch, Source: r.source, Submitter: r.o.Submitter, Started: r.p.Now()}
	ofHour := r.pushed != nil && r.batch == r.pushed.hour
	if r.pushed != nil && !ofHour { // the hour's has many
		b.Submitter = r.submitter(batch[0])
	}
	if err = r.p.Catalog.StartBatch(ctx, b); err == nil && ofHour { // each document ends by itself
		err = r.p.Catalog.FinishBatch(ctx, b.Tenant, b.ID, nil)
	}
	if err == nil && r.pushed != nil {
		r.pushed.started = r.batch
	}
	r.alive.Store(err == nil && r.pushed == nil)
	return err
}

// beatEvery is how often a run gives a sign of life.
const beatEvery = catalog.BatchLease / 6

// live gives signs of life for a run that is in the catalog, until the function that
// it returns is called with how the run ended.
func (r *run) live(ctx context.Context) (ended func(error)) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(beatEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if r.alive.Load() {
					r.beat(ctx)
				}
			}
		}
	}()
	return func(err error) {
		cancel()
		<-done
		if err == nil || !r.alive.Load() {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), interruptWithin)
		defer cancel()
		if err := r.p.Catalog.InterruptBatch(ctx, r.o.Tenant, r.batch); err != nil {
			r.p.Log.WarnContext(ctx, "a run's end could not be recorded", "batch", r.batch, "error", err)
		}
	}
}

// interruptWithin is how long a run that failed may take to say so.
const interruptWithin = 5 * time.Second

// beat gives one sign of life; one that fails is given again soon.
func (r *run) beat(ctx context.Context) {
	if err := r.p.Catalog.BeatBatch(ctx, r.o.Tenant, r.batch); err != nil && ctx.Err() == nil {
		r.p.Log.WarnContext(ctx, "a run's sign of life could not be recorded", "batch", r.batch, "error", err)
	}
}

// finish records how the run ended and, when it was not contained, that what it
// brought is usual.
func (r *run) finish(ctx context.Context) error {
	if !r.started {
		return nil
	}
	if r.usual != nil && !r.stopped {
		if err := r.usual.keep(ctx, r.p.Catalog, r.o.Tenant, r.source); err != nil {
			return err
		}
	}
	counts := map[string]int{}
	for o, n := range r.report.Outcomes {
		counts[string(o)] = n
	}
	return r.p.Catalog.FinishBatch(ctx, r.o.Tenant, r.batch, counts)
}

// submitter is who handed a document in.
func (r *run) submitter(w *work) string {
	if w.backend != "" {
		return "backend:" + w.backend
	}
	return r.o.Submitter
}

// newBatch names a run; names sort by time.
func newBatch() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("naming the batch: %w", err)
	}
	return id.String(), nil
}

// claimed is the hash of what a source claims of a document. Where connectors
// sign, their statement is part of the claim.
func (p *Pipeline) claimed(source string, attributes map[string]any, statement []byte) string {
	hash := p.claims(source, attributes)
	if !p.signs(source) || len(statement) == 0 {
		return hash
	}
	s, err := manifest.Parse(statement)
	if err != nil {
		return hash + manifest.HashContent(statement)[:16]
	}
	return hash + s.ID()
}

func (p *Pipeline) signs(source string) bool {
	t := p.Connectors[source]
	return t.Required || len(t.Keys) > 0
}

// readMarks reads the last manifests of a batch's documents.
func (r *run) readMarks(ctx context.Context, ids []string) (err error) {
	if r.p.signs(r.source) {
		r.marks, err = r.p.Catalog.Marks(ctx, r.o.Tenant, r.source, ids)
	}
	return err
}

// verify checks the connector's statement about a document. What does not hold
// is received and held, never used.
func (r *run) verify(w *work) {
	if !r.p.signs(r.source) {
		return
	}
	m := r.marks[w.item.ID]
	signed, err := r.p.Connectors[r.source].Check(manifest.Delivery{
		Tenant: r.o.Tenant, Source: r.source, Document: w.item.ID, Content: w.arrival.Bytes, Attributes: w.item.Own, Manifest: w.item.Manifest,
	}, manifest.Seen{Sequence: m.Sequence, ID: m.ID, Gone: m.Gone}, r.p.Now())
	if err != nil {
		w.refused = manifest.Reason(err)
		return
	}
	if signed.Sequence > 0 {
		w.arrival.Manifest, w.arrival.Connector, w.arrival.Sequence = w.item.Manifest, signed.KeyID, signed.Sequence
		w.mark = &catalog.Marked{Source: r.source, Document: w.item.ID, Sequence: signed.Sequence, ID: signed.ID()}
	}
}

// keepMarks makes accepted manifests durable before their documents are.
func (r *run) keepMarks(ctx context.Context, batch []*work) error {
	var marks []catalog.Marked
	for _, w := range batch {
		if w.mark != nil {
			marks = append(marks, *w.mark)
		}
	}
	if len(marks) == 0 {
		return nil
	}
	return r.p.Catalog.Mark(ctx, r.o.Tenant, marks)
}

// orders reads the containment orders in force. Orders that cannot be read stop
// the run.
func (p *Pipeline) orders(ctx context.Context) (*contain.Set, error) {
	if p.Contained == nil {
		return contain.NewSet(nil), nil
	}
	set, err := p.Contained(ctx)
	if err != nil {
		return nil, fmt.Errorf("ingesting: %w", err)
	}
	return set, nil
}

// origin is where an arrival came from, as orders name it.
func origin(a catalog.Arrival) contain.Origin {
	return contain.Origin{Tenant: a.Tenant, Source: a.Source, Batch: a.Batch, Submitter: a.Submitter}
}

// containedReason is the word for an order that stops a document.
func containedReason(err error) string {
	_, scope, _ := strings.Cut(err.Error(), ": ")
	return "contained:" + scope
}

// stopFlood contains the whole run when policy says so of one of its documents:
// what it brought before is not given out from now on, and what still comes is
// held.
func (r *run) stopFlood(ctx context.Context, batch []*work) error {
	i := slices.IndexFunc(batch, func(w *work) bool { return w.contain != "" })
	if r.pushed != nil && r.pushed.stopped[r.batch] {
		r.stopped = true
	}
	if i >= 0 && !r.stopped {
		if r.stopped = true; r.pushed != nil {
			r.pushed.stopped[r.batch] = true
		}
		if err := r.contain(ctx, batch[i].contain); err != nil {
			return err
		}
	}
	if !r.stopped {
		return nil
	}
	for _, w := range batch {
		if w.version != nil {
			r.p.refuse(w, r.revision, held("contained:batch"))
		}
	}
	return nil
}

func (r *run) contain(ctx context.Context, reason string) error {
	if r.p.Contain == nil {
		return nil
	}
	o := contain.Order{ID: uuid.NewString(), Tenant: r.o.Tenant, Scope: contain.Batch, Target: r.batch, Reason: reason, By: "policy", Created: r.p.Now()}
	e := audit.Entry{Event: "admin", Outcome: "contain", Tenant: r.o.Tenant, Reason: "batch " + r.batch + " of source " + r.source + ": " + reason}
	if err := r.p.Audit.Append(ctx, e); err != nil {
		return fmt.Errorf("containing a batch: %w", err)
	}
	return r.p.Contain(ctx, o)
}

// undoStep is how many documents of a batch are rolled back in one transaction.
const undoStep = 256

// RollBack takes out what a batch brought and puts back what it replaced, as far
// as nothing changed since; what it brought and is held is discarded, not what was
// held before and it only brought again. progress, if set, is called after every
// document. It can be called again after an interruption. The caller has asked
// policy and audited who and why.
func (p *Pipeline) RollBack(ctx context.Context, tenant, batch string, progress func(catalog.Undo)) ([]catalog.Undo, error) {
	var all []catalog.Undo
	report := func(list []catalog.Undo) {
		all = append(all, list...)
		for _, u := range list {
			if progress != nil {
				progress(u)
			}
		}
	}
	for more := true; more; {
		done, again, err := p.Catalog.UndoBatch(ctx, tenant, batch, undoStep)
		if err != nil {
			return all, err
		}
		if err := p.work(ctx); err != nil {
			return all, err
		}
		report(done)
		more = again
	}
	held, err := p.heldOf(ctx, tenant, batch)
	if err != nil {
		return all, err
	}
	for _, u := range held {
		if err := p.Catalog.Discard(ctx, tenant, u.Document, "its batch was rolled back"); err != nil && !errors.Is(err, catalog.ErrState) {
			return all, err
		}
		report([]catalog.Undo{u})
	}
	return all, nil
}

// PlanRollBack says what RollBack would do, and changes nothing.
func (p *Pipeline) PlanRollBack(ctx context.Context, tenant, batch string) ([]catalog.Undo, error) {
	undos, err := p.Catalog.PlanUndo(ctx, tenant, batch)
	if err != nil {
		return nil, err
	}
	held, err := p.heldOf(ctx, tenant, batch)
	return append(undos, held...), err
}

// heldOf is what of a batch is in quarantine, as a roll-back discards it.
func (p *Pipeline) heldOf(ctx context.Context, tenant, batch string) (out []catalog.Undo, err error) {
	for q := (catalog.HeldQuery{Tenant: tenant, Batch: batch}); ; {
		page, err := p.Catalog.Held(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, a := range page.Held {
			out = append(out, catalog.Undo{Document: a.ID, Did: "discarded"})
		}
		if q.After = page.Next; q.After == "" {
			return out, nil
		}
	}
}

// indexAgain gives the index a version that was put back.
func (p *Pipeline) indexAgain(ctx context.Context, r catalog.Ref) error {
	documents, err := p.Catalog.Documents(ctx, r.Tenant, []string{r.Document})
	if err != nil {
		return err
	}
	d, ok := documents[r.Document]
	if !ok || d.Version != r.Version {
		return nil // replaced again since
	}
	v, err := p.Catalog.Version(ctx, r)
	if err != nil {
		return err
	}
	v.Attributes, v.Receipt = d.Attributes, d.Receipt
	return p.Index.Put(ctx, r.Tenant, IndexChunks(v))
}
