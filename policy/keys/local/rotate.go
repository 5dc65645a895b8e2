package local

import (
	"bytes"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Rotating never stops a running service: what the old key sealed or signed stays
// readable and valid, and a service reads the new one when it meets it.

// RotateSigning makes a new signing key. The public key is known before anything
// is signed with it; the old private key is gone.
func RotateSigning(dir string) (keyID string, err error) {
	old, err := os.ReadFile(filepath.Join(dir, PublicFile))
	if err != nil {
		return "", fmt.Errorf("rotating the signing key: %w", err)
	}
	private, public, id, err := newSigningKey()
	if err != nil {
		return "", fmt.Errorf("rotating the signing key: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, PublicFile), append(public, old...)); err != nil {
		return "", fmt.Errorf("rotating the signing key: %w", err)
	}
	if err := replaceFile(filepath.Join(dir, SigningFile), private); err != nil {
		return "", fmt.Errorf("rotating the signing key: %w", err)
	}
	return id, nil
}

// RotateMaster gives the master keyset a new primary key. The keys before it
// still open what they sealed, until [RetireMaster].
func RotateMaster(c Config) error {
	return changeMaster(c, func(m *keyset.Manager) error {
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		if err != nil {
			return err
		}
		return m.SetPrimary(id)
	})
}

// RetireMaster deletes all master keys but the primary one. Do it after every
// tenant's secret was sealed anew, see [Ring.Rewrap]; it cannot be undone.
func RetireMaster(c Config) error {
	return changeMaster(c, func(m *keyset.Manager) error {
		h, err := m.Handle()
		if err != nil {
			return err
		}
		primary := h.KeysetInfo().GetPrimaryKeyId()
		for _, k := range h.KeysetInfo().GetKeyInfo() {
			if k.GetKeyId() != primary {
				if err := m.Delete(k.GetKeyId()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Reseal writes the master keyset under another key-encryption key: nil keeps it
// in the clear in its private file.
func Reseal(c Config, under tink.AEAD) error {
	h, err := readMaster(c.Dir, c.KEK)
	if err != nil {
		return err
	}
	data, err := encodeMaster(h, under)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(c.Dir, MasterFile), data)
}

func changeMaster(c Config, change func(*keyset.Manager) error) error {
	h, err := readMaster(c.Dir, c.KEK)
	if err != nil {
		return err
	}
	m := keyset.NewManagerFromHandle(h)
	if err := change(m); err != nil {
		return fmt.Errorf("changing the master key: %w", err)
	}
	if h, err = m.Handle(); err != nil {
		return fmt.Errorf("changing the master key: %w", err)
	}
	data, err := encodeMaster(h, c.KEK)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(c.Dir, MasterFile), data)
}

// Rewrap seals the tenants' secrets anew under the primary master key, and says
// how many stored secrets belong to none of them.
func (r *Ring) Rewrap(tenants []string) (done, left int, err error) {
	if err := r.reload(); err != nil {
		return 0, 0, err
	}
	names, err := r.tenants.List()
	if err != nil {
		return 0, 0, fmt.Errorf("sealing tenant keys anew: %w", err)
	}
	for _, t := range slices.Compact(slices.Sorted(slices.Values(tenants))) {
		sealed, err := r.tenants.Load(tenantName(t))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return done, 0, fmt.Errorf("sealing tenant keys anew: %w", err)
		}
		secret, err := r.open(t, sealed)
		if err != nil {
			return done, 0, err
		}
		if err := r.reseal(t, secret); err != nil {
			return done, 0, err
		}
		done++
	}
	return done, len(names) - done, nil
}

// RotateTenant gives a tenant a new wrapping key: documents and tickets from now
// on are sealed under it, those before still open. The keys that hash stay, since
// everything hashed would have to be made anew.
func (r *Ring) RotateTenant(tenant string) error {
	secret, err := r.secret(tenant)
	if err != nil {
		return err
	}
	next := make([]byte, keyBytes)
	rand.Read(next)
	return r.reseal(tenant, append(bytes.Clone(secret), next...))
}

func (r *Ring) reseal(tenant string, secret []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	sealed, err := r.master.Encrypt(secret, tenantContext(tenant))
	if err != nil {
		return fmt.Errorf("sealing tenant key: %w", err)
	}
	if err := r.tenants.Replace(tenantName(tenant), sealed); err != nil {
		return fmt.Errorf("storing tenant key: %w", err)
	}
	r.secrets[tenant] = secret
	return nil
}

// replaceFile puts a private file in another's place, durably and in one step.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// reload reads the master key again.
func (r *Ring) reload() error {
	h, err := readMaster(r.config.Dir, r.config.KEK)
	if err != nil {
		return err
	}
	master, err := aead.New(h)
	if err != nil {
		return fmt.Errorf("opening keys: %s holds no AEAD key", MasterFile)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.master = master
	return nil
}
