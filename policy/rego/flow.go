package rego

import (
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// flow follows values of the document through variables, helper functions and
// rules, without evaluating anything. Probes show what a plan cannot push for
// the subjects they stand for; this shows it also behind conditions that no
// probe meets.
type flow struct {
	c       *collector
	s       *Snapshot
	tainted map[ast.Var]bool        // in the rule at hand; compiled locals are unique within it
	params  map[string]map[int]bool // function path → parameters that get a value of the document somewhere
	bound   map[ast.Var]policy.Kind // variables that stand for one scalar attribute
	changed bool
}

// lintFlow refuses built-ins on values of the document, and literals of another
// kind than the attribute they are compared with.
func lintFlow(c *collector, s *Snapshot) {
	f := &flow{c: c, s: s, params: map[string]map[int]bool{}}
	for f.changed = true; f.changed; {
		f.changed = false
		for _, r := range s.taint.order {
			f.rule(r, false)
		}
	}
	for _, r := range s.taint.order {
		f.rule(r, true)
	}
}

func (f *flow) rule(r *ast.Rule, report bool) {
	f.tainted, f.bound = map[ast.Var]bool{}, map[ast.Var]policy.Kind{}
	for i, a := range r.Head.Args {
		if f.params[rulePath(r).String()][i] {
			for v := range a.Vars() {
				f.tainted[v] = true
			}
		}
	}
	for before := -1; before != len(f.tainted); {
		before = len(f.tainted)
		ast.WalkExprs(r.Body, func(e *ast.Expr) bool { f.bind(e); return false })
	}
	ast.WalkExprs(r.Body, func(e *ast.Expr) bool {
		f.call(e)
		if report {
			f.check(e)
		}
		return false
	})
	if report {
		f.single(r)
	}
}

// single refuses a rule or function that may have several values at once for one
// document: full evaluation calls that a conflict and denies, partial evaluation
// sees alternatives (M3).
func (f *flow) single(r *ast.Rule) {
	path := rulePath(r).String()
	if r.Head.RuleKind() == ast.MultiValue || r.Head.Value == nil || r.Head.Value.IsGround() && !holdsRefs(r.Head.Value) {
		return
	}
	if !f.s.taint.unknown[r] && len(f.params[path]) == 0 {
		return
	}
	one := onlyOnce(r)
	for v := range r.Head.Value.Vars() {
		if !one[v] && !ast.RootDocumentNames.Contains(ast.NewTerm(v)) {
			f.c.add(Error, r.Location, "conflict", "collect the values in a set with \"contains\", or test them where they are found",
				"%s may have several values for one document: full evaluation fails and denies, which no plan can see", display(path))
			return
		}
	}
}

// onlyOnce returns the variables of a rule that have one value at most, whatever
// the body iterates over.
func onlyOnce(r *ast.Rule) map[ast.Var]bool {
	one := map[ast.Var]bool{}
	for _, a := range r.Head.Args {
		for v := range a.Vars() {
			one[v] = true
		}
	}
	fixed := func(t *ast.Term) bool {
		for v := range t.Vars() {
			if !one[v] && !ast.RootDocumentNames.Contains(ast.NewTerm(v)) {
				return false
			}
		}
		return true
	}
	for before := -1; before != len(one); {
		before = len(one)
		for _, e := range r.Body {
			terms, ok := e.Terms.([]*ast.Term)
			if !ok || e.Negated || len(terms) < 2 {
				continue
			}
			last := len(terms) - 1
			switch {
			case e.IsEquality() && fixed(terms[2]):
				addVars(one, terms[1])
			case e.IsEquality() && fixed(terms[1]):
				addVars(one, terms[2])
			case !e.IsEquality() && terms[0].Value.String() != "walk" && fixedAll(fixed, terms[1:last]):
				addVars(one, terms[last])
			}
		}
	}
	return one
}

func addVars(one map[ast.Var]bool, t *ast.Term) {
	if _, ref := t.Value.(ast.Ref); ref {
		return // an index is not given its value by the collection it runs over
	}
	for v := range t.Vars() {
		one[v] = true
	}
}

func fixedAll(fixed func(*ast.Term) bool, terms []*ast.Term) bool {
	for _, t := range terms {
		if !fixed(t) {
			return false
		}
	}
	return true
}

// bind marks the variables that e gives a value of the document.
func (f *flow) bind(e *ast.Expr) {
	if ev, ok := e.Terms.(*ast.Every); ok {
		if f.of(ev.Domain) {
			f.mark(ev.Value)
			if ev.Key != nil {
				f.mark(ev.Key)
			}
		}
		return
	}
	terms, ok := e.Terms.([]*ast.Term)
	if !ok || e.Negated {
		return
	}
	if e.IsEquality() && len(terms) == 3 {
		for i := 1; i <= 2; i++ {
			v, isVar := terms[i].Value.(ast.Var)
			if !isVar {
				continue
			}
			if f.of(terms[3-i]) {
				f.tainted[v] = true
			}
			if k := f.kind(terms[3-i]); k.Scalar() {
				f.bound[v] = k
			}
		}
		return
	}
	if n := f.arity(terms[0]); n >= 0 && len(terms) == n+2 {
		for _, x := range terms[1 : n+1] {
			if f.of(x) {
				f.mark(terms[n+1])
			}
		}
	}
}

func (f *flow) mark(t *ast.Term) {
	for v := range t.Vars() {
		f.tainted[v] = true
	}
}

func (f *flow) arity(op *ast.Term) int {
	r, ok := op.Value.(ast.Ref)
	if !ok {
		return -1
	}
	return f.s.compiled.GetArity(r)
}

// of reports whether a term is, or holds, a value of the document or the time. A
// known table looked up by such a value gives known values.
func (f *flow) of(t *ast.Term) bool {
	switch v := t.Value.(type) {
	case ast.Var:
		return f.tainted[v]
	case ast.Ref:
		if h, ok := v[0].Value.(ast.Var); ok && f.tainted[h] {
			return true
		}
		return f.s.taint.refUnknown(f.s.compiled, v) && !f.isTrueOnly(v)
	case ast.Call:
		for _, a := range v[1:] {
			if f.of(a) {
				return true
			}
		}
	case *ast.SetComprehension:
		return f.of(v.Term)
	case *ast.ArrayComprehension:
		return f.of(v.Term)
	case *ast.Array:
		return v.Until(f.of)
	case ast.Set:
		return v.Until(f.of)
	case ast.Object:
		return v.Until(func(_, x *ast.Term) bool { return f.of(x) })
	}
	return false
}

// isTrueOnly reports whether a rule only ever has the value true, so that its
// value says nothing of the document.
func (f *flow) isTrueOnly(ref ast.Ref) bool {
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return false
	}
	rules := f.s.compiled.GetRulesExact(ref)
	for _, r := range rules {
		if r.Head.RuleKind() == ast.MultiValue || !isTrue(r.Head.Value) {
			return false
		}
	}
	return len(rules) > 0
}

