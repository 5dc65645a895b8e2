// Package manifest is a connector's signed statement about one document it hands
// over: which document of which source it is, a hash of its bytes and of the
// attributes it claims, and a number that grows with every change. With it the
// pipeline knows that bytes and attributes are the connector's and not those of
// somebody who can write to the store in between, and that nothing older is
// played again.
//
// A manifest is a JSON object with exactly the fields of [Manifest] and a
// signature: Ed25519 over "doorward manifest v1", a zero byte, and the canonical
// JSON of the object without its signature (RFC 8785: keys sorted, no blanks).
// Every value is printable ASCII or an integer, so that any JSON library that
// sorts keys writes the same bytes.
package manifest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// Sentinel errors; each has a word in [Reason].
var (
	// ErrMalformed means that the statement is not a manifest.
	ErrMalformed = errors.New("manifest is malformed")
	// ErrUnknownKey means that it is signed with a key this source does not trust.
	ErrUnknownKey = errors.New("manifest is signed with an unknown key")
	// ErrSignature means that the signature does not hold.
	ErrSignature = errors.New("manifest's signature does not hold")
	// ErrMismatch means that it is about another document, or that the bytes or
	// attributes are not those it was made for.
	ErrMismatch = errors.New("manifest is for something else")
	// ErrReplayed means that its sequence number was used before for something else.
	ErrReplayed = errors.New("manifest's sequence number was used before")
	// ErrRolledBack means that a manifest with a higher number came before it.
	ErrRolledBack = errors.New("manifest is older than one seen before")
	// ErrMissing means that the source must sign and did not.
	ErrMissing = errors.New("manifest is missing")
	// ErrTime means that it was made in the future.
	ErrTime = errors.New("manifest is from the future")
)

// Manifest is the statement.
type Manifest struct {
	Attributes string `json:"attributes"` // hash of the claimed attributes, see [HashAttributes]
	Content    string `json:"content"`    // SHA-256 of the document's bytes, 64 hex digits
	Document   string `json:"document"`   // the document's id
	KeyID      string `json:"key_id"`     // which key signed, see [KeyID]
	Sequence   int64  `json:"sequence"`   // grows with every change of the document; 1 or more
	Source     string `json:"source"`
	Tenant     string `json:"tenant"`
	Time       int64  `json:"time"` // when it was made, epoch seconds
}

// Signed is a manifest with its signature.
type Signed struct {
	Manifest
	Signature string `json:"signature"` // base64
}

// MaxBytes bounds a manifest.
const MaxBytes = 4 << 10

var plain = regexp.MustCompile(`^[ !#-\[\]-~]{0,512}$`) // printable ASCII without quote and backslash

func (m Manifest) valid() error {
	for _, f := range []struct{ name, value string }{{"attributes", m.Attributes}, {"content", m.Content}, {"document", m.Document}, {"key_id", m.KeyID}, {"source", m.Source}, {"tenant", m.Tenant}} {
		if f.value == "" || !plain.MatchString(f.value) {
			return fmt.Errorf("%w: %s must be 1 to 512 printable ASCII characters without quotes", ErrMalformed, f.name)
		}
	}
	if m.Sequence < 1 || m.Time < 1 {
		return fmt.Errorf("%w: sequence and time must be positive", ErrMalformed)
	}
	return nil
}

