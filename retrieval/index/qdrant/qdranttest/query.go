package qdranttest

import (
	"context"
	"math"
	"slices"
	"strings"

	pb "github.com/qdrant/go-client/qdrant"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func (f *Fake) Query(_ context.Context, r *pb.QueryPoints) (*pb.QueryResponse, error) {
	out, err := f.query(r)
	return &pb.QueryResponse{Result: out}, err
}

func (f *Fake) QueryBatch(_ context.Context, r *pb.QueryBatchPoints) (*pb.QueryBatchResponse, error) {
	out := &pb.QueryBatchResponse{}
	for _, q := range r.QueryPoints {
		hits, err := f.query(q)
		if err != nil {
			return nil, err
		}
		out.Result = append(out.Result, &pb.BatchResult{Result: hits})
	}
	return out, nil
}

func (f *Fake) query(r *pb.QueryPoints) ([]*pb.ScoredPoint, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, err := f.find(r.CollectionName)
	if err != nil {
		return nil, err
	}
	var out []*pb.ScoredPoint
	if rrf := r.Query.GetRrf(); rrf != nil {
		out = fuse(s, r, rrf)
	} else if out, err = nearest(s, r.Query.GetNearest(), r.GetUsing(), r.Filter); err != nil {
		return nil, err
	}
	return out[:min(len(out), int(r.GetLimit()))], nil
}

func fuse(s *stored, r *pb.QueryPoints, rrf *pb.Rrf) []*pb.ScoredPoint {
	byID := map[string]*pb.ScoredPoint{}
	for i, p := range r.Prefetch {
		list, err := nearest(s, p.Query.GetNearest(), p.GetUsing(), p.Filter)
		if err != nil {
			return nil
		}
		for pos, hit := range list[:min(len(list), int(p.GetLimit()))] {
			sum := byID[hit.Id.GetUuid()]
			if sum == nil {
				sum = &pb.ScoredPoint{Id: hit.Id, Payload: hit.Payload}
				byID[hit.Id.GetUuid()] = sum
			}
			sum.Score += 1 / (float32(pos+1)/rrf.Weights[i] + float32(rrf.GetK()) - 1)
		}
	}
	var out []*pb.ScoredPoint
	for _, p := range byID {
		out = append(out, p)
	}
	sortHits(out)
	return out
}

// sortHits leaves ties in any order, as Qdrant does.
func sortHits(hits []*pb.ScoredPoint) {
	slices.SortFunc(hits, func(a, b *pb.ScoredPoint) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
}

func nearest(s *stored, q *pb.VectorInput, using string, f *pb.Filter) ([]*pb.ScoredPoint, error) {
	var out []*pb.ScoredPoint
	for _, p := range s.points {
		v := p.GetVectors().GetVectors().GetVectors()[using]
		if v == nil || !matches(f, p.Payload) {
			continue
		}
		var score float32
		switch {
		case q.GetSparse() != nil:
			if score = sparse(q.GetSparse(), v.GetSparse()); score == 0 {
				continue
			}
		case q.GetDense() != nil:
			score = cosine(q.GetDense().GetData(), v.GetDense().GetData())
		default:
			return nil, status.Error(codes.InvalidArgument, "no vector")
		}
		out = append(out, &pb.ScoredPoint{Id: p.Id, Payload: p.Payload, Score: score})
	}
	sortHits(out)
	return out, nil
}

func sparse(a, b *pb.SparseVector) (sum float32) {
	w := map[uint32]float32{}
	for i, k := range b.GetIndices() {
		w[k] = b.Values[i]
	}
	for i, k := range a.GetIndices() {
		sum += a.Values[i] * w[k]
	}
	return sum
}

func cosine(a, b []float32) float32 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return float32(ab / math.Sqrt(aa*bb))
}

// matches evaluates a filter as Qdrant does, dangerous defaults included: an
// empty filter and an empty condition match everything.
func matches(f *pb.Filter, payload map[string]*pb.Value) bool {
	for _, c := range f.GetMust() {
		if !holds(c, payload) {
			return false
		}
	}
	for _, c := range f.GetMustNot() {
		if c.GetConditionOneOf() != nil && holds(c, payload) {
			return false
		}
	}
	if len(f.GetShould()) == 0 {
		return true
	}
	return slices.ContainsFunc(f.Should, func(c *pb.Condition) bool { return holds(c, payload) })
}

func holds(c *pb.Condition, payload map[string]*pb.Value) bool {
	switch x := c.GetConditionOneOf().(type) {
	case *pb.Condition_Filter:
		return matches(x.Filter, payload)
	case *pb.Condition_HasId:
		return slices.ContainsFunc(x.HasId.HasId, func(id *pb.PointId) bool { return id.GetUuid() == payload[idKey].GetStringValue() })
	case *pb.Condition_IsEmpty:
		return len(values(payload, x.IsEmpty.Key)) == 0
	case *pb.Condition_Nested:
		for _, v := range values(payload, x.Nested.Key) {
			if obj := v.GetStructValue(); obj != nil && matches(x.Nested.Filter, obj.GetFields()) {
				return true
			}
		}
		return false
	case *pb.Condition_Field:
		return slices.ContainsFunc(values(payload, x.Field.Key), func(v *pb.Value) bool { return fits(x.Field, v) })
	}
	return true
}

// values resolves a path; a list stands for its elements.
func values(payload map[string]*pb.Value, path string) []*pb.Value {
	head, rest, nested := strings.Cut(path, ".")
	v := payload[head]
	if nested {
		return values(v.GetStructValue().GetFields(), rest)
	}
	switch x := v.GetKind().(type) {
	case nil, *pb.Value_NullValue:
		return nil
	case *pb.Value_ListValue:
		return slices.DeleteFunc(slices.Clone(x.ListValue.GetValues()), func(v *pb.Value) bool { _, null := v.GetKind().(*pb.Value_NullValue); return null })
	}
	return []*pb.Value{v}
}

func fits(f *pb.FieldCondition, v *pb.Value) bool {
	word, isWord := v.GetKind().(*pb.Value_StringValue)
	number, isNumber := v.GetKind().(*pb.Value_IntegerValue)
	truth, isTruth := v.GetKind().(*pb.Value_BoolValue)
	if r := f.Range; r != nil {
		n := float64(v.GetIntegerValue())
		return isNumber && (r.Lt == nil || n < *r.Lt) && (r.Lte == nil || n <= *r.Lte) && (r.Gt == nil || n > *r.Gt) && (r.Gte == nil || n >= *r.Gte)
	}
	switch m := f.GetMatch().GetMatchValue().(type) {
	case *pb.Match_Keyword:
		return isWord && word.StringValue == m.Keyword
	case *pb.Match_Integer:
		return isNumber && number.IntegerValue == m.Integer
	case *pb.Match_Boolean:
		return isTruth && truth.BoolValue == m.Boolean
	case *pb.Match_Keywords:
		return isWord && slices.Contains(m.Keywords.Strings, word.StringValue)
	case *pb.Match_Integers:
		return isNumber && slices.Contains(m.Integers.Integers, number.IntegerValue)
	case *pb.Match_ExceptKeywords:
		return !isWord || !slices.Contains(m.ExceptKeywords.Strings, word.StringValue)
	case *pb.Match_ExceptIntegers:
		return !isNumber || !slices.Contains(m.ExceptIntegers.Integers, number.IntegerValue)
	}
	return true
}
