//go:build cloud

package kms

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
	"gocloud.dev/secrets"
	_ "gocloud.dev/secrets/awskms"        // awskms://alias/NAME?region=…
	_ "gocloud.dev/secrets/azurekeyvault" // azurekeyvault://NAME.vault.azure.net/keys/KEY
	_ "gocloud.dev/secrets/gcpkms"        // gcpkms://projects/…/cryptoKeys/KEY
)

func init() { cloud = openCloud }

// keeper seals with a cloud service's key. These take no associated data, which
// the master key's file does not use.
type keeper struct {
	k       *secrets.Keeper
	timeout time.Duration
}

func openCloud(ctx context.Context, uri string, timeout time.Duration) (tink.AEAD, error) {
	for from, to := range map[string]string{"gcp-kms://": "gcpkms://", "aws-kms://": "awskms:///", "azure-kv://": "azurekeyvault://"} {
		if rest, ok := strings.CutPrefix(uri, from); ok {
			k, err := secrets.OpenKeeper(ctx, to+rest)
			if err != nil {
				return nil, fmt.Errorf("%w: the cloud service's client does not take it", ErrURI)
			}
			return keeper{k, timeout}, nil
		}
	}
	return nil, ErrURI
}

func (k keeper) Encrypt(plaintext, associated []byte) ([]byte, error) {
	return k.do(k.k.Encrypt, plaintext, associated)
}

func (k keeper) Decrypt(ciphertext, associated []byte) ([]byte, error) {
	return k.do(k.k.Decrypt, ciphertext, associated)
}

func (k keeper) do(f func(context.Context, []byte) ([]byte, error), data, associated []byte) ([]byte, error) {
	if len(associated) > 0 {
		return nil, fmt.Errorf("%w: this service takes no associated data", ErrURI)
	}
	ctx, cancel := context.WithTimeout(context.Background(), k.timeout)
	defer cancel()
	out, err := f(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return out, nil
}
