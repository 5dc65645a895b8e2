package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// leaf is a verified client certificate; the raw bytes stand for its identity.
func leaf(raw, cn, dns, uri string) *tls.ConnectionState {
	c := &x509.Certificate{Raw: []byte(raw), Subject: pkix.Name{CommonName: cn}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	if dns != "" {
		c.DNSNames = []string{dns}
	}
	if uri != "" {
		u, err := url.Parse(uri)
		if err != nil {
			panic(err)
		}
		c.URIs = []*url.URL{u}
	}
	return &tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}, VerifiedChains: [][]*x509.Certificate{{c}}}
}

func TestCertificatesProveBackends(t *testing.T) {
	f := newFixture(t)
	sum := sha256.Sum256([]byte("pinned"))
	pin := strings.ToUpper(hex.EncodeToString(sum[:]))
	for _, b := range []Backend{
		{ID: "mesh", Certificates: []string{"spiffe://acme.example/chat"}}, {ID: "named", Certificates: []string{"dns:chat.acme.example"}},
		{ID: "old", Certificates: []string{"cn:Chat Backend"}}, {ID: "pinned", Certificates: []string{"sha256:" + pin[:2] + ":" + pin[2:]}},
		{ID: "strict", Certificates: []string{"cn:strict"}, Both: true}, {ID: "twin", Certificates: []string{"cn:Chat Backend", "cn:twin"}},
	} {
		b.Tenant = "acme"
		if _, err := f.Backends.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	strict, err := f.Backends.Rotate("strict", Rotation{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	unverified := leaf("x", "", "", "spiffe://acme.example/chat")
	unverified.VerifiedChains = nil
	over := leaf("x", "", "", "spiffe://acme.example/chat")
	over.PeerCertificates[0].NotAfter = now.Add(-time.Minute)
	for name, tc := range map[string]struct {
		state     *tls.ConnectionState
		key, want string // the backend, or what is wrong
	}{
		"spiffe id":                    {leaf("x", "anything", "", "spiffe://ACME.example/chat"), "", "mesh"},
		"another path":                 {leaf("x", "", "", "spiffe://acme.example/chat/x"), "", "no backend is registered"},
		"another domain":               {leaf("x", "", "", "spiffe://evil.example/chat"), "", "no backend is registered"},
		"dns":                          {leaf("x", "", "CHAT.acme.example", ""), "", "named"},
		"hash":                         {leaf("pinned", "", "", ""), "", "pinned"},
		"two backends' name":           {leaf("x", "Chat Backend", "", ""), "", "more than one"},
		"cn":                           {leaf("x", "twin", "", ""), "", "twin"},
		"not verified":                 {unverified, "", "send the backend key"},
		"outlived its connection":      {over, "", "not valid now"},
		"not registered, with a key":   {leaf("x", "stranger", "", ""), f.creds.Key, "chat"},
		"another backend's key":        {leaf("x", "twin", "", ""), f.creds.Key, "different backends"},
		"needs both, brings the first": {nil, strict.Key, "certificate beside its key"},
		"needs both, brings the other": {leaf("x", "strict", "", ""), "", "key beside its certificate"},
		"needs both, brings both":      {leaf("x", "strict", "", ""), strict.Key, "strict"},
		"wrong key beside it":          {leaf("x", "twin", "", ""), "dw_twin_" + strings.Repeat("A", 43), "not known"},
	} {
		r := httptest.NewRequest("POST", "/v1/retrieve", nil)
		r.TLS = tc.state
		r.Header.Set("X-Forwarded-Client-Cert", `URI=spiffe://acme.example/chat`) // never read
		r.Header.Set("X-Client-Cert", "spiffe://acme.example/chat")
		if tc.key != "" {
			r.Header.Set("Authorization", "Bearer "+tc.key)
		}
		b, err := f.Backend(r)
		if err == nil && b.ID != tc.want || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: backend %q, %v; want %q", name, b.ID, err, tc.want)
		}
	}
}

// TestAuthoritiesAreFollowed exchanges the file of authorities under a listener:
// those that are gone vouch for nobody any more, new ones do, and a file that holds
// none changes nothing.
func TestAuthoritiesAreFollowed(t *testing.T) {
	first, second := newAuthority(t), newAuthority(t)
	path := filepath.Join(t.TempDir(), "ca.pem")
	write := func(pem []byte) {
		t.Helper()
		if err := os.WriteFile(path, pem, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first.pem)
	server := first.leaf(t, x509.ExtKeyUsageServerAuth)
	c := &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &server, nil }}
	a, err := OpenAuthorities(c, path, true, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	one, two := first.leaf(t, x509.ExtKeyUsageClientAuth), second.leaf(t, x509.ExtKeyUsageClientAuth)
	cache := tls.NewLRUClientSessionCache(4)
	believed := func(cert tls.Certificate) bool {
		t.Helper()
		near, far := net.Pipe()
		defer near.Close()
		defer far.Close()
		go func() {
			conn := tls.Client(near, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}, ClientSessionCache: cache, ServerName: "localhost"})
			_, _ = conn.Read(make([]byte, 1))
		}()
		conn := tls.Server(far, c.Clone())
		if conn.Handshake() != nil {
			return false
		}
		_, _ = conn.Write([]byte{0})
		return true
	}
	if !believed(one) || believed(two) {
		t.Error("as opened")
	}
	write(second.pem)
	if changed, err := a.Reload(); !changed || err != nil {
		t.Error(changed, err)
	}
	if believed(one) || !believed(two) {
		t.Error("after the file changed")
	}
	write([]byte("nothing"))
	if changed, err := a.Reload(); changed || err == nil {
		t.Error("a file without authorities was taken")
	}
	if believed(one) || !believed(two) {
		t.Error("after a file that cannot be used")
	}
}

type authority struct {
	cert *x509.Certificate
	key  ed25519.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	return authority{c, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a authority) leaf(t *testing.T, use x509.ExtKeyUsage) tls.Certificate {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{use}}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, pub, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
