package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/doorward/doorward/api/admission"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy/heap"
)

// heapFloor is how large the heap of a service may grow before it is collected: about
// twice what one of some thousand documents keeps when its memos are full.
const heapFloor = 192 << 20

func serveCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "serve", Short: "Answer chatbot backends over HTTP", Args: noArgs,
		Long: `Answers on the public listener (chatbot backends) and on the operator listener
(loopback). On SIGTERM or an interrupt, readiness says no, accepted requests
finish, streams finish or end with an explicit error, and it exits with 0; a
second signal ends it at once.`,
		RunE: func(c *cobra.Command, _ []string) error {
			heap.Process.Floor(heapFloor)
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if unsafe := cfg.Serving(); len(unsafe) > 0 {
				return &exit{exitUsage, &configs.Error{File: g.config, Problems: unsafe}}
			}
			a, err := app.Open(c.Context(), cfg, app.Options{Log: logger(cfg, c.ErrOrStderr()), Version: version()})
			if err != nil {
				return err
			}
			defer a.Close()
			stop, err := takeCommands(c.Context(), a)
			if err != nil {
				return err
			}
			defer stop()
			scheme := "http"
			if cfg.Listen.TLSCert != "" {
				scheme = "https"
			}
			return serve(c.Context(), a, func(address string) { fmt.Fprintf(c.ErrOrStderr(), "serving on %s://%s\n", scheme, address) })
		},
	}
}

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
	if every := a.Config.Review.Every; every > 0 {
		go a.Tidy(ctx, every)
	}
	a.FollowIssuers(ctx)
	a.FollowSources(ctx)
	if every := a.Config.Index.Scrub; every > 0 {
		go a.Scrub(ctx, every)
	}
	go a.KeepScanned(ctx)
	go giveBack(ctx, time.Minute)
	public, err := publicServer(ctx, a, f.public)
	if err != nil {
		return err
	}
	l := a.Config.Limits
	operator := server(f.operator, l, a.Log)
	failed := make(chan error, 2)
	for _, s := range []struct {
		*http.Server
		address   string
		most      int
		listening func(string)
	}{{public, a.Config.Listen.Public, l.Connections, listening}, {operator, a.Config.Listen.Operator, min(l.Connections, 64), func(string) {}}} {
		open, err := net.Listen("tcp", s.address)
		if err != nil {
			return errors.Join(fmt.Errorf("listening: %w", err), public.Close(), operator.Close())
		}
		s.listening(open.Addr().String())
		go func() { failed <- accept(s.Server, netutil.LimitListener(open, s.most)) }()
	}
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serving: %w", err), public.Close(), operator.Close())
	case <-ctx.Done():
	}
	return drain(a, f, public, operator)
}

// giveBack returns memory to the system that nothing uses any more, again and again
// until the context ends. The collector keeps room for the greatest burst so far, an
// ingest or a re-scan, and what it gives back it gives back slowly: without this a
// service that does the same every hour grows for hours. It costs one collection
// each time.
func giveBack(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			debug.FreeOSMemory()
		}
	}
}

func accept(s *http.Server, l net.Listener) error {
	if s.TLSConfig != nil {
		return s.ServeTLS(l, "", "")
	}
	return s.Serve(l)
}

// server is a listener's server within the configured limits. What net/http has to
// say, such as a failed handshake, goes where everything else is logged.
func server(h http.Handler, l configs.Limits, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ReadHeaderTimeout: l.Header, IdleTimeout: l.Idle, MaxHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: l.HTTP2, MaxReadFrameSize: 64 << 10, SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second, WriteByteTimeout: 30 * time.Second}}
}

// certificateEvery is how often certificate files are looked at.
const certificateEvery = 2 * time.Second

// publicServer adds TLS where it is configured.
func publicServer(ctx context.Context, a *app.App, h http.Handler) (*http.Server, error) {
	s := server(h, a.Config.Limits, a.Log)
	c := a.Config.Listen
	if c.TLSCert == "" {
		return s, nil
	}
	certificate, err := admission.OpenCertificate(c.TLSCert, c.TLSKey, a.Log)
	if err != nil {
		return nil, err
	}
	a.Metrics.Certificate(certificate.Expires)
	go certificate.Follow(ctx, certificateEvery)
	s.TLSConfig = certificate.TLS()
	if m := a.Config.Identity.Certificates; m.CA != "" { // backends prove themselves by mTLS
		authorities, err := auth.OpenAuthorities(s.TLSConfig, m.CA, m.Require, a.Log)
		if err != nil {
			return nil, err
		}
		go authorities.Follow(ctx, certificateEvery)
	}
	return s, nil
}

// cutBefore is how long before the end of a drain the streams that are still
// open are ended, so that each can say so.
const cutBefore = 3 * time.Second

// drain tells whoever asks that the service goes, lets accepted requests finish,
// cuts the streams that do not, and closes the listeners.
func drain(a *app.App, f faces, servers ...*http.Server) error {
	l := a.Config.Limits
	f.admission.Drain()
	a.Log.Info("draining", "most", l.Drain.String())
	if time.Since(f.health.Asked()) < time.Minute { // somebody watches readiness: let him see it
		time.Sleep(min(l.Notice, l.Drain/2))
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.Drain)
	defer cancel()
	defer time.AfterFunc(max(l.Drain-cutBefore, l.Drain/2), f.admission.Cut).Stop()
	var errs []error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("draining: %w", err), s.Close())
		}
	}
	return errors.Join(errs...)
}
