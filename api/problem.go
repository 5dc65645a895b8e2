package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/prompt"
)

// problem is an RFC 9457 answer. Type is a stable word under problemBase.
type problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail,omitempty"`
	Request string `json:"request,omitempty"`
}

const problemBase = "urn:doorward:problem:"

var internal = problem{Status: http.StatusInternalServerError, Type: "internal", Title: "Something failed; nothing was released"}

// errMalformed means a body that is not the JSON the route takes.
var errMalformed = errors.New("malformed request")

// errNoObject means a body that is JSON and no object.
var errNoObject = fmt.Errorf("%w: the body must be a JSON object", errMalformed)

// statuses is the one place where errors become statuses. explain says that the
// error's text is made for the caller; others stay inside. The first that fits
// wins: a refusal that could not be audited is a failure of the audit log.
var statuses = []struct {
	err     error
	problem problem
	explain bool
}{
	{audit.ErrUnavailable, problem{Status: 503, Type: "audit-unavailable", Title: "The audit log takes no entries; nothing is released"}, false},
	{auth.ErrUnauthenticated, problem{Status: 401, Type: "unauthenticated", Title: "Backend and user must both be proved"}, true},
	{auth.ErrRegister, problem{Status: 503, Type: "identity-unavailable", Title: "Identities cannot be verified now; nothing is released"}, false},
	{auth.ErrIssuer, problem{Status: 503, Type: "identity-unavailable", Title: "Identities cannot be verified now; nothing is released"}, false},
	{quota.ErrExceeded, problem{Status: 429, Type: "quota", Title: "Too much was asked for; come again later"}, true},
	{quota.ErrUnavailable, problem{Status: 503, Type: "quota-unavailable", Title: "Quotas cannot be counted; nothing is released"}, false},
	{auth.ErrForbidden, problem{Status: 403, Type: "forbidden", Title: "This backend may not ask for that"}, true},
	{errMalformed, problem{Status: 400, Type: "malformed", Title: "The request cannot be read"}, true},
	{errMedia, problem{Status: 415, Type: "media-type", Title: "The body's type or coding is not taken"}, true},
	{errUnusable, problem{Status: 422, Type: "unusable", Title: "The request cannot be served as it is"}, true},
	{ingest.ErrID, problem{Status: 422, Type: "unusable", Title: "The request cannot be served as it is"}, true},
	{ingest.ErrTooLarge, problem{Status: 413, Type: "too-large", Title: "The request is too large"}, true},
	{ingest.ErrAttributes, problem{Status: 422, Type: "attributes", Title: "The attributes cannot be used"}, true},
	{policy.ErrAttributes, problem{Status: 422, Type: "attributes", Title: "The attributes cannot be used"}, true},
	{ingest.ErrBusy, problem{Status: 503, Type: "busy", Title: "Too many documents are waiting; send it again later"}, false},
	{catalog.ErrMismatch, problem{Status: 422, Type: "idempotency-mismatch", Title: "This idempotency key was used for another request"}, false},
	{retrieval.ErrRequest, problem{Status: 422, Type: "unusable", Title: "The request cannot be served as it is"}, true},
	{prompt.ErrText, problem{Status: 422, Type: "unusable", Title: "The request cannot be served as it is"}, true},
	{policy.ErrSubject, problem{Status: 403, Type: "subject", Title: "The user's claims do not fit the schema"}, false},
	{policy.ErrNotPushable, problem{Status: 403, Type: "policy", Title: "The policy cannot be applied for this user"}, false},
	{policy.ErrFailed, problem{Status: 500, Type: "policy-failed", Title: "The policy failed for this request; nothing was released"}, false},
	{policy.ErrUnavailable, problem{Status: 503, Type: "policy-unavailable", Title: "No policy is in force; nothing is released"}, false},
	{contain.ErrContained, problem{Status: 403, Type: "contained", Title: "An operator has stopped this; nothing was released"}, false},
	{contain.ErrOrder, problem{Status: 422, Type: "unusable", Title: "The request cannot be served as it is"}, true},
	{catalog.ErrNotFound, problem{Status: 404, Type: "not-found", Title: "There is no such document"}, false},
	{catalog.ErrLegalHold, problem{Status: 409, Type: "legal-hold", Title: "A legal hold keeps these documents"}, true},
	{ingest.ErrNothing, problem{Status: 422, Type: "unusable", Title: "The request cannot be served as it is"}, true},
	{catalog.ErrState, problem{Status: 409, Type: "state", Title: "Not possible in the document's present state"}, false},
	{catalog.ErrUnavailable, problem{Status: 503, Type: "catalog-unavailable", Title: "The catalog does not answer; nothing is released"}, false},
	{index.ErrUnavailable, problem{Status: 503, Type: "index-unavailable", Title: "The index does not answer"}, false},
	{index.ErrMismatch, problem{Status: 503, Type: "index-mismatch", Title: "The index was made with other settings"}, false},
	{context.DeadlineExceeded, problem{Status: 504, Type: "timeout", Title: "It took too long; nothing was released"}, false},
}

