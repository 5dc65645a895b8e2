package rego

import (
	"slices"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// expr translates one positive expression.
func (t *translator) expr(e *ast.Expr, sc *scope) policy.Expr {
	if t.err != nil {
		return never
	}
	switch terms := e.Terms.(type) {
	case *ast.Term:
		return t.truthy(t.term(terms, sc))
	case []*ast.Term:
		return t.callExpr(e, terms[0].Value.String(), terms[1:], terms, sc)
	}
	t.refuse("", "this kind of expression cannot be made part of a search")
	return never
}

var orderings = map[string]policy.Op{"lt": policy.Lt, "lte": policy.Lte, "gt": policy.Gt, "gte": policy.Gte}

func (t *translator) callExpr(e *ast.Expr, op string, args, terms []*ast.Term, sc *scope) policy.Expr {
	if at := bindingPosition(e, terms, sc); at > 0 {
		var value symbol
		if e.IsEquality() {
			value = t.term(args[2-at], sc)
		} else {
			value = t.call(op, args[:at-1], sc)
		}
		sc.vars[terms[at].Value.(ast.Var)] = value
		return t.defined(value)
	}
	switch {
	case (op == "eq" || op == "equal" || op == equalName) && len(args) == 2:
		return t.compare(policy.Eq, t.term(args[0], sc), t.term(args[1], sc))
	case op == "neq" && len(args) == 2:
		a, b := t.term(args[0], sc), t.term(args[1], sc)
		return policy.And{t.defined(a), t.defined(b), policy.Not{X: t.compare(policy.Eq, a, b)}}
	case orderings[op] != "" && len(args) == 2:
		return t.compare(orderings[op], t.term(args[0], sc), t.term(args[1], sc))
	case op == definedName && len(args) == 1:
		return t.defined(t.term(args[0], sc))
	case op == memberName && len(args) == 2:
		return t.member(t.term(args[0], sc), t.term(args[1], sc))
	}
	if n, ok := valueArity[op]; ok {
		if len(args) == n+1 { // f(x, y) where y is f's value
			return t.compare(policy.Eq, t.call(op, args[:n], sc), t.term(args[n], sc))
		}
		if len(args) == n {
			return t.truthy(t.call(op, args, sc))
		}
	}
	if strings.HasPrefix(op, "data.") {
		return t.supportCall(op, args, sc)
	}
	t.refuse(insteadOf(op), "%s on an attribute of the document has no counterpart in a search", op)
	return never
}

// insteadOf gives the remedy for a function that stores do not have.
func insteadOf(op string) string {
	switch {
	case op == "startswith", strings.HasPrefix(op, "strings.any_prefix"), op == "split", op == "trim_prefix":
		return "derive an attribute at ingest, for example a set of all parent paths, and test membership"
	case op == "endswith", op == "contains", strings.HasPrefix(op, "regex."), strings.HasPrefix(op, "glob."):
		return "derive an attribute at ingest that holds what the pattern looks for, and compare it"
	case op == "lower", op == "upper", strings.HasPrefix(op, "trim"), op == "sprintf", op == "concat", op == "format_int":
		return "store the attribute in the wanted form at ingest, and compare it as it is"
	case op == "mul", op == "div", op == "rem", op == "plus", op == "minus", op == "round", op == "abs":
		return "move the arithmetic to the known side of the comparison"
	case op == "max", op == "min", op == "sum", op == "sort":
		return "say it with every or some over the elements"
	case strings.HasPrefix(op, "time."):
		return "compare epoch seconds: input.document.x <= input.context.now - 86400"
	}
	return "derive an attribute at ingest and compare it"
}

// defined holds where the symbol has a value.
func (t *translator) defined(s symbol) policy.Expr {
	switch x := s.(type) {
	case undefined:
		return never
	case attribute:
		if x.kind.Scalar() {
			return policy.Exists{Path: x.path}
		}
		return policy.Bool(true)
	case field:
		return policy.Exists{Path: tag(x.of, x.name)}
	case element:
		return policy.Exists{Path: tag(x.of, "")}
	case condition:
		return x.holds
	case outcome:
		return x.defined
	case support:
		return t.supportDefined(x)
	case literal:
		var all policy.And
		for _, y := range x.of {
			all = append(all, t.defined(y))
		}
		return all
	case size:
		return t.defined(x.of)
	case nil:
		return never
	}
	return policy.Bool(true)
}

// truthy holds where the symbol is defined and not false.
func (t *translator) truthy(s symbol) policy.Expr {
	switch x := s.(type) {
	case constant:
		return policy.Bool(x.value.Compare(ast.Boolean(false)) != 0)
	case attribute:
		if x.kind == policy.BoolKind {
			return policy.Compare{Path: x.path, Op: policy.Eq, Value: policy.Value{Const: true}}
		}
	case field:
		if x.kind == policy.BoolKind {
			return policy.Compare{Path: tag(x.of, x.name), Op: policy.Eq, Value: policy.Value{Const: true}}
		}
	case fallback:
		if t.kindOf(x.of) == policy.BoolKind {
			return policy.Not{X: t.compare(policy.Eq, x, constant{ast.Boolean(false)})}
		}
		return policy.Bool(true)
	case outcome:
		return x.holds
	case support:
		if rules := t.support[x.path]; len(rules) > 0 && rules[0].Head.RuleKind() == ast.MultiValue {
			return policy.Bool(true)
		}
		return t.supportTrue(x.path, nil, nil)
	}
	return t.defined(s)
}

// supportTrue holds where one of the rule's definitions does.
func (t *translator) supportTrue(path string, args []*ast.Term, sc *scope) policy.Expr {
	var either policy.Or
	for _, r := range t.support[path] {
		if r.Default && isFalse(r.Head.Value) {
			continue // where nothing else holds, it is false, which is not true either
		}
		if r.Default || r.Else != nil {
			t.refuse("write separate rules without else, with no default but false", "%s has a default or an else that depends on the document", display(path))
			return never
		}
		if r.Head.Value == nil || r.Head.Value.Value.Compare(ast.Boolean(true)) != 0 {
			t.refuse("give the rule the value true, or look its value up in a table", "%s has a value other than true", display(path))
			return never
		}
		inner, ok := t.bindArgs(r, args, sc)
		if !ok {
			return never
		}
		either = append(either, t.body(r.Body, inner))
	}
	return either
}

// bindArgs opens a scope in which a support rule's parameters stand for the
// caller's operands. The caller's own variables mean nothing in there.
func (t *translator) bindArgs(r *ast.Rule, args []*ast.Term, sc *scope) (*scope, bool) {
	inner := newScope(nil)
	if len(r.Head.Args) != len(args) {
		t.refuse("", "%s is called with another number of operands", display(rulePath(r).String()))
		return nil, false
	}
	for i, p := range r.Head.Args {
		v, ok := p.Value.(ast.Var)
		if !ok {
			t.refuse("use plain variables as parameters", "a parameter of %s is a pattern", display(rulePath(r).String()))
			return nil, false
		}
		inner.vars[v] = t.term(args[i], sc)
	}
	return inner, true
}

func (t *translator) supportCall(op string, args []*ast.Term, sc *scope) policy.Expr {
	if len(t.support[op]) == 0 {
		t.refuse("inline the condition, or look the value up in a table", "%s depends on the document and could not be resolved (else, a value other than true, or a use inside a comprehension)", display(op))
		return never
	}
	return t.supportTrue(op, args, sc)
}

func isFalse(v *ast.Term) bool { return v != nil && v.Value.Compare(ast.Boolean(false)) == 0 }

// hasDefaultFalse reports whether a rule left uninlined is false where none of
// its definitions holds.
func (t *translator) hasDefaultFalse(path string) bool {
	return slices.ContainsFunc(t.support[path], func(r *ast.Rule) bool { return r.Default && isFalse(r.Head.Value) })
}

func (t *translator) supportDefined(x support) policy.Expr {
	if rules := t.support[x.path]; len(rules) > 0 && rules[0].Head.RuleKind() == ast.MultiValue {
		return policy.Bool(true) // a set is always defined
	}
	if t.hasDefaultFalse(x.path) {
		return policy.Bool(true)
	}
	return t.supportTrue(x.path, nil, nil)
}

// supportSome holds where the partial set has an element, or, with key, that
// element.
func (t *translator) supportSome(path string, key ast.Value) policy.Expr {
	var either policy.Or
	for _, r := range t.support[path] {
		if r.Head.RuleKind() != ast.MultiValue || r.Head.Key == nil || r.Else != nil || len(r.Head.Args) > 0 {
			t.refuse("collect with \"contains\"", "%s is not a plain set", display(path))
			return never
		}
		if !r.Head.Key.IsGround() {
			t.refuse("use a constant message", "an element of %s is made from the document", display(path))
			return never
		}
		if key != nil && r.Head.Key.Value.Compare(key) != 0 {
			continue
		}
		either = append(either, t.body(r.Body, newScope(nil)))
	}
	return either
}
