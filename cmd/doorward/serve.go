package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
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
			stop, err := takeCommands(c.Context(), a)
			if err != nil {
				return err
			}
			defer stop()
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
	f, err := openFaces(a)
	if err != nil {
		return err
	}
	if a.Follower != nil {
		go a.Follower.Run(ctx)
	}
	go a.ExportAudit(ctx)
	if every := a.Config.Erasure.Every; every > 0 {
		go a.Retain(ctx, every)
	}
	a.FollowSources(ctx)
	if every := a.Config.Index.Scrub; every > 0 {
		go a.Scrub(ctx, every)
	}
	go a.KeepScanned(ctx)
	c := a.Config.Listen
	faces := []face{{c.Public, f.public, c.TLSCert, c.TLSKey, listening}, {c.Operator, f.operator, "", "", func(string) {}}}
	failed := make(chan error, len(faces))
	var servers []*http.Server
	for _, f := range faces {
		l, err := net.Listen("tcp", f.address)
		if err != nil {
			return errors.Join(fmt.Errorf("listening: %w", err), closeAll(servers))
		}
		s := &http.Server{Handler: f.handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10}
		if err := clientCertificates(s, f, a.Config.Identity.Certificates); err != nil {
			return errors.Join(err, l.Close(), closeAll(servers))
		}
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

// clientCertificates lets backends prove themselves by mTLS on the public face.
func clientCertificates(s *http.Server, f face, c configs.Certificates) error {
	if c.CA == "" || f.cert == "" {
		return nil
	}
	s.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13}
	return auth.ClientCAs(s.TLSConfig, c.CA, c.Require)
}

func closeAll(servers []*http.Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
