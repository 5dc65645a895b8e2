package ingest

import (
	"context"
)

// Plan says what a run of the source would do and why, and does none of it: every
// document that differs is read, extracted, scanned and decided about in memory,
// as a run would; nothing is stored, audited, embedded or indexed. It reads what a
// run would read, so running a plan again begins anew; what a run did meanwhile
// shows as unchanged.
func (p *Pipeline) Plan(ctx context.Context, src Source, o Options) (Report, error) {
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
	err = r.gather(ctx, src, func(batch []*work) error {
		if err := r.triage(ctx, batch); err != nil {
			return err
		}
		return r.judgeParts(ctx, batch, func(p inPart) error {
			defer p.done()
			for _, w := range p.batch {
				r.done(w.event)
				w.letGo()
			}
			return nil
		})
	})
	if err == nil {
		err = r.wouldVanish(ctx)
	}
	r.report.Elapsed = p.Now().Sub(started)
	return r.report, err
}

// wouldVanish counts what a run would retire.
func (r *run) wouldVanish(ctx context.Context) error {
	refs, err := r.gone(ctx)
	for _, ref := range refs {
		r.done(Event{ID: ref.Document, Outcome: Retired, Reasons: []string{"gone from its source"}})
	}
	return err
}
