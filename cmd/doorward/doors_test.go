package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy"
)

// Words by which documents are known in answers.
const (
	openWord   = "quorblefant" // in what alice may read
	closedWord = "zanderquill" // in what she may not
	openCount  = 80
)

const doorsConfig = `
data: ./data
keys: ./keys
tenant: acme
identity: {backend_signed: true}
quota: {state: off}
extract: {in_process: true}
gateway: {upstreams: [{models: ["test-*"], url: "UPSTREAM/v1", destination: internal}]}
sources:
  - {name: open, type: directory, path: ./open, mapping: [{set: {groups: [staff]}}]}
  - {name: closed, type: directory, path: ./closed, mapping: [{set: {groups: [board]}}]}
`

// doors is a whole service in this process, with its listeners' handlers.
type doors struct {
	faces
	*app.App
	chat, desk auth.Credentials
}

// openDoors serves some documents that alice may read and some that she may not,
// before a model that tells which of them it was given.
func openDoors(t testing.TB) *doors {
	t.Helper()
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		said := ""
		if bytes.Contains(body, []byte("painted")) { // only a passage says so
			said += "It is the " + openWord + ". "
		}
		if bytes.Contains(body, []byte("everyone")) {
			said += "Also the " + closedWord + "."
		}
		text, _ := json.Marshal(said)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"x","object":"chat.completion","created":1,"model":"test-1","choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}]}`, text)
	}))
	t.Cleanup(model.Close)
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("doorward.yaml", strings.ReplaceAll(doorsConfig, "UPSTREAM", model.URL))
	for i := range openCount {
		write(fmt.Sprintf("open/d%02d.txt", i), fmt.Sprintf("The harbour %s number n%d is painted on day %d of the season.", openWord, i, i))
	}
	for i := range 20 {
		write(fmt.Sprintf("closed/c%02d.txt", i), fmt.Sprintf("The harbour %s of the board, number n%d, is not for everyone.", closedWord, i))
	}
	var out bytes.Buffer
	config := filepath.Join(dir, "doorward.yaml")
	if code := Main([]string{"--config", config, "keys", "init"}, strings.NewReader(""), &out, &out); code != 0 {
		t.Fatal(out.String())
	}
	cfg, err := configs.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	d := &doors{}
	if d.App, err = app.Open(context.Background(), cfg, app.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.App.Close() })
	for _, s := range cfg.Sources {
		src, err := app.OpenSource(context.Background(), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Pipeline.Run(context.Background(), src.Source, ingest.Options{Tenant: cfg.Tenant}); err != nil {
			t.Fatal(err)
		}
	}
	add := func(b auth.Backend) auth.Credentials {
		b.Tenant = cfg.Tenant
		c, err := d.Backends.Add(b)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	d.chat = add(auth.Backend{ID: "chat", Certificates: []string{"spiffe://acme.example/chat"}})
	d.desk = add(auth.Backend{ID: "desk", Operator: true, Certificates: []string{"dns:desk.acme.example"}})
	if d.faces, err = openFaces(d.App); err != nil {
		t.Fatal(err)
	}
	return d
}

// authority signs certificates for the tests' connections.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) issue(t testing.TB, tmpl *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl.SerialNumber, tmpl.NotBefore, tmpl.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	tmpl.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// listen serves a handler over TLS, asking for client certificates of the
// authority.
func listen(t testing.TB, h http.Handler, a authority) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.OpenAuthorities(s.TLS, path, false, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	s.Config.ErrorLog = nil
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// client trusts the server and may bring a certificate.
func client(t testing.TB, s *httptest.Server, cert *tls.Certificate) *http.Client {
	t.Helper()
	tr := s.Client().Transport.(*http.Transport).Clone()
	if cert != nil {
		tr.TLSClientConfig.Certificates = []tls.Certificate{*cert}
	}
	c := &http.Client{Transport: tr, Timeout: 30 * time.Second}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// asks are requests that release something to whom they may: one for each route
// that can.
func (d *doors) asks(t testing.TB) map[string]func() *http.Request {
	post := func(path, body string, headers ...string) func() *http.Request {
		return func() *http.Request {
			r, err := http.NewRequest("POST", path, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			for i := 0; i+1 < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			return r
		}
	}
	lines := []string{"Content-Type", "application/x-ndjson"}
	mcp := []string{"Accept", "application/json, text/event-stream"}
	return map[string]func() *http.Request{
		"retrieve":         post("/v1/retrieve", `{"question":"harbour `+openWord+`","top_k":50,"format":"messages"}`),
		"output":           post("/v1/output", `{"text":"the `+openWord+` is painted"}`),
		"output/stream":    post("/v1/output/stream", `{"delta":"the `+openWord+` is painted"}`+"\n", lines...),
		"chat/completions": post("/v1/chat/completions", `{"model":"test-1","messages":[{"role":"user","content":"harbour `+openWord+`"}]}`),
		"mcp search":       post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{"query":"harbour `+openWord+`"}}}`, mcp...),
		"mcp fetch":        post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fetch","arguments":{"id":"d01.txt"}}}`, mcp...),
	}
}

// alice is the user; the change makes somebody else of her.
func assertion(t testing.TB, key ed25519.PrivateKey, backend, audience string, change func(*policy.Subject)) string {
	t.Helper()
	s := policy.Subject{ID: "alice", Tenant: "acme", Groups: []string{"staff"}, Roles: []string{"admin"}, Authn: policy.Authn{Backend: backend, AMR: []string{"mfa"}}}
	if change != nil {
		change(&s)
	}
	token, err := auth.Mint(key, audience, s, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestPrincipalMatrix is T15: four backend identities by six user identities over
// real HTTP with TLS, on every route that releases something. Nothing is
// released without both.
func TestPrincipalMatrix(t *testing.T) {
	d := openDoors(t)
	ca := newAuthority(t)
	server := listen(t, d.public, ca)
	uri, _ := url.Parse("spiffe://acme.example/chat")
	cert := ca.issue(t, &x509.Certificate{URIs: []*url.URL{uri}})
	certified, plain := client(t, server, &cert), client(t, server, nil)
	_, stranger, _ := ed25519.GenerateKey(rand.Reader)

	backends := []string{"none", "wrong", "valid key", "valid mTLS"}
	users := map[string]func(r *http.Request) string{ // the assertion; headers are set by the way
		"none": func(*http.Request) string { return "" },
		"header only": func(r *http.Request) string {
			for _, h := range []string{"X-User", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-Forwarded-Groups", "Doorward-User", "Doorward-Subject"} {
				r.Header.Set(h, "alice")
			}
			return ""
		},
		"forged":         func(*http.Request) string { return assertion(t, stranger, "chat", "doorward", nil) },
		"wrong audience": func(*http.Request) string { return assertion(t, d.chat.Assertion, "chat", "elsewhere", nil) },
		"other tenant": func(*http.Request) string {
			return assertion(t, d.chat.Assertion, "chat", "doorward", func(s *policy.Subject) { s.Tenant = "globex" })
		},
		"valid": func(*http.Request) string { return assertion(t, d.chat.Assertion, "chat", "doorward", nil) },
	}
	cases, released := 0, 0
	for _, backend := range backends {
		for user, identify := range users {
			cases++
			for route, ask := range d.asks(t) {
				mcp := strings.HasPrefix(route, "mcp")
				if mcp && backend == "valid key" {
					continue // there the token stands for both: see below
				}
				r := ask()
				r.URL, _ = url.Parse(server.URL + r.URL.Path)
				token := identify(r)
				c := plain
				switch {
				case mcp && token != "":
					r.Header.Set("Authorization", "Bearer "+token)
				case backend == "wrong":
					r.Header.Set("Authorization", "Bearer dw_chat_"+strings.Repeat("A", 43))
				case backend == "valid key":
					r.Header.Set("Authorization", "Bearer "+d.chat.Key)
				}
				if backend == "valid mTLS" {
					c = certified
				}
				if !mcp && token != "" {
					r.Header.Set(auth.Header, token)
				}
				// A bearer token at /mcp proves user and client together.
				want := user == "valid" && (backend == "valid key" || backend == "valid mTLS" || mcp)
				status, body := send(t, c, r)
				got := status == http.StatusOK && strings.Contains(body, openWord)
				if got != want {
					t.Errorf("backend %s, user %s, %s: released %v, want %v (%d %.200s)", backend, user, route, got, want, status, body)
				}
				if !want && (status != http.StatusUnauthorized || strings.Contains(body, openWord)) {
					t.Errorf("backend %s, user %s, %s: %d", backend, user, route, status)
				}
				if strings.Contains(body, closedWord) {
					t.Errorf("%s released what alice may not read", route)
				}
				if got && !want {
					released++
				}
			}
		}
	}
	t.Logf("%d cases on %d routes: %d releases without both identities", cases, len(d.asks(t)), released)
}

func send(t testing.TB, c *http.Client, r *http.Request) (int, string) {
	t.Helper()
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestNoRequestYieldsMore is T16: no request yields more than the most passages
// or reaches past the policy, whoever asks and however; and the contract has no
// field that would.
func TestNoRequestYieldsMore(t *testing.T) {
	d := openDoors(t)
	everything := func(s *policy.Subject) {
		s.ID, s.Roles, s.Groups, s.Clearance = "service", []string{"admin", "root", "service", "*"}, []string{"staff", "*"}, 1<<40
	}
	for name, body := range map[string]string{
		"most": `"top_k":50`, "more than most": `"top_k":51`, "huge": `"top_k":2147483647`, "negative": `"top_k":-1`, "overflow": `"top_k":18446744073709551615`,
		"float": `"top_k":1e9`, "text": `"top_k":"50"`, "budget": `"top_k":50,"budget":2147483647`, "negative budget": `"budget":-5`,
		"twice": `"top_k":5,"top_k":50`, "unknown": `"all":true`, "filter": `"filter":{}`, "subject": `"subject":{"id":"root"}`, "tenant": `"tenant":"*"`, "policy": `"policy":"off"`,
		"destination": `"destination":"*"`, "wildcard": `"top_k":50,"purpose":"*"`,
	} {
		r := httptest.NewRequest("POST", "/v1/retrieve", strings.NewReader(`{"question":"harbour `+openWord+" "+closedWord+` season board number day",`+body+`}`))
		r.Header.Set("Authorization", "Bearer "+d.chat.Key)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(auth.Header, assertion(t, d.chat.Assertion, "chat", "doorward", everything))
		w := httptest.NewRecorder()
		d.public.ServeHTTP(w, r)
		var answer api.RetrieveResponse
		_ = json.Unmarshal(w.Body.Bytes(), &answer)
		if w.Code == http.StatusOK && (len(answer.Passages) == 0 || len(answer.Passages) > 50) || w.Code != http.StatusOK && len(answer.Passages) > 0 {
			t.Errorf("%s: %d with %d passages", name, w.Code, len(answer.Passages))
		}
		if strings.Contains(w.Body.String(), closedWord) {
			t.Errorf("%s: released what the policy denies", name)
		}
	}
	doc, err := contract.JSON(contract.Public)
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Components struct {
			Schemas map[string]struct {
				Properties           map[string]struct{ Maximum *float64 }
				AdditionalProperties any
			}
		}
	}
	if err := json.Unmarshal(doc, &spec); err != nil {
		t.Fatal(err)
	}
	// No caller is shown how well something matched: what ranks is answered by
	// order alone, and tells nothing of what is not there.
	for schema, s := range spec.Components.Schemas {
		for name := range s.Properties {
			if n := strings.ToLower(name); strings.Contains(n, "score") || strings.Contains(n, "similarity") || strings.Contains(n, "distance") {
				t.Errorf("%s.%s shows a score", schema, name)
			}
		}
	}
	request := spec.Components.Schemas["RetrieveRequest"]
	var fields []string
	for name := range request.Properties {
		fields = append(fields, name)
	}
	slices.Sort(fields)
	if want := []string{"budget", "destination", "format", "marking", "purpose", "question", "system", "top_k"}; !slices.Equal(fields, want) {
		t.Errorf("a retrieval can say %v: argue here that what is new reaches past no policy", fields)
	}
	if m := request.Properties["top_k"].Maximum; m == nil || *m != 50 || request.AdditionalProperties != false {
		t.Error("the contract does not bound top_k, or takes unknown fields")
	}
}
