package rego

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// unpushable is why a residual has no exact filter. It matches
// [policy.ErrNotPushable].
type unpushable struct {
	loc     *ast.Location
	message string
	instead string
}

func (u *unpushable) Error() string {
	at := ""
	if u.loc != nil && u.loc.File != "" {
		at = fmt.Sprintf("%s:%d: ", u.loc.File, u.loc.Row)
	}
	s := fmt.Sprintf("%s: %s%s", policy.ErrNotPushable, at, u.message)
	if u.instead != "" {
		s += "; instead: " + u.instead
	}
	return s
}

func (u *unpushable) Is(target error) bool { return target == policy.ErrNotPushable }

// translator turns one residual into an expression. The first construct it
// cannot translate exactly is kept in err, and refuses the whole: nothing is
// weakened or skipped.
type translator struct {
	schema  policy.Schema
	input   ast.Value                                 // known input: closures refer to it unplugged
	resolve func(ref ast.Ref) (ast.Value, bool, bool) // known data: value, defined, known at all
	isSet   func(ref ast.Ref) bool                    // whether the policy defines ref as a set of rules
	support map[string][]*ast.Rule
	err     error
	depth   int
	serial  int
	at      *ast.Location // the expression being translated
}

const maxNesting = 60

// translate returns the filter expression of a residual: the alternatives of
// its queries.
func (t *translator) translate(pq *rego.PartialQueries) (policy.Expr, error) {
	t.support = map[string][]*ast.Rule{}
	for _, m := range pq.Support {
		for _, r := range m.Rules {
			path := m.Package.Path.Extend(r.Head.Ref())
			if r.Head.RuleKind() == ast.MultiValue && len(r.Head.Ref()) > 1 {
				path = m.Package.Path.Append(ast.StringTerm(string(r.Head.Ref()[0].Value.(ast.Var))))
			}
			k := path.String()
			t.support[k] = append(t.support[k], r)
		}
	}
	var alternatives policy.Or
	for _, q := range pq.Queries {
		alternatives = append(alternatives, t.body(q, newScope(nil)))
		if t.err != nil {
			return nil, t.err
		}
	}
	e := policy.Simplify(alternatives)
	if b, ok := e.(policy.Bool); ok {
		return b, nil
	}
	if strings.Contains(policy.FormatExpr(e), tagPrefix) {
		return nil, &unpushable{message: "an element escaped its collection"}
	}
	return e, nil
}

// refuse keeps the first reason and returns a value that does not hold.
func (t *translator) refuse(instead, format string, args ...any) {
	if t.err == nil {
		t.err = &unpushable{loc: t.at, message: fmt.Sprintf(format, args...), instead: instead}
	}
}

const never = policy.Bool(false)

// body translates a conjunction and closes the iterations it opened.
func (t *translator) body(b ast.Body, sc *scope) policy.Expr {
	return t.close(t.conjuncts(b, sc), sc)
}

// conjuncts translates a body's expressions. What belongs to an iteration of
// this scope is kept there; the rest is returned.
func (t *translator) conjuncts(b ast.Body, sc *scope) policy.Expr {
	if t.depth++; t.depth > maxNesting {
		t.refuse("split the policy into simpler rules", "the policy is nested more than %d deep for this subject", maxNesting)
		return never
	}
	defer func() { t.depth-- }()
	var plain policy.And
	var pending, negatives ast.Body
	for _, e := range b {
		t.at = e.Location
		if len(e.With) > 0 {
			t.refuse("call a function with the changed value as its argument", "\"with\" depends on the document")
		}
		if e.Negated {
			negatives = append(negatives, e)
		} else {
			pending = append(pending, e)
		}
	}
	for len(pending) > 0 && t.err == nil { // bindings may come after their use
		var waiting ast.Body
		for _, e := range pending {
			if !ready(e, sc) {
				waiting = append(waiting, e)
				continue
			}
			t.at = e.Location
			plain = append(plain, t.place(t.expr(e, sc), sc))
		}
		if len(waiting) == len(pending) {
			t.at = waiting[0].Location
			t.refuse("name the elements, not their positions", "a variable has no value a store could know (a position in a collection?)")
		}
		pending = waiting
	}
	for _, e := range negatives {
		if t.err != nil {
			break
		}
		t.at = e.Location
		positive := e.Copy()
		positive.Negated = false
		inner := newScope(sc)
		x := t.close(t.place(t.expr(positive, inner), inner), inner)
		plain = append(plain, t.place(policy.Not{X: x}, sc))
	}
	if t.err != nil {
		return never
	}
	return plain
}

