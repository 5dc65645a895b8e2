package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/openai"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/retrieval/prompt"
)

func serveCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Answer chatbot backends over HTTP", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if unsafe := cfg.Serving(); len(unsafe) > 0 {
				return &exit{exitUsage, &configs.Error{File: g.config, Problems: unsafe}}
			}
			a, err := app.Open(c.Context(), cfg, app.Options{Log: logger(cfg, c.ErrOrStderr())})
			if err != nil {
				return err
			}
			defer a.Close()
			return serve(c.Context(), a, func(address string) { fmt.Fprintf(c.ErrOrStderr(), "serving on http://%s\n", address) })
		},
	}
}

// Timeouts of the listener. Reading a body has its own deadline per route.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	drainTimeout  = 15 * time.Second
)

// serve answers until the context ends, then lets accepted requests finish.
func serve(ctx context.Context, a *app.App, listening func(address string)) error {
	public, operator, err := handlers(a)
	if err != nil {
		return err
	}
	if a.Follower != nil {
		go a.Follower.Run(ctx)
	}
	if every := a.Config.Index.Scrub; every > 0 {
		go a.Scrub(ctx, every)
	}
	c := a.Config.Listen
	faces := []face{{c.Public, public, c.TLSCert, c.TLSKey, listening}, {c.Operator, operator, "", "", func(string) {}}}
	failed := make(chan error, len(faces))
	var servers []*http.Server
	for _, f := range faces {
		l, err := net.Listen("tcp", f.address)
		if err != nil {
			return errors.Join(fmt.Errorf("listening: %w", err), closeAll(servers))
		}
		s := &http.Server{Handler: f.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10}
		servers = append(servers, s)
		go func() { failed <- f.serve(s, l) }()
	}
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), closeAll(servers))
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	for _, s := range servers {
		if err := s.Shutdown(drain); err != nil && !errors.Is(err, http.ErrServerClosed) {
			return errors.Join(fmt.Errorf("draining: %w", err), closeAll(servers))
		}
	}
	return nil
}

// face is one listener.
type face struct {
	address   string
	handler   http.Handler
	cert, key string
	listening func(address string)
}

func (f face) serve(s *http.Server, l net.Listener) error {
	f.listening(l.Addr().String())
	if f.cert != "" {
		return s.ServeTLS(l, f.cert, f.key)
	}
	return s.Serve(l)
}

func closeAll(servers []*http.Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// handlers puts the two HTTP faces over the parts.
func handlers(a *app.App) (public, operator http.Handler, err error) {
	face, err := publicAPI(a)
	if err != nil {
		return nil, nil, err
	}
	gateway, err := openGateway(a, face)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	tools, err := openMCP(a, face)
	if err != nil {
		return nil, nil, err
	}
	mux.Handle("POST /v1/chat/completions", gateway)
	mux.Handle("/mcp", tools)
	mux.Handle("/", face)
	operator, err = api.NewOperator(api.OperatorConfig{API: face, Quarantine: a.Catalog, Releaser: a.Pipeline, Workbench: a.Workbench(), Metrics: a.Metrics.Handler()})
	return mux, operator, err
}

// publicAPI is the public listener's own routes.
func publicAPI(a *app.App) (*api.API, error) {
	backends, err := auth.OpenBackends(a.Config.Keys)
	if err != nil {
		return nil, err
	}
	issuers, err := openIssuers(a.Config.Identity.Issuers)
	if err != nil {
		return nil, err
	}
	claims, err := app.ClaimsSchema(a.Config)
	if err != nil {
		return nil, err
	}
	authn, err := auth.New(auth.Config{Audience: a.Config.Identity.Audience, Backends: backends, BackendSigned: a.Config.Identity.BackendSigned,
		Issuers: issuers, Claims: claims, Skew: a.Config.Identity.Skew})
	if err != nil {
		return nil, err
	}
	marking, err := prompt.ParseMarking(a.Config.Prompt.Marking)
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{
		Auth: authn, Service: a.Service, Output: a.Output, Catalog: a.Catalog, Policy: a.Policy, Keys: a.Keys, Audit: a.Audit, Log: a.Log,
		Search: a.Search(), TopK: a.Config.Prompt.TopK, Budget: a.Config.Prompt.Budget, Marking: marking, Observe: a.Metrics.Observe,
		Ready: func() error { _, err := a.Policy.Snapshot(); return err },
	})
}

// openGateway puts the chat gateway over the same parts.
func openGateway(a *app.App, face *api.API) (*openai.Gateway, error) {
	c := openai.Config{
		Authenticate: func(r *http.Request) (openai.Caller, error) {
			s, b, err := face.Authenticate(r)
			return openai.Caller{Subject: s, Destinations: b.Destinations}, err
		},
		Retrieve: a.Service.Retrieve, Answer: face.Answer, Filter: a.Output, Policy: a.Policy, Audit: a.Audit, Questions: a.Scanners.Sanitizer,
		TopK: a.Config.Prompt.TopK, Budget: a.Config.Prompt.Budget, Marking: face.Marking, Log: a.Log, Status: api.Status,
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

func openIssuers(list []configs.Issuer) (map[string]jwk.Set, error) {
	out := map[string]jwk.Set{}
	for _, i := range list {
		data, err := os.ReadFile(i.JWKS)
		if err != nil {
			return nil, fmt.Errorf("reading keys of issuer: %w", err)
		}
		set, err := jwk.Parse(data)
		if err != nil {
			return nil, fmt.Errorf("reading keys of issuer: %s is not a JWK set", i.JWKS)
		}
		if set, err = jwk.PublicSetOf(set); err != nil {
			return nil, fmt.Errorf("reading keys of issuer: %s holds a key that cannot be used", i.JWKS)
		}
		out[strings.TrimSpace(i.Issuer)] = set
	}
	return out, nil
}
