package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy"
)

// TestRefusedIdentitiesAreExplained sends requests whose identities are refused: the
// audit log says of each, under the request's id, why, and whose it was where a key
// says so.
func TestRefusedIdentitiesAreExplained(t *testing.T) {
	d := openDoors(t)
	log := &noted{Log: d.Audit}
	d.Audit = log
	d.App.Metrics = app.NewMetrics()
	f, err := openFaces(d.App)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := d.Backends.Add(auth.Backend{ID: "gone", Tenant: d.Config.Tenant})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Backends.Revoke("gone", "", time.Now()); err != nil {
		t.Fatal(err)
	}
	narrow, err := d.Backends.Add(auth.Backend{ID: "narrow", Tenant: d.Config.Tenant, Purposes: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	good := func() string { return assertion(t, d.chat.Assertion, "chat", "doorward", nil) }
	used := good()
	for _, tc := range []struct {
		path, key, token, reason, backend string
	}{
		{"/v1/retrieve", "", good(), "no_key", ""},
		{"/v1/retrieve", "dw_chat_made-up", good(), "unknown_key", ""},
		{"/v1/retrieve", gone.Key, good(), "revoked", "gone"},
		{"/v1/retrieve", d.chat.Key, "", "no_assertion", "chat"},
		{"/v1/output", d.chat.Key, assertion(t, d.chat.Assertion, "chat", "elsewhere", nil), "audience", "chat"},
		{"/v1/retrieve", d.chat.Key, assertion(t, gone.Assertion, "chat", "doorward", nil), "signature", "chat"},
		{"/v1/retrieve", d.chat.Key, assertion(t, d.chat.Assertion, "chat", "doorward", func(s *policy.Subject) { s.Tenant = "other" }), "tenant", "chat"},
		{"/v1/retrieve", d.chat.Key, used, "", "chat"},
		{"/v1/retrieve", d.chat.Key, used, "replay", "chat"},
		{"/v1/chat/completions", d.chat.Key, used, "replay", "chat"},
		{"/mcp", "not-a-token", "", "malformed_token", ""},
		{"/v1/retrieve", narrow.Key, assertion(t, narrow.Assertion, "narrow", "doorward", nil), "purpose", "narrow"},
		{"/v1/chat/completions", narrow.Key, assertion(t, narrow.Assertion, "narrow", "doorward", nil), "purpose", "narrow"},
		{"/mcp", assertion(t, narrow.Assertion, "narrow", "doorward", nil), "", "purpose", "narrow"},
		{"/v1/retrieve", d.chat.Key, good(), "destination", "chat"},
	} {
		body := `{"question":"harbour"}`
		if tc.reason == "destination" {
			body = `{"question":"harbour","destination":"elsewhere"}`
		}
		r := httptest.NewRequest("POST", tc.path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if tc.key != "" {
			r.Header.Set("Authorization", "Bearer "+tc.key)
		}
		if tc.token != "" {
			r.Header.Set(auth.Header, tc.token)
		}
		w := httptest.NewRecorder()
		f.public.ServeHTTP(w, r)
		if tc.reason == "" {
			continue
		}
		denied := w.Code == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") != ""
		if tc.reason == "purpose" || tc.reason == "destination" {
			denied = w.Code == http.StatusForbidden
		}
		if !denied {
			t.Errorf("%s %s: %d %s", tc.path, tc.reason, w.Code, w.Body)
		}
		last := log.entries[len(log.entries)-1]
		if last.Event != "auth" || last.Reason != tc.reason || last.Backend != tc.backend || last.Request != w.Header().Get("Doorward-Request") || last.Request == "" {
			t.Errorf("%s %s: audited as %+v, answered as request %q", tc.path, tc.reason, last, w.Header().Get("Doorward-Request"))
		}
	}
}

// TestReadinessKnowsIssuers: where nobody but identity providers proves users, the
// service is not ready before their keys came, and is by itself when they did.
func TestReadinessKnowsIssuers(t *testing.T) {
	d := openDoors(t)
	var back atomic.Bool
	var provider *httptest.Server
	provider = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !back.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.HasPrefix(r.URL.Path, "/.well-known") {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, provider.URL, provider.URL+"/keys")
			return
		}
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":%q}]}`, base64.RawURLEncoding.EncodeToString(d.chat.Assertion.Public().(ed25519.PublicKey)))
	}))
	t.Cleanup(provider.Close)
	d.Config.Identity.Issuers = []configs.Issuer{{Issuer: provider.URL, Reusable: true, Tenant: d.Config.Tenant}}
	asked := func(signed bool) (bool, float64) {
		d.Config.Identity.BackendSigned = signed
		d.App.Metrics = app.NewMetrics()
		if _, err := openFaces(d.App); err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Parts() {
			if p.Name == "identity" {
				return p.Check(context.Background()) == nil, d.SilentIssuers()
			}
		}
		return false, 0
	}
	if ready, silent := asked(true); !ready || silent != 1 {
		t.Errorf("backends sign too: ready %v, silent %v", ready, silent)
	}
	if ready, silent := asked(false); ready || silent != 1 {
		t.Errorf("nobody can be believed: ready %v, silent %v", ready, silent)
	}
	back.Store(true)
	asked(false)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.FollowIssuers(ctx)
	for deadline := time.Now().Add(time.Minute); d.SilentIssuers() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for _, p := range d.Parts() {
		if err := p.Check(ctx); p.Name == "identity" && err != nil {
			t.Errorf("the provider is back: %v", err)
		}
	}
}

// TestAgentsLearnWhatIsWrong: while the register cannot be read, agents are not told
// to sign in again, which would not help.
func TestAgentsLearnWhatIsWrong(t *testing.T) {
	d := openDoors(t)
	d.App.Metrics = app.NewMetrics()
	f, err := openFaces(d.App)
	if err != nil {
		t.Fatal(err)
	}
	token := assertion(t, d.chat.Assertion, "chat", "doorward", nil)
	if err := os.WriteFile(filepath.Join(d.Config.Keys, auth.BackendsFile), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); d.Backends.Err() == nil && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	r := httptest.NewRequest("POST", "/mcp", strings.NewReader(`{}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	f.public.ServeHTTP(w, r)
	var p struct{ Type, Request string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusServiceUnavailable || p.Type != "urn:doorward:problem:identity-unavailable" ||
		p.Request == "" || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}