// close turns a scope's iterations into Any and Nested.
func (t *translator) close(plain policy.Expr, sc *scope) policy.Expr {
	all := policy.And{plain}
	for _, it := range sc.iters {
		x := policy.Simplify(untag(policy.And(it.conj), it.id))
		if x == policy.Expr(policy.Bool(false)) {
			return never
		}
		if tagged(x) {
			t.refuse("compare the elements of one collection with known values", "two collections of the document are compared with each other")
			return never
		}
		if it.attr.Kind == policy.ObjectList {
			all = append(all, policy.Nested{Path: it.path, X: x})
		} else {
			all = append(all, policy.Any{Path: it.path, X: x})
		}
	}
	return all
}

// place puts an expression where it belongs: to the iteration whose element it
// constrains, or, returned, to the body itself. An element of an outer scope's
// iteration is returned too; that scope places it.
func (t *translator) place(e policy.Expr, sc *scope) policy.Expr {
	ids, plain := tagsOf(e)
	if len(ids) == 0 {
		return e
	}
	if plain || len(ids) > 1 {
		if parts, ok := splitConjunction(e); ok {
			out := make(policy.And, len(parts))
			for i, x := range parts {
				out[i] = t.place(x, sc)
			}
			return out
		}
		if !slices.ContainsFunc(ids, func(id string) bool { return sc.owns(id) != nil }) {
			return e // not ours to judge
		}
		t.refuse("test the element and the other attribute in separate expressions, or write two rules",
			"one condition mixes an element of a collection with another attribute")
		return never
	}
	if it := sc.owns(ids[0]); it != nil {
		it.conj = append(it.conj, e)
		return policy.Bool(true)
	}
	return e
}

// splitConjunction takes a conjunction apart, also one that stands as the
// negation of alternatives.
func splitConjunction(e policy.Expr) ([]policy.Expr, bool) {
	switch x := e.(type) {
	case policy.And:
		return x, true
	case policy.Not:
		switch y := x.X.(type) {
		case policy.Or:
			parts := make([]policy.Expr, len(y))
			for i := range y {
				parts[i] = policy.Not{X: y[i]}
			}
			return parts, true
		case policy.And:
			if len(y) == 1 {
				return []policy.Expr{policy.Not{X: y[0]}}, true
			}
		case policy.Not:
			return []policy.Expr{y.X}, true
		}
	}
	return nil, false
}

// While an iteration is open, its element's paths carry its id.
const tagPrefix = "\x00"

func tag(it *iteration, name string) string { return tagPrefix + it.id + tagPrefix + name }

func splitTag(path string) (id, name string, ok bool) {
	if !strings.HasPrefix(path, tagPrefix) {
		return "", path, false
	}
	id, name, _ = strings.Cut(path[1:], tagPrefix)
	return id, name, true
}

// tagsOf lists the iterations whose elements e mentions, and whether it also
// mentions anything else.
func tagsOf(e policy.Expr) (ids []string, plain bool) {
	visit(e, func(path string) {
		id, _, ok := splitTag(path)
		if !ok {
			plain = true
		} else if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	})
	return ids, plain
}

func tagged(e policy.Expr) bool { ids, _ := tagsOf(e); return len(ids) > 0 }

// visit calls f with each path e depends on; the time counts as a path.
func visit(e policy.Expr, f func(path string)) {
	switch x := e.(type) {
	case policy.And:
		for _, y := range x {
			visit(y, f)
		}
	case policy.Or:
		for _, y := range x {
			visit(y, f)
		}
	case policy.Not:
		visit(x.X, f)
	case policy.Exists:
		f(x.Path)
	case policy.Compare:
		f(x.Path)
	case policy.In:
		f(x.Path)
	case policy.Count:
		f(x.Path)
	case policy.NowCompare:
		f("now")
	case policy.Any:
		f(x.Path)
		visit(x.X, func(p string) {
			if strings.HasPrefix(p, tagPrefix) {
				f(p)
			}
		})
	case policy.Nested:
		f(x.Path)
		visit(x.X, func(p string) {
			if strings.HasPrefix(p, tagPrefix) {
				f(p)
			}
		})
	}
}

