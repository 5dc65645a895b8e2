package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/retrieval"
)

// Quarantine is what reviewers need of the catalog.
type Quarantine interface {
	Held(ctx context.Context, q catalog.HeldQuery) (catalog.HeldPage, error)
	HeldCounts(ctx context.Context, tenant string, now time.Time) (catalog.HeldCounts, error)
	Assign(ctx context.Context, tenant, id, assignee string, n catalog.Note) error
	AddNote(ctx context.Context, tenant, id string, n catalog.Note) error
	Notes(ctx context.Context, tenant, id string) ([]catalog.Note, error)
	Discard(ctx context.Context, tenant, id, reason string) error
	AllOrders(ctx context.Context, tenant string) ([]contain.Order, error)
}

// Reviewer is what reviewers need of the pipeline.
type Reviewer interface {
	Review(ctx context.Context, tenant, id string) (ingest.Review, error)
	Reveal(ctx context.Context, tenant, id, finding string) (ingest.Revealed, error)
	Stands(ctx context.Context, tenant, id string, o ingest.ReleaseOptions) (int, error)
	PlanRelease(ctx context.Context, tenant, id string, o ingest.ReleaseOptions) (ingest.ReleasePlan, error)
	ReleaseWith(ctx context.Context, tenant, id string, o ingest.ReleaseOptions) (ingest.Event, error)
	Rescan(ctx context.Context, o ingest.RescanOptions) (ingest.Report, error)
	RollBack(ctx context.Context, tenant, batch string, progress func(catalog.Undo)) ([]catalog.Undo, error)
	PlanRollBack(ctx context.Context, tenant, batch string) ([]catalog.Undo, error)
}

// Orders gives and lifts containment orders.
type Orders interface {
	Contain(ctx context.Context, o contain.Order) error
	Lift(ctx context.Context, tenant, id, by, reason string) error
}

func (o *Operator) reviewRoutes(g *gin.Engine) {
	g.GET("/v1/quarantine", o.act("list", o.list))
	g.GET("/v1/quarantine/:id", o.act("show", o.show))
	g.POST("/v1/quarantine/:id/assign", o.act("assign", o.assign))
	g.POST("/v1/quarantine/:id/reveal", o.act("reveal", o.reveal))
	g.POST("/v1/quarantine/:id/release", o.act("release", o.release))
	g.POST("/v1/quarantine/:id/discard", o.act("discard", o.discard))
	g.POST("/v1/rescans", o.act("rescan", o.rescan))
	g.GET("/v1/lineage/:id", o.act("lineage", o.lineage))
	g.GET("/v1/containments", o.act("list", o.orders))
	g.POST("/v1/containments", o.act("contain", o.contain))
	g.POST("/v1/containments/:id/lift", o.act("lift", o.lift))
	g.POST("/v1/batches/:id/rollback", o.act("rollback", o.rollback))
}

// Held is one document in quarantine.
type Held struct {
	Document  string         `json:"document"`
	Source    string         `json:"source"`
	Received  time.Time      `json:"received"`
	Reasons   []string       `json:"reasons"`
	Findings  map[string]int `json:"findings"`
	Assignee  string         `json:"assignee,omitempty"`
	Batch     string         `json:"batch,omitempty"`
	Submitter string         `json:"submitter,omitempty"`
}

func (o *Operator) list(c *gin.Context, s policy.Subject) {
	q := catalog.HeldQuery{Tenant: s.Tenant, Source: c.Query("source"), Reason: c.Query("reason"), Assignee: c.Query("assignee"), Batch: c.Query("batch"), After: c.Query("after")}
	var err error
	if limit := c.Query("limit"); limit != "" {
		if q.Limit, err = strconv.Atoi(limit); err != nil || q.Limit < 1 || q.Limit > catalog.MaxPage {
			o.API.fail(c, fmt.Errorf("%w: limit must be 1 to %d", retrieval.ErrRequest, catalog.MaxPage))
			return
		}
	}
	if before := c.Query("before"); before != "" {
		if q.Before, err = time.Parse(time.RFC3339, before); err != nil {
			o.API.fail(c, fmt.Errorf("%w: before must be a time like 2026-01-31T12:00:00Z", retrieval.ErrRequest))
			return
		}
	}
	page, err := o.Quarantine.Held(c.Request.Context(), q)
	var counts catalog.HeldCounts
	if err == nil {
		counts, err = o.Quarantine.HeldCounts(c.Request.Context(), s.Tenant, o.API.Now())
	}
	if err != nil {
		o.API.fail(c, err)
		return
	}
	list := []Held{}
	for _, h := range page.Held {
		list = append(list, Held{h.ID, h.Source, h.Received, h.Reasons, h.Findings, h.Assignee, h.Batch, h.Submitter})
	}
	out := gin.H{"held": list, "counts": counts}
	if page.Next != "" {
		out["next"] = page.Next
	}
	c.JSON(http.StatusOK, out)
}

