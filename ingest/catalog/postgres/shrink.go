package postgres

import "context"

// Shrink vacuums what holds texts and keys, so that erased rows are no longer in
// the tables. Free space inside pages, the server's write-ahead log and its
// backups are the server's; see docs/erasure.md.
func (d *DB) Shrink(ctx context.Context) error {
	for _, table := range []string{"versions", "chunks", "arrivals", "documents", "prints", "printed", "signatures", "notes", "lineage", "replaced", "erasures", "tasks"} {
		if _, err := d.Pool.Exec(ctx, "vacuum "+table); err != nil {
			return err
		}
	}
	return nil
}
