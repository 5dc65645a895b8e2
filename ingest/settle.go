package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/retrieval/index"
)

// settle gives a prepared batch effect, in the order that survives a crash at
// any point: intents, audit, index, commit, and last the removal of what was
// replaced.
func (p *Pipeline) settle(ctx context.Context, batch []*work, revision string) error {
	var versions, embeddable []catalog.Version
	var judgements []catalog.Judgement
	var withdrawn []catalog.Ref
	for _, w := range batch {
		switch {
		case w.version != nil:
			versions = append(versions, *w.version)
			if w.embed {
				embeddable = append(embeddable, *w.version)
			}
		case w.judgement != nil:
			judgements = append(judgements, *w.judgement)
			if w.withdraw && w.known.Version != "" {
				withdrawn = append(withdrawn, catalog.Ref{Tenant: w.arrival.Tenant, Document: w.arrival.ID})
			}
		}
	}
	if err := p.embed(ctx, embeddable); err != nil {
		return err
	}
	if len(versions) > 0 {
		if err := p.Catalog.Intend(ctx, versions); err != nil {
			return err
		}
	}
	if err := p.Audit.Append(ctx, p.entries(batch)...); err != nil {
		return fmt.Errorf("ingesting: %w", err)
	}
	if err := p.hold(ctx, judgements, withdrawn); err != nil {
		return err
	}
	for _, w := range batch {
		if w.reattr != nil {
			if err := p.Catalog.SetAttributes(ctx, *w.reattr); err != nil {
				return err
			}
		}
	}
	if err := p.publish(ctx, versions); err != nil {
		return err
	}
	return p.work(ctx)
}

// hold puts refused documents into quarantine. Where the new attributes are
// unusable the version that is live under the old ones goes too, since nobody
// can tell any more who may read it.
func (p *Pipeline) hold(ctx context.Context, judgements []catalog.Judgement, withdrawn []catalog.Ref) error {
	if len(judgements) == 0 {
		return nil
	}
	// Withdrawn first: a crash in between leaves the arrival to be judged again.
	if err := p.Catalog.Withdraw(ctx, withdrawn); err != nil {
		return err
	}
	return p.Catalog.Hold(ctx, judgements)
}

// publish puts stored versions into the index and makes them live.
func (p *Pipeline) publish(ctx context.Context, versions []catalog.Version) error {
	if len(versions) == 0 {
		return nil
	}
	byTenant := map[string][]index.Chunk{}
	refs := make([]catalog.Ref, 0, len(versions))
	for _, v := range versions {
		byTenant[v.Tenant] = append(byTenant[v.Tenant], IndexChunks(v)...)
		refs = append(refs, v.Ref)
	}
	for tenant, chunks := range byTenant {
		for part := range slices.Chunk(chunks, index.MaxPut) {
			if err := p.Index.Put(ctx, tenant, part); err != nil {
				return fmt.Errorf("indexing: %w", err)
			}
		}
	}
	return p.Catalog.Commit(ctx, refs)
}

// IndexChunks is what the index gets of a version.
func IndexChunks(v catalog.Version) []index.Chunk {
	out := make([]index.Chunk, 0, len(v.Chunks))
	receipt := v.Receipt.ID()
	for _, c := range v.Chunks {
		out = append(out, index.Chunk{ID: c.ID, Document: v.Document, Version: v.Version, Ordinal: c.Ordinal,
			Terms: c.Terms, Vector: c.Vector, Attributes: v.Attributes, Receipt: receipt})
	}
	return out
}

// declareEpoch renews a tenant's term statistics when a run has changed the
// corpus so far that rankings would suffer. Within an epoch nothing moves them.
func (p *Pipeline) declareEpoch(ctx context.Context, tenant string, added int) error {
	if p.Epochs == nil || added == 0 {
		return nil
	}
	now, err := p.Epochs.Statistics(ctx, tenant)
	if err != nil {
		return fmt.Errorf("reading term statistics: %w", err)
	}
	if !now.Outdated(now.Chunks + added) {
		return nil
	}
	if _, err := p.Epochs.DeclareEpoch(ctx, tenant); err != nil {
		return fmt.Errorf("declaring an epoch: %w", err)
	}
	return nil
}

// work carries out the index work the catalog owes. Where several processes
// share a catalog one of them does it for all, in order: an older change must
// not come last.
func (p *Pipeline) work(ctx context.Context) error {
	_, err := p.Catalog.Exclusively(ctx, "tasks", func() error { return p.workAlone(ctx) })
	return err
}

