package rego

import (
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/ast"
)

// lint refuses, by file and line, what would make the plan and the check
// disagree or what no plan can be made of.
func lint(c *collector, s *Snapshot) {
	if !hasRule(s.compiled, accessPath+".allow") {
		c.add(Error, nil, "no-access", "write a file with \"package doorward.access\" and rules named allow",
			"the policy has no rule doorward.access.allow")
		return
	}
	lintConflicts(c, s)
	lintObligations(c, s)
	for _, m := range s.compiled.Modules {
		if m.Package.Path.HasPrefix(partialRef) {
			c.add(Error, m.Package.Location, "package-name", "rename the package", "packages below \"partial\" are where partial evaluation keeps its own rules")
		}
		lintReferences(c, s, m)
	}
	for _, r := range s.taint.order {
		lintRule(c, s, r)
	}
	lintFlow(c, s)
}

// lintConflicts refuses rules that full evaluation may find in conflict (an
// error, so a denial) where partial evaluation sees only alternatives (M3).
func lintConflicts(c *collector, s *Snapshot) {
	groups := map[string][]*ast.Rule{}
	var order []string
	for _, r := range s.taint.order {
		if r.Head.RuleKind() == ast.MultiValue {
			continue
		}
		k := rulePath(r).String()
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	for _, k := range order {
		if k == accessPath+".allow" {
			lintEntry(c, groups[k])
			continue
		}
		lintValues(c, s, k, groups[k])
	}
}

func lintEntry(c *collector, rules []*ast.Rule) {
	for _, r := range rules {
		v := r.Head.Value
		switch {
		case r.Default && (v == nil || v.Value.Compare(ast.Boolean(false)) != 0):
			c.add(Error, r.Location, "default-allow", "default allow := false", "the default of allow must be false")
		case !r.Default && (v == nil || v.Value.Compare(ast.Boolean(true)) != 0):
			c.add(Error, r.Location, "allow-value", "write only \"allow if { … }\"; put what forbids into \"not denied\"",
				"allow must have the value true: another value is a conflict in full evaluation, but an alternative to a plan")
		}
	}
}

func lintValues(c *collector, s *Snapshot, path string, rules []*ast.Rule) {
	depends := false
	for _, r := range rules {
		depends = depends || s.taint.unknown[r] || len(r.Head.Args) > 0
	}
	if !depends {
		return // known to the plan: evaluated as in a check, conflicts included
	}
	var first *ast.Term
	for _, r := range rules {
		if r.Default || r.Head.Value == nil {
			continue
		}
		if first == nil {
			first = r.Head.Value
			continue
		}
		if !first.IsGround() || !r.Head.Value.IsGround() || first.Value.Compare(r.Head.Value.Value) != 0 {
			c.add(Error, r.Location, "conflict", "look the value up in a table (an object), or collect values in a set with \"contains\"",
				"%s has several definitions with different values: where two hold, full evaluation fails and denies, which no plan can see", display(path))
			return
		}
	}
}

func lintObligations(c *collector, s *Snapshot) {
	d := &dependence{reachable: map[*ast.Rule]bool{}, unknown: map[*ast.Rule]bool{}}
	d.visit(s.compiled, s.compiled.GetRulesWithPrefix(ast.MustParseRef(accessPath+".obligations")))
	for _, r := range d.order {
		walkOwn(r, func(x any) bool {
			if ref, ok := x.(ast.Ref); ok && ref.HasPrefix(documentRef) {
				c.add(Error, r.Location, "obligation-document", "decide by input.subject and input.context",
					"obligations are asked once per request, of subject and context alone; %s reads the document", display(rulePath(r).String()))
			}
			return false
		})
	}
}

// lintReferences refuses references to input that can never have a value.
func lintReferences(c *collector, s *Snapshot, m *ast.Module) {
	access := strings.HasPrefix(m.Package.Path.String(), accessPath)
	ast.WalkRefs(m, func(ref ast.Ref) bool {
		if !ref.HasPrefix(ast.InputRootRef) || len(ref) < 2 {
			return false
		}
		top, ok := ref[1].Value.(ast.String)
		if !ok {
			return false
		}
		loc := ref[0].Location
		if access && top != "subject" && top != "document" && top != "context" {
			c.add(Error, loc, "unknown-input", "use input.subject, input.document or input.context",
				"access policies are not given input.%s", string(top))
			return false
		}
		switch top {
		case "document":
			lintPath(c, s.cfg.Document, ref, 2, "input.document")
		case "subject":
			lintSubject(c, s, ref)
		}
		return false
	})
}

var subjectFields = map[string]bool{"id": true, "tenant": true, "groups": true, "roles": true, "clearance": true, "claims": true, "authn": true}

func lintSubject(c *collector, s *Snapshot, ref ast.Ref) {
	if len(ref) < 3 {
		return
	}
	k, ok := ref[2].Value.(ast.String)
	if !ok {
		return
	}
	if !subjectFields[string(k)] {
		c.add(Error, ref[0].Location, "unknown-subject", "declare it as a claim and read input.subject.claims."+string(k),
			"a subject has no %s", string(k))
		return
	}
	if k == "claims" {
		lintPath(c, s.cfg.Claims, ref, 3, "input.subject.claims")
	}
}

// lintPath follows the constant part of a reference through a schema.
func lintPath(c *collector, schema policy.Schema, ref ast.Ref, from int, root string) {
	path := ""
	for _, t := range ref[from:] {
		k, ok := t.Value.(ast.String)
		if !ok {
			return // iteration or dynamic: the planner judges
		}
		if path != "" {
			path += "."
		}
		path += string(k)
		if _, declared := schema[path]; declared {
			return
		}
		if !schema.Interior(path) {
			c.add(Error, ref[0].Location, "undeclared-attribute", "declare it in the schema, or correct the name",
				"%s.%s is not in the schema", root, path)
			return
		}
	}
}

// lintRule refuses constructs a plan cannot follow, in rules that depend on the
// document.
func lintRule(c *collector, s *Snapshot, r *ast.Rule) {
	if !s.taint.unknown[r] {
		return
	}
	if r.Else != nil {
		c.add(Error, r.Location, "else", "write separate rules with the conditions spelt out, or a lookup table",
			"else in %s depends on the document", display(rulePath(r).String()))
	}
	walkOwn(r, func(x any) bool {
		e, ok := x.(*ast.Expr)
		if !ok {
			return false
		}
		if len(e.With) > 0 {
			c.add(Error, e.Location, "with", "call a function with the changed value as its argument",
				"\"with\" in %s, which depends on the document", display(rulePath(r).String()))
		}
		switch e.Terms.(type) {
		case *ast.Term, []*ast.Term, *ast.Every, *ast.SomeDecl:
		default:
			c.add(Error, e.Location, "syntax", "use plain expressions, not, some and every", "%T is not supported in rules that depend on the document", e.Terms)
		}
		return false
	})
}

func display(path string) string { return strings.TrimPrefix(path, "data.") }
