package relational

import (
	"context"
	"errors"

	"github.com/doorward/doorward/ingest/catalog"
)

// Risk notes durably that a received document is about to be judged by a process
// that others did not survive, and returns how often that was noted before and not
// taken back: processes that did not live to take it back. Bytes that arrive anew
// begin at 0.
func (c *Catalog) Risk(ctx context.Context, r catalog.Ref) (lost int, err error) {
	err = c.updateDocuments(ctx, "noting a risk", []catalog.Ref{r}, func(tx Tx) error {
		err := one(ctx, tx, `select risked from arrivals where tenant = ? and id = ? and state = 'received'`, []any{r.Tenant, r.Document}, &lost)
		if errors.Is(err, catalog.ErrNotFound) {
			return catalog.ErrState
		}
		if err != nil {
			return err
		}
		return tx.Queue(ctx, `update arrivals set risked = risked + 1 where tenant = ? and id = ?`, r.Tenant, r.Document)
	})
	return lost, err
}

// Spare takes a Risk back: the process lives. It does nothing to a document that is
// judged already.
func (c *Catalog) Spare(ctx context.Context, r catalog.Ref) error {
	return c.updateDocuments(ctx, "taking a risk back", []catalog.Ref{r}, func(tx Tx) error {
		return tx.Queue(ctx, `update arrivals set risked = risked - 1 where tenant = ? and id = ? and state = 'received' and risked > 0`, r.Tenant, r.Document)
	})
}
