// Package keys is the contract of Doorward's key hierarchy: one master key
// outside the data directory; under it, per tenant, a key-wrapping key and the
// keys that blind terms, pseudonyms and audit values; per document a data key,
// kept wrapped beside the sealed text, so that forgetting it erases the text.
package keys

import (
	"crypto/ed25519"
	"errors"
)

// ErrSealed means a ciphertext did not open: wrong key, wrong associated data
// or altered bytes.
var ErrSealed = errors.New("sealed data did not open")

// Sealer is authenticated encryption with associated data.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(ciphertext, associated []byte) ([]byte, error)
}

// Purpose separates derived keys; a new use takes a new purpose.
type Purpose string

// Purposes of derived keys.
const (
	Terms      Purpose = "terms"      // blinded search terms
	Pseudonyms Purpose = "pseudonyms" // keyed pseudonyms
	AuditID    Purpose = "audit"      // hashes of personal values in the audit log
	Hidden     Purpose = "hidden"     // hashes of hidden text in findings
	Quota      Purpose = "quota"      // hashes of questions and passages in quotas
	Erasure    Purpose = "erasure"    // hashes of erased ids
	Protected  Purpose = "protected"  // fingerprints of protected text
	Canary     Purpose = "canary"     // marks of prompts, to know answers again
	Signals    Purpose = "signals"    // signatures and usual terms of documents
	Lineage    Purpose = "lineage"    // names of erased documents' origins
)

// Ring hands out keys by tenant and purpose.
type Ring interface {
	// Wrapper seals document data keys and tickets for a tenant.
	Wrapper(tenant string) (Sealer, error)
	// Derive returns a 32-byte secret; the same every time.
	Derive(tenant string, p Purpose) ([]byte, error)
	// NewDocument makes a fresh data key: the sealer to use now, and the key
	// wrapped for the tenant, to be kept and given to Document later.
	NewDocument(tenant, document string) (Sealer, []byte, error)
	// Document unwraps a data key.
	Document(tenant, document string, wrapped []byte) (Sealer, error)
}

// Signer makes Ed25519 signatures; only the ingester holds one.
type Signer interface {
	Sign(message []byte) ([]byte, error)
	KeyID() string
}

// Verifier checks them; readers hold public keys only.
type Verifier interface {
	Verify(keyID string, message, signature []byte) error
}

// PublicSigner is a Signer that shows the key that verifies.
type PublicSigner interface {
	Signer
	Public() ed25519.PublicKey
}

// Rotating is a Signer whose key may change between two calls. Fixed returns one
// whose key does not.
type Rotating interface{ Fixed() PublicSigner }

// Sign signs a message that may name its key, and returns that name. It signs
// again when the key is rotated meanwhile.
func Sign(s Signer, message func(keyID string) []byte) (keyID string, signature []byte, err error) {
	for {
		keyID = s.KeyID()
		if signature, err = s.Sign(message(keyID)); err != nil || s.KeyID() == keyID {
			return keyID, signature, err
		}
	}
}
