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
	"slices"
	"sync"
	"time"

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
	// KEK is the key-encryption key that seals the master key's file, for example
	// one that never leaves a key management service; nil: it is not sealed.
	KEK tink.AEAD
}

// Ring implements [keys.Ring] over files.
type Ring struct {
	master  tink.AEAD
	config  Config
	tenants Store

	mu       sync.Mutex
	secrets  map[string][]byte
	read     map[string]time.Time // when each was read last
	wrappers map[string]derived   // tenant → what its secret gave
	purposes map[purposed]forPurpose
}

// purposed names a derived key, forPurpose is one and the secret it is of.
type purposed struct {
	tenant  string
	purpose keys.Purpose
}

type forPurpose struct{ secret, key []byte }

// derived is a wrapper and the secret it was derived from.
type derived struct {
	secret []byte
	sealer keys.Sealer
}

var _ keys.Ring = (*Ring)(nil)

// Create makes a key folder with a fresh master key and receipt signing key. It
// refuses to touch a folder that already has one. A demo folder is marked, so
// that a production start can refuse it.
func Create(dir string, demo bool) error { return CreateSealed(dir, demo, nil) }

// CreateSealed is Create with a master key that a key-encryption key seals.
func CreateSealed(dir string, demo bool, kek tink.AEAD) error {
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
	data, err := encodeMaster(handle, kek)
	if err != nil {
		return err
	}
	if err := createSigningKey(dir); err != nil {
		return err
	}
	if demo {
		if err := writeFile(filepath.Join(dir, demoFile), []byte("demo keys: not for production\n")); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(dir, MasterFile), data)
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
	handle, err := readMaster(c.Dir, c.KEK)
	if err != nil {
		return nil, err
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
	return &Ring{master: master, config: c, tenants: c.Store, secrets: map[string][]byte{}, read: map[string]time.Time{}, wrappers: map[string]derived{}, purposes: map[purposed]forPurpose{}}, nil
}

// readMaster reads the master keyset, which a key-encryption key may seal.
func readMaster(dir string, kek tink.AEAD) (*keyset.Handle, error) {
	data, err := readPrivate(filepath.Join(dir, MasterFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening keys: %w in %s: make one with `doorward keys init`", ErrMissing, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening keys: %w", err)
	}
	sealed := bytes.Contains(data, []byte(`"encryptedKeyset"`))
	switch {
	case sealed && kek == nil:
		return nil, fmt.Errorf("opening keys: %s is sealed by a key management service: name it under kms.uri", MasterFile)
	case !sealed && kek != nil:
		return nil, fmt.Errorf("opening keys: %s is not sealed, and kms.uri names a key management service: run `doorward keys seal`", MasterFile)
	}
	var handle *keyset.Handle
	if sealed {
		handle, err = keyset.Read(keyset.NewJSONReader(bytes.NewReader(data)), kek)
	} else {
		handle, err = insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	}
	switch {
	case err != nil && sealed:
		return nil, fmt.Errorf("opening keys: %s cannot be unsealed: %w", MasterFile, err)
	case err != nil:
		return nil, fmt.Errorf("opening keys: %s is not a Tink keyset", MasterFile)
	}
	return handle, nil
}

// encodeMaster is the file's content, sealed if there is a key for that.
func encodeMaster(h *keyset.Handle, kek tink.AEAD) ([]byte, error) {
	var buf bytes.Buffer
	var err error
	if kek == nil {
		err = insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf))
	} else {
		err = h.Write(keyset.NewJSONWriter(&buf), kek)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding master key: %w", err)
	}
	return buf.Bytes(), nil
}

// Wrapper implements [keys.Ring]. It seals under the tenant's newest wrapping
// key and opens what any of them sealed.
func (r *Ring) Wrapper(tenant string) (keys.Sealer, error) {
	secret, err := r.secret(tenant)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	known := r.wrappers[tenant]
	r.mu.Unlock()
	if known.sealer != nil && bytes.Equal(known.secret, secret) {
		return known.sealer, nil
	}
	sealer, err := wrapperOf(secret)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wrappers[tenant] = derived{secret, sealer}
	return sealer, nil
}

