// Package auth proves identities: the backend by its key or its certificate, the
// end user by a signed assertion the backend brings. Both are needed for anything
// to be released, and the user's rights never exceed what the backend may ask for.
package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Backend is one registered caller and the bounds of what it may ask for. It is
// stored without its secrets. A list that bounds what it names: empty Purposes
// leaves the purpose free, empty Only adds nothing to the policy; Scopes and
// Destinations always bound.
type Backend struct {
	ID           string              `json:"id"`
	Tenant       string              `json:"tenant"`
	Scopes       []Scope             `json:"scopes,omitempty"`       // what it may do; none: retrieve, output and chat
	Destinations []string            `json:"destinations"`           // where it may send passages
	Purposes     []string            `json:"purposes,omitempty"`     // what it may ask for
	Sources      []string            `json:"sources,omitempty"`      // what it may push documents into, with [Ingest]
	Only         map[string][]string `json:"only,omitempty"`         // attribute → values: documents must carry one of them
	MaxPassages  int                 `json:"max_passages,omitempty"` // of one answer; 0: the service's limit
	Operator     bool                `json:"operator,omitempty"`     // may use the operator listener

	Keys         []Key     `json:"keys,omitempty"`
	Certificates []string  `json:"certificates,omitempty"` // "spiffe://…", "dns:…", "cn:…" or "sha256:…"
	Both         bool      `json:"both,omitempty"`         // a key alone, or a certificate alone, does not do
	Clients      []string  `json:"clients,omitempty"`      // client ids of identity providers, as azp names it
	Created      time.Time `json:"created"`
	Revoked      time.Time `json:"revoked,omitzero"` // since then nothing is accepted

	// Expires is when the first key ends, for [Backends.Add].
	Expires time.Time `json:"expires,omitzero"`

	// Before keys could be rotated there was one.
	OldHash      string `json:"key_sha256,omitempty"`
	OldAssertion []byte `json:"assertion_key,omitempty"`
}

// Key is one of a backend's keys. While it is being rotated a backend has two.
type Key struct {
	ID        string    `json:"id"`
	Hash      string    `json:"sha256,omitempty"`    // hex; keys are 256 random bits, so a plain hash is enough
	Assertion []byte    `json:"assertion,omitempty"` // Ed25519 public key, where the backend signs assertions
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"`
}

// Live reports whether the key can be used.
func (k Key) Live(now time.Time) bool { return k.Expires.IsZero() || now.Before(k.Expires) }

// Live reports whether anything of this backend is accepted.
func (b Backend) Live(now time.Time) bool {
	return b.Revoked.IsZero() && (len(b.Certificates) > 0 || slices.ContainsFunc(b.Keys, func(k Key) bool { return k.Live(now) }))
}

// Ends is when the backend's last key ends; zero is never.
func (b Backend) Ends() time.Time {
	var last time.Time
	for _, k := range b.Keys {
		if k.Expires.IsZero() {
			return time.Time{}
		}
		if k.Expires.After(last) {
			last = k.Expires
		}
	}
	return last
}

// Credentials are what a new backend or a rotation gives, once.
type Credentials struct {
	Key       string             // for "Authorization: Bearer"; empty where a certificate is all
	Assertion ed25519.PrivateKey // signs assertions, where backends may
}

// Rotation says what becomes of the keys that were.
type Rotation struct {
	Overlap time.Duration // how long they go on working; 0 ends them at once
	Life    time.Duration // of the new key; 0: as long as the last key had
	Now     time.Time
}

var (
	// ErrBackend means a register entry that cannot be made or used.
	ErrBackend = errors.New("backend cannot be registered")

	backendID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)
	word      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)
)

// Add registers a backend and returns its credentials, which are stored nowhere.
func (b *Backends) Add(n Backend) (Credentials, error) {
	if len(n.Destinations) == 0 {
		n.Destinations = []string{"internal"}
	}
	if n.Created.IsZero() {
		n.Created = time.Now().UTC().Truncate(time.Second)
	}
	if err := n.check(); err != nil {
		return Credentials{}, err
	}
	var creds Credentials
	err := b.change(func(list []Backend) ([]Backend, error) {
		if at(list, n.ID) >= 0 {
			return nil, fmt.Errorf("%w: %q is taken; `doorward keys remove` frees the name", ErrBackend, n.ID)
		}
		k, c, err := newKey(n.ID, "1", n.Created, n.Expires)
		if err != nil {
			return nil, err
		}
		creds, n.Keys, n.Expires = c, []Key{k}, time.Time{}
		return append(list, n), nil
	})
	return creds, err
}

