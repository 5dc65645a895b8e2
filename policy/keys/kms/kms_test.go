package kms

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// transit is a server that speaks Vault's transit API as its documentation and
// source have it: paths, headers, base64 fields, versions and error statuses.
type transit struct {
	t      *testing.T
	token  string
	sealed bool
	keys   map[string]*subtle.AESGCM
}

func newTransit(t *testing.T) (*transit, *httptest.Server) {
	t.Helper()
	key, err := subtle.NewAESGCM(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	s := &transit{t: t, token: "word-" + t.Name(), keys: map[string]*subtle.AESGCM{"doorward": key}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server
}

func (s *transit) refuse(w http.ResponseWriter, status int, why string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string][]string{"errors": {why}})
}

func (s *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.sealed {
		s.refuse(w, 503, "Vault is sealed")
		return
	}
	if r.Header.Get("X-Vault-Token") != s.token {
		s.refuse(w, 403, "permission denied")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/transit/")
	what, name, _ := strings.Cut(rest, "/")
	if !ok || r.Method != http.MethodPost && r.Method != http.MethodPut {
		s.refuse(w, 404, "no handler for route")
		return
	}
	var in struct {
		Plaintext  string `json:"plaintext"`
		Ciphertext string `json:"ciphertext"`
		Associated string `json:"associated_data"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		s.refuse(w, 400, "failed to parse JSON")
		return
	}
	key := s.keys[name]
	if key == nil {
		s.refuse(w, 400, "encryption key not found")
		return
	}
	associated, _ := base64.StdEncoding.DecodeString(in.Associated)
	data := map[string]any{}
	switch what {
	case "encrypt":
		plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
		if err != nil {
			s.refuse(w, 400, "failed to base64-decode plaintext")
			return
		}
		sealed, _ := key.Encrypt(plain, associated)
		data["ciphertext"], data["key_version"] = "vault:v1:"+base64.StdEncoding.EncodeToString(sealed), 1
	case "decrypt":
		raw, ok := strings.CutPrefix(in.Ciphertext, "vault:v1:")
		sealed, err := base64.StdEncoding.DecodeString(raw)
		plain, derr := key.Decrypt(sealed, associated)
		if !ok || err != nil || derr != nil {
			s.refuse(w, 400, "cipher: message authentication failed")
			return
		}
		data["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	default:
		s.refuse(w, 404, "unsupported path")
		return
	}
	json.NewEncoder(w).Encode(map[string]any{"request_id": "x", "lease_id": "", "renewable": false, "data": data})
}

func (s *transit) open(t *testing.T, url, name string) tink.AEAD {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(s.token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(context.Background(), Config{URI: "hcvault+http://" + strings.TrimPrefix(url, "http://") + "/transit/keys/" + name, TokenFile: file})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestVault(t *testing.T) {
	s, server := newTransit(t)
	a := s.open(t, server.URL, "doorward")
	sealed, err := a.Encrypt([]byte("keyset"), []byte("about"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Decrypt(sealed, []byte("about")); err != nil || string(got) != "keyset" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := a.Decrypt(sealed, []byte("other")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("other associated data: %v", err)
	}
	if _, err := s.open(t, server.URL, "other").Encrypt([]byte("x"), nil); err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("an unknown key: %v", err)
	}
	was := s.token
	s.token = "another"
	if _, err := a.Decrypt(sealed, nil); err == nil || !strings.Contains(err.Error(), "may not use this key") || strings.Contains(err.Error(), was) {
		t.Errorf("a token that is not accepted: %v", err)
	}
	s.sealed = true
	if _, err := a.Decrypt(sealed, nil); err == nil || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("a sealed Vault: %v", err)
	}
	server.Close()
	if _, err := a.Decrypt(sealed, nil); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no Vault: %v", err)
	}
}

func TestFileKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek.json")
	if err := WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path); err == nil {
		t.Error("a key was overwritten")
	}
	a, err := Open(context.Background(), Config{URI: "file://" + path})
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := a.Encrypt([]byte("keyset"), nil)
	if got, err := a.Decrypt(sealed, nil); err != nil || string(got) != "keyset" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), Config{URI: "file://" + path}); err == nil {
		t.Error("a key that others can read was taken")
	}
}

func TestUnusableURIs(t *testing.T) {
	for _, uri := range []string{"hcvault://host", "hcvault://host/transit", "hcvault+http://example.org:8200/transit/keys/x", "ftp://x", "gcp-kms://projects/x", "vault"} {
		if _, err := Open(context.Background(), Config{URI: uri, TokenFile: "t"}); !errors.Is(err, ErrURI) && !(cloud != nil && strings.HasPrefix(uri, "gcp")) {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if a, err := Open(context.Background(), Config{}); a != nil || err != nil {
		t.Errorf("none: %v, %v", a, err)
	}
}
