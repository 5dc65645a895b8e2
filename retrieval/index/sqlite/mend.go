package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorward/doorward/retrieval/index"
)

var _ index.Mender = (*Index)(nil)

// Remove implements [index.Mender].
func (x *Index) Remove(ctx context.Context, tenant string, ids []string) error {
	if tenant == "" {
		return fmt.Errorf("removing points: %w", index.ErrNoTenant)
	}
	if len(ids) == 0 {
		return nil
	}
	var gone []int64
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) error {
			for _, id := range ids {
				pks, err := remove(tx, removeSQL, tenant, id)
				if err != nil {
					return err
				}
				gone = append(gone, pks...)
			}
			return nil
		},
		memory: func(t *corpus) error { t.bury(gone); return nil },
	})
	if err != nil {
		return fmt.Errorf("removing points: %w", err)
	}
	return nil
}

// Sound checks the file itself and the segments beside it, and returns what is wrong
// with them, of the file in SQLite's words.
func (x *Index) Sound(ctx context.Context) ([]string, error) {
	if err := x.ready(ctx); err != nil {
		return nil, fmt.Errorf("checking index: %w", err)
	}
	rows, err := x.read.QueryContext(ctx, "PRAGMA integrity_check(50)")
	if err != nil {
		return []string{err.Error()}, ctx.Err()
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return append(list, err.Error()), ctx.Err()
		}
		if s != "ok" {
			list = append(list, s)
		}
	}
	if err := rows.Err(); err != nil {
		list = append(list, err.Error())
	}
	return append(list, x.flawedSegments(ctx)...), errors.Join(ctx.Err())
}

// Snapshot writes a consistent copy of the file to a new one while searches and
// changes go on.
func (x *Index) Snapshot(ctx context.Context, path string) error {
	if err := x.ready(ctx); err != nil {
		return fmt.Errorf("copying index: %w", err)
	}
	if _, err := x.read.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return fmt.Errorf("copying index: %w: %w", index.ErrUnavailable, err)
	}
	return nil
}
