package rego

import (
	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// call translates a function whose value is used.
func (t *translator) call(op string, args []*ast.Term, sc *scope) symbol {
	switch op {
	case "count":
		return size{t.term(args[0], sc)}
	case "object.get":
		return t.objectGet(args, sc)
	case "intersection":
		if s, ok := args[0].Value.(ast.Set); ok && s.Len() == 2 {
			return t.setCall("and", s.Slice(), sc)
		}
	case "and", "minus":
		return t.setCall(op, args, sc)
	case "equal", "neq", "lt", "lte", "gt", "gte", memberName:
		return t.outcome(op, t.term(args[0], sc), t.term(args[1], sc))
	case "plus":
		return t.shift(t.term(args[0], sc), t.term(args[1], sc), 1)
	}
	t.refuse(insteadOf(op), "%s on an attribute of the document has no counterpart in a search", op)
	return undefined{}
}

// outcome is the value of a comparison that is bound to a variable or returned.
func (t *translator) outcome(op string, a, b symbol) symbol {
	both := policy.And{t.defined(a), t.defined(b)}
	switch op {
	case "equal":
		return outcome{t.compare(policy.Eq, a, b), both}
	case "neq":
		return outcome{policy.And{both, policy.Not{X: t.compare(policy.Eq, a, b)}}, both}
	case memberName:
		return outcome{t.member(a, b), both}
	}
	return outcome{t.compare(orderings[op], a, b), both}
}

// shift adds a known number of seconds to the time.
func (t *translator) shift(a, b symbol, sign int64) symbol {
	if _, ok := a.(constant); ok && sign > 0 {
		a, b = b, a
	}
	m, ok1 := a.(moment)
	c, ok2 := b.(constant)
	if !ok1 || !ok2 {
		t.refuse("move the arithmetic to the known side: input.document.x <= input.context.now - 86400", "arithmetic on an attribute of the document")
		return undefined{}
	}
	n, _ := t.constantOf(c.value, policy.Int).(int64)
	m.offset += sign * n
	if m.offset > policy.MaxInteger || m.offset < -policy.MaxInteger {
		t.refuse("use seconds, not nanoseconds", "the time is shifted beyond ±2^53 seconds")
	}
	return m
}

// setCall translates & and − between a set made from the document and a known
// one.
func (t *translator) setCall(op string, args []*ast.Term, sc *scope) symbol {
	a, b := t.term(args[0], sc), t.term(args[1], sc)
	if _, ok := a.(moment); ok && op == "minus" {
		return t.shift(a, b, -1)
	}
	if _, ok := a.(undefined); ok {
		return a
	}
	if _, ok := b.(undefined); ok {
		return b
	}
	da, aDoc := a.(comprehension)
	db, bDoc := b.(comprehension)
	ka, aKnown := a.(constant)
	kb, bKnown := b.(constant)
	switch {
	case aDoc && bKnown && da.from != nil && da.unique:
		return shared{da, t.constants(kb.value, da.from.kind.Element()), op == "minus"}
	case bDoc && aKnown && db.from != nil && db.unique:
		known := t.constants(ka.value, db.from.kind.Element())
		if op == "and" {
			return shared{db, known, false}
		}
		return lacking{known, db}
	case aKnown && bKnown:
		return t.foldSets(op, ka.value, kb.value)
	}
	t.refuse("combine one set {x | some x in input.document.…} with one known set", "%s needs one set made from a document attribute and one known set", op)
	return undefined{}
}

func (t *translator) foldSets(op string, a, b ast.Value) symbol {
	x, ok1 := a.(ast.Set)
	y, ok2 := b.(ast.Set)
	if !ok1 || !ok2 {
		return undefined{}
	}
	if op == "and" {
		return constant{x.Intersect(y)}
	}
	return constant{x.Diff(y)}
}

// objectGet translates object.get(input.document, key or path, default).
func (t *translator) objectGet(args []*ast.Term, sc *scope) symbol {
	base := t.term(args[0], sc)
	var keys []*ast.Term
	switch k := args[1].Value.(type) {
	case ast.String:
		keys = []*ast.Term{args[1]}
	case *ast.Array:
		k.Foreach(func(x *ast.Term) { keys = append(keys, x) })
	}
	if len(keys) == 0 || !args[1].IsGround() {
		t.refuse("name the attribute", "object.get with a key that is not known")
		return undefined{}
	}
	cur := base
	for _, k := range keys {
		if _, scalar := cur.(attribute); scalar {
			t.refuse("name a declared attribute", "object.get looks inside an attribute that is no object")
			return undefined{}
		}
		cur = t.step(cur, k, sc)
	}
	switch x := cur.(type) {
	case attribute:
		if !x.kind.Scalar() {
			return x // collections are always present
		}
	case field:
	case interior:
		return x
	default:
		if _, known := base.(constant); known && args[2].IsGround() { // inside a comprehension
			if v, ok := cur.(constant); ok {
				return v
			}
			return constant{args[2].Value}
		}
		t.refuse("use object.get on input.document or an object in it", "object.get on something else")
		return undefined{}
	}
	def := t.term(args[2], sc)
	c, ok := def.(constant)
	if !ok {
		t.refuse("use a known default", "the default of object.get is not known")
		return undefined{}
	}
	return fallback{of: cur, instead: c.value, isAbsent: policy.Not{X: t.defined(cur)}}
}

// comprehension translates {x | …} and [x | …].
func (t *translator) comprehension(head *ast.Term, b ast.Body, unique bool, sc *scope) symbol {
	inner := newScope(sc)
	plain := policy.Simplify(t.conjuncts(b, inner))
	value := t.term(head, inner)
	plain = policy.Simplify(policy.And{plain, t.place(t.defined(value), inner)})
	c := comprehension{unique: unique}
	if el, ok := value.(element); ok && len(inner.iters) == 1 && inner.iters[0] == el.of && plain == policy.Expr(policy.Bool(true)) {
		c.from = &attribute{el.of.path, el.of.attr.Kind}
		c.where = policy.Simplify(untag(policy.And(el.of.conj), el.of.id))
		if tagged(c.where) {
			t.refuse("compare the elements of one collection with known values", "two collections of the document are compared with each other")
		}
	}
	c.some = t.close(plain, inner)
	return c
}
