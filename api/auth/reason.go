package auth

import (
	"errors"
	"fmt"
)

// denial is an [ErrUnauthenticated] with a stable word for the audit log.
type denial struct{ reason, text string }

func deny(reason, format string, args ...any) error {
	return &denial{reason, fmt.Sprintf(format, args...)}
}

func (d *denial) Error() string { return ErrUnauthenticated.Error() + ": " + d.text }

// Unwrap makes every denial an [ErrUnauthenticated].
func (d *denial) Unwrap() error { return ErrUnauthenticated }

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
