package relational

import (
	"context"
	"encoding/json"

	"github.com/doorward/doorward/ingest/catalog"
)

// Resign puts new receipts over live versions whose text was scanned again and
// is as it was: receipt, findings, scanner revision, terms and fingerprints change,
// the text and its ids do not. A version that is not live any more is left alone.
// The index is owed the new receipts.
func (c *Catalog) Resign(ctx context.Context, versions []catalog.Version) error {
	refs := make([]catalog.Ref, len(versions))
	for i, v := range versions {
		refs[i] = v.Ref
	}
	return c.updateDocuments(ctx, "signing receipts", refs, func(tx Tx) error {
		stored, err := c.stored(ctx, tx, refs)
		if err != nil {
			return err
		}
		for _, v := range versions {
			for _, s := range stored[v.Tenant+"\x00"+v.Document] {
				if s.ref == v.Ref {
					if err := c.resign(ctx, tx, v, s); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

func (c *Catalog) resign(ctx context.Context, tx Tx, v catalog.Version, s row) error {
	signed, err := json.Marshal(v.Receipt)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `update documents set receipt = ? where tenant = ? and id = ? and state = 'live' and version = ?`, signed, v.Tenant, v.Document, v.Version)
	if err != nil || n != 1 {
		return err
	}
	old, err := c.record(s)
	if err != nil {
		return err
	}
	sealer, err := c.keys.Document(v.Tenant, v.Document, s.key)
	if err != nil {
		return err
	}
	old.Receipt, old.Attributes, old.Prints = v.Receipt, v.Attributes, v.Prints
	record, err := sealRecord(sealer, old)
	if err != nil {
		return err
	}
	if err := tx.Queue(ctx, `update versions set record = ? where tenant = ? and document = ? and version = ?`, record, v.Tenant, v.Document, v.Version); err != nil {
		return err
	}
	for _, ch := range v.Chunks {
		sealed, err := sealPassage(sealer, v.Tenant, ch.Chunk)
		if err != nil {
			return err
		}
		if err := tx.Queue(ctx, `update chunks set sealed = ?, terms = ? where tenant = ? and id = ?`, sealed, encodeTerms(ch.Terms), v.Tenant, ch.ID); err != nil {
			return err
		}
	}
	if err := c.putPrints(ctx, tx, v); err != nil {
		return err
	}
	// What refers to the receipt goes on to: a roll-back of the batch that wrote
	// the version, and its lineage. A batch that changed attributes alone is left
	// out: the receipt it replaced does not cover what was scanned anew.
	if err := tx.Queue(ctx, `update replaced set wrote = ? where tenant = ? and document = ? and version <> ? and wrote = (select receipt from lineage where tenant = ? and document = ? and version = ?)`,
		v.Receipt.ID(), v.Tenant, v.Document, v.Version, v.Tenant, v.Document, v.Version); err != nil {
		return err
	}
	if err := renewLineage(ctx, tx, v.Ref, v.Receipt); err != nil {
		return err
	}
	return owe(ctx, tx, catalog.Task{Ref: v.Ref, Op: catalog.AttributesOp, Attributes: v.Attributes, Receipt: v.Receipt.ID()})
}

// PullBack takes a live document out and holds or rejects what is left of it, its
// rewritten text, in one step.
func (c *Catalog) PullBack(ctx context.Context, a catalog.Arrival, j catalog.Judgement) error {
	refs := []catalog.Ref{{Tenant: a.Tenant, Document: a.ID}}
	return c.updateDocuments(ctx, "pulling a document back", refs, func(tx Tx) error {
		if err := c.receive(ctx, tx, a, c.job, a.Batch); err != nil {
			return err
		}
		if err := c.hold(ctx, tx, j); err != nil {
			return err
		}
		return c.takeOut(ctx, tx, refs, catalog.Retired)
	})
}