func (p *Pipeline) workAlone(ctx context.Context) error {
	p.working.Lock()
	defer p.working.Unlock()
	tasks, seqs, err := p.Catalog.Tasks(ctx)
	if err != nil || len(tasks) == 0 {
		return err
	}
	// In order for each document; documents side by side, so that they share what
	// makes an index's writes durable.
	var order [][2]string
	of := map[[2]string][]catalog.Task{}
	for _, t := range tasks {
		key := [2]string{t.Tenant, t.Document}
		if of[key] == nil {
			order = append(order, key)
		}
		of[key] = append(of[key], t)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(batchDocuments)
	for _, key := range order {
		group.Go(func() error {
			for _, t := range of[key] {
				if err := p.carryOut(gctx, t); err != nil {
					return fmt.Errorf("updating index: %w", err)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return p.Catalog.Done(ctx, seqs)
}

// carryOut does one piece of owed index work.
func (p *Pipeline) carryOut(ctx context.Context, t catalog.Task) error {
	switch t.Op {
	case catalog.RetireOp:
		return p.Index.Retire(ctx, t.Tenant, t.Document, t.Version)
	case catalog.EraseOp:
		return p.eraseIndexed(ctx, t.Tenant, t.Document)
	case catalog.AttributesOp:
		return p.Index.SetAttributes(ctx, t.Tenant, t.Document, t.Attributes, t.Receipt)
	case catalog.PutOp:
		return p.indexAgain(ctx, t.Ref)
	}
	return fmt.Errorf("%w: owed work of an unknown kind; run `doorward fsck --deep --repair`", catalog.ErrState)
}

// embed fills in vectors, all chunks of a batch in one call. What policy does
// not let go to the embedder has none, and is found by its terms.
func (p *Pipeline) embed(ctx context.Context, versions []catalog.Version) error {
	if p.Embedder == nil {
		return nil
	}
	var texts []string
	for _, v := range versions {
		for _, c := range v.Chunks {
			texts = append(texts, c.Text)
		}
	}
	if len(texts) == 0 {
		return nil
	}
	vectors, err := p.Embedder.Embed(ctx, texts)
	if err != nil {
		return fmt.Errorf("embedding: %w", err)
	}
	if len(vectors) != len(texts) {
		return fmt.Errorf("embedding: %d vectors for %d texts", len(vectors), len(texts))
	}
	i := 0
	for _, v := range versions {
		for c := range v.Chunks {
			v.Chunks[c].Vector = vectors[i]
			i++
		}
	}
	return nil
}

// entries are the audit entries of a batch, one for each document that changes
// anything.
func (p *Pipeline) entries(batch []*work) []audit.Entry {
	var out []audit.Entry
	for _, w := range batch {
		e := audit.Entry{Event: "ingest", Outcome: string(w.event.Outcome), Counts: w.event.Kinds, Backend: w.backend}
		switch {
		case w.version != nil:
			e.Tenant, e.Documents = w.version.Tenant, []string{w.version.Document + "@" + w.version.Version}
			e.Policy = w.version.Receipt.Policy
		case w.reattr != nil:
			e.Tenant, e.Documents = w.reattr.Tenant, []string{w.reattr.Document + "@" + w.reattr.Version}
		case w.judgement != nil:
			e.Tenant, e.Documents = w.judgement.Tenant, []string{w.judgement.Document}
			if len(w.judgement.Reasons) > 0 {
				e.Reason = w.judgement.Reasons[0]
			}
		case w.event.Outcome == Failed, errors.Is(w.event.Err, ErrErased), errors.Is(w.event.Err, ErrExpired): // nothing of it was used
			e.Tenant, e.Reason = w.tenant, w.event.Reasons[0]
			if w.item.ID != "" {
				e.Documents = []string{w.item.ID}
			}
		default:
			continue
		}
		out = append(out, e)
	}
	return out
}

// retire takes documents out of catalog and index.
func (p *Pipeline) retire(ctx context.Context, refs []catalog.Ref, state catalog.State, why string) error {
	return p.retireFor(ctx, refs, state, why, "")
}

func (p *Pipeline) retireFor(ctx context.Context, refs []catalog.Ref, state catalog.State, why, backend string) error {
	return p.retireAs(ctx, refs, state, why, backend, func() error { return p.Catalog.Retire(ctx, refs, state) })
}

// retireAs audits, has retire take documents out of the catalog, and takes them out of
// the index.
func (p *Pipeline) retireAs(ctx context.Context, refs []catalog.Ref, state catalog.State, why, backend string, retire func() error) error {
	if len(refs) == 0 {
		return nil
	}
	var entries []audit.Entry
	for _, r := range refs {
		entries = append(entries, audit.Entry{Event: "ingest", Outcome: string(state), Tenant: r.Tenant, Documents: []string{r.Document}, Reason: why, Backend: backend})
	}
	if err := p.Audit.Append(ctx, entries...); err != nil {
		return fmt.Errorf("retiring: %w", err)
	}
	if err := retire(); err != nil {
		return err
	}
	return p.work(ctx)
}

// Recover finishes what a stopped process left: intended versions are indexed
// and committed, owed index work is done, and received documents that were
// never judged are judged now. It must run before anything else writes.
func (p *Pipeline) Recover(ctx context.Context) error {
	intents, err := p.Catalog.Intents(ctx)
	if err != nil {
		return err
	}
	for _, v := range intents {
		if err := p.Finish(ctx, v); err != nil {
			return err
		}
	}
	if err := p.work(ctx); err != nil {
		return err
	}
	var waiting []catalog.Arrival
	if err := p.Catalog.Arrivals(ctx, "", catalog.Received, func(a catalog.Arrival) error { waiting = append(waiting, a); return nil }); err != nil {
		return err
	}
	for _, a := range waiting {
		if err := p.resume(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// Finish publishes a stored version that a stopped process left. Doing it twice
// changes nothing.
func (p *Pipeline) Finish(ctx context.Context, v catalog.Version) error {
	e := audit.Entry{Event: "ingest", Outcome: string(Indexed), Tenant: v.Tenant, Documents: []string{v.Document + "@" + v.Version}, Reason: "recovered", Policy: v.Receipt.Policy}
	if err := p.Audit.Append(ctx, e); err != nil {
		return fmt.Errorf("recovering: %w", err)
	}
	return p.publish(ctx, []catalog.Version{v})
}

// rejudge judges an arrival from its sealed bytes.
func (p *Pipeline) rejudge(ctx context.Context, tenant, id string, released bool) (Event, error) {
	w, o, err := p.again(ctx, tenant, id, judgeOptions{released: released})
	if err != nil {
		return Event{}, err
	}
	p.judge(ctx, w, o)
	if err := ctx.Err(); err != nil {
		return Event{}, err
	}
	return w.event, p.settle(ctx, []*work{w}, o.revision)
}

// receiveAgain stores an arrival anew, as its bytes are, and judges it.
func (p *Pipeline) receiveAgain(ctx context.Context, a catalog.Arrival) (Event, error) {
	key, err := p.Keys.Derive(a.Tenant, ContentPurpose)
	if err != nil {
		return Event{}, err
	}
	a.Content, a.State, a.Reasons, a.Findings = receipt.Hash(key, a.Bytes), "", nil, nil
	if err := p.Catalog.Receive(ctx, []catalog.Arrival{a}); err != nil {
		return Event{}, err
	}
	return p.rejudge(ctx, a.Tenant, a.ID, false)
}

// Release is [Pipeline.ReleaseWith] with no choices: what policy would hold is
// stripped span by span.
func (p *Pipeline) Release(ctx context.Context, tenant, id string) (Event, error) {
	return p.ReleaseWith(ctx, tenant, id, ReleaseOptions{})
}

// Retire takes documents out because somebody decided so; why is audited.
func (p *Pipeline) Retire(ctx context.Context, tenant string, ids []string, why string) error {
	refs := make([]catalog.Ref, 0, len(ids))
	for _, id := range ids {
		refs = append(refs, catalog.Ref{Tenant: tenant, Document: id})
	}
	if err := p.refuseHeld(ctx, tenant, ids); err != nil {
		return fmt.Errorf("retiring: %w", err)
	}
	return p.retire(ctx, refs, catalog.Retired, why)
}

// eraseIndexed takes a document out of the index, with its bytes where the index
// can.
func (p *Pipeline) eraseIndexed(ctx context.Context, tenant, document string) error {
	if e, ok := p.Index.(index.Eraser); ok {
		return e.Erase(ctx, tenant, document)
	}
	return p.Index.Retire(ctx, tenant, document, "")
}
