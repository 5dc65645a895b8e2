package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// provider is an identity provider over HTTP, with keys that can be changed and
// a way to stop answering.
type provider struct {
	*httptest.Server
	keys    atomic.Value // jwk.Set
	down    atomic.Bool
	fetches atomic.Int32
	asked   atomic.Int32 // with or without an answer
	slow    atomic.Value // chan struct{}: answers wait until it is closed
	issuer  string       // what the discovery document says; "": the truth
	jwks    string
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if slow, ok := p.slow.Load().(chan struct{}); ok {
			<-slow
		}
		if p.down.Load() {
			http.Error(w, "away", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/.well-known/openid-configuration":
			issuer, keys := p.issuer, p.jwks
			if issuer == "" {
				issuer = p.URL
			}
			if keys == "" {
				keys = p.URL + "/keys"
			}
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuer, keys)
		case "/keys":
			p.fetches.Add(1)
			json.NewEncoder(w).Encode(p.keys.Load())
		case "/elsewhere":
			http.Redirect(w, r, "/keys", http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(p.Close)
	return p
}

// signer is a key of an issuer.
type signer struct {
	id   string
	alg  jwa.SignatureAlgorithm
	priv any
	pub  any
}

func newSigner(t *testing.T, id, kind string) signer {
	t.Helper()
	switch kind {
	case "RS256", "weak":
		bits := 2048
		if kind == "weak" {
			bits = 1024
		}
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Skip("this Go refuses to make weak keys")
		}
		return signer{id, jwa.RS256(), k, k.Public()}
	case "ES256":
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return signer{id, jwa.ES256(), k, k.Public()}
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, jwa.EdDSA(), priv, pub}
}

func (p *provider) publish(t *testing.T, keys ...signer) {
	t.Helper()
	p.keys.Store(keySet(t, keys...))
}

func keySet(t *testing.T, keys ...signer) jwk.Set {
	t.Helper()
	set := jwk.NewSet()
	for _, s := range keys {
		k, err := jwk.Import(s.pub)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(k.Set(jwk.KeyIDKey, s.id), set.AddKey(k)); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// claims of a token that is good at now.
func claims(issuer string) map[string]any {
	return map[string]any{"iss": issuer, "aud": "doorward", "sub": "alice", "jti": fmt.Sprint(serial.Add(1)), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "azp": "chat", "tenant": "acme",
		"groups": []string{"eng"}, "acr": "gold", "amr": []string{"pwd", "mfa"}, "auth_time": now.Add(-time.Hour).Unix()}
}

var serial atomic.Int64

func (s signer) sign(t *testing.T, claims map[string]any, headers ...any) string {
	t.Helper()
	h := jws.NewHeaders()
	if s.id != "" {
		_ = h.Set(jws.KeyIDKey, s.id)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if err := h.Set(headers[i].(string), headers[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jws.Sign(body, jws.WithKey(s.alg, s.priv, jws.WithProtectedHeaders(h)))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// believing makes the fixture believe an issuer.
func (f fixture) believing(t *testing.T, name string, i Issuer) fixture {
	t.Helper()
	f.Issuers = map[string]*Issuer{name: &i}
	return f
}

func TestDiscoveryAndClaims(t *testing.T) {
	p := newProvider(t)
	for _, kind := range []string{"EdDSA", "ES256", "RS256"} {
		t.Run(kind, func(t *testing.T) {
			k := newSigner(t, "k1", kind)
			p.publish(t, k)
			keys, err := NewRemote(RemoteConfig{Issuer: p.URL, Patience: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			f := newFixture(t).believing(t, p.URL, Issuer{Keys: keys})
			s, err := f.ask(f.creds.Key, k.sign(t, claims(p.URL)))
			if err != nil {
				t.Fatal(err)
			}
			if s.ID != "alice" || s.Authn.Issuer != p.URL || s.Authn.ACR != "gold" || len(s.Authn.AMR) != 2 || !s.Authn.At.Equal(now.Add(-time.Hour)) || !s.Authn.Issued.Equal(now) {
				t.Errorf("subject %+v", s)
			}
		})
	}
}

// Tokens of a real provider: other claim names, no tenant, no jti, used often.
func TestForeignTokens(t *testing.T) {
	k := newSigner(t, "k1", "RS256")
	f := newFixture(t).believing(t, "https://idp.example", Issuer{Keys: KeyFile{keySet(t, k)}, Tenant: "acme", Life: time.Hour, Reusable: true,
		Names: Names{Roles: "realm_access.roles", Client: "cid"}})
	if err := f.Backends.Change("chat", func(b *Backend) { b.Clients = []string{"0oa1client"} }); err != nil {
		t.Fatal(err)
	}
	c := claims("https://idp.example")
	delete(c, "tenant")
	delete(c, "jti")
	delete(c, "azp")
	c["cid"], c["exp"], c["realm_access"] = "0oa1client", now.Add(time.Hour).Unix(), map[string]any{"roles": []string{"legal"}}
	token := k.sign(t, c)
	for range 3 {
		s, err := f.ask(f.creds.Key, token)
		if err != nil || s.Tenant != "acme" || len(s.Roles) != 1 || s.Roles[0] != "legal" {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	c["tenant"] = "globex"
	if _, err := f.ask(f.creds.Key, k.sign(t, c)); err == nil || !strings.Contains(err.Error(), "another tenant") {
		t.Errorf("an issuer of one tenant spoke for another: %v", err)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	const issuer = "https://idp.example"
	k, other := newSigner(t, "k1", "RS256"), newSigner(t, "k2", "EdDSA")
	stranger := newSigner(t, "k1", "RS256") // the same id, another key
	f := newFixture(t).believing(t, issuer, Issuer{Keys: KeyFile{keySet(t, k, other)}})
	pem, err := jwk.EncodePEM(k.pub)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) map[string]any {
		c := claims(issuer)
		if value == nil {
			delete(c, name)
		} else {
			c[name] = value
		}
		return c
	}
	shared, err := jwk.Import(pem) // the public key as a shared secret
	if err != nil {
		t.Fatal(err)
	}
	hs := signer{"k1", jwa.HS256(), shared, nil}
	ownKey, err := jwk.Import(stranger.pub)
	if err != nil {
		t.Fatal(err)
	}
	big := with("padding", strings.Repeat("x", maxToken))
	for name, tc := range map[string]struct{ token, want string }{
		"key confusion HS256":  {hs.sign(t, claims(issuer)), "not signed"},
		"another key's id":     {signer{"k2", k.alg, k.priv, nil}.sign(t, claims(issuer)), "not signed"},
		"same id, other key":   {stranger.sign(t, claims(issuer)), "not signed"},
		"key in the header":    {stranger.sign(t, claims(issuer), "jwk", ownKey), "not signed"},
		"key address in it":    {stranger.sign(t, claims(issuer), "jku", "https://evil.example/keys"), "not signed"},
		"unknown id":           {signer{"nobody", k.alg, k.priv, nil}.sign(t, claims(issuer)), "does not have"},
		"id with a path":       {signer{"../../etc/passwd", k.alg, k.priv, nil}.sign(t, claims(issuer)), "does not have"},
		"id with SQL":          {signer{"' or 1=1 --", k.alg, k.priv, nil}.sign(t, claims(issuer)), "does not have"},
		"long id":              {signer{strings.Repeat("k", 300), k.alg, k.priv, nil}.sign(t, claims(issuer)), "does not have"},
		"no id":                {signer{"", k.alg, k.priv, nil}.sign(t, claims(issuer)), "does not have"},
		"unknown issuer":       {k.sign(t, with("iss", "https://evil.example")), "not configured"},
		"wrong audience":       {k.sign(t, with("aud", "elsewhere")), "audience"},
		"no audience":          {k.sign(t, with("aud", nil)), "audience"},
		"wrong azp":            {k.sign(t, with("azp", "other")), "another backend"},
		"no azp":               {k.sign(t, with("azp", nil)), "which client"},
		"other tenant":         {k.sign(t, with("tenant", "globex")), "another tenant"},
		"no tenant":            {k.sign(t, with("tenant", nil)), "says no tenant"},
		"no subject":           {k.sign(t, with("sub", nil)), "no subject"},
		"no jti":               {k.sign(t, with("jti", nil)), "jti"},
		"no iat":               {k.sign(t, with("iat", nil)), "exp and iat"},
		"no exp":               {k.sign(t, with("exp", nil)), "exp and iat"},
		"lives too long":       {k.sign(t, with("exp", now.Add(MaxAge+time.Second).Unix())), "longer"},
		"ends before it began": {k.sign(t, with("exp", now.Add(-time.Second).Unix())), "before it begins"},
		"future iat":           {k.sign(t, with("iat", now.Add(40*time.Second).Unix())), "not valid yet"},
		"future nbf":           {k.sign(t, with("nbf", now.Add(40*time.Second).Unix())), "not valid yet"},
		"future sign-in":       {k.sign(t, with("auth_time", now.Add(40*time.Second).Unix())), "signs in later"},
		"groups not a list":    {k.sign(t, with("groups", "eng")), "not a list"},
		"oversized":            {k.sign(t, big), "limit"},
		"crit":                 {k.sign(t, claims(issuer), "crit", []string{"exp"}), ""},
		"two parts":            {strings.Join(strings.Split(k.sign(t, claims(issuer)), ".")[:2], "."), "not a JWT"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := f.ask(f.creds.Key, tc.token)
			if !errors.Is(err, ErrUnauthenticated) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if s.ID != "" {
				t.Errorf("a subject came out: %+v", s)
			}
		})
	}
	if _, err := f.ask(f.creds.Key, k.sign(t, claims(issuer))); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestUnsignedTokensAreRefused(t *testing.T) {
	const issuer = "https://idp.example"
	k := newSigner(t, "k1", "RS256")
	f := newFixture(t).believing(t, issuer, Issuer{Keys: KeyFile{keySet(t, k)}})
	tok, err := jwt.NewBuilder().Issuer(issuer).Audience([]string{"doorward"}).Subject("alice").IssuedAt(now).Expiration(now.Add(time.Minute)).JwtID("1").Claim("azp", "chat").Claim("tenant", "acme").Build()
	if err != nil {
		t.Fatal(err)
	}
	none, err := jwt.Sign(tok, jwt.WithInsecureNoSignature())
	if err != nil {
		t.Fatal(err)
	}
	good := strings.Split(k.sign(t, claims(issuer)), ".")
	for name, token := range map[string]string{"none": string(none), "empty signature": good[0] + "." + good[1] + ".", "NoNe": strings.Replace(string(none), "none", "NoNe", 1)} {
		if _, err := f.ask(f.creds.Key, token); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// rotating is a provider's keys under a clock that the test sets.
func rotating(t *testing.T, p *provider) (*Remote, *atomic.Int64) {
	t.Helper()
	r, err := NewRemote(RemoteConfig{Issuer: p.URL, Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	clock := new(atomic.Int64)
	r.clock = func() time.Duration { return time.Duration(clock.Load()) }
	return r, clock
}

// settled waits until no fetch is under way.
func settled(r *Remote) {
	r.mu.Lock()
	a := r.running
	r.mu.Unlock()
	if a != nil {
		<-a.done
	}
}

func TestKeysRotate(t *testing.T) {
	p := newProvider(t)
	first, second := newSigner(t, "k1", "EdDSA"), newSigner(t, "k2", "EdDSA")
	p.publish(t, first)
	r, clock := rotating(t, p)
	ctx := context.Background()
	if _, err := r.Key(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	p.publish(t, second)
	if _, err := r.Key(ctx, "k2"); !errors.Is(err, errNoKey) {
		t.Errorf("asked again within the pause: %v", err)
	}
	clock.Add(int64(11 * time.Second))
	if _, err := r.Key(ctx, "k2"); err != nil {
		t.Errorf("a new key: %v", err)
	}
	if _, err := r.Key(ctx, "k1"); !errors.Is(err, errNoKey) {
		t.Errorf("a key that was withdrawn: %v", err)
	}
	// Made-up ids do not become a flood.
	before := p.fetches.Load()
	for i := range 1000 {
		if _, err := r.Key(ctx, fmt.Sprint("made-up", i)); err == nil {
			t.Fatal("a made-up key was found")
		}
	}
	if n := p.fetches.Load() - before; n > 1 {
		t.Errorf("1000 made-up ids caused %d fetches", n)
	}
}

// A provider that is away is believed for as long as configured, then nobody is.
func TestProviderAway(t *testing.T) {
	p := newProvider(t)
	k := newSigner(t, "k1", "EdDSA")
	p.publish(t, k)
	p.down.Store(true)
	r, clock := rotating(t, p)
	f := newFixture(t).believing(t, p.URL, Issuer{Keys: r})
	ask := func() error {
		_, err := f.ask(f.creds.Key, k.sign(t, claims(p.URL)))
		return err
	}
	if err := ask(); !errors.Is(err, ErrIssuer) || errors.Is(err, ErrUnauthenticated) {
		t.Errorf("never reached: %v", err)
	}
	p.down.Store(false)
	clock.Add(int64(11 * time.Second))
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	p.down.Store(true)
	clock.Add(int64(r.MaxStale - time.Second))
	if err := ask(); err != nil {
		t.Errorf("within max_stale: %v", err)
	}
	settled(r)
	clock.Add(int64(2 * time.Second))
	if err := ask(); !errors.Is(err, ErrIssuer) {
		t.Errorf("beyond max_stale: %v", err)
	}
	p.down.Store(false)
	clock.Add(int64(11 * time.Second))
	if err := ask(); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// A provider that does not answer holds up nobody whose key is known, and those
// that name another key only until the patience with its one attempt is over.
func TestSlowProviderHoldsUpNobody(t *testing.T) {
	p := newProvider(t)
	p.publish(t, newSigner(t, "k1", "EdDSA"))
	r, clock := rotating(t, p)
	ctx := context.Background()
	if _, err := r.Key(ctx, "k1"); err != nil {
		t.Fatal(err)
	}
	slow := make(chan struct{})
	p.slow.Store(slow)
	before := p.asked.Load()
	clock.Add(int64(r.Every + time.Second))
	if _, err := r.Key(ctx, "k1"); err != nil { // would never return if it waited
		t.Errorf("a known key: %v", err)
	}
	r.Patience = time.Nanosecond
	for i := range 100 {
		if _, err := r.Key(ctx, fmt.Sprint("made-up", i)); !errors.Is(err, ErrIssuer) {
			t.Fatalf("whether a key exists cannot be known, answered %v", err)
		}
	}
	close(slow)
	settled(r)
	if n := p.asked.Load() - before; n > 2 { // discovery, and the keys
		t.Errorf("the provider was asked %d times", n)
	}
	if _, err := r.Key(ctx, "made-up"); !errors.Is(err, errNoKey) {
		t.Errorf("when it has answered: %v", err)
	}
}

// While a provider is away nobody knows whether a key that a token names exists:
// that is no fault of the user, and another sign-in would not help.
func TestUnknownKeyOfAProviderAway(t *testing.T) {
	p := newProvider(t)
	p.publish(t, newSigner(t, "k1", "EdDSA"))
	r, clock := rotating(t, p)
	if _, err := r.Key(context.Background(), "k1"); err != nil {
		t.Fatal(err)
	}
	p.down.Store(true)
	clock.Add(int64(11 * time.Second))
	for range 2 { // when it is asked, and in the pause after that
		if _, err := r.Key(context.Background(), "k2"); !errors.Is(err, ErrIssuer) {
			t.Errorf("got %v", err)
		}
	}
}

// Keys are fetched before anybody needs them, and again when the provider is back.
func TestKeysAreFollowed(t *testing.T) {
	p := newProvider(t)
	p.publish(t, newSigner(t, "k1", "EdDSA"))
	p.down.Store(true)
	r, err := NewRemote(RemoteConfig{Issuer: p.URL, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Trouble() == nil {
		t.Error("no trouble before anything was fetched")
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { r.Follow(ctx); close(ended) }()
	for p.asked.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	if err := r.Trouble(); !errors.Is(err, ErrIssuer) || !strings.Contains(err.Error(), p.URL) {
		t.Errorf("away: %v", err)
	}
	p.down.Store(false)
	for r.Trouble() != nil {
		time.Sleep(time.Millisecond)
	}
	if _, ok := r.Age(); !ok {
		t.Error("keys without an age")
	}
	cancel()
	<-ended
}

func TestDiscoveryThatIsNotBelieved(t *testing.T) {
	k := newSigner(t, "k1", "EdDSA")
	for name, spoil := range map[string]func(*provider){
		"another issuer":  func(p *provider) { p.issuer = "https://evil.example" },
		"plain keys":      func(p *provider) { p.jwks = "http://evil.example/keys" },
		"redirected keys": func(p *provider) { p.jwks = p.URL + "/elsewhere" },
		"no keys":         func(p *provider) { p.jwks = p.URL + "/none" },
		"empty set":       func(p *provider) { p.keys.Store(jwk.NewSet()) },
	} {
		p := newProvider(t)
		p.publish(t, k)
		spoil(p)
		r, _ := rotating(t, p)
		if _, err := r.Key(context.Background(), "k1"); !errors.Is(err, ErrIssuer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, address := range []string{"http://idp.example", "https://user@idp.example", "https://idp.example?x=1", "idp.example", ""} {
		if _, err := NewRemote(RemoteConfig{Issuer: address}); err == nil {
			t.Errorf("issuer %q was taken", address)
		}
	}
}

// RFC 9068 access tokens name the client in client_id; a token with both is held to
// its azp.
func TestClientOfAnAccessToken(t *testing.T) {
	p := newProvider(t)
	k := newSigner(t, "k1", "EdDSA")
	p.publish(t, k)
	r, _ := rotating(t, p)
	f := newFixture(t).believing(t, p.URL, Issuer{Keys: r})
	for _, tc := range []struct {
		azp, client any
		good        bool
	}{{nil, "chat", true}, {"chat", nil, true}, {"chat", "another", true}, {"another", "chat", false}, {"", "chat", false}, {nil, "another", false}, {nil, nil, false}} {
		c := claims(p.URL)
		delete(c, "azp")
		if tc.azp != nil {
			c["azp"] = tc.azp
		}
		if tc.client != nil {
			c["client_id"] = tc.client
		}
		if _, err := f.ask(f.creds.Key, k.sign(t, c)); (err == nil) != tc.good {
			t.Errorf("azp %v, client_id %v: %v", tc.azp, tc.client, err)
		}
	}
}
