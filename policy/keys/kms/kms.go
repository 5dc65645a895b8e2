// Package kms finds the key-encryption key that seals the master key's file: one
// that never leaves a key management service, or one in a file that is kept
// elsewhere. It is asked once, when the keys are opened, so that no request
// waits for the service.
package kms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Config names a key. The zero value names none.
type Config struct {
	// URI is "", file:///path/to/keyset.json, hcvault://host:port/MOUNT/keys/NAME
	// (HashiCorp Vault or OpenBao, transit engine), gcp-kms://…, aws-kms://… or
	// azure-kv://… (in a build with the tag cloud).
	URI       string
	TokenFile string        // Vault's token
	Namespace string        // Vault's namespace, "" for none
	CAFile    string        // PEM of the authority that signed Vault's certificate; "" the system's
	Timeout   time.Duration // of a call; 0 is 10 s
}

// Errors of key management services. None holds a key, a token or a URI's path.
var (
	ErrURI         = errors.New("kms.uri cannot be used")
	ErrUnavailable = errors.New("key management service unavailable")
)

const defaultTimeout = 10 * time.Second

// cloud opens the keys of cloud services, where they are built in.
var cloud func(ctx context.Context, uri string, timeout time.Duration) (tink.AEAD, error)

// Open returns the key-encryption key, or nil when none is named.
func Open(ctx context.Context, c Config) (tink.AEAD, error) {
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	scheme, rest, _ := strings.Cut(c.URI, "://")
	switch scheme {
	case "":
		return nil, nil
	case "file":
		return openFile(rest)
	case "hcvault", "hcvault+http":
		return openVault(c, scheme, rest)
	case "gcp-kms", "aws-kms", "azure-kv":
		if cloud == nil {
			return nil, fmt.Errorf("%w: this program was built without cloud services; build it with -tags cloud", ErrURI)
		}
		return cloud(ctx, c.URI, c.Timeout)
	}
	return nil, fmt.Errorf("%w: use file://, hcvault://, gcp-kms://, aws-kms:// or azure-kv://", ErrURI)
}

// openFile reads a Tink keyset in the clear, from a place that the key folder's
// copies do not go to.
func openFile(path string) (tink.AEAD, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("opening key-encryption key: %w", err)
	}
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return nil, fmt.Errorf("opening key-encryption key: the file has mode %04o, others can read it; run chmod 0600 on it", m)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("opening key-encryption key: %w", err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("opening key-encryption key: the file is not a Tink keyset")
	}
	return aead.New(h)
}

// WriteFile makes a fresh key-encryption key in a file that must not be there yet.
func WriteFile(path string) error {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("making key-encryption key: %w", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf)); err != nil {
		return fmt.Errorf("making key-encryption key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("making key-encryption key: %w", err)
	}
	_, err = f.Write(buf.Bytes())
	return errors.Join(err, f.Sync(), f.Close())
}
