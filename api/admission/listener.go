package admission

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is a listener's certificate, read anew when its files change. A
// pair that does not fit together, or cannot be read, leaves the one before in
// use and is reported.
type Certificate struct {
	cert, key string
	log       *slog.Logger
	current   atomic.Pointer[tls.Certificate]
	sum       [sha256.Size]byte
}

// OpenCertificate reads a PEM pair, which must be good the first time.
func OpenCertificate(cert, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{cert: cert, key: key, log: log}
	if _, err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the pair anew and reports whether it changed.
func (c *Certificate) Reload() (changed bool, err error) {
	cert, err := os.ReadFile(c.cert)
	if err != nil {
		return false, fmt.Errorf("reading listen.tls_cert: %w", err)
	}
	key, err := os.ReadFile(c.key)
	if err != nil {
		return false, fmt.Errorf("reading listen.tls_key: %w", err)
	}
	sum := sha256.Sum256(append(append(append([]byte{}, cert...), 0), key...))
	if sum == c.sum {
		return false, nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil { // its text names the kind of fault, never the key
		return false, fmt.Errorf("reading listen.tls_cert and listen.tls_key: %w", err)
	}
	if err := c.lasts(&pair, time.Now()); err != nil {
		return false, err
	}
	c.sum = sum
	c.current.Store(&pair)
	return true, nil
}

// lasts refuses an expired certificate while there is a better one. At the start
// there is none: it is used, because what else the service does goes on, and said.
func (c *Certificate) lasts(pair *tls.Certificate, now time.Time) error {
	end := pair.Leaf.NotAfter
	if now.Before(end) {
		return nil
	}
	if before := c.current.Load(); before != nil && before.Leaf.NotAfter.After(end) {
		return fmt.Errorf("reading listen.tls_cert: it expired at %s", end.UTC().Format(time.RFC3339))
	}
	c.log.Error("listen.tls_cert has expired: clients will refuse it until the file is replaced", "expired", end.UTC().Format(time.RFC3339))
	return nil
}

// Follow reloads at an interval until the context ends.
func (c *Certificate) Follow(ctx context.Context, every time.Duration) {
	Follow(ctx, every, c.Reload, func(err error) {
		if err != nil {
			c.log.ErrorContext(ctx, "the new certificate is not used; the one before stays", "error", err)
			return
		}
		c.log.InfoContext(ctx, "certificate reloaded", "until", c.current.Load().Leaf.NotAfter.UTC().Format(time.RFC3339))
	})
}

// Follow reloads a file at an interval until the context ends. It says when the file
// changed (nil), and why it cannot be used, once while it stays so.
func Follow(ctx context.Context, every time.Duration, reload func() (changed bool, err error), say func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := reload()
		switch {
		case err != nil && err.Error() != said:
			said = err.Error()
			say(err)
		case changed:
			said = ""
			say(nil)
		}
	}
}

// Expires is when the certificate in use ends.
func (c *Certificate) Expires() time.Time { return c.current.Load().Leaf.NotAfter }

// TLS is the listener's configuration: TLS 1.3 only. Its key exchanges are Go's
// defaults, the first of which is the hybrid post-quantum X25519MLKEM768; a test
// asserts that it is what clients get.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil }}
}
