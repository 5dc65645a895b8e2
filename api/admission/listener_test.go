package admission

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// pair writes a certificate with a serial number and its key.
func pair(t testing.TB, dir string, serial int64) (cert, key string) {
	t.Helper()
	return pairUntil(t, dir, serial, time.Now().Add(time.Hour))
}

// pairUntil is one that ends at a given time.
func pairUntil(t testing.TB, dir string, serial int64, end time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: end.Add(-2 * time.Hour), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// log gathers what is logged.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// served is a TLS server with a followed certificate, and a dialler that says
// what it was shown.
func served(t *testing.T) (dir string, dial func(*tls.Config) (tls.ConnectionState, error), said *log) {
	t.Helper()
	dir, said = t.TempDir(), &log{}
	cert, key := pair(t, dir, 1)
	c, err := OpenCertificate(cert, key, slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go c.Follow(ctx, 5*time.Millisecond)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Listener = tls.NewListener(s.Listener, c.TLS())
	s.Start()
	t.Cleanup(s.Close)
	return dir, func(config *tls.Config) (tls.ConnectionState, error) {
		config.InsecureSkipVerify = true // the certificate is its own authority
		conn, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "http://"), config)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer conn.Close()
		return conn.ConnectionState(), nil
	}, said
}

// TestHandshakeIsHybridPostQuantum: TLS 1.3 with X25519MLKEM768, nothing older.
func TestHandshakeIsHybridPostQuantum(t *testing.T) {
	_, dial, _ := served(t)
	state, err := dial(&tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if state.Version != tls.VersionTLS13 || state.CurveID != tls.X25519MLKEM768 {
		t.Errorf("version %x, exchange %v", state.Version, state.CurveID)
	}
	if _, err := dial(&tls.Config{CurvePreferences: []tls.CurveID{tls.X25519MLKEM768}}); err != nil {
		t.Errorf("a client that speaks only the hybrid exchange: %v", err)
	}
	if _, err := dial(&tls.Config{MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 was spoken")
	}
}

// TestCertificateIsReloaded: a new pair is used, a bad one is not, and is said.
func TestCertificateIsReloaded(t *testing.T) {
	dir, dial, said := served(t)
	shows := func(serial int64) bool {
		state, err := dial(&tls.Config{})
		return err == nil && state.PeerCertificates[0].SerialNumber.Int64() == serial
	}
	eventually := func(what string, ok func() bool) {
		t.Helper()
		for range 2000 {
			if ok() {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
		t.Fatal(what)
	}
	if !shows(1) {
		t.Fatal("the first certificate is not shown")
	}
	pair(t, dir, 2)
	eventually("the new certificate is not shown", func() bool { return shows(2) })
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually("nothing is said of the bad pair", func() bool { return strings.Contains(said.String(), "the one before stays") })
	if !shows(2) {
		t.Error("the bad pair took the good one's place")
	}
	pair(t, dir, 3)
	eventually("a good pair after a bad one is not shown", func() bool { return shows(3) })
}

// TestExpiredCertificate replaces a good certificate by one that has expired, which
// must not be used, and begins with one, which must be said.
func TestExpiredCertificate(t *testing.T) {
	dir, said := t.TempDir(), &log{}
	cert, key := pair(t, dir, 1)
	c, err := OpenCertificate(cert, key, slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	good := c.Expires()
	pairUntil(t, dir, 2, time.Now().Add(-time.Minute))
	if changed, err := c.Reload(); changed || err == nil || !strings.Contains(err.Error(), "expired at") {
		t.Errorf("reloading an expired certificate: %v, %v", changed, err)
	}
	if !c.Expires().Equal(good) || said.String() != "" {
		t.Errorf("in use until %s, said %q", c.Expires(), said)
	}
	if _, err = OpenCertificate(cert, key, slog.New(slog.NewTextHandler(said, nil))); err != nil || !strings.Contains(said.String(), "has expired") {
		t.Errorf("beginning with it: %v, said %q", err, said)
	}
}
