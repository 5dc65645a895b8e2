package auth

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// Challenge sets the headers that tell a caller what would help: when to come
// again, or which sign-in is demanded (RFC 9470).
func Challenge(h http.Header, err error) {
	var r *quota.Refusal
	switch {
	case errors.As(err, &r) && r.StepUp != nil:
		c := `Bearer realm="doorward", error="insufficient_user_authentication", error_description="a stronger sign-in is needed"`
		if len(r.StepUp.ACR) > 0 {
			c += fmt.Sprintf(", acr_values=%q", strings.Join(r.StepUp.ACR, " "))
		}
		if r.StepUp.MaxAge > 0 {
			c += fmt.Sprintf(", max_age=%d", int(r.StepUp.MaxAge/time.Second))
		}
		h.Set("WWW-Authenticate", c)
	case r != nil:
		h.Set("Retry-After", strconv.Itoa(r.Seconds()))
	case errors.Is(err, ErrUnauthenticated):
		h.Set("WWW-Authenticate", `Bearer realm="doorward"`)
	}
}
