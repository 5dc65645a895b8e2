package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/doorward/doorward/policy"
)

// candidate is a key a token may be signed with, and the one algorithm that goes
// with the key's type: the token's own header is never asked which to use.
type candidate struct {
	alg jwa.SignatureAlgorithm
	key any
}

// terms are what an issuer's tokens are held to.
type terms struct {
	issuer   string
	life     time.Duration
	reusable bool
	tenant   string // the tenant it speaks for; empty: the token says
	names    Names
}

// assertion verifies a JWT and makes the subject of its claims. bearer marks a
// token that is used many times.
func (a *Authenticator) assertion(ctx context.Context, token string, b Backend, bearer bool) (policy.Subject, error) {
	refuse := func(reason, format string, args ...any) (policy.Subject, error) {
		return policy.Subject{}, deny(reason, "the assertion "+format, args...)
	}
	if len(token) > maxToken {
		return refuse("too_large", "has %d bytes, the limit is %d", len(token), maxToken)
	}
	candidates, held, err := a.keys(ctx, token, b)
	if err != nil {
		return policy.Subject{}, err
	}
	if bearer && !held.reusable {
		held.life, held.reusable = MaxTokenAge, true
	}
	t, err := verify(token, candidates)
	if err != nil {
		return policy.Subject{}, unsigned(token, candidates)
	}
	if iss, _ := t.Issuer(); iss != held.issuer {
		return refuse("issuer", "names two issuers")
	}
	if err := a.timely(t, held); err != nil {
		return policy.Subject{}, err
	}
	if err := a.addressed(t, held, b); err != nil {
		return policy.Subject{}, err
	}
	s, err := a.subject(t, held.names, b)
	if err != nil {
		return refuse("claims", "has unusable claims: %s", err)
	}
	if held.reusable {
		return s, nil
	}
	first, err := a.once(ctx, t)
	if err != nil {
		return policy.Subject{}, err
	}
	if !first {
		return refuse("replay", "was used before")
	}
	return s, nil
}

// verify accepts a token that one of the keys signed.
func verify(token string, candidates []candidate) (t jwt.Token, err error) {
	err = errors.New("no key")
	for _, c := range candidates {
		if t, err = jwt.Parse([]byte(token), jwt.WithKey(c.alg, c.key), jwt.WithValidate(false)); err == nil {
			return t, nil
		}
	}
	return nil, err
}

// unsigned says why a token's signature does not hold: most often because the
// provider signs with an algorithm that is not taken. Which one is never the token's
// choice; here its header only words the refusal.
func unsigned(token string, candidates []candidate) error {
	if m, err := jws.Parse([]byte(token)); err == nil && len(m.Signatures()) == 1 {
		alg, _ := m.Signatures()[0].ProtectedHeaders().Algorithm()
		if !slices.ContainsFunc(candidates, func(c candidate) bool { return c.alg == alg }) {
			return deny("algorithm", "the assertion is not signed with the algorithm that goes with its key here: EdDSA, ES256, or RS256 for every RSA key")
		}
	}
	return deny("signature", "the assertion is not signed by a key known for its issuer")
}

// timely says why a token is not good at this time, nil if it is.
func (a *Authenticator) timely(t jwt.Token, held terms) error {
	now := a.Now()
	exp, hasExp := t.Expiration()
	iat, hasIat := t.IssuedAt()
	nbf, hasNbf := t.NotBefore()
	soon := now.Add(a.Skew)
	switch life := exp.Sub(iat); {
	case !hasExp || !hasIat:
		return deny("lifetime", "the assertion needs exp and iat")
	case life <= 0:
		return deny("lifetime", "the assertion ends before it begins")
	case life > held.life:
		return deny("lifetime", "the assertion lives longer than %v%s", held.life, held.hint("max_age"))
	case now.After(exp.Add(a.Skew)):
		return deny("expired", "the assertion has expired")
	case iat.After(soon) || hasNbf && nbf.After(soon):
		return deny("early", "the assertion is not valid yet: compare the clocks")
	}
	at, err := integer(t, "auth_time")
	if err != nil || at < 0 || time.Unix(at, 0).After(soon) {
		return deny("early", "the assertion says that the user signs in later than now")
	}
	return nil
}

// hint names the setting that a provider's tokens are held to; backends have none.
func (t terms) hint(setting string) string {
	if strings.HasPrefix(t.issuer, "backend:") {
		return ""
	}
	return " (identity.issuers[]." + setting + ")"
}

