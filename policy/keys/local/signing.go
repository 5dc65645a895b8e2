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
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

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

// newSigningKey makes a key pair, as PEM.
func newSigningKey() (private, public []byte, id string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, "", fmt.Errorf("making signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, nil, "", fmt.Errorf("encoding signing key: %w", err)
	}
	private = pemBlock("PRIVATE KEY", der)
	if der, err = x509.MarshalPKIXPublicKey(pub); err != nil {
		return nil, nil, "", fmt.Errorf("encoding public key: %w", err)
	}
	return private, pemBlock("PUBLIC KEY", der), KeyID(pub), nil
}

func createSigningKey(dir string) error {
	private, public, _, err := newSigningKey()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, SigningFile), private); err != nil {
		return fmt.Errorf("storing signing key: %w", err)
	}
	return writeFile(filepath.Join(dir, PublicFile), public)
}

// Signer signs receipts and the audit log with the key of a key folder. When that
// key is rotated it takes the new one up.
type Signer struct {
	dir string // "" for a fixed key

	mu      sync.Mutex
	current signingKey
	looked  time.Time
}

type signingKey struct {
	key  ed25519.PrivateKey
	id   string
	file os.FileInfo
}

var _ keys.PublicSigner = (*Signer)(nil)

// lookEvery is how often files are looked at for a rotation.
const lookEvery = time.Second

// OpenSigner reads the private receipt key.
func OpenSigner(dir string) (*Signer, error) {
	k, err := readSigningKey(dir)
	if err != nil {
		return nil, err
	}
	return &Signer{dir: dir, current: k, looked: time.Now()}, nil
}

func readSigningKey(dir string) (signingKey, error) {
	var k signingKey
	path := filepath.Join(dir, SigningFile)
	info, err := os.Stat(path)
	if err != nil {
		return k, fmt.Errorf("opening signing key: %w", err)
	}
	data, err := readPrivate(path)
	if err != nil {
		return k, fmt.Errorf("opening signing key: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return k, fmt.Errorf("opening signing key: %s is not PEM", SigningFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return k, fmt.Errorf("opening signing key: %s holds no PKCS #8 key", SigningFile)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return k, fmt.Errorf("opening signing key: %s is not an Ed25519 key", SigningFile)
	}
	return signingKey{key, KeyID(key.Public().(ed25519.PublicKey)), info}, nil
}

// now is the key in use. look takes up a rotated one.
func (s *Signer) now(look bool) signingKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !look || s.dir == "" || time.Since(s.looked) < lookEvery {
		return s.current
	}
	s.looked = time.Now()
	if info, err := os.Stat(filepath.Join(s.dir, SigningFile)); err == nil && !os.SameFile(info, s.current.file) {
		if k, err := readSigningKey(s.dir); err == nil {
			s.current = k
		}
	}
	return s.current
}

// Sign implements [keys.Signer].
func (s *Signer) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(s.now(false).key, message), nil
}

// KeyID implements [keys.Signer]. A rotated key is taken up here, and only here,
// so that whoever asks before and after signing knows which key signed.
func (s *Signer) KeyID() string { return s.now(true).id }

// Public is the key that verifies.
func (s *Signer) Public() ed25519.PublicKey { return s.now(false).key.Public().(ed25519.PublicKey) }

// Fixed implements [keys.Rotating]: the key of this moment.
func (s *Signer) Fixed() keys.PublicSigner { return &Signer{current: s.now(true)} }

// Verifier checks signatures against a set of public keys. A key it does not know
// it looks for in the folder.
type Verifier struct {
	dir string

	mu   sync.Mutex
	keys map[string]ed25519.PublicKey
	file os.FileInfo
}

var _ keys.Verifier = (*Verifier)(nil)

// OpenVerifier reads the public receipt keys of a key folder; the file may hold
// several, so that old receipts stay valid after a rotation.
func OpenVerifier(dir string) (*Verifier, error) {
	info, err := os.Stat(filepath.Join(dir, PublicFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening public keys: %w; %s", err, withoutPublic(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("opening public keys: %w", err)
	}
	known, err := readPublicKeys(dir)
	if err != nil {
		return nil, err
	}
	return &Verifier{dir: dir, keys: known, file: info}, nil
}

// withoutPublic says how a folder gets its public keys back.
func withoutPublic(dir string) string {
	private, public := filepath.Join(dir, SigningFile), filepath.Join(dir, PublicFile)
	if _, err := os.Stat(private); err != nil {
		return "`doorward keys init` makes keys; who only verifies is given " + PublicFile + " by whoever runs the service"
	}
	return fmt.Sprintf("put it back from a backup or from an auditor's copy; `openssl pkey -in %s -pubout -out %s` makes it anew, and then what was signed before the last `doorward keys rotate signing` cannot be verified", private, public)
}

func readPublicKeys(dir string) (map[string]ed25519.PublicKey, error) {
	data, err := os.ReadFile(filepath.Join(dir, PublicFile))
	if err != nil {
		return nil, fmt.Errorf("opening public keys: %w", err)
	}
	known := map[string]ed25519.PublicKey{}
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
		known[KeyID(pub)] = pub
	}
	if len(known) == 0 {
		return nil, fmt.Errorf("opening public keys: %s holds none", PublicFile)
	}
	return known, nil
}

// Public lists the keys, in no order.
func (v *Verifier) Public() []ed25519.PublicKey {
	v.look()
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Collect(maps.Values(v.keys))
}

// look reads the file again when another was put in its place.
func (v *Verifier) look() {
	v.mu.Lock()
	defer v.mu.Unlock()
	info, err := os.Stat(filepath.Join(v.dir, PublicFile))
	if err != nil || os.SameFile(info, v.file) {
		return
	}
	if known, err := readPublicKeys(v.dir); err == nil {
		v.keys, v.file = known, info
	}
}

func (v *Verifier) key(id string) (ed25519.PublicKey, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	pub, ok := v.keys[id]
	return pub, ok
}

// Verify implements [keys.Verifier].
func (v *Verifier) Verify(keyID string, message, signature []byte) error {
	pub, ok := v.key(keyID)
	if !ok {
		v.look()
		pub, ok = v.key(keyID)
	}
	if !ok || !ed25519.Verify(pub, message, signature) {
		return ErrSignature
	}
	return nil
}
