package receipt

import (
	"crypto/ed25519"
	"errors"
	"testing"
)

type key struct{ ed25519.PrivateKey }

func (k key) Sign(m []byte) ([]byte, error) { return ed25519.Sign(k.PrivateKey, m), nil }
func (k key) KeyID() string                 { return "test" }
func (k key) Verify(id string, m, sig []byte) error {
	if id != "test" || !ed25519.Verify(k.Public().(ed25519.PublicKey), m, sig) {
		return errors.New("no")
	}
	return nil
}

func TestReceiptHoldsOnlyForWhatItSays(t *testing.T) {
	_, priv, _ := ed25519.GenerateKey(nil)
	k, secret := key{priv}, []byte("tenant key")
	signed, err := Sign(Receipt{Tenant: "acme", Document: "d", Version: "v1",
		Chunks: []Chunk{{ID: "c0", Text: Hash(secret, []byte("text"))}}}, k)
	if err != nil {
		t.Fatal(err)
	}
	if err := signed.Verify(k, "acme", "d", "v1"); err != nil {
		t.Fatal(err)
	}
	if err := signed.Covers(secret, "c0", "text"); err != nil {
		t.Fatal(err)
	}
	altered := signed
	altered.Chunks = []Chunk{{ID: "c0", Text: Hash(secret, []byte("other"))}}
	for name, err := range map[string]error{
		"other version": signed.Verify(k, "acme", "d", "v2"),
		"other tenant":  signed.Verify(k, "globex", "d", "v1"),
		"altered":       altered.Verify(k, "acme", "d", "v1"),
		"other text":    signed.Covers(secret, "c0", "tex"),
		"other chunk":   signed.Covers(secret, "c1", "text"),
		"other key":     signed.Covers([]byte("x"), "c0", "text"),
		"zero":          Signed{}.Verify(k, "", "", ""),
	} {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: got %v, want ErrInvalid", name, err)
		}
	}
}
