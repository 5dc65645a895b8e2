package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/retrieval"
)

// Workbench answers questions about the policy in force; policy/rego has one.
type Workbench interface {
	// ExplainPlan says what the policy lets a subject search, as JSON-able facts.
	ExplainPlan(ctx context.Context, s policy.Subject, c policy.Context) (any, error)
	// Explain says which rules decided about one document, and why not.
	Explain(ctx context.Context, s policy.Subject, c policy.Context, d policy.Attributes) (any, error)
}

// OperatorConfig is what the operator listener needs beside the public one's.
type OperatorConfig struct {
	API        *API // authentication, catalog, policy, audit; required
	Quarantine Quarantine
	Reviewer   Reviewer
	Orders     Orders
	Known      func(ctx context.Context, o contain.Order) error // refuses an order about what nothing knows
	Trace      func(ctx context.Context, tenant, id string) (ingest.Trace, error)
	Workbench  Workbench
	AuditLog   AuditLog
	Eraser     Eraser
	Metrics    http.Handler // nil: none
}

// Operator is the operator listener's handler. Everyone is a registered operator
// backend with a user behind it, and doorward.admin decides about every act.
type Operator struct {
	OperatorConfig
	engine *gin.Engine
}

// NewOperator builds the routes.
func NewOperator(c OperatorConfig) (*Operator, error) {
	if c.API == nil || c.Quarantine == nil || c.Reviewer == nil || c.Orders == nil || c.Known == nil || c.Trace == nil || c.Workbench == nil || c.AuditLog == nil || c.Eraser == nil {
		return nil, errors.New("making operator api: a part is missing")
	}
	o := &Operator{OperatorConfig: c}
	g := gin.New()
	a := c.API
	g.Use(a.request, a.recovered)
	g.HandleMethodNotAllowed = true
	g.NoRoute(a.noRoute)
	g.NoMethod(a.noMethod)
	get(g, "/healthz", alive)
	get(g, "/readyz", a.ready(true))
	get(g, "/openapi.json", a.contract(contract.Operator))
	if c.Metrics != nil {
		g.GET("/metrics", gin.WrapH(c.Metrics))
	}
	o.reviewRoutes(g)
	g.POST("/v1/policy/plan", o.act("explain", o.plan))
	g.POST("/v1/policy/check", o.act("explain", o.check))
	g.POST("/v1/policy/explain", o.act("explain", o.explain))
	g.POST("/v1/erasures", o.act("erase", o.startErasure))
	g.GET("/v1/erasures/:erasure", o.act("audit", o.erasure))
	g.GET("/v1/audit/entries", o.act("audit", o.auditEntries))
	g.GET("/v1/audit/checkpoint", o.act("audit", o.auditCheckpoint))
	g.GET("/v1/audit/proof", o.act("audit", o.auditProof))
	g.GET("/debug/pprof/*name", o.act("profile", profile))
	o.engine = g
	return o, nil
}

// ServeHTTP implements [http.Handler].
func (o *Operator) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.engine.ServeHTTP(w, r) }

// Routes lists what the operator API answers, in the contract's notation.
func (o *Operator) Routes() []contract.Route { return described(o.engine.Routes()) }

// errNotOperator means a backend that was not registered for operators.
var errNotOperator = errors.Join(auth.ErrForbidden, errors.New("register the backend with --operator"))

// act authenticates, asks doorward.admin, audits, and only then acts.
func (o *Operator) act(operation string, do func(*gin.Context, policy.Subject)) gin.HandlerFunc {
	return func(c *gin.Context) {
		a := o.API
		s, b, ok := a.subject(c, auth.Operate)
		if !ok {
			return
		}
		allowed, revision, err := o.allowed(c.Request.Context(), s, b, operation)
		outcome := operation
		if !allowed {
			outcome = "denied:" + operation
		}
		name, nerr := retrieval.SubjectID(a.Keys, s)
		e := audit.Entry{Event: "admin", Outcome: outcome, Tenant: s.Tenant, Subject: name, Backend: b.ID, Policy: revision, Request: c.GetString(requestKey)}
		if id := c.Param("id"); id != "" {
			e.Documents = []string{id}
		}
		if err := errors.Join(nerr, a.Audit.Append(c.Request.Context(), e)); err != nil {
			a.fail(c, err)
			return
		}
		if !allowed {
			a.fail(c, errors.Join(auth.ErrForbidden, err))
			return
		}
		do(c, s)
	}
}

func (o *Operator) allowed(ctx context.Context, s policy.Subject, b auth.Backend, operation string) (bool, string, error) {
	if !b.May(auth.Operate) {
		return false, "", errNotOperator
	}
	return o.decide(ctx, s, operation)
}

