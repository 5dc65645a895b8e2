package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/doorward/doorward/policy"
)

// Mint signs an assertion as a backend does: for backends written in Go, for
// tests, and for `doorward keys assert`. life is at most [MaxAge].
func Mint(key ed25519.PrivateKey, audience string, s policy.Subject, now time.Time, life time.Duration) (string, error) {
	var id [16]byte
	rand.Read(id[:])
	b := jwt.NewBuilder().
		Issuer("backend:"+s.Authn.Backend).Audience([]string{audience}).Subject(s.ID).JwtID(hex.EncodeToString(id[:])).
		IssuedAt(now).Expiration(now.Add(min(life, MaxAge))).
		Claim("azp", s.Authn.Backend).Claim("tenant", s.Tenant).
		Claim("groups", list(s.Groups)).Claim("roles", list(s.Roles)).Claim("clearance", s.Clearance).Claim("amr", list(s.Authn.AMR))
	if s.Authn.ACR != "" {
		b = b.Claim("acr", s.Authn.ACR)
	}
	if !s.Authn.At.IsZero() {
		b = b.Claim("auth_time", s.Authn.At.Unix())
	}
	if len(s.Claims) > 0 {
		b = b.Claim("claims", s.Claims)
	}
	t, err := b.Build()
	if err != nil {
		return "", fmt.Errorf("building assertion: %w", err)
	}
	signed, err := jwt.Sign(t, jwt.WithKey(jwa.EdDSA(), key))
	if err != nil {
		return "", fmt.Errorf("signing assertion: %w", err)
	}
	return string(signed), nil
}

func list(words []string) []string {
	if words == nil {
		return []string{}
	}
	return words
}
