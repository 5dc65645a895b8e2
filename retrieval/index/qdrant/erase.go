package qdrant

import (
	"context"
	"fmt"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/retrieval/index"
)

var _ index.Eraser = (*Index)(nil)

// Erase implements [index.Eraser]. Qdrant marks points as deleted and lets their
// bytes be until it optimises the segment, so each point is first written over
// with a vector and terms that say nothing, and then removed.
func (x *Index) Erase(ctx context.Context, tenant, document string) error {
	f, err := ofDocument(tenant, document)
	if err == nil {
		err = gate(f, tenant)
	}
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	consistency, _ := x.cfg.consistency()
	var next *pb.PointId
	for {
		var page []*pb.RetrievedPoint
		var after *pb.PointId
		err := x.reads.do(ctx, "erasing", func(ctx context.Context) (err error) {
			page, after, err = x.conn.ScrollAndOffset(ctx, &pb.ScrollPoints{CollectionName: x.cfg.Collection, Filter: f, Offset: next,
				Limit: pb.PtrOf(uint32(maxBatch)), WithPayload: pb.NewWithPayload(false), WithVectors: pb.NewWithVectors(false), ReadConsistency: consistency})
			return err
		})
		if err != nil {
			return err
		}
		if len(page) > 0 {
			if err := x.blank(ctx, tenant, document, page); err != nil {
				return err
			}
		}
		if after == nil {
			return x.Retire(ctx, tenant, document, "")
		}
		next = after
	}
}

// blank writes points over. They stay the document's, so that a repeated call
// finds them.
func (x *Index) blank(ctx context.Context, tenant, document string, page []*pb.RetrievedPoint) error {
	points := make([]*pb.PointStruct, 0, len(page))
	for _, p := range page {
		vectors := map[string]*pb.Vector{termsVector: pb.NewVectorSparse([]uint32{0}, []float32{1})}
		if n := x.pins.Dimension; n > 0 {
			v := make([]float32, n)
			v[0] = 1 // a vector of zeros alone has no direction
			vectors[denseVector] = pb.NewVectorDense(v)
		}
		points = append(points, &pb.PointStruct{Id: p.GetId(), Vectors: pb.NewVectorsMap(vectors),
			Payload: map[string]*pb.Value{tenantKey: pb.NewValueString(tenant), documentKey: pb.NewValueString(document)}})
	}
	return x.upsert(ctx, tenant, points)
}

// Shred implements [index.Eraser]: it has Qdrant vacuum every segment with
// deleted points, now. It needs a token that may manage the collection. Qdrant's
// own log of changes keeps what it was sent until it turns over.
func (x *Index) Shred(ctx context.Context) error {
	return x.write.do(ctx, "shredding", func(ctx context.Context) error {
		return x.conn.UpdateCollection(ctx, &pb.UpdateCollection{CollectionName: x.cfg.Collection,
			OptimizersConfig: &pb.OptimizersConfigDiff{DeletedThreshold: pb.PtrOf(vacuumShare), VacuumMinVectorNumber: pb.PtrOf(uint64(vacuumPoints)), FlushIntervalSec: pb.PtrOf(uint64(1))}})
	})
}

// Qdrant vacuums a segment when so much of it is deleted, and it is this large;
// these are its smallest.
const (
	vacuumShare  = 0.000001
	vacuumPoints = 100
)
