package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
)

var now = time.Unix(1_800_000_000, 0)

type fixture struct {
	*Authenticator
	creds, other Credentials
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	b, err := OpenBackends(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	add := func(id string, expires time.Time) Credentials {
		c, err := b.Add(Backend{ID: id, Tenant: "acme", Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f := fixture{creds: add("chat", time.Time{}), other: add("other", time.Time{})}
	f.Authenticator, err = New(Config{Audience: "doorward", Backends: b, BackendSigned: true, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func alice() policy.Subject {
	return policy.Subject{ID: "alice", Tenant: "acme", Groups: []string{"eng"}, Clearance: 2, Authn: policy.Authn{Backend: "chat", AMR: []string{"mfa"}}}
}

func (f fixture) mint(t *testing.T, key ed25519.PrivateKey, s policy.Subject, at time.Time, life time.Duration) string {
	t.Helper()
	tok, err := Mint(key, "doorward", s, at, life)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func (f fixture) ask(key, assertion string) (policy.Subject, error) {
	r := httptest.NewRequest("POST", "/v1/retrieve", nil)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if assertion != "" {
		r.Header.Set(Header, assertion)
	}
	s, _, err := f.Subject(r)
	return s, err
}

func TestBothIdentitiesProved(t *testing.T) {
	f := newFixture(t)
	s, err := f.ask(f.creds.Key, f.mint(t, f.creds.Assertion, alice(), now, time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "alice" || s.Tenant != "acme" || s.Groups[0] != "eng" || s.Clearance != 2 || s.Authn.Backend != "chat" || s.Authn.AMR[0] != "mfa" {
		t.Errorf("subject %+v", s)
	}
}

// Every way to get an identity wrong is refused, and says which it was.
func TestRefusals(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t, f.creds.Assertion, alice(), now, time.Minute)
	globex := alice()
	globex.Tenant = "globex"
	foreign := alice()
	foreign.Authn.Backend = "other"
	part := func(i int, change func(map[string]any)) string {
		parts := strings.Split(good, ".")
		raw, _ := base64.RawURLEncoding.DecodeString(parts[i])
		var m map[string]any
		json.Unmarshal(raw, &m)
		change(m)
		raw, _ = json.Marshal(m)
		parts[i] = base64.RawURLEncoding.EncodeToString(raw)
		return strings.Join(parts, ".")
	}
	unsigned := part(0, func(m map[string]any) { m["alg"] = "none" })
	for name, tc := range map[string]struct{ key, assertion, want string }{
		"no key":          {"", good, "send the backend key"},
		"malformed key":   {"hello", good, "malformed"},
		"unknown key":     {"dw_chat_AAAA", good, "not known"},
		"no assertion":    {f.creds.Key, "", "send the user's signed assertion"},
		"not a jwt":       {f.creds.Key, "x.y.z", "not a JWT"},
		"expired":         {f.creds.Key, f.mint(t, f.creds.Assertion, alice(), now.Add(-10*time.Minute), time.Minute), "expired"},
		"future":          {f.creds.Key, f.mint(t, f.creds.Assertion, alice(), now.Add(10*time.Minute), time.Minute), "not valid yet"},
		"other tenant":    {f.creds.Key, f.mint(t, f.creds.Assertion, globex, now, time.Minute), "another tenant"},
		"other backend":   {f.creds.Key, f.mint(t, f.other.Assertion, foreign, now, time.Minute), "not configured"},
		"forged key":      {f.creds.Key, f.mint(t, f.other.Assertion, alice(), now, time.Minute), "not signed"},
		"alg none":        {f.creds.Key, unsigned, "not signed"},
		"no signature":    {f.creds.Key, good[:strings.LastIndex(good, ".")+1], "not a JWT"},
		"alg hs256":       {f.creds.Key, part(0, func(m map[string]any) { m["alg"] = "HS256" }), "not signed"},
		"altered subject": {f.creds.Key, part(1, func(m map[string]any) { m["sub"] = "bob" }), "not signed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.ask(tc.key, tc.assertion)
			if !errors.Is(err, ErrUnauthenticated) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAssertionIsGoodOnce(t *testing.T) {
	f := newFixture(t)
	tok := f.mint(t, f.creds.Assertion, alice(), now, time.Minute)
	if _, err := f.ask(f.creds.Key, tok); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ask(f.creds.Key, tok); !errors.Is(err, ErrUnauthenticated) || !strings.Contains(err.Error(), "used before") {
		t.Errorf("replay: %v", err)
	}
}

func TestOtherAudienceAndLongLife(t *testing.T) {
	f := newFixture(t)
	tok, err := Mint(f.creds.Assertion, "elsewhere", alice(), now, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ask(f.creds.Key, tok); err == nil || !strings.Contains(err.Error(), "audience") {
		t.Errorf("got %v", err)
	}
}

func TestExpiredBackendKey(t *testing.T) {
	f := newFixture(t)
	c, err := f.Backends.Add(Backend{ID: "old", Tenant: "acme", Expires: now.Add(-time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ask(c.Key, ""); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
}

func TestBackendSignedIsOptIn(t *testing.T) {
	f := newFixture(t)
	f.BackendSigned = false
	if _, err := f.ask(f.creds.Key, f.mint(t, f.creds.Assertion, alice(), now, time.Minute)); err == nil || !strings.Contains(err.Error(), "backend_signed") {
		t.Errorf("got %v", err)
	}
}