// problemOf finds an error's problem.
func problemOf(err error) problem {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return problem{Status: 413, Type: "too-large", Title: "The request is too large", Detail: fmt.Sprintf("The limit is %d bytes.", tooLarge.Limit)}
	}
	if r := (*quota.Refusal)(nil); errors.As(err, &r) && r.StepUp != nil {
		return problem{Status: http.StatusUnauthorized, Type: "step-up", Title: "The user must sign in again, more strongly", Detail: r.Error()}
	}
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			p := s.problem
			if s.explain {
				p.Detail = err.Error()
			}
			return p
		}
	}
	return internal
}

// Status is an error's status, kind and explanation, for handlers that answer in
// another shape. The headers that go with it are set.
func Status(h http.Header, err error) (status int, kind, detail string) {
	p := problemOf(err)
	headers(h, p, err)
	if p.Detail == "" {
		p.Detail = p.Title
	}
	return p.Status, p.Type, p.Detail
}

// fail answers with the problem of an error.
func (a *API) fail(c *gin.Context, err error) {
	p := a.logged(c.Request.Context(), err, c.GetString(requestKey))
	headers(c.Writer.Header(), p, err)
	a.problem(c, p)
}

// Refuse answers with the problem of an error, for handlers that are mounted beside
// the API's own routes.
func (a *API) Refuse(w http.ResponseWriter, r *http.Request, request string, err error) {
	p := a.logged(r.Context(), err, request)
	headers(w.Header(), p, err)
	p.Type, p.Request = problemBase+p.Type, request
	w.Header().Set("Doorward-Request", request)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// logged finds an error's problem; one of the service's own is logged.
func (a *API) logged(ctx context.Context, err error, request string) problem {
	p := problemOf(err)
	if p.Status >= 500 {
		a.Log.ErrorContext(ctx, "request failed", "problem", p.Type, "error", err, "request", request)
	}
	return p
}

// headers tell a caller what would help: another sign-in, another body, or when to
// come again.
func headers(h http.Header, p problem, err error) {
	auth.Challenge(h, err)
	accepted(h, err)
	switch {
	case p.Type == "busy":
		h.Set("Retry-After", "2")
	case p.Status == http.StatusServiceUnavailable:
		h.Set("Retry-After", strconv.Itoa(admission.RetryAfter))
	}
}

func (a *API) problem(c *gin.Context, p problem) {
	p.Type, p.Request = problemBase+p.Type, c.GetString(requestKey)
	c.Header("Content-Type", "application/problem+json")
	c.AbortWithStatusJSON(p.Status, p)
}

// decode reads exactly one JSON object with known fields only, each given once, in
// UTF-8. Its errors name fields and offsets, never values.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case err == nil:
		if _, err := d.Token(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: something follows the JSON object", errMalformed)
		}
		if bytes.TrimLeft(data, " \t\r\n")[0] != '{' {
			return errNoObject
		}
		return strict(data)
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: not JSON at byte %d", errMalformed, syntax.Offset)
	case errors.As(err, &kind) && kind.Field == "":
		return errNoObject
	case errors.As(err, &kind):
		return fmt.Errorf("%w: field %q must be %s", errMalformed, kind.Field, kindWord(kind.Type.Kind().String()))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the JSON ends too early", errMalformed)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return fmt.Errorf("%w: unknown field %s", errMalformed, strings.TrimPrefix(err.Error(), "json: unknown field "))
	}
	return errMalformed
}

func kindWord(kind string) string {
	switch {
	case kind == "string":
		return "text"
	case strings.HasPrefix(kind, "int"):
		return "a whole number"
	case kind == "slice":
		return "a list"
	case kind == "bool":
		return "true or false"
	}
	return "an object"
}
