package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/doorward/doorward/ingest/catalog"
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

// matchRounds is how often differences are mended before giving up. Documents that
// come in meanwhile may differ for a moment in every one of them.
const matchRounds = 10

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
	for range matchRounds {
		faults, n, err := r.scrub(ctx, tenant)
		if err != nil {
			return n, mended, err
		}
		if len(faults) == 0 {
			return n, mended, nil
		}
		err = alone(func() error { // what was only changing is found right now
			again, _, err := r.scrub(ctx, tenant)
			if err != nil || len(again) == 0 {
				return err
			}
			mended += len(again)
			return r.mendIndex(ctx, tenant, again)
		})
		if err != nil {
			return n, mended, err
		}
	}
	return 0, mended, fmt.Errorf("%w: tenant %s", ErrDiffers, tenant)
}
