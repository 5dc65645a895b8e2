package qdrant

import (
	"context"
	"fmt"
	"slices"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/retrieval/index"
)

var _ index.Mender = (*Index)(nil)

// Remove implements [index.Mender].
func (x *Index) Remove(ctx context.Context, tenant string, ids []string) error {
	if tenant == "" {
		return fmt.Errorf("removing points: %w", index.ErrNoTenant)
	}
	for part := range slices.Chunk(ids, maxBatch) {
		var points []*pb.PointId
		for _, id := range part {
			if id == "" {
				return fmt.Errorf("removing points: %w: a point whose id is not a UUID; remove it with Qdrant's own tools", index.ErrInvalid)
			}
			points = append(points, pb.NewID(id))
		}
		f := &pb.Filter{Must: []*pb.Condition{ofTenant(tenant), pb.NewHasID(points...)}}
		if err := gate(f, tenant); err != nil {
			return fmt.Errorf("removing points: %w", err)
		}
		err := x.write.do(ctx, "removing points", func(ctx context.Context) error {
			return applied(x.conn.Delete(ctx, &pb.DeletePoints{CollectionName: x.cfg.Collection, Wait: pb.PtrOf(true),
				Points: pb.NewPointsSelectorFilter(f), Ordering: strong()}))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxTenants bounds how many tenants are listed, tenantsPage how many at a time:
// strict mode holds facets to the collection's query limit.
const (
	maxTenants  = 100_000
	tenantsPage = 1000
)

// Tenants implements [index.Mender]. Points without a tenant are not seen by it,
// nor by any search. Facets have no offset, so each page leaves out the tenants
// of the pages before.
func (x *Index) Tenants(ctx context.Context) ([]string, error) {
	seen := []string{reservedTenant}
	for {
		var hits []*pb.FacetHit
		err := x.reads.do(ctx, "listing tenants", func(ctx context.Context) (err error) {
			hits, err = x.conn.Facet(ctx, &pb.FacetCounts{CollectionName: x.cfg.Collection, Key: tenantKey, Limit: pb.PtrOf(uint64(tenantsPage)), Exact: pb.PtrOf(true),
				Filter: &pb.Filter{MustNot: []*pb.Condition{pb.NewMatchKeywords(tenantKey, seen...)}}})
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, h := range hits {
			seen = append(seen, h.GetValue().GetStringValue())
		}
		if len(hits) < tenantsPage {
			return seen[1:], nil
		}
		if len(seen) > maxTenants {
			return nil, fmt.Errorf("listing tenants: %w: collection %s has more than %d", index.ErrInvalid, x.cfg.Collection, maxTenants)
		}
	}
}
