package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval/prompt"
)

// Likeness is the catalog's memory of what documents are like.
type Likeness interface {
	Alike(ctx context.Context, tenant string, s signal.Signature) ([]catalog.Alike, error)
	SameContent(ctx context.Context, tenant, content, document string) (int, error)
	Baseline(ctx context.Context, tenant, source string) (*signal.Baseline, error)
	GrowBaseline(ctx context.Context, tenant, source string, g *signal.Growth) error
}

// reading is a document as extracted, and what was measured of it.
type reading struct {
	Extracted
	err       error
	profile   signal.Profile
	generated bool // it holds what only answers of this service hold
	labels    int  // see prompt.Labels
	size      int  // of the text in bytes
	put       bool // down: the text is read again when its turn comes
}

// extract reads a document once.
func (p *Pipeline) extract(ctx context.Context, w *work) *reading {
	if w.read != nil && !w.read.put {
		return w.read
	}
	if w.read == nil {
		w.read = &reading{}
	}
	w.read.err, w.read.put = errPanic, false
	func() {
		defer func() { _ = recover() }() // the value may quote the document
		w.read.Extracted, w.read.err = p.Extractor.Extract(ctx, Upload{Name: w.arrival.Name, MediaType: w.arrival.MediaType, Bytes: w.arrival.Bytes})
	}()
	w.read.size = len(w.read.Text)
	return w.read
}

var errPanic = errors.New("reading panicked")

// usual is a run's measure of what its source usually sends.
type usual struct {
	batch  *signal.Batch
	next   *signal.Baseline // what is usual with what this run accepted
	growth signal.Growth    // what becomes usual when the run ends well
	added  int              // documents in growth
}

// usual reads what a source usually sends.
func (p *Pipeline) usual(ctx context.Context, tenant, source string) (*usual, error) {
	b, err := p.Catalog.Baseline(ctx, tenant, source)
	if err != nil {
		return nil, err
	}
	data, err := b.Encode()
	if err != nil {
		return nil, err
	}
	next, err := signal.DecodeBaseline(data) // measured against as it was, whatever this run adds
	if err != nil {
		return nil, err
	}
	return &usual{batch: signal.NewBatch(b, p.Now()), next: next}, nil
}

// measure reads the documents that are to be judged, side by side, and measures
// them, in order, so that the same run gives the same signals.
func (r *run) measure(ctx context.Context, batch []*work) error {
	var list []*work
	for _, w := range batch {
		if w.event.Outcome == "" && w.reattr == nil && w.refused == "" {
			list = append(list, w)
		}
	}
	if len(list) == 0 {
		return nil
	}
	if r.usual == nil {
		u, err := r.p.usual(ctx, r.o.Tenant, r.source)
		if err != nil {
			return err
		}
		r.usual = u
	}
	profiler, err := r.p.profiler(r.o.Tenant)
	if err != nil {
		return err
	}
	var kept atomic.Int64
	err = r.p.each(ctx, list, func(ctx context.Context, w *work) {
		r.p.profile(ctx, w, profiler)
		if size := w.read.size; size >= largeText || kept.Add(int64(size)) > int64(r.p.InHand) {
			w.read.Extracted, w.read.put = Extracted{}, w.read.err == nil
		}
	})
	if err != nil {
		return err
	}
	for _, w := range list {
		if w.read.err != nil {
			continue // it will be held
		}
		if err := r.p.signals(ctx, w, r.usual.batch); err != nil {
			return err
		}
	}
	return nil
}

// profile reads a document and measures it by itself.
func (p *Pipeline) profile(ctx context.Context, w *work, by *signal.Profiler) {
	done, err := p.alone(ctx, len(w.arrival.Bytes))
	if err != nil {
		w.read = &reading{err: err}
		return
	}
	defer done()
	read := p.extract(ctx, w)
	if read.err != nil {
		return
	}
	if len(w.arrival.Bytes) < largeText {
		done, err := p.alone(ctx, read.size)
		if err != nil {
			read.err = err
			return
		}
		defer done()
	}
	key, err := p.Keys.Derive(w.arrival.Tenant, keys.Canary)
	if err != nil {
		read.err = err
		return
	}
	read.err = errPanic
	defer func() { _ = recover() }() // the value may quote the document
	read.profile = by.Measure(read.Text)
	read.generated, read.labels = prompt.HoldsCanary(key, read.Text), prompt.Labels(read.Text)
	for _, h := range read.Hidden {
		read.generated = read.generated || prompt.HoldsCanary(key, h.Text)
	}
	read.err = nil
}

func (p *Pipeline) profiler(tenant string) (*signal.Profiler, error) {
	key, err := p.Keys.Derive(tenant, keys.Signals)
	if err != nil {
		return nil, err
	}
	return signal.NewProfiler(key)
}