// call carries values of the document into the functions they are given to.
func (f *flow) call(e *ast.Expr) {
	terms, ok := e.Terms.([]*ast.Term)
	if !ok || !strings.HasPrefix(terms[0].Value.String(), "data.") {
		return
	}
	path := terms[0].Value.String()
	for i := range max(0, f.arity(terms[0])) {
		if i+1 < len(terms) && f.of(terms[i+1]) && !f.params[path][i] {
			if f.params[path] == nil {
				f.params[path] = map[int]bool{}
			}
			f.params[path][i] = true
			f.changed = true
		}
	}
}

var pushable = map[string]bool{
	"eq": true, "equal": true, "neq": true, "lt": true, "lte": true, "gt": true, "gte": true, memberName: true,
	"count": true, "object.get": true, "and": true, "minus": true, "plus": true, "intersection": true, "internal.print": true,
}

// check refuses what no search can do with a value of the document.
func (f *flow) check(e *ast.Expr) {
	terms, ok := e.Terms.([]*ast.Term)
	if !ok {
		return
	}
	op := terms[0].Value.String()
	n := f.arity(terms[0])
	if n >= 0 && !pushable[op] && !strings.HasPrefix(op, "data.") {
		for _, x := range terms[1:min(len(terms), n+1)] {
			if f.of(x) {
				f.c.add(Error, e.Location, "not-pushable", insteadOf(op), "%s on an attribute of the document has no counterpart in a search", op)
				return
			}
		}
	}
	if len(terms) == 3 && (pushable[op] && op != memberName && op != "count") {
		f.literal(e, op, terms[1], terms[2])
		f.literal(e, op, terms[2], terms[1])
	}
}

// literal compares the kind of an attribute with that of a literal.
func (f *flow) literal(e *ast.Expr, op string, attr, lit *ast.Term) {
	k := f.kind(attr)
	if !k.Scalar() {
		return
	}
	switch lit.Value.(type) {
	case ast.String, ast.Number, ast.Boolean, ast.Null:
	default:
		return
	}
	t := &translator{at: e.Location}
	t.constantOf(lit.Value, k)
	if orderings[op] != "" && !k.Ordered() {
		t.refuse("compare for equality, or store an int", "an attribute of kind %s is compared by order", k)
	}
	if u, ok := t.err.(*unpushable); ok {
		f.c.add(Error, e.Location, "not-pushable", u.instead, "%s", u.message)
	}
}

// kind is the kind of the one attribute a term stands for, or 0.
func (f *flow) kind(t *ast.Term) policy.Kind {
	switch v := t.Value.(type) {
	case ast.Var:
		return f.bound[v]
	case ast.Ref:
		if !v.HasPrefix(documentRef) || !v.IsGround() {
			return 0
		}
		path := ""
		for _, seg := range v[2:] {
			s, ok := seg.Value.(ast.String)
			if !ok {
				return 0
			}
			path = join(path, string(s))
		}
		return f.s.cfg.Document[path].Kind
	}
	return 0
}