// untag makes the paths of one iteration relative to its element.
func untag(e policy.Expr, id string) policy.Expr {
	fix := func(path string) string {
		if i, name, ok := splitTag(path); ok && i == id {
			return name
		}
		return path
	}
	switch x := e.(type) {
	case policy.And:
		out := make(policy.And, len(x))
		for i := range x {
			out[i] = untag(x[i], id)
		}
		return out
	case policy.Or:
		out := make(policy.Or, len(x))
		for i := range x {
			out[i] = untag(x[i], id)
		}
		return out
	case policy.Not:
		return policy.Not{X: untag(x.X, id)}
	case policy.Exists:
		if i, name, ok := splitTag(x.Path); ok && i == id && name == "" {
			return policy.Bool(true) // the element itself
		}
		return policy.Exists{Path: fix(x.Path)}
	case policy.Compare:
		x.Path = fix(x.Path)
		return x
	case policy.In:
		x.Path = fix(x.Path)
		return x
	}
	return e
}

// open returns the element of a collection that variable v iterates over.
func (t *translator) open(a attribute, v ast.Var, sc *scope) *iteration {
	if it := sc.iterationOf(v); it != nil {
		if it.path == a.path {
			return it
		}
		t.refuse("compare the elements themselves", "one index runs over two collections (a positional join)")
		return it
	}
	t.serial++
	it := &iteration{id: strconv.Itoa(t.serial), path: a.path, attr: t.schema[a.path]}
	sc.iters = append(sc.iters, it)
	sc.index[v] = it
	return it
}

// ready reports whether every variable of e has a value, is an index, or is
// what e binds.
func ready(e *ast.Expr, sc *scope) bool {
	ok := true
	var check func(x *ast.Term)
	check = func(x *ast.Term) {
		switch v := x.Value.(type) {
		case ast.Var:
			if _, bound := sc.lookup(v); !bound {
				ok = false
			}
		case ast.Ref:
			if h, isVar := v[0].Value.(ast.Var); isVar && !ast.RootDocumentNames.Contains(v[0]) {
				if _, bound := sc.lookup(h); !bound {
					ok = false
				}
			}
		case ast.Call:
			for _, a := range v[1:] {
				check(a)
			}
		case *ast.Array:
			v.Foreach(check)
		case ast.Set:
			v.Foreach(check)
		}
	}
	switch terms := e.Terms.(type) {
	case *ast.Term:
		check(terms)
	case []*ast.Term:
		binds := bindingPosition(e, terms, sc)
		for i, x := range terms[1:] {
			if i+1 != binds {
				check(x)
			}
		}
	}
	return ok
}

// bindingPosition returns the index in terms of the variable that e gives its
// value to, or 0: a side of an equality, or the last operand of a call with one
// operand more than its function takes.
func bindingPosition(e *ast.Expr, terms []*ast.Term, sc *scope) int {
	unbound := func(x *ast.Term) bool {
		v, ok := x.Value.(ast.Var)
		if !ok {
			return false
		}
		_, bound := sc.lookup(v)
		return !bound
	}
	if e.IsEquality() && len(terms) == 3 {
		switch {
		case unbound(terms[1]):
			return 1
		case unbound(terms[2]):
			return 2
		}
		return 0
	}
	if n, ok := valueArity[terms[0].Value.String()]; ok && len(terms) == n+2 && unbound(terms[n+1]) {
		return n + 1
	}
	return 0
}

// valueArity lists the functions that may stand for a value of the document,
// with the number of their operands.
var valueArity = map[string]int{"count": 1, "object.get": 3, "and": 2, "minus": 2, "plus": 2, "or": 2, "intersection": 1,
	"equal": 2, "neq": 2, "lt": 2, "lte": 2, "gt": 2, "gte": 2, memberName: 2}
