package qdrant

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/protobuf/proto"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// Bounds of one upsert: points, and bytes well below Qdrant's 32 MB message.
const (
	maxBatch      = 256
	maxBatchBytes = 8 << 20
)

// Put adds chunks, replacing those of the same ids; a point of that id in
// another tenant is left alone. Each upsert of up to 256 points is acknowledged
// by the write consistency factor's replicas and applied before the next. When
// one fails, the ones before it stay: repeat the call, or retire the version.
func (x *Index) Put(ctx context.Context, tenant string, chunks []index.Chunk) error {
	if err := index.CheckChunks(tenant, chunks, x.pins); err != nil {
		return fmt.Errorf("putting chunks: %w", err)
	}
	points := make([]*pb.PointStruct, len(chunks))
	for i := range chunks {
		p, err := toPoint(tenant, &chunks[i])
		if err != nil {
			return fmt.Errorf("putting chunks: %w: chunk %d: %w", index.ErrInvalid, i, err)
		}
		points[i] = p
	}
	for len(points) > 0 {
		n, bytes := 0, 0
		for n < len(points) && n < maxBatch && (n == 0 || bytes < maxBatchBytes) {
			bytes += proto.Size(points[n])
			n++
		}
		if err := x.upsert(ctx, tenant, points[:n]); err != nil {
			return err
		}
		points = points[n:]
	}
	return nil
}

func (x *Index) upsert(ctx context.Context, tenant string, points []*pb.PointStruct) error {
	own := &pb.Filter{Must: []*pb.Condition{ofTenant(tenant)}}
	if err := gate(own, tenant); err != nil {
		return fmt.Errorf("putting chunks: %w", err)
	}
	return x.write.do(ctx, "putting chunks", func(ctx context.Context) error {
		return applied(x.conn.Upsert(ctx, &pb.UpsertPoints{CollectionName: x.cfg.Collection, Wait: pb.PtrOf(true), Points: points,
			Ordering: strong(), UpdateFilter: own}))
	})
}

// applied turns an acknowledgement that is not yet visible into a failure.
func applied(r *pb.UpdateResult, err error) error {
	if err == nil && r.GetStatus() != pb.UpdateStatus_Completed {
		return fmt.Errorf("%w: the change was taken but not applied in time", index.ErrUnavailable)
	}
	return err
}

func toPoint(tenant string, c *index.Chunk) (*pb.PointStruct, error) {
	id, err := uuid.Parse(c.ID)
	if err != nil || id.String() != c.ID {
		return nil, fmt.Errorf("its id is not a UUID in canonical form")
	}
	payload, err := facts(c.Attributes, c.Receipt)
	if err != nil {
		return nil, err
	}
	payload[tenantKey], payload[documentKey] = pb.NewValueString(tenant), pb.NewValueString(c.Document)
	payload[versionKey], payload[ordinalKey] = pb.NewValueString(c.Version), pb.NewValueInt(int64(c.Ordinal))
	vectors := map[string]*pb.Vector{}
	if len(c.Terms) > 0 {
		keys, weights := columns(c.Terms)
		vectors[termsVector] = pb.NewVectorSparse(keys, weights)
	}
	if c.Vector != nil && slices.ContainsFunc(c.Vector, func(v float32) bool { return v != 0 }) {
		vectors[denseVector] = pb.NewVectorDense(c.Vector)
	}
	return &pb.PointStruct{Id: pb.NewID(c.ID), Payload: payload, Vectors: pb.NewVectorsMap(vectors)}, nil
}

func columns(terms []embed.Term) (keys []uint32, weights []float32) {
	for _, t := range terms {
		keys, weights = append(keys, t.Key), append(weights, t.Weight)
	}
	return keys, weights
}

// facts is the part of a payload that an attribute change replaces: each key as
// a whole, so that what is no longer said is gone.
func facts(a policy.Attributes, receipt string) (map[string]*pb.Value, error) {
	value, err := pb.NewValue(map[string]any(a))
	if err != nil {
		return nil, fmt.Errorf("its attributes are not normalised")
	}
	return map[string]*pb.Value{
		attributesKey: value,
		countsKey:     pb.NewValueStruct(&pb.Struct{Fields: counts(a)}),
		receiptKey:    pb.NewValueString(receipt),
	}, nil
}

// counts says how many elements each list has, so that counting needs no
// condition whose meaning for missing fields changed between server versions.
func counts(m map[string]any) map[string]*pb.Value {
	out := map[string]*pb.Value{}
	for k, v := range m {
		switch x := v.(type) {
		case []any:
			out[k] = pb.NewValueInt(int64(len(x)))
		case map[string]any:
			if inner := counts(x); len(inner) > 0 {
				out[k] = pb.NewValueStruct(&pb.Struct{Fields: inner})
			}
		}
	}
	return out
}

// Retire removes the chunks of one version, or with version "" of the whole
// document. Qdrant removes their bytes from disk when it next optimises the
// segment.
func (x *Index) Retire(ctx context.Context, tenant, document, version string) error {
	f, err := ofDocument(tenant, document)
	if err != nil {
		return fmt.Errorf("retiring: %w", err)
	}
	if version != "" {
		f.Must = append(f.Must, match(versionKey, &pb.Match{MatchValue: &pb.Match_Keyword{Keyword: version}}))
	}
	if err := gate(f, tenant); err != nil {
		return fmt.Errorf("retiring: %w", err)
	}
	return x.write.do(ctx, "retiring", func(ctx context.Context) error {
		return applied(x.conn.Delete(ctx, &pb.DeletePoints{CollectionName: x.cfg.Collection, Wait: pb.PtrOf(true),
			Points: pb.NewPointsSelectorFilter(f), Ordering: strong()}))
	})
}

// SetAttributes replaces the attributes and receipt hash of all of a document's
// chunks.
func (x *Index) SetAttributes(ctx context.Context, tenant, document string, attrs policy.Attributes, receipt string) error {
	f, err := ofDocument(tenant, document)
	if err != nil {
		return fmt.Errorf("setting attributes: %w", err)
	}
	payload, err := facts(attrs, receipt)
	if err != nil {
		return fmt.Errorf("setting attributes: %w: %w", index.ErrInvalid, err)
	}
	if err := gate(f, tenant); err != nil {
		return fmt.Errorf("setting attributes: %w", err)
	}
	return x.write.do(ctx, "setting attributes", func(ctx context.Context) error {
		return applied(x.conn.SetPayload(ctx, &pb.SetPayloadPoints{CollectionName: x.cfg.Collection, Wait: pb.PtrOf(true), Payload: payload,
			PointsSelector: pb.NewPointsSelectorFilter(f), Ordering: strong()}))
	})
}

func ofDocument(tenant, document string) (*pb.Filter, error) {
	switch {
	case tenant == "":
		return nil, index.ErrNoTenant
	case document == "":
		return nil, fmt.Errorf("%w: no document named", index.ErrInvalid)
	}
	return &pb.Filter{Must: []*pb.Condition{ofTenant(tenant), match(documentKey, &pb.Match{MatchValue: &pb.Match_Keyword{Keyword: document}})}}, nil
}
