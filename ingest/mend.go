package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/retrieval/index"
)

// mendCatalog carries out, for each fault of the catalog, what keeps the most
// and releases nothing that cannot be proved.
func (r *inspection) mendCatalog(ctx context.Context) error {
	if !r.o.Repair {
		return nil
	}
	if err := r.sweep(ctx); err != nil { // first: the rest relies on the storage
		return err
	}
	for i := range r.out.Faults {
		f := &r.out.Faults[i]
		if f.kind == "storage" || f.kind == catalog.ChunkRecord || f.kind == catalog.TaskRecord {
			continue // swept
		}
		if err := r.mendRecord(ctx, f); err != nil {
			if ctx.Err() != nil {
				return err
			}
			f.Advice = "it could not be mended: restore the last backup, or begin a new data directory and ingest again"
		}
	}
	if err := r.Pipeline.work(ctx); err != nil {
		return err
	}
	return r.listRecords(ctx)
}

// mendRecord mends one record.
func (r *inspection) mendRecord(ctx context.Context, f *Fault) error {
	ref := catalog.Ref{Tenant: f.Tenant, Document: f.Document, Version: f.Version}
	switch {
	case f.kind == catalog.ArrivalRecord:
		return r.mendArrival(ctx, f)
	case f.kind == catalog.VersionRecord && r.intents[ref] || f.kind == catalog.VersionRecord && f.Flaw != withoutDocument:
		if err := r.audit(ctx, "abandoned", *f); err != nil {
			return err
		}
		err := r.Catalog.Abandon(ctx, []catalog.Ref{ref})
		if err == nil {
			f.Mended, f.Advice = "dropped; it was never live", r.again(f)
		}
		return err
	case f.Flaw == rowDiffers:
		if ok, err := r.rewrite(ctx, f, ref); ok || err != nil {
			return err
		}
	}
	if err := r.audit(ctx, "withdrawn", *f); err != nil {
		return err
	}
	err := r.Pipeline.Catalog.Withdraw(ctx, []catalog.Ref{{Tenant: f.Tenant, Document: f.Document}})
	if err == nil {
		f.Mended, f.Advice = "withdrawn: nothing of it is released", r.again(f)
	}
	return err
}

func (r *inspection) again(f *Fault) string {
	return "ingest document " + f.Document + " again"
}

// rewrite writes a document's row anew from its sealed record. It does nothing
// where attributes have changed since, for which the row is the only witness.
func (r *inspection) rewrite(ctx context.Context, f *Fault, ref catalog.Ref) (bool, error) {
	docs, err := r.Pipeline.Catalog.Documents(ctx, ref.Tenant, []string{ref.Document})
	if err != nil {
		return false, err
	}
	d := docs[ref.Document]
	ref.Version = d.Version
	v, err := r.Catalog.Version(ctx, ref)
	if err != nil || d.Receipt.ID() != v.Receipt.ID() {
		return false, err
	}
	if err := r.audit(ctx, "rewritten", *f); err != nil {
		return false, err
	}
	if err := r.Pipeline.Catalog.Commit(ctx, []catalog.Ref{ref}); err != nil {
		return false, err
	}
	f.Mended = "row written anew from its sealed record"
	return true, nil
}

// mendArrival keeps a held document whose bytes still open, and gives up one
// whose do not.
func (r *inspection) mendArrival(ctx context.Context, f *Fault) error {
	a, err := r.Pipeline.Catalog.Arrival(ctx, f.Tenant, f.Document)
	if err == nil && len(a.Bytes) > 0 {
		if err := r.audit(ctx, "judged again", *f); err != nil {
			return err
		}
		e, err := r.Pipeline.receiveAgain(ctx, a)
		if err == nil {
			f.Mended = "judged again: " + string(e.Outcome)
		}
		return err
	}
	if err := r.audit(ctx, "withdrawn", *f); err != nil {
		return err
	}
	err = r.Pipeline.Catalog.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: f.Tenant, Document: f.Document}, State: catalog.Rejected, Reasons: []string{"unreadable"}}})
	if err == nil {
		f.Mended, f.Advice = "given up: its sealed bytes do not open", r.again(f)
	}
	return err
}

