package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
)

// Eraser erases documents for good; ingest.Eraser does.
type Eraser interface {
	Plan(ctx context.Context, r ingest.ErasureRequest) (ingest.ErasurePlan, error)
	Erase(ctx context.Context, r ingest.ErasureRequest) (catalog.Erasure, error)
	Status(ctx context.Context, tenant, id string) (catalog.Erasure, error)
}

// ErasureBody is what POST /v1/erasures takes.
type ErasureBody struct {
	Scope       catalog.Scope `json:"scope"`  // document, source, subject or expired
	Target      string        `json:"target"` // "" for expired
	Reason      string        `json:"reason"`
	Plan        bool          `json:"plan"` // only say what would be erased
	SkipHeld    bool          `json:"skip_held"`
	AllowReturn bool          `json:"allow_return"`
}

// ErasureStatus is one erasure. Receipt is the signed, provable receipt.
type ErasureStatus struct {
	ID       string               `json:"id"`
	State    catalog.ErasureState `json:"state"`
	Started  time.Time            `json:"started"`
	Finished *time.Time           `json:"finished,omitempty"`
	Receipt  json.RawMessage      `json:"receipt,omitempty"`
}

const maxKey = 200 // bytes of an idempotency key

// startErasure erases, in the operator's own tenant. The same idempotency key
// gets the same erasure.
func (o *Operator) startErasure(c *gin.Context, operator policy.Subject) {
	var in ErasureBody
	if !o.API.body(c, maxRequest, &in) {
		return
	}
	by, err := retrieval.SubjectID(o.API.Keys, operator)
	if err != nil {
		o.API.fail(c, err)
		return
	}
	key := c.GetHeader("Idempotency-Key")
	if len(key) > maxKey {
		o.API.fail(c, errMalformed)
		return
	}
	r := ingest.ErasureRequest{Tenant: operator.Tenant, Scope: in.Scope, Target: in.Target, Reason: in.Reason, By: by, Key: key, SkipHeld: in.SkipHeld, Return: in.AllowReturn}
	if s, err := o.API.Policy.Snapshot(); err == nil {
		r.Policy = s.Revision().Hash
	}
	if in.Plan {
		p, err := o.Eraser.Plan(c.Request.Context(), r)
		if err != nil {
			o.API.fail(c, err)
			return
		}
		c.JSON(http.StatusOK, p)
		return
	}
	e, err := o.Eraser.Erase(c.Request.Context(), r)
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusCreated, erasureStatus(e))
}

func (o *Operator) erasure(c *gin.Context, operator policy.Subject) {
	e, err := o.Eraser.Status(c.Request.Context(), operator.Tenant, c.Param("erasure"))
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, erasureStatus(e))
}

func erasureStatus(e catalog.Erasure) ErasureStatus {
	s := ErasureStatus{ID: e.ID, State: e.State, Started: e.Started, Receipt: e.Receipt}
	if !e.Finished.IsZero() {
		s.Finished = &e.Finished
	}
	return s
}
