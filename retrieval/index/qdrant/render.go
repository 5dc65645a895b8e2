package qdrant

import (
	"fmt"
	"regexp"
	"slices"

	pb "github.com/qdrant/go-client/qdrant"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Render writes the filters of a query as one Qdrant filter, with the tenant as
// its first condition and each filter as a nested one of its own, so that what a
// user asks for cannot merge with what policy demands. deny is true when nothing
// can match: then nothing may be sent, because an empty Qdrant filter matches
// everything. What cannot be rendered exactly fails with [index.ErrFilter].
func Render(tenant string, schema policy.Schema, filters ...policy.Filter) (f *pb.Filter, deny bool, err error) {
	if tenant == "" {
		return nil, true, index.ErrNoTenant
	}
	out := &pb.Filter{Must: []*pb.Condition{ofTenant(tenant)}}
	if len(filters) == 0 {
		return nil, true, nil
	}
	for _, x := range filters {
		effect, e, err := x.Prepare(schema)
		switch {
		case err != nil:
			return nil, true, fmt.Errorf("%w: %w", index.ErrFilter, err)
		case effect == policy.SelectAll:
			continue
		case effect != policy.SelectSome || e == nil:
			return nil, true, nil
		}
		r := renderer{schema: schema}
		sub := r.filter(e, attributesKey+".")
		if r.err != nil {
			return nil, true, fmt.Errorf("%w: %w", index.ErrFilter, r.err)
		}
		out.Must = append(out.Must, asCondition(sub))
	}
	if err := gate(out, tenant); err != nil {
		return nil, true, err
	}
	return out, false, nil
}

type renderer struct {
	schema policy.Schema
	err    error
}

func (r *renderer) refuse(format string, args ...any) *pb.Condition {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
	return &pb.Condition{} // never leaves: err is set, and the gate refuses it
}

func (r *renderer) filter(e policy.Expr, prefix string) *pb.Filter {
	f := &pb.Filter{}
	switch x := e.(type) {
	case policy.And:
		for _, y := range x {
			if n, ok := y.(policy.Not); ok {
				f.MustNot = append(f.MustNot, r.condition(n.X, prefix))
			} else {
				f.Must = append(f.Must, r.condition(y, prefix))
			}
		}
	case policy.Or:
		for _, y := range x {
			f.Should = append(f.Should, r.condition(y, prefix))
		}
	case policy.Not:
		f.MustNot = []*pb.Condition{r.condition(x.X, prefix)}
	default:
		f.Must = []*pb.Condition{r.condition(e, prefix)}
	}
	return f
}

func (r *renderer) condition(e policy.Expr, prefix string) *pb.Condition {
	switch x := e.(type) {
	case policy.And, policy.Or, policy.Not:
		return asCondition(r.filter(e, prefix))
	case policy.Exists:
		empty := &pb.Condition{ConditionOneOf: &pb.Condition_IsEmpty{IsEmpty: &pb.IsEmptyCondition{Key: r.key(prefix, x.Path)}}}
		return asCondition(&pb.Filter{MustNot: []*pb.Condition{empty}})
	case policy.Compare:
		return r.compare(r.key(prefix, x.Path), x.Op, x.Value.Const)
	case policy.In:
		return r.in(r.key(prefix, x.Path), x.Values)
	case policy.Any:
		return r.any(r.key(prefix, x.Path), x.X)
	case policy.Nested:
		key := r.key(prefix, x.Path)
		return &pb.Condition{ConditionOneOf: &pb.Condition_Nested{Nested: &pb.NestedCondition{Key: key, Filter: r.filter(x.X, "")}}}
	case policy.Count:
		return r.compare(r.key(countsKey+".", x.Path), x.Op, x.N)
	}
	return r.refuse("no Qdrant condition for %T", e)
}

// plainPath is what Qdrant's payload paths take without quoting.
var plainPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

func (r *renderer) key(prefix, path string) string {
	if !plainPath.MatchString(path) {
		r.refuse("an attribute path holds characters outside letters, digits and _")
	}
	return prefix + path
}

func (r *renderer) compare(key string, op policy.Op, v any) *pb.Condition {
	if op == policy.Eq {
		switch x := v.(type) {
		case string:
			return match(key, &pb.Match{MatchValue: &pb.Match_Keyword{Keyword: x}})
		case int64:
			return match(key, &pb.Match{MatchValue: &pb.Match_Integer{Integer: x}})
		case bool:
			return match(key, &pb.Match{MatchValue: &pb.Match_Boolean{Boolean: x}})
		}
		return r.refuse("no Qdrant match for a value of type %T", v)
	}
	n, ok := v.(int64)
	if !ok {
		return r.refuse("no order for a value of type %T", v)
	}
	bounds := &pb.Range{}
	r.bound(bounds, op, n)
	return field(&pb.FieldCondition{Key: key, Range: bounds})
}

// maxExact is the largest integer a float64 range bound holds exactly.
const maxExact = 1 << 53

// bound narrows a range; Qdrant's bounds are float64.
func (r *renderer) bound(to *pb.Range, op policy.Op, n int64) {
	if n > maxExact || n < -maxExact {
		r.refuse("a bound is beyond 2^53 and would be rounded")
	}
	v := float64(n)
	tighten := func(p **float64, lower bool) {
		if *p == nil || lower && v > **p || !lower && v < **p {
			*p = &v
		}
	}
	switch op {
	case policy.Lt:
		tighten(&to.Lt, false)
	case policy.Lte:
		tighten(&to.Lte, false)
	case policy.Gt:
		tighten(&to.Gt, true)
	case policy.Gte:
		tighten(&to.Gte, true)
	default:
		r.refuse("unknown operator")
	}
}

func (r *renderer) in(key string, values []any) *pb.Condition {
	words, numbers, err := split(values)
	switch {
	case err != nil:
		return r.refuse("%v", err)
	case words != nil:
		return match(key, &pb.Match{MatchValue: &pb.Match_Keywords{Keywords: &pb.RepeatedStrings{Strings: words}}})
	}
	return match(key, &pb.Match{MatchValue: &pb.Match_Integers{Integers: &pb.RepeatedIntegers{Integers: numbers}}})
}

func (r *renderer) notIn(key string, values []any) *pb.Condition {
	words, numbers, err := split(values)
	switch {
	case err != nil:
		return r.refuse("%v", err)
	case words != nil:
		return match(key, &pb.Match{MatchValue: &pb.Match_ExceptKeywords{ExceptKeywords: &pb.RepeatedStrings{Strings: words}}})
	}
	return match(key, &pb.Match{MatchValue: &pb.Match_ExceptIntegers{ExceptIntegers: &pb.RepeatedIntegers{Integers: numbers}}})
}

func split(values []any) (words []string, numbers []int64, err error) {
	for _, v := range values {
		switch x := v.(type) {
		case string:
			words = append(words, x)
		case int64:
			numbers = append(numbers, x)
		default:
			return nil, nil, fmt.Errorf("no Qdrant list of values of type %T", v)
		}
	}
	if (words == nil) == (numbers == nil) {
		return nil, nil, fmt.Errorf("a list of values is empty or mixed")
	}
	return words, numbers, nil
}

// any is true when one element satisfies e. Qdrant has it for "in a list", "not
// in a list" and "within a range"; other combinations over one element are
// refused rather than split into conditions that different elements could meet.
func (r *renderer) any(key string, e policy.Expr) *pb.Condition {
	t, ok := elementOf(e)
	switch {
	case !ok, t.ranges != nil && t.values != nil:
		return r.refuse("a condition on one set element that Qdrant cannot express")
	case t.ranges != nil:
		bounds := &pb.Range{}
		for _, c := range t.ranges {
			r.bound(bounds, c.Op, c.Value.Const.(int64))
		}
		return field(&pb.FieldCondition{Key: key, Range: bounds})
	case t.out && len(t.values) == 0: // any element at all
		empty := &pb.Condition{ConditionOneOf: &pb.Condition_IsEmpty{IsEmpty: &pb.IsEmptyCondition{Key: key}}}
		return asCondition(&pb.Filter{MustNot: []*pb.Condition{empty}})
	case t.out: // match-except is "some element outside", which is what is meant
		return r.notIn(key, t.values)
	case len(t.values) == 0: // no element can: a condition that is never true
		return r.never(key)
	}
	return r.in(key, t.values)
}

// never is a condition no point meets: empty and not empty.
func (r *renderer) never(key string) *pb.Condition {
	empty := &pb.Condition{ConditionOneOf: &pb.Condition_IsEmpty{IsEmpty: &pb.IsEmptyCondition{Key: key}}}
	return asCondition(&pb.Filter{Must: []*pb.Condition{empty}, MustNot: []*pb.Condition{empty}})
}

// elementTest is the normal form of a condition on one element: in values, or
// with out set, not in them; and within all ranges.
type elementTest struct {
	out    bool
	values []any
	ranges []policy.Compare
}

func elementOf(e policy.Expr) (elementTest, bool) {
	switch x := e.(type) {
	case policy.Compare:
		if x.Op == policy.Eq {
			return elementTest{values: []any{x.Value.Const}}, true
		}
		_, isInt := x.Value.Const.(int64)
		return elementTest{out: true, ranges: []policy.Compare{x}}, isInt
	case policy.In:
		return elementTest{values: x.Values}, true
	case policy.Exists:
		return elementTest{out: true}, true
	case policy.Not:
		t, ok := elementOf(x.X)
		return t.negated(ok)
	case policy.And:
		acc := elementTest{out: true}
		for _, y := range x {
			t, ok := elementOf(y)
			if !ok {
				return acc, false
			}
			acc = acc.and(t)
		}
		return acc.settled()
	case policy.Or: // not (not a and not b)
		acc := elementTest{out: true}
		for _, y := range x {
			t, ok := elementOf(y)
			if t, ok = t.negated(ok); !ok {
				return acc, false
			}
			acc = acc.and(t)
		}
		acc, ok := acc.settled()
		return acc.negated(ok)
	}
	return elementTest{}, false
}

func (t elementTest) negated(ok bool) (elementTest, bool) {
	switch {
	case !ok:
		return t, false
	case t.ranges == nil:
		t.out = !t.out
		return t, true
	case len(t.ranges) == 1 && len(t.values) == 0 && t.out:
		c := t.ranges[0]
		c.Op = map[policy.Op]policy.Op{policy.Lt: policy.Gte, policy.Lte: policy.Gt, policy.Gt: policy.Lte, policy.Gte: policy.Lt}[c.Op]
		return elementTest{out: true, ranges: []policy.Compare{c}}, true
	}
	return t, false
}

func (t elementTest) and(u elementTest) elementTest {
	ranges := append(slices.Clone(t.ranges), u.ranges...)
	switch {
	case t.out && u.out:
		return elementTest{out: true, values: append(slices.Clone(t.values), u.values...), ranges: ranges}
	case t.out:
		return elementTest{values: without(u.values, t.values), ranges: ranges}
	case u.out:
		return elementTest{values: without(t.values, u.values), ranges: ranges}
	}
	return elementTest{values: slices.DeleteFunc(slices.Clone(t.values), func(v any) bool { return !slices.Contains(u.values, v) }), ranges: ranges}
}

func without(values, drop []any) []any {
	return slices.DeleteFunc(slices.Clone(values), func(v any) bool { return slices.Contains(drop, v) })
}

// settled applies ranges to listed values at once; ranges beside exclusions
// remain inexpressible.
func (t elementTest) settled() (elementTest, bool) {
	if t.ranges == nil {
		return t, true
	}
	if t.out {
		return t, len(t.values) == 0
	}
	in := policy.When(policy.Any{Path: "x", X: all(t.ranges)})
	var kept []any
	for _, v := range t.values {
		if in.Match(policy.Attributes{"x": []any{v}}) {
			kept = append(kept, v)
		}
	}
	return elementTest{values: kept}, true
}

func all(cs []policy.Compare) policy.And {
	var out policy.And
	for _, c := range cs {
		out = append(out, c)
	}
	return out
}

func match(key string, m *pb.Match) *pb.Condition {
	return field(&pb.FieldCondition{Key: key, Match: m})
}

func field(f *pb.FieldCondition) *pb.Condition {
	return &pb.Condition{ConditionOneOf: &pb.Condition_Field{Field: f}}
}

func asCondition(f *pb.Filter) *pb.Condition {
	return &pb.Condition{ConditionOneOf: &pb.Condition_Filter{Filter: f}}
}

func ofTenant(tenant string) *pb.Condition {
	return match(tenantKey, &pb.Match{MatchValue: &pb.Match_Keyword{Keyword: tenant}})
}
