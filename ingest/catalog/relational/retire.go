package relational

import (
	"context"

	"github.com/doorward/doorward/ingest/catalog"
)

// retireVersion forgets a version's text and key, and owes the index its removal.
func retireVersion(ctx context.Context, tx Tx, r catalog.Ref) error {
	if err := dropVersion(ctx, tx, r); err != nil {
		return err
	}
	return owe(ctx, tx, catalog.Task{Ref: r, Op: catalog.RetireOp})
}

// Retire takes documents out: text and keys are gone at once, nothing of them
// is released from now on, and the index is owed their removal. An arrival
// waiting for the same document goes with it.
func (c *Catalog) Retire(ctx context.Context, refs []catalog.Ref, state catalog.State) error {
	return c.updateDocuments(ctx, "retiring documents", refs, func(tx Tx) error {
		if err := c.takeOut(ctx, tx, refs, state); err != nil {
			return err
		}
		for _, r := range refs {
			if err := tx.Queue(ctx, `delete from arrivals where tenant = ? and id = ?`, r.Tenant, r.Document); err != nil {
				return err
			}
		}
		return nil
	})
}

// Prune is Retire of what a batch found its source no longer to have. That the batch
// took it out is remembered as long as it can be rolled back, so that a roll-back
// names what it cannot put back: its text is gone.
func (c *Catalog) Prune(ctx context.Context, refs []catalog.Ref, batch string) error {
	return c.updateDocuments(ctx, "retiring documents", refs, func(tx Tx) error {
		if err := c.takeOut(ctx, tx, refs, catalog.Retired); err != nil {
			return err
		}
		for _, r := range refs {
			if err := tx.Queue(ctx, `delete from arrivals where tenant = ? and id = ?`, r.Tenant, r.Document); err != nil {
				return err
			}
			if _, err := c.remember(ctx, tx, batch, r, live{}, pruned); err != nil {
				return err
			}
		}
		return nil
	})
}

// pruned stands where replaced has the receipt a batch wrote, of what it took out.
const pruned = "pruned"

// Withdraw retires what is live of documents and keeps their waiting arrivals.
func (c *Catalog) Withdraw(ctx context.Context, refs []catalog.Ref) error {
	return c.updateDocuments(ctx, "withdrawing documents", refs, func(tx Tx) error {
		return c.takeOut(ctx, tx, refs, catalog.Retired)
	})
}

func (c *Catalog) takeOut(ctx context.Context, tx Tx, refs []catalog.Ref, state catalog.State) error {
	stored, err := c.stored(ctx, tx, refs)
	if err != nil {
		return err
	}
	for _, r := range refs {
		for _, v := range stored[r.Tenant+"\x00"+r.Document] {
			if err := retireVersion(ctx, tx, v.ref); err != nil {
				return err
			}
		}
		if err := c.forget(ctx, tx, r, state); err != nil {
			return err
		}
		err := tx.Queue(ctx, `update documents set state = ?, version = '', receipt = ?, facts = ?, attributes = '{}', findings = '{}', updated = ?
			where tenant = ? and id = ?`, string(state), empty(), empty(), c.now().Unix(), r.Tenant, r.Document)
		if err != nil {
			return err
		}
	}
	return nil
}

// forget drops what is kept beside a document that is taken out.
func (c *Catalog) forget(ctx context.Context, tx Tx, r catalog.Ref, state catalog.State) error {
	for _, table := range []string{"prints", "printed", "signatures", "replaced"} {
		if err := tx.Queue(ctx, `delete from `+table+` where tenant = ? and document = ?`, r.Tenant, r.Document); err != nil {
			return err
		}
	}
	if err := endLineage(ctx, tx, r, c.now().Unix()); err != nil || state != catalog.Erased {
		return err
	}
	return eraseLineage(ctx, tx, r)
}
