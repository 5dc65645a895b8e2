package auth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/api/admission"
)

// Authorities are those whose client certificates a listener believes, read anew
// when their file changes. Connections that are open stay as they were accepted.
type Authorities struct {
	path string
	base *tls.Config
	log  *slog.Logger
	pem  []byte                     // as last used
	now  atomic.Pointer[tls.Config] // since the file changed; nil: as it was opened
}

// OpenAuthorities makes a listener ask for client certificates signed by one of the
// PEM file's authorities. require refuses connections without one; otherwise
// backends without certificates prove themselves by their keys. Sessions are not
// resumed: a resumed one would not ask who the authorities are by now.
func OpenAuthorities(c *tls.Config, path string, require bool, log *slog.Logger) (*Authorities, error) {
	a := &Authorities{path: path, base: c, log: log}
	pool, _, err := a.read()
	if err != nil {
		return nil, err
	}
	c.ClientCAs, c.ClientAuth, c.SessionTicketsDisabled = pool, tls.VerifyClientCertIfGiven, true
	if require {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return a.now.Load(), nil }
	return a, nil
}

// read returns the file's authorities, nil where they are as they were.
func (a *Authorities) read() (*x509.CertPool, bool, error) {
	pem, err := os.ReadFile(a.path)
	if err != nil {
		return nil, false, fmt.Errorf("reading identity.certificates.ca: %w", err)
	}
	if a.pem != nil && bytes.Equal(pem, a.pem) {
		return nil, false, nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, false, fmt.Errorf("reading identity.certificates.ca: %s holds no PEM certificate", a.path)
	}
	a.pem = pem
	return pool, true, nil
}

// Reload reads the file anew and reports whether it changed. One that cannot be
// used leaves the authorities that were.
func (a *Authorities) Reload() (changed bool, err error) {
	pool, changed, err := a.read()
	if err != nil || !changed {
		return false, err
	}
	c := a.base.Clone()
	c.ClientCAs, c.GetConfigForClient = pool, nil
	a.now.Store(c)
	return true, nil
}

// Follow reloads at an interval until the context ends.
func (a *Authorities) Follow(ctx context.Context, every time.Duration) {
	admission.Follow(ctx, every, a.Reload, func(err error) {
		if err != nil {
			a.log.ErrorContext(ctx, "the new authorities of client certificates are not used; those before stay", "error", err)
			return
		}
		a.log.InfoContext(ctx, "authorities of client certificates reloaded")
	})
}
