package rego

import (
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

// Plans are made from a rewritten copy of the compiled policy; checks use the
// policy as written. Four rewrites make partial evaluation exact or possible:
//
//  1. Definedness. Partial evaluation propagates copies, and so forgets that a
//     reference had to be defined: from "l := input.document.level; not l == 3" it
//     leaves "not input.document.level = 3", which holds for a document without
//     a level, while the policy as written denies it. Every binding of a
//     reference into the document is followed by doorward.defined(v), which
//     partial evaluation keeps. Bindings the author wrote (M1) and bindings the
//     compiler introduced for the operands of negated calls (M2) are guarded
//     apart, so that tests can switch either off.
//  2. every. OPA 1.21.4 panics on a negated rule that holds every, and leaves
//     every over a known set alone. "every x in S { B }" becomes "not fails",
//     with helper rules "fails if { x = S[_]; not holds(x) }" and
//     "holds(x) if { B }".
//  3. Sets of rules. Partial evaluation takes "denied == set()" for undefined where
//     denied turns out empty; bound to a variable first, the set is compared right.
//  4. Order of iteration. "some g in input.subject.groups; g in
//     input.document.groups" makes one residual query per group. Where g is used
//     for nothing else, the two collections change places: one query in all.

var definedBuiltin = &ast.Builtin{
	Name: definedName,
	Decl: types.NewFunction(types.Args(types.A), types.B),
}

// equalBuiltin compares with an empty collection; see compareEmpty.
var equalBuiltin = &ast.Builtin{
	Name: equalName,
	Decl: types.NewFunction(types.Args(types.A, types.A), types.B),
}

var defineEqual = rego.Function2(&rego.Function{Name: equalName, Decl: equalBuiltin.Decl},
	func(_ rego.BuiltinContext, a, b *ast.Term) (*ast.Term, error) {
		return ast.InternedTerm(a.Value.Compare(b.Value) == 0), nil
	})

// defineDefined gives the program's queries the function; it is true for every
// defined operand.
var defineDefined = rego.Function1(&rego.Function{Name: definedName, Decl: definedBuiltin.Decl},
	func(rego.BuiltinContext, *ast.Term) (*ast.Term, error) { return ast.InternedTerm(true), nil })

// rewriteForPlans returns the modules of the program: the compiled rules that
// access depends on, rewritten.
func rewriteForPlans(c *ast.Compiler, dep *dependence, mut mutation) map[string]*ast.Module {
	out := map[string]*ast.Module{}
	w := &rewriter{compiler: c, dep: dep, mut: mut}
	for _, name := range slices.Sorted(maps.Keys(c.Modules)) {
		m := c.Modules[name].Copy()
		var keep []*ast.Rule
		for i, r := range c.Modules[name].Rules {
			if dep.reachable[r] {
				keep = append(keep, m.Rules[i])
			}
		}
		if len(keep) == 0 {
			continue
		}
		m.Rules, m.Annotations, m.Comments = keep, nil, nil
		w.module = m
		for _, r := range keep {
			for ; r != nil; r = r.Else {
				r.Annotations = nil
				r.Body = w.body(r.Body, ruleVars(r), headVars(r))
			}
		}
		m.Rules = append(m.Rules, w.added...)
		w.added = nil
		out[name] = m
	}
	return out
}

type rewriter struct {
	compiler *ast.Compiler
	dep      *dependence
	mut      mutation
	module   *ast.Module
	added    []*ast.Rule // helper rules for every
	count    int
}

// headVars are the variables the rule's key and value use.
func headVars(r *ast.Rule) ast.VarSet {
	vars := r.Head.Vars()
	if r.Head.Value != nil {
		vars.Update(r.Head.Value.Vars())
	}
	if r.Head.Key != nil {
		vars.Update(r.Head.Key.Vars())
	}
	for _, t := range r.Head.Ref() {
		vars.Update(t.Vars())
	}
	return vars
}

// ruleVars are the variables of a rule that stand outside its body's closures.
func ruleVars(r *ast.Rule) ast.VarSet {
	vars := ast.NewVarSet()
	for _, a := range r.Head.Args {
		vars.Update(a.Vars())
	}
	return vars
}

// body rewrites one body and the closures in it. outer are variables bound
// around it, keep those its head uses.
func (w *rewriter) body(b ast.Body, outer, keep ast.VarSet) ast.Body {
	scope := outer.Copy()
	scope.Update(bodyVars(b))
	for _, e := range b {
		w.closures(e, scope)
	}
	var out ast.Body
	for _, e := range b {
		if ev, ok := e.Terms.(*ast.Every); ok {
			out = append(out, w.every(e, ev, b, scope)...)
			continue
		}
		out = append(out, w.compareEmpty(e, b, outer)...)
	}
	out = swapIterations(out, keep)
	out = append(out, w.guards(out)...)
	for i := range out {
		out[i].Index = i
	}
	return out
}

// bodyVars are the variables a body binds itself, not those inside closures.
func bodyVars(b ast.Body) ast.VarSet {
	return b.Vars(ast.VarVisitorParams{SkipClosures: true, SkipRefCallHead: true})
}

func (w *rewriter) closures(e *ast.Expr, scope ast.VarSet) {
	ast.WalkTerms(e, func(t *ast.Term) bool {
		switch c := t.Value.(type) {
		case *ast.SetComprehension:
			c.Body = w.body(c.Body, scope, c.Term.Vars())
			return true
		case *ast.ArrayComprehension:
			c.Body = w.body(c.Body, scope, c.Term.Vars())
			return true
		case *ast.ObjectComprehension:
			keep := c.Key.Vars()
			keep.Update(c.Value.Vars())
			c.Body = w.body(c.Body, scope, keep)
			return true
		}
		return false
	})
}

// every replaces "every k, v in D { B }".
func (w *rewriter) every(e *ast.Expr, ev *ast.Every, around ast.Body, scope ast.VarSet) ast.Body {
	w.count++
	n := w.count // an every inside this one counts on
	inner := scope.Copy()
	value := ev.Value.Value.(ast.Var)
	inner.Add(value)
	var keyVar ast.Var
	if ev.Key != nil {
		keyVar, _ = ev.Key.Value.(ast.Var)
		inner.Add(keyVar)
	}
	body := w.body(ev.Body, inner, ast.NewVarSet())
	used := body.Vars(ast.VarVisitorParams{SkipRefCallHead: true})
	free := freeVars(used, scope, value, keyVar)

	domain, prefix := w.everyDomain(ev.Domain, around)
	args := slices.Clone(free)
	if v, ok := domain.Value.(ast.Var); ok && !slices.Contains(args, v) {
		args = append(args, v)
	}
	key := ast.VarTerm(fmt.Sprintf("%s_key_%d", helperPrefix, n))
	holdsArgs := append(slices.Clone(free), value)
	if keyVar != "" && used.Contains(keyVar) {
		key = ast.NewTerm(keyVar)
		holdsArgs = append(holdsArgs, keyVar)
	}
	holds := w.rule(fmt.Sprintf("%s_holds_%d", helperPrefix, n), holdsArgs, body, e.Location)
	fails := w.rule(fmt.Sprintf("%s_fails_%d", helperPrefix, n), args, ast.NewBody(
		equality(ast.NewTerm(value), index(domain, key), e.Location),
		negated(w.call(holds, holdsArgs, e.Location)),
	), e.Location)
	w.guardHelper(fails)
	out := append(prefix, negated(w.call(fails, args, e.Location)))
	if e.Negated { // "not every" cannot be written, but cost nothing to honour
		out[len(out)-1].Negated = false
	}
	return out
}

// compareEmpty turns "x = set()" into doorward.equal(x, set()), where x is
// bound elsewhere or a rule that collects. OPA drops a residual "set() = set()"
// as if it could not hold. around is the body, outer what is bound outside it.
func (w *rewriter) compareEmpty(e *ast.Expr, around ast.Body, outer ast.VarSet) ast.Body {
	if !e.IsEquality() || len(e.With) > 0 {
		return ast.Body{e}
	}
	for i := range 2 {
		x, empty := e.Operand(i), e.Operand(1-i)
		if !isEmptyLiteral(empty) {
			continue
		}
		var bind ast.Body
		switch v := x.Value.(type) {
		case ast.Ref:
			if !collects(w.compiler, v) {
				continue
			}
			w.count++
			x = ast.VarTerm(fmt.Sprintf("doorward_set_%d", w.count))
			bind = ast.Body{equality(x, e.Operand(i), e.Location)}
		case ast.Var:
			if !outer.Contains(v) && !boundByOther(around, e, v) {
				continue
			}
		default:
			continue
		}
		call := &ast.Expr{Terms: []*ast.Term{ast.NewTerm(ast.MustParseRef(equalName)), x, empty}, Negated: e.Negated, Location: e.Location}
		return append(bind, call)
	}
	return ast.Body{e}
}

func isEmptyLiteral(t *ast.Term) bool {
	switch v := t.Value.(type) {
	case ast.Set:
		return v.Len() == 0
	case *ast.Array:
		return v.Len() == 0
	case ast.Object:
		return v.Len() == 0
	}
	return false
}

func boundByOther(b ast.Body, e *ast.Expr, v ast.Var) bool {
	for _, other := range b {
		if other == e || other.Negated {
			continue
		}
		if other.IsEquality() {
			for i := range 2 {
				if x, ok := other.Operand(i).Value.(ast.Var); ok && x == v && !isEmptyLiteral(other.Operand(1-i)) {
					return true
				}
			}
		} else if terms, ok := other.Terms.([]*ast.Term); ok && len(terms) > 2 {
			if x, ok := terms[len(terms)-1].Value.(ast.Var); ok && x == v {
				return true // the value of a call
			}
		}
	}
	return false
}

// collects reports whether r is a rule that collects a set or an object: always
// defined, whatever its definitions find.
func collects(c *ast.Compiler, r ast.Ref) bool {
	if isPartialSet(c, r) {
		return true
	}
	if !r.HasPrefix(ast.DefaultRootRef) || !r.IsGround() {
		return false
	}
	for _, rule := range c.GetRulesWithPrefix(r) {
		if len(rule.Ref()) <= len(r) {
			return false
		}
	}
	return len(c.GetRulesWithPrefix(r)) > 0
}

func isPartialSet(c *ast.Compiler, r ast.Ref) bool {
	if !r.HasPrefix(ast.DefaultRootRef) || !r.IsGround() {
		return false
	}
	rules := c.GetRulesExact(r)
	return len(rules) > 0 && rules[0].Head.RuleKind() == ast.MultiValue
}

const helperPrefix = "doorward_every"

func (w *rewriter) guardHelper(r *ast.Rule) {
	r.Body = append(r.Body, w.guards(r.Body)...)
}

// everyDomain resolves the domain to a reference where the surrounding body
// binds it to one; otherwise it stays a variable, which the caller passes on.
func (w *rewriter) everyDomain(d *ast.Term, around ast.Body) (*ast.Term, ast.Body) {
	v, ok := d.Value.(ast.Var)
	if !ok {
		if r, isRef := d.Value.(ast.Ref); isRef && r.IsGround() {
			return d, ast.Body{exprOf(ast.VarTerm(definedName), d, d.Location)}
		}
		w.count++
		nv := ast.VarTerm(fmt.Sprintf("%s_domain_%d", helperPrefix, w.count))
		return nv, ast.Body{equality(nv, d, d.Location)}
	}
	for _, e := range around {
		if e.Negated || !e.IsEquality() {
			continue
		}
		for i := range 2 {
			if a, ok := e.Operand(i).Value.(ast.Var); !ok || a != v {
				continue
			}
			if r, ok := e.Operand(1 - i).Value.(ast.Ref); ok && r.IsGround() && r.HasPrefix(ast.InputRootRef) {
				return e.Operand(1 - i), nil
			}
		}
	}
	return d, nil
}

func freeVars(used, scope ast.VarSet, except ...ast.Var) []ast.Var {
	var free []ast.Var
	for v := range used {
		if scope.Contains(v) && !slices.Contains(except, v) && !ast.RootDocumentNames.Contains(ast.NewTerm(v)) {
			free = append(free, v)
		}
	}
	slices.Sort(free)
	return free
}

func (w *rewriter) rule(name string, args []ast.Var, body ast.Body, loc *ast.Location) *ast.Rule {
	head := &ast.Head{Name: ast.Var(name), Reference: ast.Ref{ast.VarTerm(name)}, Value: ast.BooleanTerm(true), Location: loc}
	for _, a := range args {
		head.Args = append(head.Args, ast.NewTerm(a))
	}
	r := &ast.Rule{Head: head, Body: body, Module: w.module, Location: loc}
	w.added = append(w.added, r)
	return r
}

func (w *rewriter) call(r *ast.Rule, args []ast.Var, loc *ast.Location) *ast.Expr {
	ref := ast.NewTerm(w.module.Package.Path.Append(ast.StringTerm(string(r.Head.Name))))
	if len(args) == 0 {
		return &ast.Expr{Terms: ref, Location: loc}
	}
	terms := []*ast.Term{ref}
	for _, a := range args {
		terms = append(terms, ast.NewTerm(a))
	}
	return &ast.Expr{Terms: terms, Location: loc}
}

func negated(e *ast.Expr) *ast.Expr { e.Negated = true; return e }

func exprOf(op *ast.Term, arg *ast.Term, loc *ast.Location) *ast.Expr {
	if v, ok := op.Value.(ast.Var); ok {
		op = ast.NewTerm(ast.MustParseRef(string(v)))
	}
	return &ast.Expr{Terms: []*ast.Term{op, arg.Copy()}, Location: loc}
}

func equality(a, b *ast.Term, loc *ast.Location) *ast.Expr {
	e := ast.Equality.Expr(a, b)
	e.Location = loc
	return e
}

func index(coll, key *ast.Term) *ast.Term {
	if r, ok := coll.Value.(ast.Ref); ok {
		return ast.NewTerm(append(r.Copy(), key))
	}
	return ast.NewTerm(ast.Ref{coll, key})
}

// guards returns a definedness call for each variable the body binds to a
// reference that may lead into the document.
func (w *rewriter) guards(b ast.Body) ast.Body {
	var out ast.Body
	for _, e := range b {
		if e.Negated || !e.IsEquality() || len(e.With) > 0 {
			continue
		}
		if e.Generated && w.mut.noOperandGuards || !e.Generated && w.mut.noBindingGuards {
			continue
		}
		for i := range 2 {
			v, isVar := e.Operand(i).Value.(ast.Var)
			r, isRef := e.Operand(1 - i).Value.(ast.Ref)
			if isVar && isRef && !v.IsWildcard() && w.dep.mayReachDocument(r) {
				out = append(out, exprOf(ast.VarTerm(definedName), e.Operand(i), e.Location))
			}
		}
	}
	return out
}
