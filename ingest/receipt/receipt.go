// Package receipt is the signed manifest of a document version: what was
// scanned, under which revisions, with which verdict, and a keyed hash of every
// chunk that resulted. A chunk that the catalog's current receipt does not
// cover is never released.
package receipt

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"unsafe"
)

// ErrInvalid means a receipt's signature is wrong, or it does not cover what it
// was shown.
var ErrInvalid = errors.New("receipt does not hold")

// Receipt is the manifest. Hashes of content are HMAC-SHA256 under the tenant's
// key, so that a receipt says nothing about a text one can only guess at.
type Receipt struct {
	Tenant     string  `json:"tenant"`
	Document   string  `json:"document"`
	Version    string  `json:"version"`
	Attributes string  `json:"attributes"` // hash of the canonical attributes
	Scanner    string  `json:"scanner"`    // revision of rules and model
	Policy     string  `json:"policy"`     // revision hash of the ingest policy
	Verdict    string  `json:"verdict"`
	Chunks     []Chunk `json:"chunks"`
	Issued     int64   `json:"issued"` // epoch seconds
	KeyID      string  `json:"key_id"`
}

// Chunk binds one chunk's stored text and terms.
type Chunk struct {
	ID    string `json:"id"`
	Text  string `json:"text"`  // keyed hash
	Terms string `json:"terms"` // keyed hash
}

// Signed is a receipt with its signature over the canonical encoding.
type Signed struct {
	Receipt
	Signature []byte `json:"signature"`
}

// Signer signs messages; [keys.Signer] is one.
type Signer interface {
	Sign(message []byte) ([]byte, error)
	KeyID() string
}

// Verifier checks signatures; [keys.Verifier] is one.
type Verifier interface {
	Verify(keyID string, message, signature []byte) error
}

// Sign issues the receipt.
func Sign(r Receipt, s Signer) (Signed, error) {
	for { // again when the key is rotated meanwhile
		r.KeyID = s.KeyID()
		sig, err := s.Sign(r.message())
		if err != nil {
			return Signed{}, fmt.Errorf("signing receipt: %w", err)
		}
		if s.KeyID() == r.KeyID {
			return Signed{Receipt: r, Signature: sig}, nil
		}
	}
}

// Verify checks the signature, and that the receipt is for this version.
func (s Signed) Verify(v Verifier, tenant, document, version string) error {
	if s.Tenant != tenant || s.Document != document || s.Version != version {
		return fmt.Errorf("%w: it is for another document or version", ErrInvalid)
	}
	if err := v.Verify(s.KeyID, s.message(), s.Signature); err != nil {
		return fmt.Errorf("%w: signature", ErrInvalid)
	}
	return nil
}

// Covers checks one chunk's text against the receipt.
func (r Receipt) Covers(key []byte, id, text string) error {
	for _, c := range r.Chunks {
		if c.ID == id {
			if !hmac.Equal([]byte(c.Text), []byte(Hash(key, unsafe.Slice(unsafe.StringData(text), len(text))))) { // it only reads; passages are not copied to be hashed
				return fmt.Errorf("%w: the text of a chunk differs", ErrInvalid)
			}
			return nil
		}
	}
	return fmt.Errorf("%w: it does not list this chunk", ErrInvalid)
}

// Hash is the keyed hash receipts use for content, in hex.
func Hash(key, content []byte) string { return NewHasher(key).Hash(content) }

// Hasher is [Hash] under one key, for many contents, one after the other.
type Hasher struct {
	mac hash.Hash
	sum [sha256.Size]byte
}

// NewHasher takes the tenant's key.
func NewHasher(key []byte) *Hasher { return &Hasher{mac: hmac.New(sha256.New, key)} }

// Hash is the keyed hash of content, in hex.
func (h *Hasher) Hash(content []byte) string {
	h.mac.Reset()
	h.mac.Write(content)
	return hex.EncodeToString(h.mac.Sum(h.sum[:0]))
}

// ID is the hash by which an index refers to the receipt: it changes with
// anything the receipt says but the time and signature.
func (r Receipt) ID() string {
	r.Issued, r.KeyID = 0, ""
	sum := sha256.Sum256(r.message())
	return hex.EncodeToString(sum[:16])
}

// message is the canonical encoding that is signed: Go's JSON of a struct of
// strings and integers has one form only.
func (r Receipt) message() []byte {
	data, err := json.Marshal(r)
	if err != nil { // cannot happen: strings and integers
		panic("encoding receipt: " + err.Error())
	}
	return append([]byte("doorward receipt v1\x00"), data...)
}
