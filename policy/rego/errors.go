package rego

import (
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/doorward/doorward/policy"
)

// EvalError is a policy that failed while it was evaluated. It names the class
// of the failure and the place in the policy, and nothing of the input.
type EvalError struct {
	Class string // conflict, type, builtin, cancelled, timeout or internal
	At    string // file:line, or empty
}

func (e *EvalError) Error() string {
	if e.At == "" {
		return "policy evaluation failed: " + e.Class
	}
	return fmt.Sprintf("policy evaluation failed at %s: %s", e.At, e.Class)
}

// Unwrap makes it a [policy.ErrFailed], unless only the time was over.
func (e *EvalError) Unwrap() error {
	if e.Class == "cancelled" || e.Class == "timeout" {
		return nil
	}
	return policy.ErrFailed
}

func errorClass(err error) string {
	var te *topdown.Error
	if errors.As(err, &te) {
		switch te.Code {
		case topdown.ConflictErr:
			return "conflict"
		case topdown.TypeErr:
			return "type"
		case topdown.BuiltinErr:
			return "builtin"
		case topdown.CancelErr:
			return "cancelled"
		}
	}
	return "internal"
}

func errorPlace(err error) string {
	var te *topdown.Error
	if errors.As(err, &te) && te.Location != nil && te.Location.File != "" {
		return fmt.Sprintf("%s:%d", te.Location.File, te.Location.Row)
	}
	return ""
}
