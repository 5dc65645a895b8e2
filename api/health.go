package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/admission"
)

// Part is something the service cannot answer without.
type Part struct {
	Name  string
	Check func(ctx context.Context) error // nil error: it works; runs at most once in a while
}

// Bounds of looking at parts. Asking for readiness needs no identity, so that
// asking often must not cost more.
const (
	partTimeout = 3 * time.Second
	partsFresh  = time.Second
)

// partState is what a look at a part found, as the operator listener shows it.
// Trouble is the error's text, which holds no content.
type partState struct {
	Part    string `json:"part"`
	OK      bool   `json:"ok"`
	Trouble string `json:"trouble,omitempty"`
}

// Health looks at the parts and remembers for a moment what it found.
type Health struct {
	parts    []Part
	draining func() bool
	now      func() time.Time

	mu    sync.Mutex
	at    time.Time // of the last look
	asked time.Time
	found []partState
}

// NewHealth watches parts. draining may be nil.
func NewHealth(parts []Part, draining func() bool) *Health {
	if draining == nil {
		draining = func() bool { return false }
	}
	return &Health{parts: parts, draining: draining, now: time.Now}
}

// Asked is when somebody last asked for readiness.
func (h *Health) Asked() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked
}

// States says of each part whether it works.
func (h *Health) States(ctx context.Context) map[string]bool {
	out := map[string]bool{}
	for _, s := range h.look(ctx) {
		out[s.Part] = s.OK
	}
	return out
}

// look checks all parts at once, each within its timeout.
func (h *Health) look(ctx context.Context) []partState {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.found != nil && h.now().Sub(h.at) < partsFresh {
		return h.found
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partTimeout)
	defer cancel()
	found := make([]partState, len(h.parts))
	type seen struct {
		at    int
		state partState
	}
	done := make(chan seen, len(h.parts)) // a late one is never read
	for i, p := range h.parts {
		found[i] = partState{Part: p.Name, Trouble: "it did not answer in time"}
		go func() {
			s := partState{Part: p.Name}
			if err := p.Check(ctx); err != nil {
				s.Trouble = err.Error()
			} else {
				s.OK = true
			}
			done <- seen{i, s}
		}()
	}
wait:
	for range h.parts {
		select {
		case s := <-done:
			found[s.at] = s.state
		case <-ctx.Done():
			break wait
		}
	}
	h.found, h.at = found, h.now()
	return found
}

// ready answers GET /readyz. Which part is in trouble is said where detail is.
func (a *API) ready(detail bool) gin.HandlerFunc {
	return func(c *gin.Context) {
		h := a.Health
		h.mu.Lock()
		h.asked = h.now()
		h.mu.Unlock()
		states := h.look(c.Request.Context())
		ok := !h.draining()
		for _, s := range states {
			ok = ok && s.OK
		}
		switch {
		case ok && detail:
			c.JSON(http.StatusOK, gin.H{"status": "ready", "parts": states})
		case ok:
			c.JSON(http.StatusOK, gin.H{"status": "ready"})
		default:
			a.notReady(c, states, detail)
		}
	}
}

func (a *API) notReady(c *gin.Context, states []partState, detail bool) {
	c.Header("Retry-After", strconv.Itoa(admission.RetryAfter))
	var errs []error
	for _, s := range states {
		if !s.OK {
			errs = append(errs, errors.New(s.Part+": "+s.Trouble))
		}
	}
	if len(errs) > 0 {
		a.Log.ErrorContext(c.Request.Context(), "not ready", "error", errors.Join(errs...))
	}
	if detail {
		status := "not ready"
		if a.Health.draining() {
			status = "draining"
		}
		c.JSON(http.StatusServiceUnavailable, gin.H{"status": status, "parts": states})
		return
	}
	a.problem(c, problem{Status: http.StatusServiceUnavailable, Type: "not-ready", Title: "The service cannot answer now", Detail: "The operator listener's /readyz says which part."})
}