// wrapperOf derives what seals from a tenant's secret.
func wrapperOf(secret []byte) (keys.Sealer, error) {
	var all wrapper
	for part := range slices.Chunk(secret, keyBytes) {
		key, err := hkdf.Key(sha256.New, part, nil, "doorward/v1/wrap", keyBytes)
		if err != nil {
			return nil, err
		}
		s, err := newSealer(key)
		if err != nil {
			return nil, err
		}
		all.sealers = append(all.sealers, s)
	}
	if len(all.sealers) == 1 {
		return all.sealers[0], nil
	}
	return all, nil
}

// wrapper is a tenant's wrapping keys, the newest last.
type wrapper struct{ sealers []keys.Sealer }

func (w wrapper) Seal(plaintext, associated []byte) ([]byte, error) {
	return w.sealers[len(w.sealers)-1].Seal(plaintext, associated)
}

func (w wrapper) Open(ciphertext, associated []byte) (plaintext []byte, err error) {
	for _, s := range slices.Backward(w.sealers) {
		if plaintext, err = s.Open(ciphertext, associated); err == nil {
			return plaintext, nil
		}
	}
	return nil, err
}

// Derive implements [keys.Ring].
func (r *Ring) Derive(tenant string, p keys.Purpose) ([]byte, error) {
	secret, err := r.secret(tenant)
	if err != nil {
		return nil, err
	}
	secret = secret[:keyBytes] // what rotations add to it does not change what is derived
	name := purposed{tenant, p}
	r.mu.Lock()
	known, ok := r.purposes[name]
	r.mu.Unlock()
	if ok && bytes.Equal(known.secret, secret) {
		return bytes.Clone(known.key), nil
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "doorward/v1/"+string(p), keyBytes)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.purposes[name] = forPurpose{secret, bytes.Clone(key)}
	r.mu.Unlock()
	return key, nil
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

// freshFor is how long a tenant's secret is used before it is read again, so that
// a rotation elsewhere is taken up.
const freshFor = time.Minute

func tenantName(tenant string) string {
	sum := sha256.Sum256([]byte("tenant\x00" + tenant))
	return hex.EncodeToString(sum[:16])
}

func tenantContext(tenant string) []byte { return []byte("tenant\x00" + tenant) }

// secret returns a tenant's secret, making and storing it on first use. It is 32
// bytes, and 32 more for every time its wrapping key was rotated.
func (r *Ring) secret(tenant string) ([]byte, error) {
	if tenant == "" {
		return nil, errors.New("deriving key: no tenant named")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.secrets[tenant]
	if ok && time.Since(r.read[tenant]) < freshFor {
		return known, nil
	}
	secret, err := r.readSecret(tenant)
	if err != nil && ok { // what was true a minute ago still opens what it sealed
		secret, err = known, nil
	}
	if err != nil {
		return nil, err
	}
	r.secrets[tenant], r.read[tenant] = secret, time.Now()
	return secret, nil
}

func (r *Ring) readSecret(tenant string) ([]byte, error) {
	name := tenantName(tenant)
	sealed, err := r.tenants.Load(name)
	if errors.Is(err, fs.ErrNotExist) {
		sealed, err = r.newSecret(tenant, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading tenant key: %w", err)
	}
	return r.open(tenant, sealed)
}

// open unseals a tenant's secret. One that the master key does not open may be
// sealed by a newer one, which is then read.
func (r *Ring) open(tenant string, sealed []byte) ([]byte, error) {
	secret, err := r.master.Decrypt(sealed, tenantContext(tenant))
	if err != nil {
		if handle, herr := readMaster(r.config.Dir, r.config.KEK); herr == nil {
			if master, aerr := aead.New(handle); aerr == nil {
				r.master = master
				secret, err = master.Decrypt(sealed, tenantContext(tenant))
			}
		}
	}
	if err != nil || len(secret) == 0 || len(secret)%keyBytes != 0 {
		return nil, fmt.Errorf("opening tenant key: %w: is this the key folder the data was made with?", keys.ErrSealed)
	}
	return secret, nil
}

// newSecret stores a fresh sealed secret, or returns the one that another
// process stored meanwhile.
func (r *Ring) newSecret(tenant, name string) ([]byte, error) {
	secret := make([]byte, keyBytes)
	rand.Read(secret)
	sealed, err := r.master.Encrypt(secret, tenantContext(tenant))
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
