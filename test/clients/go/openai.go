package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// openaiFor is OpenAI's own client for one user: the gateway is its base URL, the
// backend's key its API key. The assertion is added by middleware, so that a retry
// has a new one.
func openaiFor(user string, groups ...string) (openai.Client, error) {
	data, err := os.ReadFile(os.Getenv("DOORWARD_ASSERTION_KEY"))
	if err != nil {
		return openai.Client{}, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return openai.Client{}, errors.New("the assertion key is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return openai.Client{}, err
	}
	return openai.NewClient(
		option.WithBaseURL(os.Getenv("DOORWARD_URL")+"/v1"),
		option.WithAPIKey(os.Getenv("DOORWARD_KEY")),
		option.WithMiddleware(func(r *http.Request, next option.MiddlewareNext) (*http.Response, error) {
			token, err := assertion(key.(ed25519.PrivateKey), user, groups)
			if err != nil {
				return nil, err
			}
			r.Header.Set("Doorward-Assertion", token)
			return next(r)
		}),
	), nil
}

// assertion signs who the user is. In a program that imports Doorward's module,
// auth.Mint does the same.
func assertion(key ed25519.PrivateKey, user string, groups []string) (string, error) {
	now, backend := time.Now().Unix(), os.Getenv("DOORWARD_BACKEND")
	claims, err := json.Marshal(map[string]any{
		"iss": "backend:" + backend, "azp": backend, "aud": []string{"doorward"}, "jti": rand.Text(), "iat": now, "exp": now + 60,
		"tenant": os.Getenv("DOORWARD_TENANT"), "sub": user, "groups": groups,
	})
	if err != nil {
		return "", err
	}
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(`{"alg":"EdDSA","typ":"JWT"}`)) + "." + part(claims)
	return signed + "." + part(ed25519.Sign(key, []byte(signed))), nil
}
