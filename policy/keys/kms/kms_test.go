package kms

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/doorward/doorward/policy/keys/kms/kmstest"
)

// opened is the server's key under a name, with the token it wants now.
func opened(t *testing.T, s *kmstest.Transit, name string) tink.AEAD {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(s.Token()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(context.Background(), Config{URI: strings.Replace(kmstest.URI(s.Address), "keys/doorward", "keys/"+name, 1), TokenFile: file})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestVault(t *testing.T) {
	s := kmstest.New(t)
	a := opened(t, s, "doorward")
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
	if _, err := opened(t, s, "other").Encrypt([]byte("x"), nil); err == nil || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("an unknown key: %v", err)
	}
	was := s.Token()
	s.SetToken("another")
	if _, err := a.Decrypt(sealed, nil); err == nil || !strings.Contains(err.Error(), "may not use this key") || strings.Contains(err.Error(), was) {
		t.Errorf("a token that is not accepted: %v", err)
	}
	s.Answer(503)
	if _, err := a.Decrypt(sealed, nil); err == nil || !strings.Contains(err.Error(), "sealed") {
		t.Errorf("a sealed Vault: %v", err)
	}
	gone := opened(t, &kmstest.Transit{Address: "127.0.0.1:1"}, "doorward")
	if _, err := gone.Decrypt(sealed, nil); !errors.Is(err, ErrUnavailable) {
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

// TestNotHTTP has something else answer: nothing of what it says is repeated.
func TestNotHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "confidential words\r\n\r\n")
			c.Close()
		}
	}()
	a := opened(t, &kmstest.Transit{Address: l.Addr().String()}, "doorward")
	for range 20 {
		if _, err := a.Decrypt([]byte("vault:v1:AAAA"), nil); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "confidential") {
			t.Fatal(err)
		}
	}
}
