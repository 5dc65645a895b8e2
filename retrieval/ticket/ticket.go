// Package ticket seals the context_id: what one answer may contain, carried by
// the calling backend from the retrieval to the output filter, so that any
// replica can filter the answer without shared state.
//
// A ticket is confidential (the caller cannot read the canary) and bound to the
// tenant, the backend and the user it was made for. It is not single-use: a
// stream may be retried until the ticket expires. It holds no passage text; the
// filter reads that from the catalog by chunk id and version.
package ticket

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxLife is the longest time a ticket is good for.
const MaxLife = 15 * time.Minute

// maxToken bounds what Open will decode: about 400 chunks.
const maxToken = 64 << 10

// ErrInvalid means a ticket cannot be used: forged, altered, cut short, expired,
// not yet valid, or made for another tenant, backend or user. Which of these is
// deliberately not told apart; the caller applies the strictest policy.
var ErrInvalid = errors.New("ticket is not valid here")

// ErrUnsealable means a ticket was asked for that must not be made: it names no
// bearer, or it lives longer than [MaxLife].
var ErrUnsealable = errors.New("ticket may not be sealed")

// Sealer is authenticated encryption with associated data; a tenant's wrapper
// of policy/keys satisfies it.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(ciphertext, associated []byte) ([]byte, error)
}

// Bearer is who a ticket is good for. All three are verified identities.
type Bearer struct {
	Tenant  string `json:"t"`
	Backend string `json:"b"`
	Subject string `json:"s"`
}

// complete reports whether every part is named: an unnamed part would match
// every other unnamed part.
func (b Bearer) complete() bool { return b.Tenant != "" && b.Backend != "" && b.Subject != "" }

// Chunk names one passage of the prompt and the version it was read at.
type Chunk struct {
	ID      string `json:"i"`
	Version string `json:"v"`
}

// Ticket is what the output filter needs to know about the request that an
// answer belongs to.
type Ticket struct {
	Bearer
	// Chunks are the passages in prompt order; the n-th carries citation n+1.
	Chunks []Chunk `json:"c,omitempty"`
	// More are further chunks the caller was given: neighbours of the passages,
	// and passages beyond the prompt's budget. They carry no citation.
	More []Chunk `json:"m,omitempty"`
	// Nonce is the delimiter nonce of the prompt; it must never be echoed.
	Nonce string `json:"n,omitempty"`
	// Canary is the secret marker planted in the prompt.
	Canary string `json:"k,omitempty"`
	// SystemHash is the hex SHA-256 of the system prompt, for a caller that
	// brings the prompt itself back.
	SystemHash string `json:"h,omitempty"`
	// Question is the user's own text, when the service chose to carry it: runs
	// that stand in it are not withheld from its author.
	Question string `json:"q,omitempty"`
	// Policy is the revision hash the request was decided under.
	Policy string `json:"p,omitempty"`
	// Destination is where the passages went: "internal" or a provider's name.
	Destination string `json:"d,omitempty"`
	// Purpose is what the request said it was for.
	Purpose string `json:"u,omitempty"`
	// Issued and Expires are epoch seconds.
	Issued  int64 `json:"a"`
	Expires int64 `json:"e"`
}

// Seal encrypts a ticket for its bearer and returns it as an URL-safe string.
// The ticket must name tenant, backend and subject, and must expire after it was
// issued and within [MaxLife] of that; otherwise the error wraps ErrUnsealable.
func Seal(s Sealer, t Ticket) (string, error) {
	if !t.complete() {
		return "", fmt.Errorf("%w: tenant, backend and subject must all be named", ErrUnsealable)
	}
	if life := t.Expires - t.Issued; t.Issued <= 0 || life <= 0 || life > int64(MaxLife/time.Second) {
		return "", fmt.Errorf("%w: life of %d seconds, allowed are 1 to %d", ErrUnsealable, life, int64(MaxLife/time.Second))
	}
	plain, err := json.Marshal(t)
	if err != nil {
		return "", fmt.Errorf("encoding ticket: %w", err)
	}
	sealed, err := s.Seal(plain, associated(t.Bearer))
	if err != nil {
		return "", fmt.Errorf("sealing ticket: %w", err)
	}
	token := base64.RawURLEncoding.EncodeToString(sealed)
	if len(token) > maxToken {
		return "", fmt.Errorf("%w: %d bytes long, at most %d are carried", ErrUnsealable, len(token), maxToken)
	}
	return token, nil
}

// Open decrypts a ticket that bearer b brings back at the given time. Every
// failure is [ErrInvalid] and nothing else.
func Open(s Sealer, token string, b Bearer, now time.Time) (Ticket, error) {
	if !b.complete() || token == "" || len(token) > maxToken {
		return Ticket{}, ErrInvalid
	}
	// Strict: without it the unused bits of the last character could be changed
	// and one ticket would have several spellings.
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return Ticket{}, ErrInvalid
	}
	plain, err := s.Open(sealed, associated(b))
	if err != nil {
		return Ticket{}, ErrInvalid
	}
	var t Ticket
	if err := json.Unmarshal(plain, &t); err != nil {
		return Ticket{}, ErrInvalid
	}
	// The seal already binds the bearer; comparing again keeps a sealer that
	// ignores associated data from opening one user's ticket for another.
	at := now.Unix()
	if t.Bearer != b || at >= t.Expires || at < t.Issued-60 || t.Expires-t.Issued > int64(MaxLife/time.Second) {
		return Ticket{}, ErrInvalid
	}
	return t, nil
}

// associated encodes the bearer with lengths, so that no two bearers share an
// encoding.
func associated(b Bearer) []byte {
	out := []byte("doorward ticket 1")
	for _, part := range [...]string{b.Tenant, b.Backend, b.Subject} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}
