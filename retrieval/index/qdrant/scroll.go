package qdrant

import (
	"context"
	"fmt"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

const scrollPage = 256

// Scroll lists a tenant's chunks, ascending by id. Vectors come back at unit
// length. Changes made meanwhile may or may not be seen. Points that are not as
// Doorward writes them come back as far as they can be read.
func (x *Index) Scroll(ctx context.Context, tenant string, yield func(index.Chunk) error) error {
	return x.scroll(ctx, tenant, pb.NewWithPayload(true), pb.NewWithVectors(true), yield)
}

func (x *Index) scroll(ctx context.Context, tenant string, payload *pb.WithPayloadSelector, vectors *pb.WithVectorsSelector, yield func(index.Chunk) error) error {
	if tenant == "" {
		return fmt.Errorf("scrolling: %w", index.ErrNoTenant)
	}
	f := &pb.Filter{Must: []*pb.Condition{ofTenant(tenant)}}
	if err := gate(f, tenant); err != nil {
		return fmt.Errorf("scrolling: %w", err)
	}
	consistency, _ := x.cfg.consistency()
	var next *pb.PointId
	for {
		var page []*pb.RetrievedPoint
		var after *pb.PointId
		err := x.reads.do(ctx, "scrolling", func(ctx context.Context) (err error) {
			page, after, err = x.conn.ScrollAndOffset(ctx, &pb.ScrollPoints{CollectionName: x.cfg.Collection, Filter: f, Offset: next,
				Limit: pb.PtrOf(uint32(scrollPage)), WithPayload: payload, WithVectors: vectors, ReadConsistency: consistency})
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			if err := yield(toChunk(p)); err != nil {
				return err
			}
		}
		if after == nil {
			return nil
		}
		next = after
	}
}

func toChunk(p *pb.RetrievedPoint) index.Chunk {
	c := index.Chunk{ID: p.GetId().GetUuid(), Document: p.Payload[documentKey].GetStringValue(), Version: p.Payload[versionKey].GetStringValue(),
		Ordinal: int(p.Payload[ordinalKey].GetIntegerValue()), Receipt: p.Payload[receiptKey].GetStringValue()}
	if m, ok := plain(p.Payload[attributesKey]).(map[string]any); ok {
		c.Attributes = policy.Attributes(m)
	}
	named := p.GetVectors().GetVectors().GetVectors()
	if s := named[termsVector].GetSparseVector(); s != nil && len(s.GetIndices()) == len(s.GetValues()) {
		for i, k := range s.GetIndices() {
			c.Terms = append(c.Terms, embed.Term{Key: k, Weight: s.GetValues()[i]})
		}
	}
	if d := named[denseVector].GetDenseVector(); d != nil {
		c.Vector = d.GetData()
	}
	return c
}

// plain turns a payload value into what normalised attributes hold.
func plain(v *pb.Value) any {
	switch x := v.GetKind().(type) {
	case *pb.Value_StringValue:
		return x.StringValue
	case *pb.Value_IntegerValue:
		return x.IntegerValue
	case *pb.Value_BoolValue:
		return x.BoolValue
	case *pb.Value_DoubleValue:
		return x.DoubleValue
	case *pb.Value_ListValue:
		out := []any{}
		for _, e := range x.ListValue.GetValues() {
			out = append(out, plain(e))
		}
		return out
	case *pb.Value_StructValue:
		out := map[string]any{}
		for k, e := range x.StructValue.GetFields() {
			out[k] = plain(e)
		}
		return out
	}
	return nil
}
