package rego

import (
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// swapIterations turns "v = K[_]; v in D" into "v = D[_]; v in K", where K is
// known (the subject, the context) and D a collection of the document. Both say
// that the collections share v. The rewrite is kept to where v and the index
// are used for nothing else, so that policies may compute on a known v.
func swapIterations(b ast.Body, keep ast.VarSet) ast.Body {
	for i, e := range b {
		if v, known, ok := knownIteration(e); ok {
			idx := lastVar(known)
			if keep.Contains(v) || keep.Contains(idx) || occurrences(b, idx) != 1 || occurrences(b, v) != 2 {
				continue
			}
			if j, docs := membershipOf(b, v); j >= 0 {
				b[i] = equality(ast.NewTerm(v), index(docs, wildcardLike(known)), e.Location)
				b[j] = memberExpr(ast.NewTerm(v), prefixOf(known), b[j].Location)
				continue
			}
		}
		if docs, known, ok := sharedElement(e); ok {
			v := ast.VarTerm(fmt.Sprintf("doorward_shared_%d_%s", i, strings.TrimLeft(string(lastVar(known)), "$_")))
			b[i] = equality(v, docs, e.Location)
			b = append(b, memberExpr(v, prefixOf(known), e.Location))
		}
	}
	return b
}

// knownIteration matches v = input.subject.x[_] with an index used nowhere else.
func knownIteration(e *ast.Expr) (ast.Var, ast.Ref, bool) {
	if e.Negated || !e.IsEquality() || len(e.With) > 0 {
		return "", nil, false
	}
	for i := range 2 {
		v, ok1 := e.Operand(i).Value.(ast.Var)
		r, ok2 := e.Operand(1 - i).Value.(ast.Ref)
		if ok1 && ok2 && iterates(r) && isKnown(r) {
			return v, r, true
		}
	}
	return "", nil, false
}

// membershipOf finds the one expression "v in input.document.…", directly or by
// a variable bound to the collection.
func membershipOf(b ast.Body, v ast.Var) (int, *ast.Term) {
	for j, e := range b {
		if e.Negated || len(e.With) > 0 || !e.IsCall() || e.Operator().String() != memberName || len(e.Operands()) != 2 {
			continue
		}
		if x, ok := e.Operand(0).Value.(ast.Var); !ok || x != v {
			continue
		}
		coll := e.Operand(1)
		if cv, ok := coll.Value.(ast.Var); ok {
			coll = boundTo(b, cv)
		}
		if coll == nil {
			continue
		}
		if r, ok := coll.Value.(ast.Ref); ok && r.IsGround() && r.HasPrefix(documentRef) {
			return j, e.Operand(1)
		}
	}
	return -1, nil
}

// sharedElement matches input.document.x[_] = input.subject.y[_].
func sharedElement(e *ast.Expr) (docs *ast.Term, known ast.Ref, ok bool) {
	if e.Negated || !e.IsEquality() || len(e.With) > 0 {
		return nil, nil, false
	}
	for i := range 2 {
		d, ok1 := e.Operand(i).Value.(ast.Ref)
		k, ok2 := e.Operand(1 - i).Value.(ast.Ref)
		if ok1 && ok2 && d.HasPrefix(documentRef) && iterates(d) && iterates(k) && isKnown(k) && lastVar(k).IsWildcard() && lastVar(d).IsWildcard() {
			return e.Operand(i), k, true
		}
	}
	return nil, nil, false
}

var (
	documentRef = ast.MustParseRef("input.document")
	subjectRef  = ast.MustParseRef("input.subject")
	contextRef  = ast.MustParseRef("input.context")
	nowRef      = ast.MustParseRef("input.context.now")
)

const memberName = "internal.member_2"

func isKnown(r ast.Ref) bool { return r.HasPrefix(subjectRef) }

// iterates reports whether r is ground but for a last variable.
func iterates(r ast.Ref) bool {
	if len(r) < 3 {
		return false
	}
	_, ok := r[len(r)-1].Value.(ast.Var)
	return ok && r[:len(r)-1].IsGround()
}

func lastVar(r ast.Ref) ast.Var { v, _ := r[len(r)-1].Value.(ast.Var); return v }

func prefixOf(r ast.Ref) *ast.Term { return ast.NewTerm(r[:len(r)-1].Copy()) }

func wildcardLike(r ast.Ref) *ast.Term { return r[len(r)-1] }

func boundTo(b ast.Body, v ast.Var) *ast.Term {
	for _, e := range b {
		if e.Negated || !e.IsEquality() {
			continue
		}
		for i := range 2 {
			if x, ok := e.Operand(i).Value.(ast.Var); ok && x == v {
				return e.Operand(1 - i)
			}
		}
	}
	return nil
}

// memberExpr makes "v in coll" over a bound copy of coll, as the compiler would.
func memberExpr(v, coll *ast.Term, loc *ast.Location) *ast.Expr {
	return &ast.Expr{Terms: []*ast.Term{ast.NewTerm(ast.MustParseRef(memberName)), v, coll}, Location: loc}
}

// occurrences counts uses of v in a body, closures included.
func occurrences(b ast.Body, v ast.Var) int {
	n := 0
	ast.WalkVars(b, func(x ast.Var) bool {
		if x == v {
			n++
		}
		return false
	})
	return n
}
