package rego

import (
	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// compare translates a op b; it holds only where both are defined.
func (t *translator) compare(op policy.Op, a, b symbol) policy.Expr {
	if t.err != nil {
		return never
	}
	if isUndefined(a) || isUndefined(b) {
		return never
	}
	if known(a) && !known(b) {
		return t.compare(mirror(op), b, a)
	}
	switch x := a.(type) {
	case constant:
		return t.compareKnown(op, x, b)
	case moment:
		return t.compareMoment(op, x, b)
	case attribute:
		if !x.kind.Scalar() {
			return t.compareCollection(op, x, b)
		}
		return t.compareScalar(op, x, b)
	case field, element:
		return t.compareScalar(op, x, b)
	case fallback:
		return t.compareFallback(op, x, b)
	case size:
		return t.compareSize(op, x, b)
	case comprehension, shared, lacking:
		if c, ok := b.(constant); ok && op == policy.Eq {
			if s, ok := c.value.(ast.Set); ok && s.Len() == 0 {
				return policy.Not{X: t.some(a)}
			}
		}
	case outcome:
		if c, ok := b.(constant); ok && op == policy.Eq {
			switch c.value {
			case ast.Boolean(true):
				return x.holds
			case ast.Boolean(false):
				return policy.And{x.defined, policy.Not{X: x.holds}}
			}
		}
	case support:
		return t.compareSupport(op, x, b)
	}
	t.refuse("compare single attributes, or test a set with count(…) == 0, in or some", "this comparison has no counterpart in a search")
	return never
}

func isUndefined(s symbol) bool { _, ok := s.(undefined); return ok || s == nil }

func known(s symbol) bool {
	switch s.(type) {
	case constant, moment:
		return true
	}
	return false
}

func mirror(op policy.Op) policy.Op {
	switch op {
	case policy.Lt:
		return policy.Gt
	case policy.Lte:
		return policy.Gte
	case policy.Gt:
		return policy.Lt
	case policy.Gte:
		return policy.Lte
	}
	return op
}

func holds(op policy.Op, c int) policy.Expr {
	switch op {
	case policy.Eq:
		return policy.Bool(c == 0)
	case policy.Lt:
		return policy.Bool(c < 0)
	case policy.Lte:
		return policy.Bool(c <= 0)
	case policy.Gt:
		return policy.Bool(c > 0)
	}
	return policy.Bool(c >= 0)
}

func (t *translator) compareKnown(op policy.Op, a constant, b symbol) policy.Expr {
	switch x := b.(type) {
	case constant:
		return holds(op, a.value.Compare(x.value))
	case moment:
		return t.compareMoment(mirror(op), x, a)
	}
	t.refuse("", "this comparison has no counterpart in a search")
	return never
}

func (t *translator) compareMoment(op policy.Op, m moment, b symbol) policy.Expr {
	switch x := b.(type) {
	case constant:
		n, _ := t.constantOf(x.value, policy.Time).(int64)
		return policy.NowCompare{Offset: m.offset, Op: op, N: n}
	case moment:
		return holds(op, int(max(-1, min(1, m.offset-x.offset))))
	}
	t.refuse("", "this comparison has no counterpart in a search")
	return never
}

func (t *translator) compareScalar(op policy.Op, a, b symbol) policy.Expr {
	k, path := t.kindOf(a), pathOf(a)
	if op != policy.Eq && !k.Ordered() {
		t.refuse("compare for equality, or store an int", "an attribute of kind %s is compared by order", k)
		return never
	}
	switch x := b.(type) {
	case constant:
		return policy.Compare{Path: path, Op: op, Value: policy.Value{Const: t.constantOf(x.value, k)}}
	case moment:
		if !k.Ordered() {
			t.refuse("declare the attribute as time", "the time is compared with an attribute of kind %s", k)
			return never
		}
		return policy.Compare{Path: path, Op: op, Value: policy.Value{Now: true, Offset: x.offset}}
	}
	t.refuse("compute the comparison at ingest and store its result as a bool", "two attributes of the document are compared with each other")
	return never
}

// compareCollection allows only the comparison with an empty array: a whole
// collection has no order a store could know.
func (t *translator) compareCollection(op policy.Op, a attribute, b symbol) policy.Expr {
	if c, ok := b.(constant); ok && op == policy.Eq {
		switch v := c.value.(type) {
		case *ast.Array:
			if v.Len() == 0 {
				return policy.Count{Path: a.path, Op: policy.Eq, N: 0}
			}
		case ast.Set, ast.Object: // never equal to an array
			return never
		}
	}
	t.refuse("use in, some, every or count", "the whole collection input.document.%s is compared", a.path)
	return never
}

func (t *translator) compareFallback(op policy.Op, a fallback, b symbol) policy.Expr {
	if !known(b) {
		t.refuse("compare with a known value", "object.get is compared with an attribute of the document")
		return never
	}
	k := t.kindOf(a.of)
	t.constantOf(a.instead, k) // the default must have the attribute's kind too
	return policy.Or{
		t.compareScalar(op, a.of, b),
		policy.And{a.isAbsent, t.compare(op, constant{a.instead}, b)},
	}
}

func (t *translator) compareSupport(op policy.Op, a support, b symbol) policy.Expr {
	c, ok := b.(constant)
	if ok && op == policy.Eq {
		if c.value.Compare(ast.Boolean(true)) == 0 {
			return t.supportTrue(a.path, nil, nil)
		}
		if c.value.Compare(ast.Boolean(false)) == 0 && t.hasDefaultFalse(a.path) {
			return policy.Not{X: t.supportTrue(a.path, nil, nil)}
		}
		if s, isSet := c.value.(ast.Set); isSet && s.Len() == 0 {
			return policy.Not{X: t.supportSome(a.path, nil)}
		}
	}
	t.refuse("give the rule the value true, or look its value up in a table", "the value of %s depends on the document", display(a.path))
	return never
}

// some holds where a collection has an element.
func (t *translator) some(s symbol) policy.Expr {
	switch x := s.(type) {
	case undefined:
		return never
	case constant:
		switch c := x.value.(type) {
		case ast.Set:
			return policy.Bool(c.Len() > 0)
		case *ast.Array:
			return policy.Bool(c.Len() > 0)
		case ast.Object:
			return policy.Bool(c.Len() > 0)
		}
	case comprehension:
		return x.some
	case attribute:
		return policy.Count{Path: x.path, Op: policy.Gte, N: 1}
	case shared:
		in := policy.Expr(policy.In{Values: x.known})
		if x.negate {
			in = policy.Not{X: in}
		}
		return policy.Any{Path: x.of.from.path, X: policy.And{x.of.where, in}}
	case lacking:
		var either policy.Or
		for _, v := range x.known {
			either = append(either, policy.Not{X: policy.Any{Path: x.of.from.path, X: policy.And{x.of.where, policy.In{Values: []any{v}}}}})
		}
		return either
	case support:
		return t.supportSome(x.path, nil)
	}
	t.refuse("count a collection", "the size of something that is no collection is asked for")
	return never
}

// compareSize translates count(x) op n.
func (t *translator) compareSize(op policy.Op, s size, b symbol) policy.Expr {
	c, ok := b.(constant)
	if !ok {
		t.refuse("compare the size with a known number", "a size is compared with something that is not known")
		return never
	}
	n, _ := t.constantOf(c.value, policy.Int).(int64)
	if t.err != nil {
		return never
	}
	switch x := s.of.(type) {
	case undefined:
		return never
	case attribute:
		if !x.kind.Scalar() {
			return policy.Count{Path: x.path, Op: op, N: n}
		}
		t.refuse("count sets and lists only", "count of input.document.%s, which is a %s", x.path, x.kind)
		return never
	case constant:
		return t.compareKnownSize(op, x, n)
	case comprehension:
		// {x | some x in attribute}: normalised sets hold no duplicates
		if x.from != nil && x.where == policy.Expr(policy.Bool(true)) {
			return policy.Count{Path: x.from.path, Op: op, N: n}
		}
	}
	return t.compareEmptiness(op, s.of, n)
}

func (t *translator) compareKnownSize(op policy.Op, x constant, n int64) policy.Expr {
	length := -1
	switch c := x.value.(type) {
	case ast.Set:
		length = c.Len()
	case *ast.Array:
		length = c.Len()
	case ast.Object:
		length = c.Len()
	case ast.String:
		length = len([]rune(string(c)))
	}
	if length < 0 {
		return never
	}
	return holds(op, int(max(-1, min(1, int64(length)-n))))
}

// compareEmptiness translates the sizes that mean "some" or "none"; sizes are
// never negative, so n < 0 is decided.
func (t *translator) compareEmptiness(op policy.Op, of symbol, n int64) policy.Expr {
	switch op {
	case policy.Gt:
		op, n = policy.Gte, n+1
	case policy.Lte:
		op, n = policy.Lt, n+1
	}
	switch {
	case op == policy.Gte && n <= 0:
		return policy.Bool(true)
	case (op == policy.Lt && n <= 0) || (op == policy.Eq && n < 0):
		return never
	case op == policy.Gte && n == 1:
		return t.some(of)
	case op == policy.Lt && n == 1, op == policy.Eq && n == 0:
		return policy.Not{X: t.some(of)}
	}
	t.refuse("test count(…) == 0 or count(…) > 0; count a whole attribute for other sizes", "the size of a derived set is compared with %d", n)
	return never
}

// member translates x in coll.
func (t *translator) member(x, coll symbol) policy.Expr {
	if t.err != nil {
		return never
	}
	if isUndefined(x) || isUndefined(coll) {
		return never
	}
	switch c := coll.(type) {
	case constant:
		return t.memberOfKnown(x, c)
	case literal:
		var either policy.Or
		for _, y := range c.of {
			either = append(either, t.compare(policy.Eq, y, x))
		}
		return policy.And{t.defined(c), either}
	case attribute:
		if k, ok := x.(constant); ok && c.kind.Set() {
			return policy.Any{Path: c.path, X: policy.In{Values: []any{t.constantOf(k.value, c.kind.Element())}}}
		}
	case comprehension:
		if k, ok := x.(constant); ok && c.from != nil {
			return policy.Any{Path: c.from.path, X: policy.And{c.where, policy.In{Values: []any{t.constantOf(k.value, c.from.kind.Element())}}}}
		}
	case support:
		if k, ok := x.(constant); ok {
			return t.supportSome(c.path, k.value)
		}
	}
	t.refuse("test a known value or one attribute against one collection", "two values of the document are compared by membership")
	return never
}

func (t *translator) memberOfKnown(x symbol, c constant) policy.Expr {
	switch e := x.(type) {
	case constant:
		found := false
		test := func(y *ast.Term) { found = found || y.Value.Compare(e.value) == 0 }
		switch coll := c.value.(type) {
		case *ast.Array:
			coll.Foreach(test)
		case ast.Set:
			coll.Foreach(test)
		case ast.Object:
			coll.Foreach(func(_, y *ast.Term) { test(y) })
		}
		return policy.Bool(found)
	case attribute, field, element:
		k := t.kindOf(e)
		if !k.Scalar() {
			t.refuse("iterate: some x in input.document.…; x in known", "a collection stands left of in")
			return never
		}
		return t.oneOf(e, k, c)
	case fallback:
		k := t.kindOf(e.of)
		t.constantOf(e.instead, k)
		return policy.Or{t.oneOf(e.of, k, c), policy.And{e.isAbsent, t.memberOfKnown(constant{e.instead}, c)}}
	}
	t.refuse("", "this membership has no counterpart in a search")
	return never
}

func (t *translator) oneOf(x symbol, k policy.Kind, c constant) policy.Expr {
	values := t.constants(c.value, k)
	if k == policy.BoolKind { // stores have no list of bools
		var either policy.Or
		for _, v := range values {
			either = append(either, policy.Compare{Path: pathOf(x), Op: policy.Eq, Value: policy.Value{Const: v}})
		}
		return either
	}
	return policy.In{Path: pathOf(x), Values: values}
}