// signals measures one document against its run and what is indexed. What was
// judged before with the same bytes is no arrival: a change of rules is no flood.
func (p *Pipeline) signals(ctx context.Context, w *work, batch *signal.Batch) error {
	profile := w.read.profile
	s := signal.Signals{Stuffing: signal.Stuffing{Repetition: profile.Repetition, Query: profile.Query}}
	if w.known.Content != w.arrival.Content {
		s = batch.Add(profile)
		w.arrived = true
	}
	var err error
	tenant := w.arrival.Tenant
	if s.Duplicates.Exact, err = p.Catalog.SameContent(ctx, tenant, w.arrival.Content, w.arrival.ID); err != nil {
		return err
	}
	alike, err := p.Catalog.Alike(ctx, tenant, profile.Signature)
	if err != nil {
		return err
	}
	for _, a := range alike {
		other, err := signal.Decode(a.Signature)
		if err != nil {
			return fmt.Errorf("%w: %w", catalog.ErrUnavailable, err)
		}
		if a.Document != w.arrival.ID && other.Likeness(profile.Signature) >= signal.Near {
			s.Duplicates.Near++
		}
	}
	s.Generated, s.Labels = w.read.generated, w.read.labels
	s.Signed = w.arrival.Connector != ""
	if p.Drawn != nil {
		s.Magnet = p.Drawn(tenant, w.arrival.ID)
	}
	w.signals = &s
	return nil
}

// measureAlone measures a document outside a run, or takes what its run measured.
func (p *Pipeline) measureAlone(ctx context.Context, w *work) error {
	profiler, err := p.profiler(w.arrival.Tenant)
	if err != nil {
		return err
	}
	p.profile(ctx, w, profiler)
	if w.signals = w.arrival.Signals; w.signals != nil || w.read.err != nil {
		return nil // as measured in its run; or it will be held
	}
	u, err := p.usual(ctx, w.arrival.Tenant, w.arrival.Source)
	if err != nil {
		return err
	}
	return p.signals(ctx, w, u.batch)
}

// keep makes what was accepted usual for everybody who takes in this source.
func (u *usual) keep(ctx context.Context, c Likeness, tenant, source string) error {
	if u.added == 0 {
		return nil
	}
	if err := c.GrowBaseline(ctx, tenant, source, &u.growth); err != nil {
		return err
	}
	u.growth, u.added = signal.Growth{}, 0
	return nil
}

// accept takes what was let in into what is usual.
func (r *run) accept(batch []*work) {
	for _, w := range batch {
		if w.version != nil && w.arrived && r.usual != nil {
			r.usual.next.Accept(w.read.profile, r.p.Now(), &r.usual.growth)
			r.usual.added++
		}
		w.read = nil
	}
}

// pushedUsual is what pushed documents are measured against: one for each source
// and hour, so that a flood in many small calls is one flood.
type pushedUsual struct {
	hour string
	*usual
	started string          // the batch last recorded
	stopped map[string]bool // batches that policy had contained
}

// saveEvery is how many accepted pushed documents are taken into a baseline at
// once; fewer are forgotten when the process ends.
const saveEvery = 64

// pushBatch names the batch of what is pushed to a source within one hour.
func pushBatch(source string, now time.Time) string {
	return "push-" + source + "-" + now.UTC().Format("20060102T15")
}

// startPush begins a group of pushed documents, of a batch their sender named or
// of the hour's. Groups are begun, and judged, one after the other.
func (p *Pipeline) startPush(ctx context.Context, tenant, source, batch string) (*run, error) {
	hour := pushBatch(source, p.Now())
	if batch == "" {
		batch = hour
	}
	r, err := p.startRun(source, Options{Tenant: tenant, Batch: batch})
	if err != nil {
		return nil, err
	}
	key := [2]string{tenant, source}
	p.pushedMu.Lock()
	u := p.pushed[key]
	p.pushedMu.Unlock()
	if u == nil || u.hour != hour {
		fresh, err := p.usual(ctx, tenant, source)
		if err != nil {
			return nil, err
		}
		u = &pushedUsual{hour: hour, usual: fresh, stopped: map[string]bool{}}
		p.pushedMu.Lock()
		if p.pushed == nil {
			p.pushed = map[[2]string]*pushedUsual{}
		}
		p.pushed[key] = u
		p.pushedMu.Unlock()
	}
	r.usual, r.pushed, r.started = u.usual, u, u.started == r.batch
	return r, nil
}

// finishPush records that a batch its sender named has ended.
func (p *Pipeline) finishPush(ctx context.Context, o PushOptions, events []Event) error {
	counts := map[string]int{}
	for _, e := range events {
		counts[string(e.Outcome)]++
	}
	return p.Catalog.FinishBatch(ctx, o.Tenant, o.Batch, counts)
}

// acceptPushed takes what was let in into what is usual.
func (r *run) acceptPushed(ctx context.Context, batch []*work) error {
	r.accept(batch)
	if r.usual.added < saveEvery || r.stopped {
		return nil
	}
	return r.usual.keep(ctx, r.p.Catalog, r.o.Tenant, r.source)
}
