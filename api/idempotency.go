package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/ingest/catalog"
)

// IdempotencyHeader carries a key of the caller's choice. A request that comes
// again with the same key and the same content gets the same answer, also after
// a restart; with other content it is refused.
const IdempotencyHeader = "Idempotency-Key"

// idempotencyPurpose derives the key that hashes what callers chose and sent.
const idempotencyPurpose = "idempotency"

// errUnusable means a request that can be read but not served as it is.
var errUnusable = errors.New("unusable request")

// once reads the body, answers from memory what was asked before, and remembers
// what do answers. Only answers of do are remembered: after an error the request
// may be sent again. A crash between effect and memory is harmless, because the
// effect is the same the second time.
func (a *API) once(c *gin.Context, p pusher, limit int64, takes []string, do func(ctx context.Context, body []byte, media string) (status int, answer any, err error)) {
	body, media, err := readBody(c, limit, takes)
	if err != nil {
		a.fail(c, err)
		return
	}
	r, err := a.idempotency(c.Request, p, body)
	if err != nil {
		a.fail(c, err)
		return
	}
	ctx := c.Request.Context()
	if r != nil {
		before, err := a.Documents.Answers.Claim(ctx, *r)
		if err != nil {
			a.fail(c, err)
			return
		}
		if before != nil {
			c.Header("Idempotency-Replayed", "true")
			c.Data(before.Status, "application/json; charset=utf-8", before.Body)
			return
		}
	}
	status, answer, err := do(ctx, body, media)
	if err != nil {
		a.fail(c, err)
		return
	}
	data, err := json.Marshal(answer)
	d, one := answer.(DocumentResult)
	waits := one && status == http.StatusAccepted
	if err == nil && r != nil && !waits { // who asks again about a document that waits gets its outcome
		var kept catalog.Answer
		if kept, err = a.answer(ctx, *r, catalog.Answer{Status: status, Body: data}); err == nil {
			status, data = kept.Status, kept.Body
		}
	}
	if err != nil {
		a.fail(c, err)
		return
	}
	switch {
	case waits:
		c.Header("Location", "/v1/documents/"+url.PathEscape(d.ID))
	case status == http.StatusAccepted:
		var b struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(data, &b)
		c.Header("Location", "/v1/batches/"+b.ID)
	}
	c.Data(status, "application/json; charset=utf-8", data)
}

// answerLate is how long an answer may take to be remembered when the time to give
// it is up.
const answerLate = 2 * time.Second

// answer remembers what was answered, also when the request's own time is up.
func (a *API) answer(ctx context.Context, r catalog.Request, kept catalog.Answer) (catalog.Answer, error) {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), answerLate)
		defer cancel()
	}
	return a.Documents.Answers.Answer(ctx, r, kept)
}

// idempotency names a request, or is nil when it carries no key.
func (a *API) idempotency(r *http.Request, p pusher, body []byte) (*catalog.Request, error) {
	values := r.Header.Values(IdempotencyHeader)
	if len(values) == 0 {
		return nil, nil
	}
	if len(values) > 1 || values[0] == "" || len(values[0]) > 255 {
		return nil, fmt.Errorf("%w: %s must be given once, with 1 to 255 characters", errUnusable, IdempotencyHeader)
	}
	key, err := a.Keys.Derive(p.backend.Tenant, idempotencyPurpose)
	if err != nil {
		return nil, err
	}
	// Everything that shapes the effect: the route, and whether to wait for it.
	asked := fmt.Sprintf("%q", []string{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Prefer"), r.Header.Get("Content-Type")})
	return &catalog.Request{Tenant: p.backend.Tenant, Backend: p.backend.ID, Key: keyed(key, []byte(values[0])), Hash: keyed(key, []byte(asked), body)}, nil
}

func keyed(key []byte, parts ...[]byte) string {
	m := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(m, "%d:", len(p))
		m.Write(p)
	}
	return hex.EncodeToString(m.Sum(nil)[:20])
}
