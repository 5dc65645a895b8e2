package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/doorward/doorward/policy"
)

// Header carries the end user's assertion.
const Header = "Doorward-Assertion"

// MaxAge is the longest life an assertion may have.
const MaxAge = 5 * time.Minute

// MaxTokenAge is the longest life of a bearer token that is used many times.
const MaxTokenAge = time.Hour

// ErrUnauthenticated means that backend or user is not proved. The message says
// what is wrong, for the backend's operator; it never holds the credential.
var ErrUnauthenticated = errors.New("not authenticated")

// ErrForbidden means that an authenticated backend asks for what it may not.
var ErrForbidden = errors.New("not allowed for this backend")

// Config says whom to believe.
type Config struct {
	Audience      string             // required
	Backends      *Backends          // required
	BackendSigned bool               // believe assertions signed by the backend itself
	Issuers       map[string]jwk.Set // identity providers by issuer, with their public keys
	Claims        policy.Schema      // further claims policies may read
	Skew          time.Duration      // clock difference allowed; 0 means 30 s
	Now           func() time.Time
}

// Authenticator proves identities.
type Authenticator struct {
	Config
	replays replays
}

// New checks the configuration.
func New(c Config) (*Authenticator, error) {
	if c.Audience == "" || c.Backends == nil {
		return nil, errors.New("making authenticator: Audience and Backends are required")
	}
	if c.Skew == 0 {
		c.Skew = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Authenticator{Config: c}, nil
}

// Backend proves the caller by its key alone, for requests that release nothing.
func (a *Authenticator) Backend(r *http.Request) (Backend, error) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Backend{}, fmt.Errorf("%w: send the backend key as \"Authorization: Bearer dw_…\"", ErrUnauthenticated)
	}
	return a.Backends.byKey(strings.TrimSpace(key), a.Now())
}

// Subject proves both identities. An assertion is good once.
func (a *Authenticator) Subject(r *http.Request) (policy.Subject, Backend, error) {
	b, err := a.Backend(r)
	if err != nil {
		return policy.Subject{}, Backend{}, err
	}
	values := r.Header.Values(Header)
	if len(values) != 1 || values[0] == "" {
		return policy.Subject{}, b, fmt.Errorf("%w: send the user's signed assertion as %s, once", ErrUnauthenticated, Header)
	}
	s, err := a.assertion(values[0], b, MaxAge)
	return s, b, err
}

// Token proves both identities by one OAuth bearer token, as MCP clients send it:
// a JWT by a configured issuer, for this audience, whose azp is a registered
// backend. It may be used many times within its life.
func (a *Authenticator) Token(r *http.Request) (policy.Subject, Backend, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return policy.Subject{}, Backend{}, fmt.Errorf("%w: send an OAuth bearer token", ErrUnauthenticated)
	}
	unverified, err := jwt.ParseInsecure([]byte(token))
	if err != nil {
		return policy.Subject{}, Backend{}, fmt.Errorf("%w: the bearer token is not a JWT", ErrUnauthenticated)
	}
	b, ok := a.Backends.byID(claim(unverified, "azp"))
	if !ok || !b.Expires.IsZero() && a.Now().After(b.Expires) {
		return policy.Subject{}, Backend{}, fmt.Errorf("%w: the token's azp is not a registered backend", ErrUnauthenticated)
	}
	s, err := a.assertion(token, b, MaxTokenAge)
	return s, b, err
}

// assertion verifies a JWT and makes the subject of its claims. One that lives no
// longer than [MaxAge] allows is good once.
func (a *Authenticator) assertion(token string, b Backend, life time.Duration) (policy.Subject, error) {
	refuse := func(format string, args ...any) (policy.Subject, error) {
		return policy.Subject{}, fmt.Errorf("%w: the assertion "+format, append([]any{ErrUnauthenticated}, args...)...)
	}
	alg, key, err := a.key(token, b)
	if err != nil {
		return refuse("%s", err)
	}
	t, err := jwt.Parse([]byte(token), jwt.WithKey(alg, key), jwt.WithValidate(false))
	if err != nil {
		return refuse("is not signed by a key known for its issuer")
	}
	now := a.Now()
	exp, hasExp := t.Expiration()
	iat, hasIat := t.IssuedAt()
	nbf, hasNbf := t.NotBefore()
	aud, _ := t.Audience()
	jti, _ := t.JwtID()
	sub, _ := t.Subject()
	switch {
	case !hasExp || !hasIat:
		return refuse("needs exp and iat")
	case exp.Sub(iat) > life:
		return refuse("lives longer than %v", life)
	case now.After(exp.Add(a.Skew)):
		return refuse("has expired")
	case iat.After(now.Add(a.Skew)) || hasNbf && nbf.After(now.Add(a.Skew)):
		return refuse("is not valid yet: compare the clocks")
	case !slices.Contains(aud, a.Audience):
		return refuse("is for another audience than %q", a.Audience)
	case claim(t, "azp") != b.ID:
		return refuse("names another backend in azp than the one that sends it")
	case claim(t, "tenant") != b.Tenant:
		return refuse("names another tenant than the backend's")
	case sub == "" || len(sub) > 256:
		return refuse("names no subject")
	case life == MaxAge && (jti == "" || len(jti) > 256):
		return refuse("needs a jti")
	}
	s, err := a.subject(t, b, sub)
	if err != nil {
		return refuse("has unusable claims: %s", err)
	}
	iss, _ := t.Issuer()
	if life == MaxAge && !a.replays.first(iss+"\x00"+jti, exp.Add(a.Skew), now) {
		return refuse("was used before")
	}
	return s, nil
}

