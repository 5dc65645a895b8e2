package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/retrieval/index"
)

// refillBatch is how many documents are put into an index at once.
const refillBatch = 100

// ErrDiffers means an index that cannot be made to agree with the catalog.
var ErrDiffers = errors.New("the index does not agree with the catalog")

// Refill puts every live document into x.Index, as the catalog has it. alone
// runs its argument while nothing changes that index.
func (x *Inspector) Refill(ctx context.Context, alone func(func() error) error, progress func(done, total int)) error {
	var all []catalog.Record
	err := x.Catalog.Records(ctx, func(r catalog.Record) error {
		if r.Kind == catalog.DocumentRecord && r.State == catalog.Live {
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("filling the index: %w", err)
	}
	slices.SortFunc(all, func(a, b catalog.Record) int { // one tenant after the other
		switch {
		case a.Tenant < b.Tenant:
			return -1
		case a.Tenant > b.Tenant:
			return 1
		}
		return 0
	})
	for done := 0; done < len(all); {
		documents, tenant := map[string]bool{}, all[done].Tenant
		for done < len(all) && all[done].Tenant == tenant && len(documents) < refillBatch {
			documents[all[done].Document] = true
			done++
		}
		if err := alone(func() error { return x.Pipeline.putBack(ctx, x.Catalog, x.Index, tenant, documents) }); err != nil {
			return fmt.Errorf("filling the index: %w", err)
		}
		if progress != nil {
			progress(done, len(all))
		}
	}
	return nil
}

// matchRounds is how often differences are mended before giving up, where other
// machines change the index too.
const matchRounds = 3

// Match mends x.Index until every point of it is as the catalog has it, and
// returns the number of points compared and of faults mended.
func (x *Inspector) Match(ctx context.Context, alone func(func() error) error) (chunks, mended int, err error) {
	r := &inspection{Inspector: x, out: Inspected{States: map[string]int{}}}
	if err := r.listRecords(ctx); err != nil {
		return 0, 0, err
	}
	tenants, err := r.tenants(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, t := range tenants {
		n, m, err := r.match(ctx, t, alone)
		if err != nil {
			return chunks, mended, fmt.Errorf("comparing the index: %w", err)
		}
		chunks, mended = chunks+n, mended+m
	}
	return chunks, mended, nil
}

func (r *inspection) match(ctx context.Context, tenant string, alone func(func() error) error) (chunks, mended int, err error) {
	// What is stored and about to be live may have been put before changes came to
	// this index too.
	if err := alone(func() error { return r.putIntended(ctx, tenant) }); err != nil {
		return 0, 0, err
	}
	for range matchRounds {
		faults, n, err := r.scrub(ctx, tenant)
		if err != nil || len(faults) == 0 {
			return n, mended, err
		}
		agrees := false
		err = alone(func() error { // what was only changing is found right now
			faults, n, err = r.still(ctx, tenant)
			if err == nil && len(faults) > 0 {
				mended += len(faults)
				if err = r.mendIndex(ctx, tenant, faults); err == nil {
					faults, n, err = r.still(ctx, tenant)
				}
			}
			agrees = err == nil && len(faults) == 0
			return err
		})
		if err != nil || agrees {
			return n, mended, err
		}
	}
	return 0, mended, fmt.Errorf("%w: tenant %s", ErrDiffers, tenant)
}

// putIntended puts versions that are not live yet, as whoever stored them does.
func (r *inspection) putIntended(ctx context.Context, tenant string) error {
	intents, err := r.Pipeline.Catalog.Intents(ctx)
	if err != nil {
		return err
	}
	for _, v := range intents {
		if v.Tenant != tenant {
			continue
		}
		for part := range slices.Chunk(IndexChunks(v), index.MaxPut) {
			if err := r.Index.Put(ctx, tenant, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// still compares an index that does not change with the catalog, which does: what
// the catalog owes the index is no fault of it. That is asked before and after,
// since a document may become live in between.
func (r *inspection) still(ctx context.Context, tenant string) ([]index.Fault, int, error) {
	owed, coming := map[string]bool{}, map[string]bool{}
	ask := func() error {
		tasks, _, err := r.Pipeline.Catalog.Tasks(ctx)
		if err != nil {
			return err
		}
		for _, t := range tasks {
			if t.Tenant == tenant {
				owed[t.Document] = true
			}
		}
		more, err := r.coming(ctx, tenant)
		maps.Copy(coming, more)
		return err
	}
	if err := ask(); err != nil {
		return nil, 0, err
	}
	faults, n, err := r.scrub(ctx, tenant)
	if err == nil {
		err = ask()
	}
	return slices.DeleteFunc(faults, func(f index.Fault) bool {
		return owed[f.Document] || coming[f.Document] && f.Flaw == index.Unexpected
	}), n, err
}
