// Package local keeps Doorward's keys in files: a folder outside the data
// directory with the master key and the receipt signing key, and in the data
// directory one sealed file per tenant that only the master key opens.
//
// The hierarchy: the master key (AES-256-GCM, a Tink keyset, so that it can be
// rotated) seals each tenant's random secret; from that secret HKDF-SHA256
// derives the wrapping key and the HMAC keys; the wrapping key seals one random
// data key per document. Losing the key folder loses every text for good.
package local

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/doorward/doorward/policy/keys"
)

// File names in the key folder.
const (
	MasterFile = "master.key"
	demoFile   = "DEMO"
)

const keyBytes = 32

// ErrPermissions means a key file or folder can be read by others.
var ErrPermissions = errors.New("key file or folder is accessible to others")

// ErrMissing means the key folder holds no master key.
var ErrMissing = errors.New("no master key")

// Config says where keys are.
type Config struct {
	Dir string // key folder, 0700, required; must lie outside Sealed's data directory
	// Tenants is the folder for the sealed tenant secrets, inside the data
	// directory; required unless Store keeps them where other machines see them.
	Tenants string
	Store   Store
}

// Ring implements [keys.Ring] over files.
type Ring struct {
	master  tink.AEAD
	tenants Store

	mu      sync.Mutex
	secrets map[string][]byte
}

var _ keys.Ring = (*Ring)(nil)

// Create makes a key folder with a fresh master key and receipt signing key. It
// refuses to touch a folder that already has one. A demo folder is marked, so
// that a production start can refuse it.
func Create(dir string, demo bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making key folder: %w", err)
	}
	if err := private(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, MasterFile)); err == nil {
		return fmt.Errorf("making keys: %s already holds a master key: %w", dir, fs.ErrExist)
	}
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("making master key: %w", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&buf)); err != nil {
		return fmt.Errorf("encoding master key: %w", err)
	}
	if err := createSigningKey(dir); err != nil {
		return err
	}
	if demo {
		if err := writeFile(filepath.Join(dir, demoFile), []byte("demo keys: not for production\n")); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(dir, MasterFile), buf.Bytes())
}

// IsDemo reports whether a key folder was made for the demo.
func IsDemo(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, demoFile))
	return err == nil
}

// Open reads the master key. Folders must be 0700 and files 0600.
func Open(c Config) (*Ring, error) {
	if err := private(c.Dir, 0o700); err != nil {
		return nil, err
	}
	data, err := readPrivate(filepath.Join(c.Dir, MasterFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening keys: %w in %s: make one with `doorward keys init`", ErrMissing, c.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("opening keys: %s is not a Tink keyset", MasterFile)
	}
	master, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("opening keys: %s holds no AEAD key", MasterFile)
	}
	if c.Store == nil {
		if c.Store, err = newFolder(c.Tenants); err != nil {
			return nil, err
		}
	}
	return &Ring{master: master, tenants: c.Store, secrets: map[string][]byte{}}, nil
}

// Wrapper implements [keys.Ring].
func (r *Ring) Wrapper(tenant string) (keys.Sealer, error) {
	key, err := r.Derive(tenant, "wrap")
	if err != nil {
		return nil, err
	}
	return newSealer(key)
}

// Derive implements [keys.Ring].
func (r *Ring) Derive(tenant string, p keys.Purpose) ([]byte, error) {
	secret, err := r.secret(tenant)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, secret, nil, "doorward/v1/"+string(p), keyBytes)
}

// NewDocument implements [keys.Ring].
func (r *Ring) NewDocument(tenant, document string) (keys.Sealer, []byte, error) {
	wrapper, err := r.Wrapper(tenant)
	if err != nil {
		return nil, nil, err
	}
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails: crypto/rand aborts the process instead
	wrapped, err := wrapper.Seal(key, documentContext(tenant, document))
	if err != nil {
		return nil, nil, err
	}
	s, err := newSealer(key)
	return s, wrapped, err
}

// Document implements [keys.Ring].
func (r *Ring) Document(tenant, document string, wrapped []byte) (keys.Sealer, error) {
	wrapper, err := r.Wrapper(tenant)
	if err != nil {
		return nil, err
	}
	key, err := wrapper.Open(wrapped, documentContext(tenant, document))
	if err != nil {
		return nil, err
	}
	return newSealer(key)
}

func documentContext(tenant, document string) []byte {
	return []byte("document\x00" + tenant + "\x00" + document)
}

// secret returns a tenant's secret, making and storing it on first use.
func (r *Ring) secret(tenant string) ([]byte, error) {
	if tenant == "" {
		return nil, errors.New("deriving key: no tenant named")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.secrets[tenant]; ok {
		return s, nil
	}
	sum := sha256.Sum256([]byte("tenant\x00" + tenant))
	name := hex.EncodeToString(sum[:16])
	sealed, err := r.tenants.Load(name)
	if errors.Is(err, fs.ErrNotExist) {
		sealed, err = r.newSecret(tenant, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading tenant key: %w", err)
	}
	secret, err := r.master.Decrypt(sealed, []byte("tenant\x00"+tenant))
	if err != nil {
		return nil, fmt.Errorf("opening tenant key: %w: is this the key folder the data was made with?", keys.ErrSealed)
	}
	r.secrets[tenant] = secret
	return secret, nil
}

// newSecret stores a fresh sealed secret, or returns the one that another
// process stored meanwhile.
func (r *Ring) newSecret(tenant, name string) ([]byte, error) {
	secret := make([]byte, keyBytes)
	rand.Read(secret)
	sealed, err := r.master.Encrypt(secret, []byte("tenant\x00"+tenant))
	if err != nil {
		return nil, fmt.Errorf("sealing tenant key: %w", err)
	}
	return r.tenants.Create(name, sealed)
}

// sealer is AES-256-GCM from Tink with a raw key.
type sealer struct{ a *subtle.AESGCM }

func newSealer(key []byte) (keys.Sealer, error) {
	a, err := subtle.NewAESGCM(key)
	if err != nil {
		return nil, fmt.Errorf("preparing cipher: %w", err)
	}
	return sealer{a}, nil
}

func (s sealer) Seal(plaintext, associated []byte) ([]byte, error) {
	return s.a.Encrypt(plaintext, associated)
}

func (s sealer) Open(ciphertext, associated []byte) ([]byte, error) {
	p, err := s.a.Decrypt(ciphertext, associated)
	if err != nil {
		return nil, keys.ErrSealed
	}
	return p, nil
}