// sweep mends the storage itself, as far as it can be.
func (r *inspection) sweep(ctx context.Context) error {
	unsound := slices.ContainsFunc(r.out.Faults, func(f Fault) bool {
		return f.kind == "storage" || f.kind == catalog.ChunkRecord || f.kind == catalog.TaskRecord
	})
	if !unsound {
		return nil
	}
	if err := r.audit(ctx, "swept", Fault{Flaw: "storage"}); err != nil {
		return err
	}
	n, err := r.Catalog.Sweep(ctx)
	if err != nil {
		return ctx.Err() // the faults stay as they are, with their advice
	}
	r.out.Removed += n
	flaws, err := r.Catalog.Sound(ctx)
	if err != nil {
		return err
	}
	for i := range r.out.Faults {
		f := &r.out.Faults[i]
		switch {
		case f.kind == "storage" && len(flaws) == 0 && strings.Contains(f.Flaw, "checksum"):
			f.Mended, f.Advice = "what it says now was kept, with a new checksum", "look at what it says, or restore the last backup"
		case f.kind == "storage" && len(flaws) == 0:
			f.Mended, f.Advice = "indexes of the catalog made anew", ""
		case f.kind == catalog.ChunkRecord || f.kind == catalog.TaskRecord:
			f.Mended = "removed"
		}
	}
	return nil
}

