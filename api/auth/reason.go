package auth

import (
	"errors"
	"fmt"
)

// denial is an [ErrUnauthenticated] or [ErrForbidden] with a stable word for the
// audit log.
type denial struct {
	kind         error
	reason, text string
}

func deny(reason, format string, args ...any) error {
	return &denial{ErrUnauthenticated, reason, fmt.Sprintf(format, args...)}
}

func forbid(reason, text string) error { return &denial{ErrForbidden, reason, text} }

func (d *denial) Error() string { return d.kind.Error() + ": " + d.text }

// Unwrap is the kind.
func (d *denial) Unwrap() error { return d.kind }

// Reason is a stable word for why an identity was refused, for audit logs: a class,
// never content.
func Reason(err error) string {
	var d *denial
	switch {
	case errors.As(err, &d):
		return d.reason
	case errors.Is(err, ErrForbidden):
		return "scope"
	case errors.Is(err, ErrIssuer):
		return "identity_unavailable"
	case errors.Is(err, ErrRegister):
		return "register"
	}
	return ""
}
