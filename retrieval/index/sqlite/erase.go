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
	var gone []int64
	var tainted []*segment
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) (err error) {
			if _, err := tx.Exec(`UPDATE points SET terms = zeroblob(length(terms)), vector = zeroblob(length(vector)), attributes = '{}', receipt = ''
				WHERE tenant = ? AND document = ?`, tenant, document); err != nil {
				return err
			}
			if gone, err = remove(tx, "DELETE FROM points WHERE tenant = ? AND document = ? RETURNING pk", tenant, document); err != nil {
				return err
			}
			tainted, err = x.taint(tx, tenant, document)
			return err
		},
		memory: func(t *corpus) error {
			t.bury(gone)
			for _, s := range tainted {
				s.taint++
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("erasing: %w", err)
	}
	return nil
}

// taint notes in the file which segments have a point of the document, an earlier
// version's too: they must be written anew before the erasure is complete.
func (x *Index) taint(tx *sql.Tx, tenant, document string) (out []*segment, err error) {
	t := x.corpusOrNew(tenant)
	t.mu.RLock()
	defer t.mu.RUnlock()
	defer x.damaged(&err)
	for _, p := range t.segments {
		if s := p.body.(*segment); s.holds(document) {
			out = append(out, s)
			if _, err := tx.Exec("UPDATE segments SET tainted = 1 WHERE name = ?", s.record.name); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Shred implements [index.Eraser]: deleted rows are zeros in the file already;
// this writes segments anew that hold erased points and empties the write-ahead
// log, which still has the rows.
func (x *Index) Shred(ctx context.Context) error {
	if err := x.ready(ctx); err != nil {
		return fmt.Errorf("shredding: %w", err)
	}
	if err := x.rewriteAll(ctx, tainted); err != nil {
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