// index compares every point with the catalog, in every tenant that either knows.
func (r *inspection) index(ctx context.Context) error {
	tenants, err := r.tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		if err := r.indexOf(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func (r *inspection) tenants(ctx context.Context) ([]string, error) {
	var list []string
	for _, rec := range r.list {
		if !slices.Contains(list, rec.Tenant) {
			list = append(list, rec.Tenant)
		}
	}
	stored, err := r.Index.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	list = append(list, stored...)
	slices.Sort(list)
	return slices.Compact(list), nil
}

// indexOf compares one tenant's points, twice where something differs, mends
// what does, and compares once more.
func (r *inspection) indexOf(ctx context.Context, tenant string) error {
	faults, n, err := r.scrub(ctx, tenant)
	if err == nil && len(faults) > 0 {
		var again []index.Fault
		if again, n, err = r.scrub(ctx, tenant); err == nil {
			before := map[index.Fault]bool{}
			for _, f := range faults {
				before[f] = true
			}
			faults = slices.DeleteFunc(again, func(f index.Fault) bool { return !before[f] })
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		r.fault(Fault{Where: InIndex, Tenant: tenant, Flaw: "points cannot be compared: " + class(err), Advice: "run `doorward fsck --deep`, then `doorward reindex`"})
		return nil
	}
	r.out.Chunks += n
	mended := ""
	if r.o.Repair && len(faults) > 0 {
		if err := r.mendIndex(ctx, tenant, faults); err != nil {
			return err
		}
		mended = "put right from the catalog"
	}
	left := map[string]bool{}
	if mended != "" {
		after, _, err := r.scrub(ctx, tenant)
		if err != nil {
			return err
		}
		for _, f := range after {
			left[f.ID] = true
		}
	}
	for _, f := range faults {
		out := Fault{Where: InIndex, Tenant: tenant, Document: f.Document, Chunk: f.ID, Flaw: string(f.Flaw), Mended: mended}
		if left[f.ID] || mended == "" {
			out.Mended, out.Advice = "", "run `doorward fsck --repair`"
		}
		r.fault(out)
	}
	return nil
}

// class is an error in fixed words.
func class(err error) string {
	switch {
	case errors.Is(err, index.ErrUnavailable):
		return "the index cannot be read"
	case errors.Is(err, catalog.ErrUnavailable):
		return "the catalog cannot be read"
	}
	return "they are not as Doorward writes them"
}

// scrub compares once, leaving out points of versions that are just being put.
func (r *inspection) scrub(ctx context.Context, tenant string) ([]index.Fault, int, error) {
	coming, err := r.coming(ctx, tenant)
	if err != nil {
		return nil, 0, err
	}
	var faults []index.Fault
	n, err := index.Scrub(ctx, r.Index, tenant, r.Catalog.Points(ctx, tenant), func(f index.Fault) error {
		if f.Flaw != index.Unexpected || !coming[f.Document] {
			faults = append(faults, f)
		}
		return nil
	})
	return faults, n, err
}

// coming are the documents of which a version is intended.
func (r *inspection) coming(ctx context.Context, tenant string) (map[string]bool, error) {
	out := map[string]bool{}
	err := r.Catalog.Records(ctx, func(rec catalog.Record) error {
		if rec.Kind == catalog.VersionRecord && rec.State == catalog.Intent && rec.Tenant == tenant {
			out[rec.Document] = true
		}
		return nil
	})
	return out, err
}

// mendIndex takes out points that should not be there and puts every document
// they are about back as the catalog has it.
func (r *inspection) mendIndex(ctx context.Context, tenant string, faults []index.Fault) error {
	if err := r.audit(ctx, "index mended", Fault{Tenant: tenant, Flaw: string(faults[0].Flaw)}); err != nil {
		return err
	}
	var stray []string
	documents := map[string]bool{}
	for _, f := range faults {
		documents[f.Document] = true
		if f.Flaw == index.Unexpected || f.Flaw == index.Moved || f.Flaw == index.Duplicate {
			stray = append(stray, f.ID)
		}
	}
	if err := r.Index.Remove(ctx, tenant, stray); err != nil {
		return err
	}
	return r.Pipeline.putBack(ctx, r.Catalog, r.Index, tenant, documents)
}

// putBackChunks is how many chunks are put at once.
const putBackChunks = 1000

// putBack writes the live versions of documents into an index, as the catalog
// has them now. A version that is replaced meanwhile is taken out again.
func (p *Pipeline) putBack(ctx context.Context, stored Recorded, into index.Writer, tenant string, documents map[string]bool) error {
	var chunks []index.Chunk
	var put []catalog.Ref
	flush := func() error {
		for part := range slices.Chunk(chunks, index.MaxPut) {
			if err := into.Put(ctx, tenant, part); err != nil {
				return err
			}
		}
		stale, err := p.replaced(ctx, put)
		if err != nil {
			return err
		}
		for _, r := range stale {
			if err := into.Retire(ctx, tenant, r.Document, r.Version); err != nil {
				return err
			}
		}
		chunks, put = nil, nil
		return nil
	}
	for id := range documents {
		docs, err := p.Catalog.Documents(ctx, tenant, []string{id})
		if err != nil {
			return err
		}
		d, ok := docs[id]
		if !ok {
			continue
		}
		v, err := stored.Version(ctx, catalog.Ref{Tenant: tenant, Document: id, Version: d.Version})
		if errors.Is(err, catalog.ErrNotFound) {
			continue // replaced since
		}
		if err != nil {
			return err
		}
		v.Attributes, v.Receipt = d.Attributes, d.Receipt
		chunks, put = append(chunks, IndexChunks(v)...), append(put, v.Ref)
		if len(chunks) >= putBackChunks {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// replaced returns those versions that are not live any more.
func (p *Pipeline) replaced(ctx context.Context, refs []catalog.Ref) ([]catalog.Ref, error) {
	var out []catalog.Ref
	for part := range slices.Chunk(refs, 500) {
		ids := make([]string, 0, len(part))
		for _, r := range part {
			ids = append(ids, r.Document)
		}
		docs, err := p.Catalog.Documents(ctx, part[0].Tenant, ids)
		if err != nil {
			return nil, err
		}
		for _, r := range part {
			if docs[r.Document].Version != r.Version {
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// sources compares what sources have with what the catalog knows, without
// reading any document.
func (r *inspection) sources(ctx context.Context) error {
	for _, c := range r.o.Sources {
		if err := r.source(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (r *inspection) source(ctx context.Context, c Compared) error {
	name := c.Source.Name()
	differs := func(id, flaw, advice string) {
		r.fault(Fault{Where: InSource, Tenant: c.Tenant, Document: id, Flaw: flaw, Advice: advice})
	}
	run := &run{p: r.Pipeline, o: Options{Tenant: c.Tenant}, source: name}
	seen, unnamed := map[string]bool{}, false
	err := c.Source.Walk(ctx, func(it Item) error {
		if it.ID == "" {
			unnamed = true
			return nil
		}
		seen[it.ID] = true
		known, err := r.Pipeline.Catalog.Known(ctx, c.Tenant, []string{it.ID})
		if err != nil {
			return err
		}
		if flaw := run.behind(it, known[it.ID]); flaw != "" {
			differs(it.ID, flaw, "run `doorward ingest --source "+name+"`")
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		differs("", "source "+name+" cannot be read", "`doorward config check` says why; its missing documents are not reported")
		return nil
	}
	if unnamed {
		differs("", "source "+name+" cannot be listed completely", "`doorward ingest --plan --source "+name+"` says what of it; its missing documents are not reported")
		return nil
	}
	return r.Pipeline.Catalog.Live(ctx, c.Tenant, name, func(d catalog.Document) error {
		if !seen[d.ID] {
			differs(d.ID, "gone from its source", "run `doorward ingest --prune --source "+name+"`")
		}
		return nil
	})
}
