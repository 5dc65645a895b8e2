package rego

import "github.com/open-policy-agent/opa/v1/ast"

// rulePath is where a rule's value stands under data: its package and the fixed
// part of its head.
func rulePath(r *ast.Rule) ast.Ref {
	return r.Ref().GroundPrefix()
}
