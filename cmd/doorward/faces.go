package main

import (
	"net/http"
	"os"
	"runtime"
	"strings"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/api/openai"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/retrieval/prompt"
)

// faces are the two HTTP faces over the parts, with the routes each answers.
type faces struct {
	public, operator             http.Handler
	publicRoutes, operatorRoutes []contract.Route
	admission                    *admission.Admission
	health                       *api.Health
}

// classify says how a request of the public listener is admitted.
func classify(r *http.Request) admission.Class {
	switch r.URL.Path {
	case "/healthz", "/readyz", "/openapi.json":
		return admission.Free
	case "/v1/output/stream", "/v1/chat/completions", "/v1/batches": // as long as their senders
		return admission.Stream
	}
	if r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/documents/") {
		return admission.Push // these wait for their turn in the pipeline
	}
	return admission.Short
}

// admit makes the public listener's admission. Where an embedder, a reranker or
// a server's index is asked, requests mostly wait for others, and many can be
// worked on at once; otherwise each keeps a core busy, and gives its place away
// before it waits for the audit log's disk.
func admit(a *app.App) (*admission.Admission, error) {
	l, cores := a.Config.Limits, min(runtime.GOMAXPROCS(0), runtime.NumCPU())
	if runtime.GOMAXPROCS(0) == runtime.NumCPU() && os.Getenv("GOMAXPROCS") == "" {
		// One more than there are cores: otherwise what takes microseconds, a refusal
		// or a request's first bytes, waits for requests that take milliseconds. Where
		// a container has a part of the cores only, its quota would be overdrawn.
		runtime.GOMAXPROCS(cores + 1)
	}
	if l.Concurrent == 0 {
		l.Concurrent = cores
		if a.Embedder != nil || a.Reranker != nil || a.Config.Index.Type == "qdrant" {
			l.Concurrent = remotePlacesPerCore * cores
		}
	}
	if l.Queue == 0 {
		l.Queue = max(l.Concurrent, waitingPerCore*cores)
	}
	return admission.New(admission.Config{Concurrent: l.Concurrent, Queue: l.Queue, Wait: l.Wait, Pushes: pushesPerCore * cores, Streams: l.Streams,
		Body: l.Body, Deadline: l.Deadline, Answer: l.Answer, Classify: classify, Shed: a.Metrics.Shed, Working: a.Metrics.Working, Log: a.Log})
}

// Places by core where the configuration says nothing.
const (
	remotePlacesPerCore = 32
	waitingPerCore      = 32
	pushesPerCore       = 16
)

// openFaces puts the two HTTP faces over the parts.
func openFaces(a *app.App) (faces, error) {
	var f faces
	var err error
	if f.admission, err = admit(a); err != nil {
		return f, err
	}
	f.health = api.NewHealth(a.Parts(), f.admission.Draining)
	a.Metrics.Health(f.health.States)
	a.Metrics.Waiting(a.Waiting())
	a.Metrics.Issuers(a.SilentIssuers)
	face, err := publicAPI(a, f.health)
	if err != nil {
		return f, err
	}
	gateway, err := openGateway(a, face)
	if err != nil {
		return f, err
	}
	tools, err := openMCP(a, face)
	if err != nil {
		return f, err
	}
	mux := http.NewServeMux()
	f.publicRoutes = face.Routes()
	mount := func(path string, h http.Handler, methods ...string) {
		h = face.Observed(path, h)
		for _, m := range methods {
			mux.Handle(m+" "+path, h)
			f.publicRoutes = append(f.publicRoutes, contract.Route{Method: m, Path: path})
		}
	}
	mount("/v1/chat/completions", gateway, "POST")
	mount("/mcp", tools, "POST", "GET", "DELETE")
	mux.Handle("/", face)
	operator, err := api.NewOperator(api.OperatorConfig{API: face, Quarantine: a.Catalog, Reviewer: a.Pipeline, Orders: a.Orders, Known: a.Known, Trace: a.Trace, Workbench: a.Workbench(), AuditLog: app.AuditDesk{Reader: a.AuditLog.Reader()}, Eraser: a.Eraser, Metrics: a.Metrics.Handler()})
	if err != nil {
		return f, err
	}
	f.public, f.operator, f.operatorRoutes = f.admission.Wrap(mux), operator, operator.Routes()
	return f, nil
}

// publicAPI is the public listener's own routes.
func publicAPI(a *app.App, health *api.Health) (*api.API, error) {
	authn, err := a.Identity()
	if err != nil {
		return nil, err
	}
	marking, err := prompt.ParseMarking(a.Config.Prompt.Marking)
	if err != nil {
		return nil, err
	}
	documents, err := openDocuments(a)
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{
		Documents: documents,
		Contained: a.Orders.Contained,
		Auth:      authn, Service: a.Service, Output: a.Output, Catalog: a.Catalog, Policy: a.Policy, Keys: a.Keys, Audit: a.Audit, Log: a.Log,
		Search: a.Search(), TopK: a.Config.Prompt.TopK, Budget: a.Config.Prompt.Budget, Marking: marking, Observe: a.Observe,
		Health: health,
	})
}

// openDocuments lets backends push documents, where a source takes them.
func openDocuments(a *app.App) (*api.DocumentsConfig, error) {
	sources, err := app.PushSources(a.Config)
	if err != nil || len(sources) == 0 {
		return nil, err
	}
	p := a.Config.Push
	return &api.DocumentsConfig{Intake: a.Pipeline, Sources: sources, Standing: a.Catalog, Answers: a.Catalog, Batches: a.Catalog,
		MaxDocument: p.MaxDocument, MaxBatch: p.MaxBatch, MaxDocuments: p.MaxDocuments}, nil
}

// openGateway puts the chat gateway over the same parts.
func openGateway(a *app.App, face *api.API) (*openai.Gateway, error) {
	c := openai.Config{
		Authenticate: func(r *http.Request, request string) (openai.Caller, error) {
			s, b, err := face.Authenticate(r, request, auth.Chat)
			if err != nil {
				return openai.Caller{}, err
			}
			purpose, err := face.Purpose(r, request, b)
			return openai.Caller{Subject: s, Destinations: b.Destinations, Purpose: purpose}, err
		},
		Retrieve: a.Service.Retrieve, Answer: face.Answer, Filter: a.Output, Policy: a.Policy, Audit: a.Audit, Questions: a.Scanners.Sanitizer,
		TopK: a.Config.Prompt.TopK, Budget: a.Config.Prompt.Budget, Marking: face.Marking, Log: a.Log, Typed: api.JSON, Status: api.Status, Call: a.Call,
	}
	for _, u := range a.Config.Gateway.Upstreams {
		key, err := app.ReadKey("gateway.upstreams.api_key_file", u.APIKeyFile)
		if err != nil {
			return nil, err
		}
		c.Upstreams = append(c.Upstreams, openai.Upstream{Models: u.Models, URL: strings.TrimSuffix(u.URL, "/"), Key: key, Destination: u.Destination})
	}
	return openai.New(c)
}