// key picks the verification key by issuer, and the one algorithm that goes
// with the key's type: the token's own header is never asked which to use.
func (a *Authenticator) key(token string, b Backend) (jwa.SignatureAlgorithm, any, error) {
	var none jwa.SignatureAlgorithm
	unverified, err := jwt.ParseInsecure([]byte(token))
	if err != nil {
		return none, nil, errors.New("is not a JWT")
	}
	iss, _ := unverified.Issuer()
	if iss == "backend:"+b.ID {
		if !a.BackendSigned {
			return none, nil, errors.New("is signed by the backend, which identity.backend_signed does not allow")
		}
		return jwa.EdDSA(), ed25519.PublicKey(b.AssertionKey), nil
	}
	set, ok := a.Issuers[iss]
	if !ok {
		return none, nil, errors.New("comes from an issuer that is not configured")
	}
	m, err := jws.Parse([]byte(token))
	if err != nil || len(m.Signatures()) != 1 {
		return none, nil, errors.New("is not a JWT with one signature")
	}
	kid, _ := m.Signatures()[0].ProtectedHeaders().KeyID()
	k, ok := set.LookupKeyID(kid)
	if !ok {
		return none, nil, errors.New("names a key its issuer does not have")
	}
	var raw any
	if err := jwk.Export(k, &raw); err != nil {
		return none, nil, errors.New("names a key that cannot be used")
	}
	switch p := raw.(type) {
	case ed25519.PublicKey:
		return jwa.EdDSA(), p, nil
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			return jwa.ES256(), p, nil
		}
	case *rsa.PublicKey:
		if p.N.BitLen() >= 2048 {
			return jwa.RS256(), p, nil
		}
	}
	return none, nil, errors.New("names a key of a kind that is not accepted (EdDSA, ES256, RS256 with 2048 bits)")
}

func claim(t jwt.Token, name string) string {
	var v string
	_ = t.Get(name, &v) // absent or of another type: empty, which never matches
	return v
}

// subject maps claims. Absent ones grant nothing; wrong types are refused.
func (a *Authenticator) subject(t jwt.Token, b Backend, id string) (policy.Subject, error) {
	s := policy.Subject{ID: id, Tenant: b.Tenant}
	s.Authn.Backend = b.ID
	s.Authn.Issuer, _ = t.Issuer()
	s.Authn.ACR = claim(t, "acr")
	var err error
	if s.Groups, err = words(t, "groups"); err != nil {
		return s, err
	}
	if s.Roles, err = words(t, "roles"); err != nil {
		return s, err
	}
	if s.Authn.AMR, err = words(t, "amr"); err != nil {
		return s, err
	}
	if s.Clearance, err = integer(t, "clearance"); err != nil {
		return s, err
	}
	at, err := integer(t, "auth_time")
	if err != nil {
		return s, err
	}
	if at > 0 {
		s.Authn.At = time.Unix(at, 0)
	}
	further := map[string]any{}
	if t.Has("claims") {
		if err := t.Get("claims", &further); err != nil {
			return s, errors.New("claims is not an object")
		}
	}
	normal, err := a.Claims.Project(further)
	if err != nil {
		return s, err
	}
	s.Claims = normal
	return s, nil
}

func words(t jwt.Token, name string) ([]string, error) {
	if !t.Has(name) {
		return nil, nil
	}
	var list []any
	if err := t.Get(name, &list); err != nil {
		return nil, fmt.Errorf("%s is not a list", name)
	}
	out := make([]string, 0, len(list))
	for _, v := range list {
		w, ok := v.(string)
		if !ok || w == "" {
			return nil, fmt.Errorf("%s holds something that is not a word", name)
		}
		out = append(out, w)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

func integer(t jwt.Token, name string) (int64, error) {
	if !t.Has(name) {
		return 0, nil
	}
	var f float64
	if err := t.Get(name, &f); err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, fmt.Errorf("%s is not a whole number", name)
	}
	return int64(f), nil
}

// replays remembers used assertions until they expire. The memory is this
// process's: replicas behind one address need sticky backends.
type replays struct {
	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time
}

// maxReplays bounds the memory; when it is full of live assertions, new ones
// are refused.
const maxReplays = 1 << 20

func (r *replays) first(id string, until, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	if now.Sub(r.swept) > time.Minute || len(r.until) >= maxReplays {
		for k, t := range r.until {
			if now.After(t) {
				delete(r.until, k)
			}
		}
		r.swept = now
	}
	if _, used := r.until[id]; used || len(r.until) >= maxReplays {
		return false
	}
	r.until[id] = until
	return true
}
