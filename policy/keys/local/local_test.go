package local

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/policy/keys"
)

func open(t *testing.T) (*Ring, Config) {
	t.Helper()
	c := Config{Dir: filepath.Join(t.TempDir(), "keys"), Tenants: filepath.Join(t.TempDir(), "tenants")}
	if err := Create(c.Dir, false); err != nil {
		t.Fatal(err)
	}
	r, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

func TestDocumentKeyRoundTrip(t *testing.T) {
	r, c := open(t)
	s, wrapped, err := r.NewDocument("acme", "doc-1")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal([]byte("plain"), []byte("aad"))
	if err != nil {
		t.Fatal(err)
	}
	reopened, err := Open(c) // as after a restart
	if err != nil {
		t.Fatal(err)
	}
	s2, err := reopened.Document("acme", "doc-1", wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s2.Open(sealed, []byte("aad")); err != nil || string(got) != "plain" {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := s2.Open(sealed, []byte("other")); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("other associated data: %v", err)
	}
	if _, err := reopened.Document("acme", "doc-2", wrapped); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("a key opened for another document: %v", err)
	}
	if _, err := reopened.Document("globex", "doc-1", wrapped); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("a key opened for another tenant: %v", err)
	}
}

func TestDerivedKeysDifferByTenantAndPurpose(t *testing.T) {
	r, _ := open(t)
	a, _ := r.Derive("acme", keys.Terms)
	again, _ := r.Derive("acme", keys.Terms)
	b, _ := r.Derive("acme", keys.Pseudonyms)
	c, _ := r.Derive("globex", keys.Terms)
	if !bytes.Equal(a, again) || bytes.Equal(a, b) || bytes.Equal(a, c) {
		t.Error("derived keys must be stable, and differ by tenant and purpose")
	}
	if _, err := r.Derive("", keys.Terms); err == nil {
		t.Error("no tenant was accepted")
	}
}

// TestDerivedKeysAreCopies: who overwrites a key overwrites nobody else's.
func TestDerivedKeysAreCopies(t *testing.T) {
	r, _ := open(t)
	for range 2 { // derived, then remembered
		a, err := r.Derive("acme", keys.Terms)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(a)
		clear(a)
		if b, err := r.Derive("acme", keys.Terms); err != nil || !bytes.Equal(b, want) {
			t.Fatalf("%v: another key after the first was cleared", err)
		}
	}
}

func TestAnotherMasterKeyOpensNothing(t *testing.T) {
	r, c := open(t)
	if _, err := r.Derive("acme", keys.Terms); err != nil {
		t.Fatal(err)
	}
	other := Config{Dir: filepath.Join(t.TempDir(), "keys"), Tenants: c.Tenants}
	if err := Create(other.Dir, false); err != nil {
		t.Fatal(err)
	}
	r2, err := Open(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r2.Derive("acme", keys.Terms); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("got %v, want ErrSealed", err)
	}
}

func TestReadableKeyFilesAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(Config) error{
		"folder": func(c Config) error { return os.Chmod(c.Dir, 0o750) },
		"file":   func(c Config) error { return os.Chmod(filepath.Join(c.Dir, MasterFile), 0o640) },
	} {
		t.Run(name, func(t *testing.T) {
			_, c := open(t)
			if err := spoil(c); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(c); !errors.Is(err, ErrPermissions) {
				t.Errorf("got %v, want ErrPermissions", err)
			}
		})
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	_, c := open(t)
	if err := Create(c.Dir, false); err == nil {
		t.Error("a second Create replaced the keys")
	}
}

func TestSignatures(t *testing.T) {
	_, c := open(t)
	s, err := OpenSigner(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := OpenVerifier(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	sig, _ := s.Sign([]byte("m"))
	if err := v.Verify(s.KeyID(), []byte("m"), sig); err != nil {
		t.Error(err)
	}
	if err := v.Verify(s.KeyID(), []byte("n"), sig); !errors.Is(err, ErrSignature) {
		t.Errorf("altered message: %v", err)
	}
	if err := v.Verify("0000", []byte("m"), sig); !errors.Is(err, ErrSignature) {
		t.Errorf("unknown key: %v", err)
	}
}