func (o *Operator) show(c *gin.Context, s policy.Subject) {
	v, err := o.Reviewer.Review(c.Request.Context(), s.Tenant, c.Param("id"))
	if err == nil {
		v.Notes, err = o.Quarantine.Notes(c.Request.Context(), s.Tenant, c.Param("id"))
	}
	o.answer(c, v, err)
}

func (o *Operator) answer(c *gin.Context, v any, err error) {
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, v)
}

// ReviewRequest is the body of a reviewer's or responder's act.
type ReviewRequest struct {
	Reason  string   `json:"reason"`
	To      string   `json:"to,omitempty"`      // assign
	Finding string   `json:"finding,omitempty"` // reveal
	Strip   []string `json:"strip,omitempty"`   // release
	Keep    []string `json:"keep,omitempty"`    // release
	Plan    bool     `json:"plan,omitempty"`    // release, rescan: say what would happen
	Source  string   `json:"source,omitempty"`  // rescan
	Batch   string   `json:"batch,omitempty"`   // rescan
	All     bool     `json:"all,omitempty"`     // rescan: also those judged by today's rules
}

// because reads the body of an act that needs a reason, and audits the reason
// before the act. planned acts need none.
func (o *Operator) because(c *gin.Context, s policy.Subject, act string) (in ReviewRequest, by string, ok bool) {
	if !o.API.body(c, maxRequest, &in) {
		return in, "", false
	}
	by, err := retrieval.SubjectID(o.API.Keys, s)
	switch {
	case err != nil:
	case in.Reason == "" && !in.Plan:
		err = fmt.Errorf("%w: say why, in reason", retrieval.ErrRequest)
	case len(in.Reason) > contain.MaxReason:
		err = fmt.Errorf("%w: reason has at most %d bytes", retrieval.ErrRequest, contain.MaxReason)
	case in.Reason != "":
		err = o.account(c, s, by, act, in.Reason)
	}
	if err != nil {
		o.API.fail(c, err)
	}
	return in, by, err == nil
}

func (o *Operator) account(c *gin.Context, s policy.Subject, by, act, reason string) error {
	e := audit.Entry{Event: "admin", Outcome: act, Tenant: s.Tenant, Subject: by, Backend: s.Authn.Backend, Reason: reason, Request: c.GetString(requestKey)}
	if id := c.Param("id"); id != "" {
		e.Documents = []string{id}
	}
	return o.API.Audit.Append(c.Request.Context(), e)
}

func (o *Operator) noted(by, act, text string) catalog.Note {
	return catalog.Note{At: o.API.Now(), Who: by, Act: act, Note: text}
}

func (o *Operator) assign(c *gin.Context, s policy.Subject) {
	in, by, ok := o.because(c, s, "assign")
	if !ok {
		return
	}
	err := o.Quarantine.Assign(c.Request.Context(), s.Tenant, c.Param("id"), in.To, o.noted(by, "assign", in.Reason))
	o.answer(c, gin.H{"document": c.Param("id"), "outcome": "assigned", "assignee": in.To}, err)
}

func (o *Operator) reveal(c *gin.Context, s policy.Subject) {
	in, by, ok := o.because(c, s, "reveal")
	if !ok {
		return
	}
	v, err := o.Reviewer.Reveal(c.Request.Context(), s.Tenant, c.Param("id"), in.Finding)
	if errors.Is(err, ingest.ErrFinding) {
		err = fmt.Errorf("%w: %w", retrieval.ErrRequest, err)
	}
	if err == nil {
		err = o.Quarantine.AddNote(c.Request.Context(), s.Tenant, c.Param("id"), o.noted(by, "reveal", in.Reason))
	}
	o.answer(c, v, err)
}

func (o *Operator) release(c *gin.Context, s policy.Subject) {
	in, by, ok := o.because(c, s, "release")
	if !ok {
		return
	}
	ctx, id, choice := c.Request.Context(), c.Param("id"), ingest.ReleaseOptions{Strip: in.Strip, Keep: in.Keep}
	if in.Plan {
		plan, err := o.Reviewer.PlanRelease(ctx, s.Tenant, id, choice)
		o.answer(c, plan, err)
		return
	}
	stands, err := o.Reviewer.Stands(ctx, s.Tenant, id, choice)
	if err == nil && stands > 0 {
		err = o.mayKeep(c, s, by, stands)
	}
	var e ingest.Event
	if err == nil {
		e, err = o.Reviewer.ReleaseWith(ctx, s.Tenant, id, choice)
	}
	if err == nil {
		err = o.Quarantine.AddNote(ctx, s.Tenant, id, o.noted(by, "release", in.Reason))
	}
	if errors.Is(err, ingest.ErrFinding) {
		err = fmt.Errorf("%w: %w", retrieval.ErrRequest, err)
	}
	o.answer(c, gin.H{"document": e.ID, "outcome": e.Outcome, "reasons": e.Reasons}, err)
}

// mayKeep asks whether findings may stand that policy would not let.
func (o *Operator) mayKeep(c *gin.Context, s policy.Subject, by string, n int) error {
	allowed, _, err := o.decide(c.Request.Context(), s, "keep")
	act := "keep"
	if !allowed {
		act = "denied:keep"
	}
	if aerr := o.account(c, s, by, act, strconv.Itoa(n)+" findings"); aerr != nil {
		return aerr
	}
	if !allowed {
		return errors.Join(auth.ErrForbidden, err)
	}
	return nil
}

