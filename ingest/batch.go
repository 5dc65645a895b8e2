package ingest

import (
	"context"

	"github.com/doorward/doorward/ingest/catalog"
)

// Judged is a batch of received documents after judgement, before any of it has
// effect.
type Judged struct {
	p     *Pipeline
	parts []judgedPart
	done  func()
}

// Done gives up the room of what was judged; call it when it is settled, or is not
// going to be.
func (j *Judged) Done() { j.done() }

// judge judges what was measured, all of it in hand at once.
func (j *Judged) judge(ctx context.Context) (err error) {
	var all []*work
	for _, part := range j.parts {
		all = append(all, part.batch...)
	}
	if len(all) > 1 && len(j.p.partsOf(all)) > 1 {
		return ErrLarge
	}
	if j.done, err = j.p.hand(ctx, all); err != nil {
		return err
	}
	for _, part := range j.parts {
		if err := part.judgePart(ctx, part.batch); err != nil {
			j.done()
			return err
		}
	}
	return nil
}

// judgedPart is what came in one run.
type judgedPart struct {
	*run
	batch []*work
}

// Judge judges received documents from their bytes, as another process received
// them. It changes no document, so it may be done again. Documents that hold too much
// text together are [ErrLarge], and are judged one by one. They are measured
// against what is usual for their source and against each other, not against
// what other processes have in hand.
func (p *Pipeline) Judge(ctx context.Context, arrivals []catalog.Arrival) (*Judged, error) {
	j := &Judged{p: p}
	byRun := map[[3]string]int{}
	for _, a := range arrivals {
		key := [3]string{a.Tenant, a.Source, a.Batch}
		i, ok := byRun[key]
		if !ok {
			r, err := p.startRun(a.Source, Options{Tenant: a.Tenant, Batch: a.Batch, Submitter: a.Submitter})
			if err != nil {
				return nil, err
			}
			r.started = true // by who received them
			i = len(j.parts)
			byRun[key] = i
			j.parts = append(j.parts, judgedPart{run: r})
		}
		j.parts[i].batch = append(j.parts[i].batch, &work{tenant: a.Tenant, arrival: a, claimed: p.claimed(a.Source, a.Claimed, a.Manifest), event: Event{ID: a.ID, Bytes: int64(len(a.Bytes))}})
	}
	for _, part := range j.parts {
		ids := make([]string, len(part.batch))
		for i, w := range part.batch {
			ids[i] = w.arrival.ID
		}
		known, err := p.Catalog.Known(ctx, part.o.Tenant, ids)
		if err != nil {
			return nil, err
		}
		for _, w := range part.batch {
			w.known = known[w.arrival.ID]
		}
		if err := part.measure(ctx, part.batch); err != nil {
			return nil, err
		}
	}
	return j, j.judge(ctx)
}

// Events are what becomes of the documents once Settle has succeeded.
func (j *Judged) Events() []Event {
	var out []Event
	for _, part := range j.parts {
		for _, w := range part.batch {
			out = append(out, w.event)
		}
	}
	return out
}

// Settle gives the judgements effect in a catalog, in the order that survives a
// crash at any point. Its last durable change of the documents is the catalog's
// Commit.
func (j *Judged) Settle(ctx context.Context, c Catalog) error {
	config := j.p.Config
	config.Catalog = c
	p, err := New(config)
	if err != nil || len(j.parts) == 0 {
		return err
	}
	var all []*work
	for _, part := range j.parts {
		all = append(all, part.batch...)
	}
	if err := p.settle(ctx, all, j.parts[0].revision); err != nil {
		return err
	}
	for _, part := range j.parts {
		if part.accept(part.batch); part.usual == nil || part.stopped {
			continue
		}
		if err := part.usual.keep(ctx, j.p.Catalog, part.o.Tenant, part.source); err != nil {
			return err
		}
	}
	return nil
}

// Owed carries out the index work the catalog owes, whoever left it.
func (p *Pipeline) Owed(ctx context.Context) error { return p.work(ctx) }

// RenewStatistics declares a tenant's term statistics anew when added chunks have changed
// the corpus so far that rankings would suffer.
func (p *Pipeline) RenewStatistics(ctx context.Context, tenant string, added int) error {
	return p.declareEpoch(ctx, tenant, added)
}
