package qdrant

import (
	"fmt"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/retrieval/index"
)

const maxFilterDepth = 64

// gate is the last look at a filter before the wire. Qdrant takes an empty
// filter, an empty list of alternatives, and a condition it does not know for
// "everything"; so none of these passes, here and for deletions alike. The first
// condition must name the tenant.
func gate(f *pb.Filter, tenant string) error {
	if f == nil || len(f.Must) == 0 || tenant == "" {
		return fmt.Errorf("%w: no tenant condition", index.ErrFilter)
	}
	first := f.Must[0].GetField()
	if first.GetKey() != tenantKey || first.GetMatch().GetKeyword() != tenant {
		return fmt.Errorf("%w: the first condition is not the tenant", index.ErrFilter)
	}
	return sound(f, 0)
}

func sound(f *pb.Filter, depth int) error {
	switch {
	case f == nil || len(f.Must)+len(f.MustNot)+len(f.Should) == 0:
		return fmt.Errorf("%w: an empty filter would match everything", index.ErrFilter)
	case f.MinShould != nil:
		return fmt.Errorf("%w: a kind of filter Doorward does not write", index.ErrFilter)
	case depth > maxFilterDepth:
		return fmt.Errorf("%w: nested deeper than %d", index.ErrFilter, maxFilterDepth)
	}
	for _, list := range [][]*pb.Condition{f.Must, f.MustNot, f.Should} {
		for _, c := range list {
			if err := soundCondition(c, depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func soundCondition(c *pb.Condition, depth int) error {
	switch x := c.GetConditionOneOf().(type) {
	case *pb.Condition_Filter:
		return sound(x.Filter, depth+1)
	case *pb.Condition_Nested:
		if x.Nested.GetKey() == "" {
			return fmt.Errorf("%w: a nested condition without a key", index.ErrFilter)
		}
		return sound(x.Nested.GetFilter(), depth+1)
	case *pb.Condition_HasId:
		if len(x.HasId.GetHasId()) > 0 {
			return nil
		}
	case *pb.Condition_IsEmpty:
		if x.IsEmpty.GetKey() != "" {
			return nil
		}
	case *pb.Condition_Field:
		if x.Field.GetKey() != "" && soundPredicate(x.Field) {
			return nil
		}
	}
	return fmt.Errorf("%w: a condition without a predicate would match everything", index.ErrFilter)
}

// soundPredicate wants exactly one predicate, of a kind Doorward writes, with
// operands.
func soundPredicate(f *pb.FieldCondition) bool {
	if f.Match != nil && f.Range != nil || f.ValuesCount != nil || f.GeoBoundingBox != nil || f.GeoRadius != nil ||
		f.GeoPolygon != nil || f.DatetimeRange != nil || f.IsEmpty != nil || f.IsNull != nil {
		return false
	}
	if r := f.Range; r != nil {
		return r.Lt != nil || r.Lte != nil || r.Gt != nil || r.Gte != nil
	}
	switch m := f.GetMatch().GetMatchValue().(type) {
	case *pb.Match_Keyword, *pb.Match_Integer, *pb.Match_Boolean:
		return true
	case *pb.Match_Keywords:
		return len(m.Keywords.GetStrings()) > 0
	case *pb.Match_Integers:
		return len(m.Integers.GetIntegers()) > 0
	case *pb.Match_ExceptKeywords:
		return len(m.ExceptKeywords.GetStrings()) > 0
	case *pb.Match_ExceptIntegers:
		return len(m.ExceptIntegers.GetIntegers()) > 0
	}
	return false
}