func (o *Operator) discard(c *gin.Context, s policy.Subject) {
	in, by, ok := o.because(c, s, "discard")
	if !ok {
		return
	}
	err := o.Quarantine.Discard(c.Request.Context(), s.Tenant, c.Param("id"), "discarded by a reviewer")
	if err == nil {
		err = o.Quarantine.AddNote(c.Request.Context(), s.Tenant, c.Param("id"), o.noted(by, "discard", in.Reason))
	}
	o.answer(c, gin.H{"document": c.Param("id"), "outcome": "discarded"}, err)
}

func (o *Operator) rescan(c *gin.Context, s policy.Subject) {
	in, _, ok := o.because(c, s, "rescan")
	if !ok {
		return
	}
	report, err := o.Reviewer.Rescan(c.Request.Context(), ingest.RescanOptions{Query: catalog.HeldQuery{Tenant: s.Tenant, Source: in.Source, Batch: in.Batch}, All: in.All, Plan: in.Plan})
	o.answer(c, gin.H{"outcomes": report.Outcomes, "plan": in.Plan}, err)
}

func (o *Operator) lineage(c *gin.Context, s policy.Subject) {
	t, err := o.Trace(c.Request.Context(), s.Tenant, c.Param("id"))
	o.answer(c, t, err)
}

func (o *Operator) orders(c *gin.Context, s policy.Subject) {
	list, err := o.Quarantine.AllOrders(c.Request.Context(), s.Tenant)
	if list == nil {
		list = []contain.Order{}
	}
	o.answer(c, gin.H{"orders": list}, err)
}

// ContainRequest is an order to be given, within the operator's own tenant.
type ContainRequest struct {
	Scope  string `json:"scope"`
	Target string `json:"target"`
	Reason string `json:"reason"`
	Ahead  bool   `json:"ahead"` // also for a name that nothing knows yet
}

func (o *Operator) contain(c *gin.Context, s policy.Subject) {
	var in ContainRequest
	if !o.API.body(c, maxRequest, &in) {
		return
	}
	by, err := retrieval.SubjectID(o.API.Keys, s)
	order := contain.Order{ID: uuid.NewString()[:8], Tenant: s.Tenant, Scope: contain.Scope(in.Scope), Target: in.Target, Reason: in.Reason, By: by, Created: o.API.Now()}
	if err = errors.Join(err, order.Validate()); err == nil && !in.Ahead {
		err = o.Known(c.Request.Context(), order)
	}
	if err == nil {
		err = o.account(c, s, by, "contain", in.Scope+" "+in.Target+": "+in.Reason)
	}
	if err == nil {
		err = o.Orders.Contain(c.Request.Context(), order)
	}
	o.answer(c, order, err)
}

func (o *Operator) lift(c *gin.Context, s policy.Subject) {
	in, by, ok := o.because(c, s, "lift")
	if !ok {
		return
	}
	err := o.Orders.Lift(c.Request.Context(), s.Tenant, c.Param("id"), by, in.Reason)
	o.answer(c, gin.H{"lifted": c.Param("id")}, err)
}

// maxSkipped bounds how many skipped documents an answer names.
const maxSkipped = 10_000

// RolledBack is what became of a batch, or would.
type RolledBack struct {
	Batch   string         `json:"batch"`
	Plan    bool           `json:"plan"`
	Counts  map[string]int `json:"counts"` // restored, retired, discarded, skipped → documents
	Skipped []Skipped      `json:"skipped"`
	More    int            `json:"skipped_more"` // that Skipped left out
}

// Skipped is a document that a roll-back leaves as it is.
type Skipped struct {
	Document string `json:"document"`
	Why      string `json:"why"`
}

func (o *Operator) rollback(c *gin.Context, s policy.Subject) {
	in, _, ok := o.because(c, s, "rollback")
	if !ok {
		return
	}
	var undos []catalog.Undo
	var err error
	if in.Plan {
		undos, err = o.Reviewer.PlanRollBack(c.Request.Context(), s.Tenant, c.Param("id"))
	} else {
		undos, err = o.Reviewer.RollBack(c.Request.Context(), s.Tenant, c.Param("id"), nil)
	}
	o.answer(c, rolledBack(c.Param("id"), in.Plan, undos, maxSkipped), err)
}

// rolledBack sums up a roll-back and names at most most of the skipped documents.
func rolledBack(batch string, plan bool, undos []catalog.Undo, most int) RolledBack {
	out := RolledBack{Batch: batch, Plan: plan, Counts: map[string]int{}, Skipped: []Skipped{}}
	for _, u := range undos {
		out.Counts[u.Did]++
		switch {
		case u.Why == "":
		case len(out.Skipped) < most:
			out.Skipped = append(out.Skipped, Skipped{u.Document, u.Why})
		default:
			out.More++
		}
	}
	return out
}
