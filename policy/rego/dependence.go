package rego

import (
	"github.com/open-policy-agent/opa/v1/ast"
)

// dependence says which rules the access decision depends on, and which of
// these depend on the document or the time, so that a plan does not know them.
type dependence struct {
	reachable map[*ast.Rule]bool
	unknown   map[*ast.Rule]bool // may depend on input.document or input.context.now
	order     []*ast.Rule        // reachable rules, as found
}

func findDependence(c *ast.Compiler) *dependence {
	d := &dependence{reachable: map[*ast.Rule]bool{}, unknown: map[*ast.Rule]bool{}}
	d.visit(c, c.GetRulesExact(ast.MustParseRef(accessPath+".allow")))
	for changed := true; changed; {
		changed = false
		for _, r := range d.order {
			if !d.unknown[r] && d.readsUnknown(c, r) {
				d.unknown[r] = true
				changed = true
			}
		}
	}
	return d
}

func (d *dependence) visit(c *ast.Compiler, rules []*ast.Rule) {
	for _, r := range rules {
		for ; r != nil; r = r.Else {
			if d.reachable[r] {
				continue
			}
			d.reachable[r] = true
			d.order = append(d.order, r)
			for dep := range c.Graph.Dependencies(r) {
				if dr, ok := dep.(*ast.Rule); ok {
					d.visit(c, []*ast.Rule{dr})
					d.visit(c, c.GetRulesExact(rulePath(dr)))
				}
			}
		}
	}
}

// readsUnknown reports whether a rule reads the document or the time, itself or
// through a rule that does.
func (d *dependence) readsUnknown(c *ast.Compiler, r *ast.Rule) bool {
	found := false
	walkOwn(r, func(x any) bool {
		ref, ok := x.(ast.Ref)
		if ok && !found {
			found = d.refUnknown(c, ref)
		}
		return found
	})
	return found
}

func (d *dependence) refUnknown(c *ast.Compiler, ref ast.Ref) bool {
	if ref.HasPrefix(ast.InputRootRef) {
		return !knownInputRef(ref)
	}
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return false
	}
	for _, r := range c.GetRulesDynamicWithOpts(ref, ast.RulesOptions{IncludeHiddenModules: true}) {
		for ; r != nil; r = r.Else {
			if d.unknown[r] {
				return true
			}
		}
	}
	return false
}

// knownInputRef reports whether a reference stays within the subject or the
// known part of the context.
func knownInputRef(ref ast.Ref) bool {
	if ref.HasPrefix(subjectRef) {
		return true
	}
	if len(ref) >= 3 && ref.HasPrefix(contextRef) {
		k, ok := ref[2].Value.(ast.String)
		return ok && k != "now"
	}
	return false
}

// mayReachDocument reports whether a reference may lead into the document.
func (d *dependence) mayReachDocument(ref ast.Ref) bool {
	return !ref.HasPrefix(subjectRef) && !ref.HasPrefix(contextRef)
}

// walkOwn visits a rule's head and body, but not its else branches.
func walkOwn(r *ast.Rule, f func(any) bool) {
	vis := ast.NewGenericVisitor(f)
	vis.Walk(r.Head)
	vis.Walk(r.Body)
}

// reads lists what of the known input a policy looks at: the parts of the
// subject and context that a cached plan depends on.
type reads struct {
	all   bool // something reads the subject or the context as a whole
	paths [][]string
}

func findReads(dep *dependence) reads {
	var out reads
	seen := map[string]bool{}
	for _, r := range dep.order {
		walkOwn(r, func(x any) bool {
			if ref, ok := x.(ast.Ref); ok && ref.HasPrefix(ast.InputRootRef) {
				out.add(ref, seen)
			}
			return false
		})
	}
	return out
}

func (out *reads) add(ref ast.Ref, seen map[string]bool) {
	if ref.HasPrefix(documentRef) || ref.HasPrefix(nowRef) || out.all {
		return
	}
	var p []string
	for _, t := range ref[1:] {
		k, ok := t.Value.(ast.String)
		if !ok {
			break
		}
		p = append(p, string(k))
	}
	if len(p) < 2 {
		out.all = true
		return
	}
	if k := ref[:len(p)+1].String(); !seen[k] {
		seen[k] = true
		out.paths = append(out.paths, p)
	}
}