// Rotate gives a backend a new key and a new assertion key. Those it had go on
// working for the overlap, so that callers can be moved one by one.
func (b *Backends) Rotate(id string, r Rotation) (Credentials, error) {
	var creds Credentials
	err := b.change(func(list []Backend) ([]Backend, error) {
		i := at(list, id)
		if i < 0 || !list[i].Revoked.IsZero() {
			return nil, fmt.Errorf("%w: %q is not registered", ErrBackend, id)
		}
		x := &list[i]
		last := Key{ID: "0"}
		for j := range x.Keys {
			last = x.Keys[j]
			if ends := r.Now.Add(r.Overlap); x.Keys[j].Expires.IsZero() || x.Keys[j].Expires.After(ends) {
				x.Keys[j].Expires = ends
			}
		}
		expires := time.Time{}
		switch {
		case r.Life > 0:
			expires = r.Now.Add(r.Life)
		case !last.Expires.IsZero():
			expires = r.Now.Add(last.Expires.Sub(last.Created))
		}
		number, _ := strconv.Atoi(last.ID)
		k, c, err := newKey(id, strconv.Itoa(number+1), r.Now, expires)
		if err != nil {
			return nil, err
		}
		// Keys that ended are not carried along for ever.
		x.Keys = append(slices.DeleteFunc(x.Keys, func(k Key) bool { return !k.Live(r.Now) }), k)
		creds = c
		return list, nil
	})
	return creds, err
}

// Revoke ends a backend, or one of its keys, at once.
func (b *Backends) Revoke(id, key string, now time.Time) error {
	return b.change(func(list []Backend) ([]Backend, error) {
		i := at(list, id)
		if i < 0 {
			return nil, fmt.Errorf("%w: %q is not registered", ErrBackend, id)
		}
		if key == "" {
			list[i].Revoked = now
			return list, nil
		}
		n := len(list[i].Keys)
		list[i].Keys = slices.DeleteFunc(list[i].Keys, func(k Key) bool { return k.ID == key })
		if len(list[i].Keys) == n {
			return nil, fmt.Errorf("%w: %q has no key %q; `doorward keys list` shows them", ErrBackend, id, key)
		}
		return list, nil
	})
}

// Change rewrites one registration's bounds; its keys and name stay.
func (b *Backends) Change(id string, edit func(*Backend)) error {
	return b.change(func(list []Backend) ([]Backend, error) {
		i := at(list, id)
		if i < 0 {
			return nil, fmt.Errorf("%w: %q is not registered", ErrBackend, id)
		}
		x := list[i]
		edit(&x)
		x.ID, x.Tenant, x.Keys, x.Created = list[i].ID, list[i].Tenant, list[i].Keys, list[i].Created
		list[i] = x
		return list, x.check()
	})
}

// Remove takes a backend out of the register.
func (b *Backends) Remove(id string) error {
	return b.change(func(list []Backend) ([]Backend, error) {
		if at(list, id) < 0 {
			return nil, fmt.Errorf("%w: %q is not registered", ErrBackend, id)
		}
		return slices.DeleteFunc(list, func(x Backend) bool { return x.ID == id }), nil
	})
}

func at(list []Backend, id string) int {
	return slices.IndexFunc(list, func(x Backend) bool { return x.ID == id })
}

func newKey(id, number string, created, expires time.Time) (Key, Credentials, error) {
	var secret [32]byte
	rand.Read(secret[:])
	key := "dw_" + id + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, Credentials{}, fmt.Errorf("making assertion key: %w", err)
	}
	return Key{ID: number, Hash: hashKey(key), Assertion: pub, Created: created, Expires: expires}, Credentials{Key: key, Assertion: priv}, nil
}

// keyed looks up the backend that has this key.
func (b *Backends) keyed(id, key string, now time.Time) (known Backend, found, live bool, err error) {
	known, registered, err := b.byID(id)
	if err != nil {
		return Backend{}, false, false, err
	}
	hash := []byte(hashKey(key))
	for _, k := range append([]Key{{}}, known.Keys...) { // an unknown backend costs a comparison too
		if subtle.ConstantTimeCompare([]byte(k.Hash), hash) == 1 {
			found, live = registered, k.Live(now)
		}
	}
	return known, found, live, nil
}

// byKey finds the backend a key belongs to, in time that does not depend on how
// much of the key is right. With a key that was once its own the backend is named
// even where it is refused.
func (b *Backends) byKey(key string, now time.Time) (Backend, error) {
	rest, ok := strings.CutPrefix(key, "dw_")
	id, _, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(key) > 256 {
		return Backend{}, deny("malformed_key", "the backend key is malformed")
	}
	known, found, live, err := b.keyed(id, key, now)
	if err == nil && !found && b.again() { // it may have been made since
		known, found, live, err = b.keyed(id, key, now)
	}
	if err != nil {
		return Backend{}, err
	}
	switch {
	case !found:
		return Backend{}, deny("unknown_key", "the backend key is not known")
	case !known.Revoked.IsZero():
		return known, deny("revoked", "the backend was revoked")
	case !live:
		return known, deny("expired_key", "the backend key has expired")
	}
	return known, nil
}

func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
