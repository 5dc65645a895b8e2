package tlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	flog "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"

	"github.com/doorward/doorward/policy/keys"
)

// Signer signs checkpoints and the journal.
type Signer = keys.PublicSigner

// Verifier knows the public keys, those of before a rotation too.
type Verifier interface {
	keys.Verifier
	Public() []ed25519.PublicKey
}

// ed25519Note is the signature type of signed notes (c2sp.org/signed-note).
const ed25519Note = 1

// keyHash names a key within a note, as signed notes do.
func keyHash(name string, pub ed25519.PublicKey) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{ed25519Note})
	h.Write(pub)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// noteSigner lets a key of the hierarchy sign checkpoints.
type noteSigner struct {
	Signer
	name string
}

var _ note.Signer = noteSigner{}

// fixed is the signer with the key of this moment: a note names its key and is
// signed in two calls.
func fixed(s Signer) Signer {
	if r, ok := s.(keys.Rotating); ok {
		return r.Fixed()
	}
	return s
}

func (s noteSigner) Name() string    { return s.name }
func (s noteSigner) KeyHash() uint32 { return keyHash(s.name, s.Public()) }

type noteVerifier struct {
	name string
	pub  ed25519.PublicKey
}

func (v noteVerifier) Name() string                { return v.name }
func (v noteVerifier) KeyHash() uint32             { return keyHash(v.name, v.pub) }
func (v noteVerifier) Verify(msg, sig []byte) bool { return ed25519.Verify(v.pub, msg, sig) }

// Checkpoint is a signed statement of how many entries the log has and of their
// Merkle root.
type Checkpoint struct {
	Size uint64
	Root []byte
	Raw  []byte // the signed note
}

// ParseCheckpoint reads a signed note and checks its signature and origin.
func ParseCheckpoint(raw []byte, origin string, v Verifier) (Checkpoint, error) {
	var verifiers []note.Verifier
	for _, pub := range v.Public() {
		verifiers = append(verifiers, noteVerifier{origin, pub})
	}
	n, err := note.Open(raw, note.VerifierList(verifiers...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint is not signed by a known key: is this the key folder it was made with?", ErrTampered)
	}
	var c flog.Checkpoint
	rest, err := c.Unmarshal([]byte(n.Text))
	if err != nil || c.Origin != origin || len(rest) > 0 || len(c.Hash) != sha256.Size {
		return Checkpoint{}, errors.Join(fmt.Errorf("%w: the checkpoint is not one of %s", ErrTampered, origin), err)
	}
	// One signature, written the one way there is: base64 alone would let bits differ.
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) > 0 || string(raw) != canonicalNote(n) {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint is not written as it was signed", ErrTampered)
	}
	return Checkpoint{Size: c.Size, Root: c.Hash, Raw: raw}, nil
}

func canonicalNote(n *note.Note) string {
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s\n— %s %s\n", n.Text, n.Sigs[0].Name, base64.StdEncoding.EncodeToString(sig))
}
