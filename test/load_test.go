package test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
)

// What the load tests (soak, overload, faults, service benchmark) share: texts,
// callers, certificates, times, and what the service says of itself.

// vocabulary is made-up words, so that no text means anything.
var vocabulary = func() []string {
	r := mathrand.New(mathrand.NewPCG(1, 2))
	words := make([]string, 3000)
	for i := range words {
		var b strings.Builder
		for range 2 + r.IntN(3) {
			b.WriteByte("bdfgklmnprstvz"[r.IntN(14)])
			b.WriteByte("aeiou"[r.IntN(5)])
		}
		words[i] = b.String()
	}
	return words
}()

// madeUp is sentences of about n bytes; frequent words are much more frequent.
func madeUp(r *mathrand.Rand, n int) string {
	var b strings.Builder
	for b.Len() < n {
		for i := range 8 + r.IntN(8) {
			w := vocabulary[int(float64(len(vocabulary))*r.Float64()*r.Float64())]
			if i == 0 {
				w = strings.ToUpper(w[:1]) + w[1:]
			} else {
				b.WriteByte(' ')
			}
			b.WriteString(w)
		}
		b.WriteString(". ")
	}
	return b.String()
}

// words is a question of n words.
func words(r *mathrand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = vocabulary[int(float64(len(vocabulary))*r.Float64()*r.Float64())]
	}
	return strings.Join(out, " ")
}

// caller is a backend whose key can be changed while it calls.
type caller struct {
	*backend
	mu sync.RWMutex
}

// signed is a request on a user's behalf, with an assertion of its own.
func (c *caller) signed(ctx context.Context, s policy.Subject, method, url string, body io.Reader) (*http.Request, error) {
	c.mu.RLock()
	key, assertion := c.key, c.assertion
	c.mu.RUnlock()
	s.Tenant, s.Authn.Backend = c.tenant, c.id
	token, err := auth.Mint(assertion, "doorward", s, time.Now(), time.Minute)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set(auth.Header, token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// do sends a body as JSON (nil: none) and reads the answer.
func (c *caller) do(ctx context.Context, s policy.Subject, method, url string, body any) (status int, answer []byte, err error) {
	var data []byte
	if body != nil {
		if data, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	r, err := c.signed(ctx, s, method, url, bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	resp, err := c.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// rotate takes a new key while the old one still works, once the service at url
// has taken it in.
func (c *caller) rotate(t testing.TB, dir, url string, overlap time.Duration) error {
	out, errs, code := run(t, dir, "keys", "rotate", c.id, "--overlap", overlap.String(), "--json")
	if code != 0 {
		return fmt.Errorf("keys rotate: exit %d: %s", code, errs)
	}
	fresh, err := credentials(dir, out)
	if err != nil {
		return err
	}
	fresh.client = c.client
	for range 200 {
		status, _, err := (&caller{backend: fresh}).do(context.Background(), ann, "POST", url+"/v1/retrieve", map[string]string{"question": "key"})
		if err != nil {
			return err
		}
		if status == http.StatusOK {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.key, c.assertion = fresh.key, fresh.assertion
			return nil
		}
		waitABit()
	}
	return errors.New("the new key does not work")
}

// authority signs certificates for a listener on this machine.
type authority struct {
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	serial atomic.Int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "load"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.serial.Store(1)
	return a
}

// issue writes a new certificate and key into dir, as renewal tools do: beside,
// then renamed. It returns the certificate's serial number.
func (a *authority) issue(dir string) (int64, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	serial := a.serial.Add(1)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return 0, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return 0, err
	}
	for name, block := range map[string]*pem.Block{"tls.key": {Type: "PRIVATE KEY", Bytes: private}, "tls.crt": {Type: "CERTIFICATE", Bytes: der}} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			return 0, err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return 0, err
		}
	}
	return serial, nil
}

// client trusts the authority alone.
func (a *authority) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxIdleConnsPerHost: 64, ForceAttemptHTTP2: true}}
}

// shown is the serial number of the certificate that a new connection gets.
func (a *authority) shown(address string) (int64, error) {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, &tls.Config{RootCAs: pool})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}

// times collects how long things took.
type times struct {
	mu   sync.Mutex
	took []time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = append(t.took, d)
}

// take returns what was collected, in order of length, and begins anew.
func (t *times) take() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.took
	t.took = nil
	slices.Sort(out)
	return out
}

// at is the q-quantile of sorted times, in milliseconds; 0 without any.
func at(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Seconds() * 1000
}

// gauges reads the service's metrics without labels.
func gauges(ctx context.Context, operator string) (map[string]float64, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", operator+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[name] = v
		}
	}
	return out, nil
}

// size is how many bytes lie in the files below dir whose path holds part.
func size(dir, part string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(path, part) {
			return nil // files come and go
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}

// lengthOf reads a duration from the environment.
func lengthOf(t testing.TB, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		t.Fatalf("%s: use a duration such as 2h: %v", name, err)
	}
	return d
}

// numberOf reads a number from the environment.
func numberOf(t testing.TB, name string, otherwise float64) float64 {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		t.Fatalf("%s: use a number: %v", name, err)
	}
	return n
}
