// Package kmstest is a key management service to test against: a server that
// speaks the API of Vault's transit engine, with a real cipher.
package kmstest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
)

// Transit speaks Vault's transit API as its documentation and source have it:
// paths, headers, base64 fields, versions and error statuses. It has one key,
// "doorward", under the mount "transit".
type Transit struct {
	Address string // host:port
	key     *subtle.AESGCM

	mu     sync.Mutex
	token  string
	status int
}

// New starts a server on the loopback interface until the test ends.
func New(t testing.TB) *Transit {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	key, err := subtle.NewAESGCM(secret)
	if err != nil {
		t.Fatal(err)
	}
	s := &Transit{key: key, token: "word-" + t.Name()}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.Address = server.Listener.Addr().String()
	return s
}

// URI names the server's key, reached at an address.
func URI(address string) string { return "hcvault+http://" + address + "/transit/keys/doorward" }

// Token is what callers must show.
func (s *Transit) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// SetToken changes it.
func (s *Transit) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// Answer makes it answer every call with a status, as a Vault in trouble does;
// 0 ends that. A sealed Vault answers 503.
func (s *Transit) Answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]string{"errors": {why}})
}

// ServeHTTP implements [http.Handler].
func (s *Transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	token, status := s.token, s.status
	s.mu.Unlock()
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/transit/")
	what, name, _ := strings.Cut(rest, "/")
	var in request
	switch {
	case status != 0:
		refuse(w, status, "in trouble")
	case r.Header.Get("X-Vault-Token") != token:
		refuse(w, http.StatusForbidden, "permission denied")
	case !ok || r.Method != http.MethodPost && r.Method != http.MethodPut:
		refuse(w, http.StatusNotFound, "no handler for route")
	case json.NewDecoder(r.Body).Decode(&in) != nil:
		refuse(w, http.StatusBadRequest, "failed to parse JSON")
	case name != "doorward":
		refuse(w, http.StatusBadRequest, "encryption key not found")
	default:
		s.act(w, what, in)
	}
}

type request struct {
	Plaintext  string `json:"plaintext"`
	Ciphertext string `json:"ciphertext"`
	Associated string `json:"associated_data"`
}

func (s *Transit) act(w http.ResponseWriter, what string, in request) {
	associated, _ := base64.StdEncoding.DecodeString(in.Associated)
	data := map[string]any{}
	switch what {
	case "encrypt":
		plain, err := base64.StdEncoding.DecodeString(in.Plaintext)
		if err != nil {
			refuse(w, http.StatusBadRequest, "failed to base64-decode plaintext")
			return
		}
		sealed, err := s.key.Encrypt(plain, associated)
		if err != nil {
			refuse(w, http.StatusInternalServerError, "cannot encrypt")
			return
		}
		data["ciphertext"], data["key_version"] = "vault:v1:"+base64.StdEncoding.EncodeToString(sealed), 1
	case "decrypt":
		raw, ok := strings.CutPrefix(in.Ciphertext, "vault:v1:")
		sealed, err := base64.StdEncoding.DecodeString(raw)
		plain, derr := s.key.Decrypt(sealed, associated)
		if !ok || err != nil || derr != nil {
			refuse(w, http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		data["plaintext"] = base64.StdEncoding.EncodeToString(plain)
	default:
		refuse(w, http.StatusNotFound, "unsupported path")
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"request_id": "x", "lease_id": "", "renewable": false, "data": data})
}