// decide asks doorward.admin.
func (o *Operator) decide(ctx context.Context, s policy.Subject, operation string) (bool, string, error) {
	snapshot, err := o.API.Policy.Snapshot()
	if err != nil {
		return false, "", err
	}
	c := policy.Context{Now: o.API.Now(), Destination: "internal", Action: operation}
	v, err := snapshot.Decide(ctx, policy.PointAdmin, policy.Input{"subject": s.Input(), "context": c.Input(), "operation": operation})
	return err == nil && v.Allow, snapshot.Revision().Hash, err
}

// PolicyRequest names a subject and, for check and explain, documents.
type PolicyRequest struct {
	Subject struct {
		ID        string         `json:"id"`
		Groups    []string       `json:"groups"`
		Roles     []string       `json:"roles"`
		Clearance int64          `json:"clearance"`
		Claims    map[string]any `json:"claims"`
		AMR       []string       `json:"amr"`
	} `json:"subject"`
	Purpose     string   `json:"purpose"`
	Destination string   `json:"destination"`
	Documents   []string `json:"documents"` // ids in the catalog
}

// asked is a policy question within the operator's own tenant.
func (o *Operator) asked(c *gin.Context, operator policy.Subject) (PolicyRequest, policy.Subject, policy.Context, bool) {
	var in PolicyRequest
	if !o.API.body(c, maxRequest, &in) {
		return in, policy.Subject{}, policy.Context{}, false
	}
	s := policy.Subject{ID: in.Subject.ID, Tenant: operator.Tenant, Groups: in.Subject.Groups, Roles: in.Subject.Roles, Clearance: in.Subject.Clearance, Claims: in.Subject.Claims}
	s.Authn.AMR = in.Subject.AMR
	if in.Destination == "" {
		in.Destination = "internal"
	}
	return in, s, policy.Context{Now: o.API.Now(), Purpose: in.Purpose, Destination: in.Destination, Action: "read"}, true
}

func (o *Operator) plan(c *gin.Context, operator policy.Subject) {
	_, s, context, ok := o.asked(c, operator)
	if !ok {
		return
	}
	report, err := o.Workbench.ExplainPlan(c.Request.Context(), s, context)
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, report)
}

func (o *Operator) check(c *gin.Context, operator policy.Subject) {
	in, s, context, ok := o.asked(c, operator)
	if !ok {
		return
	}
	documents, err := o.API.Catalog.Documents(c.Request.Context(), operator.Tenant, in.Documents)
	if err != nil {
		o.API.fail(c, err)
		return
	}
	out := map[string]bool{}
	var ids []string
	var facts []policy.Attributes
	for _, id := range in.Documents {
		out[id] = false
		if d, ok := documents[id]; ok {
			ids, facts = append(ids, id), append(facts, d.Attributes)
		}
	}
	snapshot, err := o.API.Policy.Snapshot()
	if err == nil && len(facts) > 0 {
		var decisions []policy.Decision
		decisions, err = snapshot.Check(c.Request.Context(), s, context, facts)
		for i := range decisions {
			out[ids[i]] = decisions[i].Allow
		}
	}
	if err != nil {
		o.API.fail(c, err)
		return
	}
	c.JSON(http.StatusOK, gin.H{"allowed": out, "policy": snapshot.Revision().Hash})
}

func (o *Operator) explain(c *gin.Context, operator policy.Subject) {
	in, s, context, ok := o.asked(c, operator)
	if !ok {
		return
	}
	documents, err := o.API.Catalog.Documents(c.Request.Context(), operator.Tenant, in.Documents)
	if err != nil {
		o.API.fail(c, err)
		return
	}
	out := map[string]any{}
	for _, id := range in.Documents {
		d, ok := documents[id]
		if !ok {
			out[id] = gin.H{"allow": false, "reason": "not a live document"}
			continue
		}
		if out[id], err = o.Workbench.Explain(c.Request.Context(), s, context, d.Attributes); err != nil {
			o.API.fail(c, err)
			return
		}
	}
	c.JSON(http.StatusOK, gin.H{"documents": out})
}

// profile serves Go's profiles, to operators that doorward.admin lets.
func profile(c *gin.Context, _ policy.Subject) {
	switch name := c.Param("name"); name {
	case "/profile":
		pprof.Profile(c.Writer, c.Request)
	case "/trace":
		pprof.Trace(c.Writer, c.Request)
	case "/", "":
		pprof.Index(c.Writer, c.Request)
	default:
		pprof.Handler(name[1:]).ServeHTTP(c.Writer, c.Request)
	}
}