// addressed says why a token is not for this service, backend and tenant, nil if
// it is.
func (a *Authenticator) addressed(t jwt.Token, held terms, b Backend) error {
	aud, _ := t.Audience()
	jti, _ := t.JwtID()
	sub, _ := t.Subject()
	tenant := claim(t, held.names.Tenant)
	if tenant == "" {
		tenant = held.tenant
	}
	client := held.names.client(t)
	switch {
	case !slices.Contains(aud, a.Audience):
		return deny("audience", "the assertion is for another audience than %q (identity.audience)", a.Audience)
	case client == "":
		return deny("client", "the assertion does not say which client it was issued to: no %s%s", held.names.clients(), held.hint("claims.client"))
	case client != b.ID && !slices.Contains(b.Clients, client):
		return deny("client", "the assertion names another backend in %s than the one that sends it: neither its name nor one of its --client ids", held.names.clients())
	case tenant == "":
		return deny("tenant", "the assertion says no tenant: no %s%s", held.names.Tenant, held.hint("tenant"))
	case tenant != b.Tenant || held.tenant != "" && held.tenant != tenant:
		return deny("tenant", "the assertion names another tenant than the backend's")
	case sub == "" || len(sub) > 256:
		return deny("subject", "the assertion names no subject")
	case !held.reusable && (jti == "" || len(jti) > 256):
		return deny("no_jti", "the assertion needs a jti%s", held.hint("reusable"))
	}
	return nil
}

// once remembers a token until nobody could use it again, and reports whether
// this is its first use.
func (a *Authenticator) once(ctx context.Context, t jwt.Token) (bool, error) {
	iss, _ := t.Issuer()
	jti, _ := t.JwtID()
	exp, _ := t.Expiration()
	sum := sha256.Sum256([]byte(iss + "\x00" + jti))
	first, err := a.Replays.First(ctx, hex.EncodeToString(sum[:]), exp.Add(a.Skew), a.Now())
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrIssuer, err)
	}
	return first, nil
}

// keys picks the keys to verify with by the issuer that the token names.
func (a *Authenticator) keys(ctx context.Context, token string, b Backend) ([]candidate, terms, error) {
	iss, ok := claimedIssuer(token)
	if !ok {
		return nil, terms{}, deny("malformed", "the assertion is not a JWT")
	}
	if iss == "backend:"+b.ID {
		list, err := a.ownKeys(b)
		return list, terms{issuer: iss, life: MaxAge, names: standard}, err
	}
	issuer, ok := a.Issuers[iss]
	if !ok {
		return nil, terms{}, deny("issuer", "the assertion comes from an issuer that is not configured")
	}
	m, err := jws.Parse([]byte(token))
	if err != nil || len(m.Signatures()) != 1 {
		return nil, terms{}, deny("malformed", "the assertion is not a JWT with one signature")
	}
	header := m.Signatures()[0].ProtectedHeaders()
	if header.Has("crit") {
		return nil, terms{}, deny("malformed", "the assertion has a crit header, which is not understood here")
	}
	kid, _ := header.KeyID()
	if len(kid) > 256 {
		return nil, terms{}, deny("unknown_key_id", "the assertion names a key its issuer does not have")
	}
	k, err := issuer.Keys.Key(ctx, kid)
	if err != nil {
		return nil, terms{}, err
	}
	c, err := usable(k)
	held := issuer.terms()
	held.issuer = iss
	return []candidate{c}, held, err
}

// claimedIssuer is the issuer that a token names, before anything of it is
// believed: it says whose keys to verify with. What is verified must name the same.
func claimedIssuer(token string) (string, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || parts[2] == "" {
		return "", false
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", false
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(data, &claims) != nil {
		return "", false
	}
	return claims.Issuer, true
}

// ownKeys are the live keys a backend signs with itself.
func (a *Authenticator) ownKeys(b Backend) ([]candidate, error) {
	if !a.BackendSigned {
		return nil, deny("backend_signed", "the assertion is signed by the backend, which identity.backend_signed does not allow")
	}
	var list []candidate
	for _, k := range b.Keys {
		if k.Live(a.Now()) && len(k.Assertion) == ed25519.PublicKeySize {
			list = append(list, candidate{jwa.EdDSA(), ed25519.PublicKey(k.Assertion)})
		}
	}
	return list, nil
}

// usable pairs a key with its algorithm.
func usable(k jwk.Key) (candidate, error) {
	if use, ok := k.KeyUsage(); ok && use != "" && use != "sig" {
		return candidate{}, deny("key_kind", "the assertion names a key that is not for signatures")
	}
	var raw any
	if err := jwk.Export(k, &raw); err != nil {
		return candidate{}, deny("key_kind", "the assertion names a key that cannot be used")
	}
	switch p := raw.(type) {
	case ed25519.PublicKey:
		return candidate{jwa.EdDSA(), p}, nil
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			return candidate{jwa.ES256(), p}, nil
		}
	case *rsa.PublicKey:
		if p.N.BitLen() >= 2048 {
			return candidate{jwa.RS256(), p}, nil
		}
	}
	return candidate{}, deny("key_kind", "the assertion names a key of a kind that is not accepted (EdDSA, ES256, RS256 with 2048 bits)")
}
