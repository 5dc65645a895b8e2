// Package api is Doorward's HTTP face: routes, wire types and how errors become
// statuses. It proves identities (api/auth), calls the flows and adds nothing to
// their decisions.
package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/policy/keys"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize/output"
)

// Bounds of request bodies, in bytes.
const (
	maxRequest = 1 << 20
	maxAnswer  = 8 << 20
	maxLine    = 256 << 10
)

// Config is what the public API needs. Every field is required.
type Config struct {
	Auth    *auth.Authenticator
	Service *retrieval.Service
	Output  *output.Filter
	Catalog catalog.Reader
	Policy  policy.Source
	Keys    keys.Ring
	Audit   audit.Log
	Log     *slog.Logger
	Health  *Health // whether the service can answer
	Observe Observe // for metrics and traces; nil: none
	Search  string  // how it searches, for clients: "keywords" or "hybrid"
	Now     func() time.Time
	// Contained returns the containment orders in force; an error stops every
	// answer. Nil: there are none.
	Contained func(ctx context.Context) (*contain.Set, error)
	// Prompt defaults, used where a request says nothing.
	TopK, Budget int
	Marking      prompt.Marking
	// Documents takes pushed documents in; nil: there are no such routes.
	Documents *DocumentsConfig
}

// Observe is told that a request begins and returns what is told its end. The
// route is the pattern that matched, "none" where none did.
type Observe func(ctx context.Context, method, route string) (context.Context, func(status int))

// API is the public listener's handler.
type API struct {
	Config
	engine *gin.Engine
}

// New checks the configuration and builds the routes.
func New(c Config) (*API, error) {
	if c.Auth == nil || c.Service == nil || c.Output == nil || c.Catalog == nil || c.Policy == nil || c.Keys == nil || c.Audit == nil || c.Health == nil {
		return nil, errors.New("making api: a part is missing")
	}
	if c.Documents != nil {
		if err := c.Documents.check(); err != nil {
			return nil, err
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	a := &API{Config: c}
	a.engine = a.routes()
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

func (a *API) routes() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.HandleMethodNotAllowed = true
	g.Use(a.request, a.recovered)
	g.NoRoute(a.noRoute)
	g.NoMethod(a.noMethod)
	get(g, "/healthz", alive)
	get(g, "/readyz", a.ready(false))
	get(g, "/openapi.json", a.contract(contract.Public))
	g.POST("/v1/retrieve", a.retrieve)
	g.GET("/v1/citations/:id", a.citation)
	g.POST("/v1/output", a.output)
	g.POST("/v1/output/stream", a.outputStream)
	if a.Documents != nil {
		g.GET("/v1/documents", a.listDocuments)
		g.PUT("/v1/documents/:id", a.putDocument)
		g.GET("/v1/documents/:id", a.getDocument)
		g.DELETE("/v1/documents/:id", a.deleteDocument)
		g.PATCH("/v1/documents/:id/attributes", a.patchAttributes)
		g.POST("/v1/batches", a.postBatch)
		g.GET("/v1/batches", a.listBatches)
		g.GET("/v1/batches/:id", a.getBatch)
	}
	return g
}

// get registers a route that probes ask for its head as well; the server drops the
// body of the answer.
func get(g *gin.Engine, path string, h gin.HandlerFunc) {
	g.GET(path, h)
	g.HEAD(path, h)
}

func (a *API) noRoute(c *gin.Context) {
	a.problem(c, problem{Status: http.StatusNotFound, Type: "no-route", Title: "There is nothing at this path"})
}

func (a *API) noMethod(c *gin.Context) {
	a.problem(c, problem{Status: http.StatusMethodNotAllowed, Type: "no-method", Title: "This path does not take that method"})
}

const requestKey = "request"

// newRequest is an id for a request.
func newRequest() string {
	var id [8]byte
	rand.Read(id[:])
	return hex.EncodeToString(id[:])
}

// request gives each request an id, limits its body and logs its end.
func (a *API) request(c *gin.Context) {
	rid := newRequest()
	c.Set(requestKey, rid)
	c.Header("Doorward-Request", rid)
	c.Header("Cache-Control", "no-store")
	c.Header("X-Content-Type-Options", "nosniff")
	started := a.Now()
	ctx, end := a.observe(c.Request.Context(), method(c.Request.Method), c.FullPath())
	c.Request = c.Request.WithContext(ctx)
	defer func() { end(c.Writer.Status()) }()
	c.Next()
	a.Log.InfoContext(c.Request.Context(), "request", "method", method(c.Request.Method), "route", c.FullPath(), "status", c.Writer.Status(),
		"milliseconds", a.Now().Sub(started).Milliseconds(), "request", rid)
}

// method is a request's method as logs and spans say it. Callers may make methods up;
// what HTTP does not define is OpenTelemetry's _OTHER.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "_OTHER"
}

// observe begins an observation, if anybody observes.
func (a *API) observe(ctx context.Context, method, route string) (context.Context, func(int)) {
	if a.Observe == nil {
		return ctx, func(int) {}
	}
	if route == "" {
		route = "none"
	}
	return a.Observe(ctx, method, route)
}

// Observed wraps a handler that is mounted beside the API's own routes.
func (a *API) Observed(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end := a.observe(r.Context(), method(r.Method), route)
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		defer func() { end(s.status) }()
		next.ServeHTTP(s, r.WithContext(ctx))
	})
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Flush and Unwrap let streams through.
func (w *statusWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// recovered turns a panic into an error without its value, which may quote a
// document.
func (a *API) recovered(c *gin.Context) {
	defer func() {
		if r := recover(); r != nil {
			if r == http.ErrAbortHandler {
				panic(r)
			}
			a.Log.ErrorContext(c.Request.Context(), "panic", "route", c.FullPath(), "request", c.GetString(requestKey))
			if !c.Writer.Written() {
				a.problem(c, internal)
			}
			c.Abort()
		}
	}()
	c.Next()
}

// Routes lists what the public API answers, in the contract's notation.
func (a *API) Routes() []contract.Route { return described(a.engine.Routes()) }

// described turns gin's routes into the contract's.
func described(routes gin.RoutesInfo) []contract.Route {
	parameter := regexp.MustCompile(`[:*]([a-z]+)`)
	var out []contract.Route
	for _, r := range routes {
		if r.Method == http.MethodHead { // goes with GET
			continue
		}
		out = append(out, contract.Route{Method: r.Method, Path: parameter.ReplaceAllString(r.Path, "{$1}")})
	}
	return out
}

func alive(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "alive"}) }

