package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorward/doorward/retrieval/index"
)

var _ index.Eraser = (*Index)(nil)

// Erase implements [index.Eraser]: terms and vectors are overwritten with zeros
// and then removed, which overwrites their rows.
func (x *Index) Erase(ctx context.Context, tenant, document string) error {
	if tenant == "" {
		return fmt.Errorf("erasing: %w", index.ErrNoTenant)
	}
	if document == "" {
		return fmt.Errorf("erasing: %w: no document named", index.ErrInvalid)
	}
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE points SET terms = zeroblob(length(terms)), vector = zeroblob(length(vector)), attributes = '{}', receipt = ''
				WHERE tenant = ? AND document = ?`, tenant, document)
			if err == nil {
				_, err = tx.Exec("DELETE FROM points WHERE tenant = ? AND document = ?", tenant, document)
			}
			return err
		},
		memory: func(t *corpus) error { t.retire(document, ""); return nil },
	})
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

// Shred implements [index.Eraser]: deleted rows are zeros in the file already;
// this empties the write-ahead log, which still has them.
func (x *Index) Shred(ctx context.Context) error {
	if err := x.ready(ctx); err != nil {
		return fmt.Errorf("shredding: %w", err)
	}
	var busy, log, done int
	if err := x.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil {
		return fmt.Errorf("shredding: %w: %w", index.ErrUnavailable, err)
	}
	if busy != 0 {
		return fmt.Errorf("shredding: %w: a reader keeps the write-ahead log from being emptied", index.ErrUnavailable)
	}
	return nil
}
