package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
)

// ErasureReceipt says what was erased. Documents and target are keyed hashes:
// whoever holds the tenant's keys can tell whether an id is among them.
type ErasureReceipt struct {
	Format         string        `json:"format"`
	ID             string        `json:"id"`
	Tenant         string        `json:"tenant"`
	Scope          catalog.Scope `json:"scope"`
	Target         string        `json:"target"`
	Documents      []string      `json:"documents"`
	Gone           catalog.Gone  `json:"gone"`
	IndexShredded  bool          `json:"index_shredded"`  // the index was told to, and said it would
	NamesForgotten bool          `json:"names_forgotten"` // the audit log's names of the person can no longer be linked
	MayReturn      bool          `json:"may_return"`
	Policy         string        `json:"policy"`
	Requested      int64         `json:"requested"` // epoch seconds
	Erased         int64         `json:"erased"`
}

// SignedErasure is a receipt as it is given out: the signed bytes, the signature,
// and the proof that the audit log holds it.
type SignedErasure struct {
	Receipt   json.RawMessage `json:"receipt"`
	KeyID     string          `json:"key_id"`
	Signature []byte          `json:"signature"`
	Proof     json.RawMessage `json:"proof"`
}

func erasureMessage(body []byte) []byte {
	return append([]byte("doorward erasure receipt\x00"), body...)
}

func (r ErasureReceipt) sign(s receipt.Signer) (SignedErasure, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return SignedErasure{}, fmt.Errorf("signing receipt of erasure: %w", err)
	}
	id, sig, err := keys.Sign(s, func(string) []byte { return erasureMessage(body) })
	if err != nil {
		return SignedErasure{}, fmt.Errorf("signing receipt of erasure: %w", err)
	}
	return SignedErasure{Receipt: body, KeyID: id, Signature: sig}, nil
}

// mark is how the audit log names a receipt.
func (s SignedErasure) mark() string {
	sum := sha256.Sum256(s.Receipt)
	return "receipt:" + hex.EncodeToString(sum[:])
}

// Check verifies the signature and that an audit entry, which the caller has
// proved to be in the log, names this receipt.
func (s SignedErasure) Check(v keys.Verifier, e audit.Entry) (ErasureReceipt, error) {
	var r ErasureReceipt
	if err := v.Verify(s.KeyID, erasureMessage(s.Receipt), s.Signature); err != nil {
		return r, fmt.Errorf("checking receipt of erasure: %w", err)
	}
	if err := json.Unmarshal(s.Receipt, &r); err != nil || r.Format != receiptFormat {
		return r, errors.New("checking receipt of erasure: its format is not known")
	}
	if e.Event != "erase" || e.Outcome != "erased" || e.Reason != s.mark() || e.Tenant != r.Tenant {
		return r, errors.New("checking receipt of erasure: the audit entry is about something else")
	}
	return r, nil
}

// Lists reports whether a receipt names a document, for whoever holds the keys.
func (r ErasureReceipt) Lists(ring keys.Ring, document string) (bool, error) {
	key, err := ring.Derive(r.Tenant, keys.Erasure)
	if err != nil {
		return false, fmt.Errorf("checking receipt of erasure: %w", err)
	}
	return slices.Contains(r.Documents, receipt.Hash(key, []byte("document\x00"+document))[:40]), nil
}