// contract serves the API's description.
func (a *API) contract(l contract.Listener) gin.HandlerFunc {
	document, err := contract.JSON(l)
	return func(c *gin.Context) {
		if err != nil {
			a.fail(c, err)
			return
		}
		c.Data(http.StatusOK, "application/json", document)
	}
}

// subject proves both identities and that the backend may do this, or answers
// the request with a problem.
func (a *API) subject(c *gin.Context, scope auth.Scope) (policy.Subject, auth.Backend, bool) {
	s, b, err := a.Authenticate(c.Request, c.GetString(requestKey), scope)
	if err != nil {
		a.fail(c, err)
	}
	return s, b, err == nil
}

// Authenticate proves both identities and the backend's scope, and audits a
// refusal under the request's id.
func (a *API) Authenticate(r *http.Request, request string, scope auth.Scope) (policy.Subject, auth.Backend, error) {
	s, b, err := a.Auth.Subject(r)
	return a.scoped(r, request, s, b, scope, err)
}

// Token does the same for a bearer token that stands for both.
func (a *API) Token(r *http.Request, request string, scope auth.Scope) (policy.Subject, auth.Backend, error) {
	s, b, err := a.Auth.Token(r)
	return a.scoped(r, request, s, b, scope, err)
}

func (a *API) scoped(r *http.Request, request string, s policy.Subject, b auth.Backend, scope auth.Scope, err error) (policy.Subject, auth.Backend, error) {
	if err == nil && !b.May(scope) {
		err = fmt.Errorf("%w: it was not registered for scope %q", auth.ErrForbidden, scope)
	}
	if err == nil {
		return s, b, nil
	}
	return policy.Subject{}, b, a.refused(r.Context(), request, b, err)
}

// Purpose settles what a request is for by its header, within what the backend was
// registered for; a refusal is audited.
func (a *API) Purpose(r *http.Request, request string, b auth.Backend) (string, error) {
	purpose, err := b.Purpose(r.Header.Get(auth.PurposeHeader))
	if err != nil {
		err = a.refused(r.Context(), request, b, err)
	}
	return purpose, err
}

// refused logs and audits a refusal of identity and returns what to answer. A
// caller that goes away must not keep its refusal out of the log.
func (a *API) refused(ctx context.Context, request string, b auth.Backend, err error) error {
	if errors.Is(err, auth.ErrUnauthenticated) || errors.Is(err, auth.ErrForbidden) { // the service's own troubles are logged as such
		a.Log.WarnContext(ctx, "identity refused", "reason", auth.Reason(err), "error", err, "backend", b.ID, "request", request)
	}
	e := audit.Entry{Event: "auth", Outcome: "denied", Tenant: b.Tenant, Backend: b.ID, Reason: auth.Reason(err), Request: request}
	if aerr := a.Audit.Append(context.WithoutCancel(ctx), e); aerr != nil {
		return aerr
	}
	return err
}

// body decodes a JSON request strictly.
func (a *API) body(c *gin.Context, limit int64, into any) bool {
	data, _, err := readBody(c, limit, takesJSON)
	if err == nil {
		err = decode(data, into)
	}
	if err != nil {
		a.fail(c, err)
		return false
	}
	return true
}

// readBody reads a body of at most limit bytes and of one of the types that the
// route takes (nil: it takes none), and says which. One that says that it is larger
// is refused before it is read, so that a client that waits to be told to go on
// (Expect: 100-continue) hears why.
func readBody(c *gin.Context, limit int64, takes []string) (data []byte, media string, err error) {
	if media, err = typed(c.Request, takes); err != nil {
		return nil, "", err
	}
	if c.Request.ContentLength > limit {
		return nil, "", &http.MaxBytesError{Limit: limit}
	}
	data, err = io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	return data, media, err
}
