package retrieval

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// proven is a hit the catalog vouches for and policy allows.
type proven struct {
	document      catalog.Document
	chunk         catalog.Chunk
	before, after []catalog.Chunk // neighbours, nearest first
}

// prove turns hits into passages that may be released. What the index says is
// only a hint: every document is looked up in the catalog, checked by a full
// policy evaluation on the catalog's facts, and covered by a valid receipt.
func (s *Service) prove(ctx context.Context, r Request, snapshot policy.Snapshot, filter policy.Filter, hits []index.Hit, t *trace) ([]proven, error) {
	if len(hits) == 0 {
		return nil, nil
	}
	tenant := r.Subject.Tenant
	documents, err := s.Catalog.Documents(ctx, tenant, documentIDs(hits))
	if err != nil {
		return nil, fmt.Errorf("checking access: %w", err)
	}
	hits = r.open(documents, hits, t)
	allowed, err := s.check(ctx, r, snapshot, filter, hits, documents, t)
	if err != nil {
		return nil, err
	}
	var chunkIDs []string
	for _, h := range hits {
		if allowed[h.Document] {
			chunkIDs = append(chunkIDs, h.ID)
		}
	}
	chunks, err := s.Catalog.Open(ctx, tenant, chunkIDs)
	if err != nil {
		return nil, fmt.Errorf("opening passages: %w", err)
	}
	key, err := s.Secret(tenant)
	if err != nil {
		return nil, err
	}
	out := make([]proven, 0, len(hits))
	for _, h := range hits {
		d := documents[h.Document]
		c, ok := chunks[h.ID]
		if !allowed[h.Document] {
			continue
		}
		if !ok || c.Document != h.Document || c.Version != d.Version || h.Version != d.Version || h.Receipt != d.Compute().ReceiptID { // the receipt itself is checked below
			t.count("dropped_stale", 1)
			continue
		}
		if err := s.covers(key, d, c); err != nil {
			if errors.Is(err, errScanner) {
				t.count("dropped_scanner", 1)
				continue
			}
			t.count("dropped_receipt", 1)
			s.Log.ErrorContext(ctx, "receipt does not hold", "document", d.ID, "version", d.Version, "chunk", c.ID)
			continue
		}
		out = append(out, proven{document: d, chunk: c})
	}
	return out, nil
}

// check asks policy about every distinct document in one batch. A document that
// the plan let through and the check denies is dropped; if the catalog's facts
// satisfy the plan, plan and check disagree, which is an alarm. Otherwise the
// index was only behind the catalog.
func (s *Service) check(ctx context.Context, r Request, snapshot policy.Snapshot, filter policy.Filter, hits []index.Hit, documents map[string]catalog.Document, t *trace) (map[string]bool, error) {
	var ids []string
	var facts []policy.Attributes
	as := map[string]int{} // hash of attributes → where they stand in facts
	var fact []int         // of each document
	for _, id := range documentIDs(hits) {
		d, ok := documents[id]
		if !ok {
			t.count("dropped_unknown", 1)
			continue
		}
		h := d.Compute().Facts
		at, asked := as[h]
		if !asked { // documents with the same attributes are decided alike, and asked about once
			at = len(facts)
			as[h], facts = at, append(facts, d.Attributes)
		}
		ids, fact = append(ids, id), append(fact, at)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	decisions, err := snapshot.Check(ctx, r.Subject, r.Context, facts)
	if err != nil {
		return nil, fmt.Errorf("checking access: %w", err)
	}
	if len(decisions) != len(facts) {
		return nil, fmt.Errorf("checking access: %w: %d decisions for %d documents", policy.ErrUnavailable, len(decisions), len(facts))
	}
	allowed := map[string]bool{}
	bound := filter.At(r.Context.Now)
	for i, id := range ids {
		switch {
		case decisions[fact[i]].Allow:
			allowed[id] = true
		case bound.Match(facts[fact[i]]):
			t.count("dropped_disagreement", 1)
			t.alarms = append(t.alarms, id)
		default:
			t.count("dropped_denied", 1)
		}
	}
	return allowed, nil
}

func documentIDs(hits []index.Hit) []string {
	seen := map[string]bool{}
	var ids []string
	for _, h := range hits {
		if !seen[h.Document] {
			seen[h.Document] = true
			ids = append(ids, h.Document)
		}
	}
	return ids
}

// covers verifies the document's receipt, and that it covers attributes and text.
func (s *Service) covers(key []byte, d catalog.Document, c catalog.Chunk) error {
	computed := d.Compute()
	if err := s.verified.verify(s.Verifier, d, computed.ReceiptID); err != nil {
		return err
	}
	if d.Receipt.Attributes != computed.Facts {
		return fmt.Errorf("%w: the attributes differ", receipt.ErrInvalid)
	}
	if s.Accepts != nil && !s.Accepts(d.Receipt.Scanner) {
		return errScanner
	}
	return d.Receipt.Covers(key, c.ID, c.Text)
}

// errScanner means a document scanned by a revision that is not accepted any
// more: it waits for a re-scan.
var errScanner = fmt.Errorf("%w: its scanner revision is below the minimum", receipt.ErrInvalid)

// verifiedReceipts remembers receipts whose signature was good, by signature
// and content, so that an unchanged one is not verified again on every hit.
type verifiedReceipts struct {
	mu    sync.Mutex
	known map[signedReceipt]bool
}

// signedReceipt is all that a signature covers, and the signature.
type signedReceipt struct {
	id, keyID string // the id is a hash of everything but the next two
	issued    int64
	signature string
}

// maxVerified bounds the memory; beyond it the set starts anew.
const maxVerified = 1 << 16

func (v *verifiedReceipts) verify(by receipt.Verifier, d catalog.Document, id string) error {
	k := signedReceipt{id, d.Receipt.KeyID, d.Receipt.Issued, string(d.Receipt.Signature)}
	v.mu.Lock()
	ok := v.known[k]
	v.mu.Unlock()
	if ok && d.Receipt.Tenant == d.Tenant && d.Receipt.Document == d.ID && d.Receipt.Version == d.Version {
		return nil
	}
	if err := d.Receipt.Verify(by, d.Tenant, d.ID, d.Version); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.known == nil || len(v.known) >= maxVerified {
		v.known = map[signedReceipt]bool{}
	}
	v.known[k] = true
	return nil
}
