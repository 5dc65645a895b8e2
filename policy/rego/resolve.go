package rego

import (
	"context"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

// instantForGate stands for any time when a plan is put to the last gate early.
var instantForGate = time.Unix(1, 0)

// onlyInProgram reports whether a reference leads to a helper rule that the
// rewrite added: the policy as written does not know it, and would call it
// undefined.
func (s *Snapshot) onlyInProgram(ref ast.Ref) bool {
	all := ast.RulesOptions{IncludeHiddenModules: true}
	return len(s.program.GetRulesDynamicWithOpts(ref, all)) > 0 && len(s.compiled.GetRulesDynamicWithOpts(ref, all)) == 0
}

// resolver answers references to data that partial evaluation leaves inside
// comprehensions: those that depend neither on the document nor on the time are
// evaluated as in a check.
func (s *Snapshot) resolver(ctx context.Context, known ast.Value) func(ast.Ref) (ast.Value, bool, bool) {
	return func(ref ast.Ref) (ast.Value, bool, bool) {
		if s.taint.refUnknown(s.compiled, ref) || s.onlyInProgram(ref) {
			return nil, false, false
		}
		var rs rego.ResultSet
		err := s.guarded(ctx, "resolving data", func(r run) (err error) {
			rs, err = rego.New(rego.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))), rego.Compiler(s.compiled),
				rego.Store(s.store), rego.StrictBuiltinErrors(true), rego.ParsedInput(known)).Eval(r.caller)
			return classify(err)
		})
		if err != nil {
			return nil, false, false
		}
		if len(rs) == 0 {
			return nil, false, true
		}
		v, err := ast.InterfaceToValue(rs[0].Expressions[0].Value)
		if err != nil {
			return nil, false, false
		}
		return v, true, true
	}
}