// message is what is signed. The fields stand in the order of their names.
func (m Manifest) message() []byte {
	var b bytes.Buffer
	b.WriteString("doorward manifest v1\x00")
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil { // cannot happen: strings and integers
		panic("encoding manifest: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Sign states m with a connector's private key.
func Sign(m Manifest, key ed25519.PrivateKey) (Signed, error) {
	m.KeyID = KeyID(key.Public().(ed25519.PublicKey))
	if err := m.valid(); err != nil {
		return Signed{}, err
	}
	return Signed{m, base64.StdEncoding.EncodeToString(ed25519.Sign(key, m.message()))}, nil
}

// Parse reads a manifest strictly: known fields only, each once.
func Parse(data []byte) (Signed, error) {
	var s Signed
	if len(data) > MaxBytes {
		return s, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrMalformed, len(data), MaxBytes)
	}
	if err := once(data); err != nil {
		return s, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Signed{}, fmt.Errorf("%w: it is not an object with the fields of a manifest (near byte %d)", ErrMalformed, d.InputOffset())
	}
	if err := s.valid(); err != nil {
		return Signed{}, err
	}
	return s, nil
}

// once refuses objects that name a field twice, which libraries read differently.
func once(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("%w: it is not a JSON object", ErrMalformed)
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok || seen[name] {
			return fmt.Errorf("%w: a field is named twice or cannot be read", ErrMalformed)
		}
		seen[name] = true
		if t, err = d.Token(); err != nil {
			return fmt.Errorf("%w: a field cannot be read", ErrMalformed)
		}
		if _, nested := t.(json.Delim); nested {
			return fmt.Errorf("%w: a field is not text or a number", ErrMalformed)
		}
	}
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("%w: the object does not end", ErrMalformed)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%w: something follows the object", ErrMalformed)
	}
	return nil
}

// Verify checks the signature with the keys a source trusts, by key id.
func (s Signed) Verify(keys map[string]ed25519.PublicKey) error {
	key, ok := keys[s.KeyID]
	if !ok {
		return ErrUnknownKey
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(s.Signature)
	if err != nil || !ed25519.Verify(key, s.message(), signature) {
		return ErrSignature
	}
	return nil
}

// About checks that the manifest is about this very document. Its error names
// the field that differs, never a value.
func (s Signed) About(tenant, source, document string, content []byte, attributes map[string]any) error {
	hash, err := HashAttributes(attributes)
	if err != nil {
		return err
	}
	for _, f := range []struct{ name, said, is string }{
		{"tenant", s.Tenant, tenant}, {"source", s.Source, source}, {"document", s.Document, document},
		{"content", s.Content, HashContent(content)}, {"attributes", s.Attributes, hash},
	} {
		if f.said != f.is {
			return fmt.Errorf("%w: %s differs", ErrMismatch, f.name)
		}
	}
	return nil
}

// ID names a manifest by its content.
func (s Signed) ID() string {
	sum := sha256.Sum256(s.message())
	return hex.EncodeToString(sum[:16])
}

// HashContent is the hash of a document's bytes that manifests state.
func HashContent(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// HashAttributes is the hash of claimed attributes that manifests state: SHA-256
// of their JSON with sorted keys and no blanks. No attributes at all count as {}.
func HashAttributes(attributes map[string]any) (string, error) {
	if attributes == nil {
		attributes = map[string]any{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(attributes); err != nil {
		return "", fmt.Errorf("%w: the attributes are not JSON", ErrMalformed)
	}
	return HashContent(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// KeyID names a public key: the first 16 hex digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Seen is the last manifest accepted for a document.
type Seen struct {
	Sequence int64
	ID       string // see [Signed.ID]
	// Gone: the document was taken out since, so that even the same manifest
	// would bring back what was removed.
	Gone bool
}

// After checks that a manifest may follow the last one: a higher number, or the
// very same manifest again while its document is still there.
func (s Signed) After(last Seen) error {
	switch {
	case s.Sequence > last.Sequence:
		return nil
	case s.Sequence < last.Sequence:
		return fmt.Errorf("%w: its sequence number is %s, %s was seen", ErrRolledBack, strconv.FormatInt(s.Sequence, 10), strconv.FormatInt(last.Sequence, 10))
	case s.ID() == last.ID && !last.Gone:
		return nil
	}
	return ErrReplayed
}

// Reason is an error's word, for quarantine reasons and the audit log.
func Reason(err error) string {
	for _, c := range []struct {
		err  error
		word string
	}{{ErrMissing, "missing"}, {ErrUnknownKey, "unknown_key"}, {ErrSignature, "signature"}, {ErrMismatch, "mismatch"},
		{ErrReplayed, "replayed"}, {ErrRolledBack, "rolled_back"}, {ErrTime, "future"}} {
		if errors.Is(err, c.err) {
			return "manifest:" + c.word
		}
	}
	return "manifest:malformed"
}
