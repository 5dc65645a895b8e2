// Package auth proves identities: the backend by its key, the end user by a
// signed assertion the backend brings. Both are needed for anything to be
// released, and the user's rights never exceed what the backend may ask for.
package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// BackendsFile is the register's name in the key folder.
const BackendsFile = "backends.json"

// Backend is one registered caller. It is stored without its key.
type Backend struct {
	ID           string    `json:"id"`
	Tenant       string    `json:"tenant"`
	KeyHash      string    `json:"key_sha256"`              // hex; keys are 256 random bits, so a plain hash is enough
	AssertionKey []byte    `json:"assertion_key,omitempty"` // Ed25519 public key, where the backend signs assertions
	Destinations []string  `json:"destinations"`            // where it may send passages
	Operator     bool      `json:"operator,omitempty"`      // may use the operator listener
	Created      time.Time `json:"created"`
	Expires      time.Time `json:"expires,omitzero"`
}

// Backends is the register of callers.
type Backends struct {
	path string
	list []Backend
}

// Credentials are what a new backend gets, once.
type Credentials struct {
	Key       string             // for "Authorization: Bearer"
	Assertion ed25519.PrivateKey // signs assertions, where backends may
}

var (
	// ErrBackend means a register entry that cannot be made or used.
	ErrBackend = errors.New("backend cannot be registered")

	backendID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
)

// OpenBackends reads the register of a key folder; an absent one is empty.
func OpenBackends(dir string) (*Backends, error) {
	b := &Backends{path: filepath.Join(dir, BackendsFile)}
	info, err := os.Stat(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening backends: %w", err)
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("opening backends: %s has mode %04o, run `chmod 0600 %s`", b.path, m, b.path)
	}
	data, err := os.ReadFile(b.path)
	if err != nil {
		return nil, fmt.Errorf("opening backends: %w", err)
	}
	if err := json.Unmarshal(data, &b.list); err != nil {
		return nil, fmt.Errorf("opening backends: %s is not valid JSON", b.path)
	}
	return b, nil
}

// List returns the registered backends.
func (b *Backends) List() []Backend { return slices.Clone(b.list) }

// Add registers a backend and returns its credentials, which are stored nowhere.
func (b *Backends) Add(n Backend) (Credentials, error) {
	if !backendID.MatchString(n.ID) {
		return Credentials{}, fmt.Errorf("%w: %q must be 1 to 32 lower-case letters, digits or dashes", ErrBackend, n.ID)
	}
	if n.Tenant == "" {
		return Credentials{}, fmt.Errorf("%w: no tenant named", ErrBackend)
	}
	if _, ok := b.byID(n.ID); ok {
		return Credentials{}, fmt.Errorf("%w: %q is taken; remove it first", ErrBackend, n.ID)
	}
	if len(n.Destinations) == 0 {
		n.Destinations = []string{"internal"}
	}
	var secret [32]byte
	rand.Read(secret[:])
	key := "dw_" + n.ID + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Credentials{}, fmt.Errorf("making assertion key: %w", err)
	}
	n.KeyHash, n.AssertionKey = hashKey(key), pub
	b.list = append(b.list, n)
	return Credentials{Key: key, Assertion: priv}, b.save()
}

// Remove takes a backend out of the register.
func (b *Backends) Remove(id string) error {
	n := len(b.list)
	b.list = slices.DeleteFunc(b.list, func(x Backend) bool { return x.ID == id })
	if len(b.list) == n {
		return fmt.Errorf("%w: %q is not registered", ErrBackend, id)
	}
	return b.save()
}

func (b *Backends) save() error {
	data, err := json.MarshalIndent(b.list, "", "  ")
	if err != nil {
		return err
	}
	tmp := b.path + ".new"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("storing backends: %w", err)
	}
	return os.Rename(tmp, b.path)
}

func (b *Backends) byID(id string) (Backend, bool) {
	for _, x := range b.list {
		if x.ID == id {
			return x, true
		}
	}
	return Backend{}, false
}

// byKey finds the backend a key belongs to, in time that does not depend on how
// much of the key is right.
func (b *Backends) byKey(key string, now time.Time) (Backend, error) {
	rest, ok := strings.CutPrefix(key, "dw_")
	id, _, cut := strings.Cut(rest, "_")
	if !ok || !cut {
		return Backend{}, fmt.Errorf("%w: the backend key is malformed", ErrUnauthenticated)
	}
	known, found := b.byID(id)
	same := subtle.ConstantTimeCompare([]byte(known.KeyHash), []byte(hashKey(key))) == 1
	switch {
	case !found || !same:
		return Backend{}, fmt.Errorf("%w: the backend key is not known", ErrUnauthenticated)
	case !known.Expires.IsZero() && now.After(known.Expires):
		return Backend{}, fmt.Errorf("%w: the backend key has expired", ErrUnauthenticated)
	}
	return known, nil
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
