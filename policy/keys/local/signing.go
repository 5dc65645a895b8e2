package local

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/doorward/doorward/policy/keys"
)

// File names of the receipt keys: the ingester reads the private one, readers
// only the public one.
const (
	SigningFile = "receipt.key"
	PublicFile  = "receipt.pub"
)

// ErrSignature means a signature is not by a known key over this message.
var ErrSignature = errors.New("signature does not verify")

// KeyID names an Ed25519 public key: the first 8 bytes of its SHA-256, in hex.
func KeyID(pub ed25519.PublicKey) string {
	sum := sha256.Sum256(pub)
	return hex.EncodeToString(sum[:8])
}

func createSigningKey(dir string) error {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("making signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return fmt.Errorf("encoding signing key: %w", err)
	}
	if err := writeFile(filepath.Join(dir, SigningFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return fmt.Errorf("storing signing key: %w", err)
	}
	der, err = x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return fmt.Errorf("encoding public key: %w", err)
	}
	return writeFile(filepath.Join(dir, PublicFile), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Signer signs receipts and audit heads with the key of a key folder.
type Signer struct {
	key ed25519.PrivateKey
	id  string
}

var _ keys.Signer = (*Signer)(nil)

// OpenSigner reads the private receipt key.
func OpenSigner(dir string) (*Signer, error) {
	data, err := readPrivate(filepath.Join(dir, SigningFile))
	if err != nil {
		return nil, fmt.Errorf("opening signing key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("opening signing key: %s is not PEM", SigningFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("opening signing key: %s holds no PKCS #8 key", SigningFile)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("opening signing key: %s is not an Ed25519 key", SigningFile)
	}
	return &Signer{key: key, id: KeyID(key.Public().(ed25519.PublicKey))}, nil
}

// Sign implements [keys.Signer].
func (s *Signer) Sign(message []byte) ([]byte, error) { return ed25519.Sign(s.key, message), nil }

// KeyID implements [keys.Signer].
func (s *Signer) KeyID() string { return s.id }

// Public is the key that verifies.
func (s *Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Verifier checks signatures against a set of public keys.
type Verifier struct{ keys map[string]ed25519.PublicKey }

var _ keys.Verifier = (*Verifier)(nil)

// OpenVerifier reads the public receipt keys of a key folder; the file may hold
// several, so that old receipts stay valid after a rotation.
func OpenVerifier(dir string) (*Verifier, error) {
	data, err := os.ReadFile(filepath.Join(dir, PublicFile))
	if err != nil {
		return nil, fmt.Errorf("opening public keys: %w", err)
	}
	v := &Verifier{keys: map[string]ed25519.PublicKey{}}
	for len(data) > 0 {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("opening public keys: %s: %w", PublicFile, err)
		}
		pub, ok := parsed.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("opening public keys: %s is not an Ed25519 key", PublicFile)
		}
		v.keys[KeyID(pub)] = pub
	}
	if len(v.keys) == 0 {
		return nil, fmt.Errorf("opening public keys: %s holds none", PublicFile)
	}
	return v, nil
}

// Public lists the keys, in no order.
func (v *Verifier) Public() []ed25519.PublicKey { return slices.Collect(maps.Values(v.keys)) }

// Verify implements [keys.Verifier].
func (v *Verifier) Verify(keyID string, message, signature []byte) error {
	pub, ok := v.keys[keyID]
	if !ok || !ed25519.Verify(pub, message, signature) {
		return ErrSignature
	}
	return nil
}
