package qdrant

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/retrieval/index"
)

// maxCandidates bounds any one request to Qdrant, and tieRoom is how many more
// hits than wanted are asked for, so that hits with equal scores at the border
// can be put into a fixed order.
const (
	maxCandidates = 3*index.MaxLimit + tieRoom
	tieRoom       = 32
)

// Search returns the best chunks the filters select, best first, ties by id. A
// filter that denies all is never sent.
func (x *Index) Search(ctx context.Context, q index.Query) ([]index.Hit, error) {
	if err := index.CheckQuery(q, x.pins); err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	filter, deny, err := Render(q.Tenant, x.cfg.Schema, append(slices.Clip(q.Narrow), q.Filter)...)
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	if deny {
		return nil, nil
	}
	terms := len(q.Terms) > 0
	dense := slices.ContainsFunc(q.Vector, func(v float32) bool { return v != 0 })
	var hits []index.Hit
	switch {
	case terms && dense && x.cfg.ServerFusion:
		hits, err = x.fused(ctx, q, filter)
	case terms && dense:
		hits, err = x.both(ctx, q, filter)
	case terms:
		hits, err = x.one(ctx, x.byTerms(q, filter, q.Limit))
	case dense:
		hits, err = x.one(ctx, x.byVector(q, filter, q.Limit))
	}
	if err != nil {
		return nil, err
	}
	return hits[:min(len(hits), q.Limit)], nil
}

func (x *Index) byTerms(q index.Query, f *pb.Filter, limit int) *pb.QueryPoints {
	keys, weights := columns(q.Terms)
	p := x.points(f, limit)
	p.Query, p.Using = pb.NewQuerySparse(keys, weights), pb.PtrOf(termsVector)
	return p
}

func (x *Index) byVector(q index.Query, f *pb.Filter, limit int) *pb.QueryPoints {
	p := x.points(f, limit)
	p.Query, p.Using, p.Params = pb.NewQueryDense(q.Vector), pb.PtrOf(denseVector), x.params()
	return p
}

func (x *Index) params() *pb.SearchParams {
	p := &pb.SearchParams{Exact: &x.cfg.Exact}
	if x.cfg.Layout.Quantization != "" {
		p.Quantization = &pb.QuantizationSearchParams{Rescore: pb.PtrOf(true), Oversampling: pb.PtrOf(2.0)}
	}
	return p
}

func (x *Index) points(f *pb.Filter, limit int) *pb.QueryPoints {
	consistency, _ := x.cfg.consistency() // checked when connecting
	return &pb.QueryPoints{CollectionName: x.cfg.Collection, Filter: f, Limit: pb.PtrOf(uint64(limit + tieRoom)),
		WithPayload:     pb.NewWithPayloadInclude(documentKey, versionKey, ordinalKey, receiptKey),
		ReadConsistency: consistency, Timeout: pb.PtrOf(seconds(x.cfg.Timeout))}
}

func seconds(d time.Duration) uint64 { return uint64(max(1, math.Ceil(d.Seconds()))) }

func (x *Index) one(ctx context.Context, p *pb.QueryPoints) ([]index.Hit, error) {
	var found []*pb.ScoredPoint
	err := x.reads.do(ctx, "searching", func(ctx context.Context) (err error) {
		if err := sendable(p.Filter); err != nil {
			return err
		}
		found, err = x.conn.Query(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return toHits(found), nil
}

// both asks for the two rankings in one round trip and fuses them here, where
// ties have an order.
func (x *Index) both(ctx context.Context, q index.Query, f *pb.Filter) ([]index.Hit, error) {
	n := x.cfg.Fusion.Candidates(q.Limit)
	batch := &pb.QueryBatchPoints{CollectionName: x.cfg.Collection, QueryPoints: []*pb.QueryPoints{x.byTerms(q, f, n), x.byVector(q, f, n)},
		Timeout: pb.PtrOf(seconds(x.cfg.Timeout))}
	var found []*pb.BatchResult
	err := x.reads.do(ctx, "searching", func(ctx context.Context) (err error) {
		if err := sendable(f); err != nil {
			return err
		}
		if found, err = x.conn.QueryBatch(ctx, batch); err == nil && len(found) != 2 {
			err = fmt.Errorf("%w: two searches got %d answers", index.ErrUnavailable, len(found))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	cut := func(r *pb.BatchResult) []index.Hit {
		hits := toHits(r.GetResult())
		return hits[:min(len(hits), n)]
	}
	return x.cfg.Fusion.Join(cut(found[0]), cut(found[1])), nil
}

// fused lets Qdrant fuse, see Config.ServerFusion.
func (x *Index) fused(ctx context.Context, q index.Query, f *pb.Filter) ([]index.Hit, error) {
	n := uint64(x.cfg.Fusion.Candidates(q.Limit))
	terms, vector := x.byTerms(q, f, 0), x.byVector(q, f, 0)
	p := x.points(f, q.Limit)
	p.Prefetch = []*pb.PrefetchQuery{
		{Query: terms.Query, Using: terms.Using, Filter: f, Limit: &n},
		{Query: vector.Query, Using: vector.Using, Filter: f, Limit: &n, Params: vector.Params},
	}
	p.Query = pb.NewQueryRRF(&pb.Rrf{K: &x.cfg.Fusion.K, Weights: []float32{x.cfg.Fusion.Terms, x.cfg.Fusion.Vector}})
	return x.one(ctx, p)
}

// sendable is the gate once more, on the very message that goes out.
func sendable(f *pb.Filter) error {
	return gate(f, f.GetMust()[0].GetField().GetMatch().GetKeyword())
}

// toHits reads what points say of themselves. A malformed one becomes a hit
// without a document, which the catalog does not know.
func toHits(points []*pb.ScoredPoint) []index.Hit {
	out := make([]index.Hit, 0, len(points))
	for _, p := range points {
		out = append(out, index.Hit{
			ID: p.GetId().GetUuid(), Document: p.Payload[documentKey].GetStringValue(), Version: p.Payload[versionKey].GetStringValue(),
			Ordinal: int(p.Payload[ordinalKey].GetIntegerValue()), Score: float64(p.GetScore()), Receipt: p.Payload[receiptKey].GetStringValue(),
		})
	}
	index.Rank(out)
	return out
}
