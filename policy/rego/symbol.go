package rego

import (
	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// symbol is what a term of a residual stands for.
type symbol interface{}

type (
	// undefined is a reference into known input that has no value: whatever
	// contains it does not hold.
	undefined struct{}
	// constant is a known value.
	constant struct{ value ast.Value }
	// moment is the request's time plus offset seconds.
	moment struct{ offset int64 }
	// interior is the document itself or an object inside it.
	interior struct{ path string }
	// attribute is a declared attribute of the document.
	attribute struct {
		path string
		kind policy.Kind
	}
	// element is the current element of a set.
	element struct{ of *iteration }
	// item is the current object of a list.
	item struct{ of *iteration }
	// field is a field of the current object of a list.
	field struct {
		of   *iteration
		name string
		kind policy.Kind
	}
	// comprehension is a set or array made from the document. It is not empty
	// exactly when some holds; where it merely selects from one attribute, from
	// and where say so.
	comprehension struct {
		some   policy.Expr
		from   *attribute
		where  policy.Expr // over the element, path ""
		unique bool        // a set, not an array
	}
	// shared is a comprehension reduced by known values: ∩ or −.
	shared struct {
		of     comprehension
		known  []any
		negate bool // minus instead of intersection
	}
	// lacking is known values minus a comprehension.
	lacking struct {
		known []any
		of    comprehension
	}
	// size is count(of).
	size struct{ of symbol }
	// fallback is object.get: a scalar, or a default where it is absent.
	fallback struct {
		of       symbol // attribute or field
		instead  ast.Value
		isAbsent policy.Expr
	}
	// literal is an array or set literal with document values in it.
	literal struct{ of []symbol }
	// condition is defined, and true, where it holds.
	condition struct{ holds policy.Expr }
	// outcome is the value of a comparison: true where it holds, false where its
	// operands are defined and it does not.
	outcome struct{ holds, defined policy.Expr }
	// support is a rule that partial evaluation left uninlined.
	support struct{ path string }
)

// iteration is one "some element of this collection" in a scope.
type iteration struct {
	id   string // unique within a translation
	path string
	attr policy.Attribute
	conj []policy.Expr
}

// scope holds what one body binds.
type scope struct {
	parent *scope
	vars   map[ast.Var]symbol
	iters  []*iteration
	index  map[ast.Var]*iteration
}

func newScope(parent *scope) *scope {
	return &scope{parent: parent, vars: map[ast.Var]symbol{}, index: map[ast.Var]*iteration{}}
}

func (s *scope) lookup(v ast.Var) (symbol, bool) {
	for ; s != nil; s = s.parent {
		if x, ok := s.vars[v]; ok {
			return x, true
		}
	}
	return nil, false
}

func (s *scope) iterationOf(v ast.Var) *iteration {
	for ; s != nil; s = s.parent {
		if it := s.index[v]; it != nil {
			return it
		}
	}
	return nil
}

func (s *scope) owns(id string) *iteration {
	for _, it := range s.iters {
		if it.id == id {
			return it
		}
	}
	return nil
}
