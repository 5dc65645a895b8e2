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

// any is true when one element satisfies e. Qdrant can say of one element that it
// is in a list, is in none, or lies within a range; so e becomes an alternative
// of such tests. (Some element meets a or b exactly when some element meets a, or
// some element meets b; with "and" different elements could meet each, so those
// are merged into one test first.)
func (r *renderer) any(key string, e policy.Expr) *pb.Condition {
	tests, ok := disjuncts(e, false)
	if !ok {
		return r.refuse("a condition on one set element with too many alternatives, or that Qdrant cannot express")
	}
	var out []*pb.Condition
	for _, t := range tests {
		out = append(out, r.element(key, t)...)
	}
	switch len(out) {
	case 0:
		return r.never(key)
	case 1:
		return out[0]
	}
	return asCondition(&pb.Filter{Should: out})
}

// element renders one test; none when no element can pass it.
func (r *renderer) element(key string, t elementTest) []*pb.Condition {
	switch {
	case !t.out && t.ranges != nil:
		t.values = within(t.values, t.ranges)
		t.ranges = nil
		return r.element(key, t)
	case !t.out && len(t.values) == 0:
		return nil
	case !t.out:
		return []*pb.Condition{r.in(key, t.values)}
	case t.ranges == nil && len(t.values) == 0: // any element at all
		empty := &pb.Condition{ConditionOneOf: &pb.Condition_IsEmpty{IsEmpty: &pb.IsEmptyCondition{Key: key}}}
		return []*pb.Condition{asCondition(&pb.Filter{MustNot: []*pb.Condition{empty}})}
	case t.ranges == nil: // match-except is "some element outside", which is what is meant
		return []*pb.Condition{r.notIn(key, t.values)}
	}
	return r.gaps(key, t)
}

// gaps renders a range without some values as the ranges between them.
func (r *renderer) gaps(key string, t elementTest) []*pb.Condition {
	var holes []int64
	for _, v := range within(t.values, t.ranges) {
		holes = append(holes, v.(int64)) // within keeps integers only
	}
	slices.Sort(holes)
	var out []*pb.Condition
	for i := range len(holes) + 1 {
		bounds := &pb.Range{}
		for _, c := range t.ranges {
			r.bound(bounds, c.Op, c.Value.Const.(int64))
		}
		if i > 0 {
			r.bound(bounds, policy.Gt, holes[i-1])
		}
		if i < len(holes) {
			r.bound(bounds, policy.Lt, holes[i])
		}
		out = append(out, field(&pb.FieldCondition{Key: key, Range: bounds}))
	}
	return out
}

// within keeps the values that satisfy all ranges.
func within(values []any, ranges []policy.Compare) []any {
	var e policy.And
	for _, c := range ranges {
		e = append(e, c)
	}
	in := policy.When(policy.Any{Path: "x", X: e})
	return slices.DeleteFunc(slices.Clone(values), func(v any) bool { return !in.Match(policy.Attributes{"x": []any{v}}) })
}

// never is a condition no point meets: empty and not empty.
func (r *renderer) never(key string) *pb.Condition {
	empty := &pb.Condition{ConditionOneOf: &pb.Condition_IsEmpty{IsEmpty: &pb.IsEmptyCondition{Key: key}}}
	return asCondition(&pb.Filter{Must: []*pb.Condition{empty}, MustNot: []*pb.Condition{empty}})
}

// elementTest is a conjunction over one element: in values, or with out set, not
// in them; and within all ranges.
type elementTest struct {
	out    bool
	values []any
	ranges []policy.Compare
}

// maxDisjuncts bounds what one condition may unfold into.
const maxDisjuncts = 256

// disjuncts returns e, negated if asked, as alternatives.
func disjuncts(e policy.Expr, negated bool) ([]elementTest, bool) {
	switch x := e.(type) {
	case policy.Compare:
		if x.Op == policy.Eq {
			return []elementTest{{out: negated, values: []any{x.Value.Const}}}, true
		}
		if negated {
			x.Op = map[policy.Op]policy.Op{policy.Lt: policy.Gte, policy.Lte: policy.Gt, policy.Gt: policy.Lte, policy.Gte: policy.Lt}[x.Op]
		}
		_, isInt := x.Value.Const.(int64)
		return []elementTest{{out: true, ranges: []policy.Compare{x}}}, isInt
	case policy.In:
		return []elementTest{{out: negated, values: x.Values}}, true
	case policy.Exists: // an element is always there
		return []elementTest{{out: !negated}}, true
	case policy.Not:
		return disjuncts(x.X, !negated)
	case policy.And:
		return combine(x, negated, !negated)
	case policy.Or:
		return combine(x, negated, negated)
	}
	return nil, false
}

// combine joins the alternatives of operands: all pairs for "and", all for "or".
func combine(es []policy.Expr, negated, and bool) ([]elementTest, bool) {
	var acc []elementTest
	if and {
		acc = []elementTest{{out: true}}
	}
	for _, e := range es {
		next, ok := disjuncts(e, negated)
		if !ok {
			return nil, false
		}
		if !and {
			acc = append(acc, next...)
		} else {
			var pairs []elementTest
			for _, a := range acc {
				for _, b := range next {
					pairs = append(pairs, a.and(b))
				}
			}
			acc = pairs
		}
		if len(acc) > maxDisjuncts {
			return nil, false
		}
	}
	return acc, true
}

func (t elementTest) and(u elementTest) elementTest {
	out := elementTest{ranges: slices.Concat(t.ranges, u.ranges)}
	without := func(values, drop []any) []any {
		return slices.DeleteFunc(slices.Clone(values), func(v any) bool { return slices.Contains(drop, v) })
	}
	switch {
	case t.out && u.out:
		out.out, out.values = true, slices.Concat(t.values, u.values)
	case t.out:
		out.values = without(u.values, t.values)
	case u.out:
		out.values = without(t.values, u.values)
	default:
		out.values = slices.DeleteFunc(slices.Clone(t.values), func(v any) bool { return !slices.Contains(u.values, v) })
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
