package auth

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"net/http/httptest"
	"net/url"
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
		"another path":                 {leaf("x", "", "", "spiffe://acme.example/chat/x"), "", "send the backend key"},
		"another domain":               {leaf("x", "", "", "spiffe://evil.example/chat"), "", "send the backend key"},
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
