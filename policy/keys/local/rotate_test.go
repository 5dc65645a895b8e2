package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/doorward/doorward/policy/keys"
)

// TestRotation: a ring that was open before the master and the tenant's key were
// rotated goes on, and everything sealed before opens afterwards.
func TestRotation(t *testing.T) {
	running, c := open(t)
	before, wrapped, err := running.NewDocument("acme", "d")
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := before.Seal([]byte("plain"), nil)
	terms, _ := running.Derive("acme", keys.Terms)
	if err := RotateMaster(c); err != nil {
		t.Fatal(err)
	}
	other, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if done, left, err := other.Rewrap([]string{"acme", "unused"}); err != nil || done != 1 || left != 0 {
		t.Fatalf("%d sealed anew, %d left, %v", done, left, err)
	}
	if err := RetireMaster(c); err != nil {
		t.Fatal(err)
	}
	if err := other.RotateTenant("acme"); err != nil {
		t.Fatal(err)
	}
	_, newer, err := other.NewDocument("acme", "e")
	if err != nil {
		t.Fatal(err)
	}
	running.read["acme"] = time.Time{} // a minute passes
	for name, r := range map[string]*Ring{"running": running, "other": other, "fresh": reopened(t, c)} {
		s, err := r.Document("acme", "d", wrapped)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := s.Open(sealed, nil); err != nil || string(got) != "plain" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := r.Document("acme", "e", newer); err != nil {
			t.Errorf("%s: a document sealed under the new key: %v", name, err)
		}
		if again, _ := r.Derive("acme", keys.Terms); string(again) != string(terms) {
			t.Errorf("%s: the keys that hash changed", name)
		}
	}
	// One that never saw the old master key opens nothing of a copy made before.
	if _, err := reopened(t, c).open("acme", []byte("old")); !errors.Is(err, keys.ErrSealed) {
		t.Error(err)
	}
}

func reopened(t *testing.T, c Config) *Ring {
	t.Helper()
	r, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSigningRotation: a running signer takes the new key up, and what the old one
// signed stays valid.
func TestSigningRotation(t *testing.T) {
	_, c := open(t)
	s, err := OpenSigner(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	v, err := OpenVerifier(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	sign := func() (string, []byte) {
		id, sig, err := keys.Sign(s, func(id string) []byte { return []byte("by " + id) })
		if err != nil {
			t.Fatal(err)
		}
		return id, sig
	}
	oldID, oldSig := sign()
	newID, err := RotateSigning(c.Dir)
	if err != nil || newID == oldID {
		t.Fatal(newID, err)
	}
	s.looked = time.Time{} // a second passes
	id, sig := sign()
	if id != newID {
		t.Errorf("signed by %s, the new key is %s", id, newID)
	}
	for _, one := range []struct {
		id  string
		sig []byte
	}{{oldID, oldSig}, {id, sig}} {
		if err := v.Verify(one.id, []byte("by "+one.id), one.sig); err != nil {
			t.Errorf("%s: %v", one.id, err)
		}
	}
	if len(v.Public()) != 2 {
		t.Errorf("%d public keys", len(v.Public()))
	}
}

func kek(t *testing.T) tink.AEAD {
	t.Helper()
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	a, err := aead.New(h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestSealedMaster: a master key under a key-encryption key opens with that only.
func TestSealedMaster(t *testing.T) {
	r, c := open(t)
	terms, _ := r.Derive("acme", keys.Terms)
	under := kek(t)
	if err := Reseal(c, under); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(c); err == nil {
		t.Error("a sealed master key opened without its service")
	}
	wrong := c
	wrong.KEK = kek(t)
	if _, err := Open(wrong); err == nil {
		t.Error("a sealed master key opened with another key")
	}
	c.KEK = under
	if again, _ := reopened(t, c).Derive("acme", keys.Terms); string(again) != string(terms) {
		t.Error("other keys after sealing")
	}
	if err := RotateMaster(c); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(filepath.Join(c.Dir, MasterFile))
	if _, err := Open(c); err != nil || len(data) == 0 {
		t.Error(err)
	}
	if err := Reseal(c, nil); err != nil {
		t.Fatal(err)
	}
	c.KEK = nil
	if _, err := Open(c); err != nil {
		t.Error(err)
	}
}
