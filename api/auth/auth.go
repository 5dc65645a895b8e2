package auth

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/doorward/doorward/policy"
)

const (
	// Header carries the end user's assertion.
	Header = "Doorward-Assertion"
	// PurposeHeader says what a request is for, on routes whose bodies cannot.
	PurposeHeader = "Doorward-Purpose"
)

const (
	// MaxAge is the longest life an assertion may have that is good once.
	MaxAge = 5 * time.Minute
	// MaxTokenAge is the longest life of a bearer token that is used many times.
	MaxTokenAge = time.Hour
	// MaxSkew is the most that the clocks of an issuer and of this service may
	// differ: nothing is accepted later than this after its expiry.
	MaxSkew = time.Minute
	// maxToken bounds what is parsed, in bytes.
	maxToken = 16 << 10
)

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
	Issuers       map[string]*Issuer // identity providers, by the iss of their tokens
	Claims        policy.Schema      // further claims policies may read
	Skew          time.Duration      // clock difference allowed; 0 means 30 s
	Replays       Replays            // which assertions were used; nil: this process's memory
	Now           func() time.Time
}

// Authenticator proves identities.
type Authenticator struct{ Config }

// New checks the configuration.
func New(c Config) (*Authenticator, error) {
	if c.Audience == "" || c.Backends == nil {
		return nil, errors.New("making authenticator: Audience and Backends are required")
	}
	if c.Skew == 0 {
		c.Skew = 30 * time.Second
	}
	if c.Skew < 0 || c.Skew > MaxSkew {
		return nil, fmt.Errorf("making authenticator: Skew is %v, use at most %v", c.Skew, MaxSkew)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Replays == nil {
		c.Replays = &Memory{}
	}
	return &Authenticator{Config: c}, nil
}

// Backend proves the caller by its key, its certificate, or both where it was
// registered so. It is enough for requests that release nothing. With an error the
// backend is for the audit log alone: nothing of it is proved.
func (a *Authenticator) Backend(r *http.Request) (Backend, error) {
	now := a.Now()
	certified, hasCertificate, err := a.Backends.byCertificate(r.TLS, now)
	if err != nil {
		return certified, err
	}
	header := r.Header.Values("Authorization")
	if len(header) == 0 && hasCertificate {
		if certified.Both {
			return certified, deny("no_key", "this backend needs its key beside its certificate")
		}
		return certified, nil
	}
	key, ok := "", len(header) == 1
	if ok {
		key, ok = strings.CutPrefix(header[0], "Bearer ")
	}
	if len(header) == 0 && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return Backend{}, deny("unknown_certificate", "no backend is registered for the client certificate (keys backend --certificate), and no key came beside it")
	}
	if !ok {
		return Backend{}, deny("no_key", "send the backend key as \"Authorization: Bearer dw_…\"")
	}
	b, err := a.Backends.byKey(strings.TrimSpace(key), now)
	switch {
	case err != nil:
		return b, err
	case hasCertificate && certified.ID != b.ID:
		return b, deny("two_backends", "the key and the client certificate belong to different backends")
	case b.Both && !hasCertificate:
		return b, deny("no_certificate", "this backend needs its certificate beside its key")
	}
	return b, nil
}

// Subject proves both identities. An assertion is good once, unless its issuer
// is configured otherwise.
func (a *Authenticator) Subject(r *http.Request) (policy.Subject, Backend, error) {
	b, err := a.Backend(r)
	if err != nil {
		return policy.Subject{}, b, err
	}
	values := r.Header.Values(Header)
	if len(values) != 1 || values[0] == "" {
		return policy.Subject{}, b, deny("no_assertion", "send the user's signed assertion as %s, once", Header)
	}
	s, err := a.assertion(r.Context(), values[0], b, false)
	return s, b, err
}

// Token proves both identities by one OAuth bearer token, as MCP clients send it:
// a JWT by a configured issuer, for this audience, whose azp is a registered
// backend. It may be used many times within its life.
func (a *Authenticator) Token(r *http.Request) (policy.Subject, Backend, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || len(r.Header.Values("Authorization")) != 1 || len(token) > maxToken {
		return policy.Subject{}, Backend{}, deny("no_token", "send an OAuth bearer token, of %d bytes at most", maxToken)
	}
	unverified, err := jwt.ParseInsecure([]byte(token))
	if err != nil {
		return policy.Subject{}, Backend{}, deny("malformed_token", "the bearer token is not a JWT")
	}
	b, ok, err := a.claimed(unverified)
	if err != nil {
		return policy.Subject{}, Backend{}, err
	}
	if !ok || !b.Live(a.Now()) {
		return policy.Subject{}, b, deny("client", "the token was issued to a client (azp) that no registered backend has: see keys backend --client")
	}
	certified, has, err := a.Backends.byCertificate(r.TLS, a.Now())
	switch {
	case err != nil:
		return policy.Subject{}, b, err
	case has && certified.ID != b.ID:
		return policy.Subject{}, b, deny("two_backends", "the token and the client certificate belong to different backends")
	case b.Both && !has:
		return policy.Subject{}, b, deny("no_certificate", "this backend needs its certificate beside the token")
	}
	s, err := a.assertion(r.Context(), token, b, true)
	return s, b, err
}

// claimed is the backend that a token says it was issued to. Nothing is believed
// yet: verifying the token for that backend follows.
func (a *Authenticator) claimed(t jwt.Token) (Backend, bool, error) {
	iss, _ := t.Issuer()
	azp := a.names(iss).client(t)
	return a.Backends.find(func(b Backend) bool { return azp != "" && (b.ID == azp || slices.Contains(b.Clients, azp)) })
}
