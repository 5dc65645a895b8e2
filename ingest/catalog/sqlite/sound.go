package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog/relational"
)

var (
	_ relational.Sounder = (*DB)(nil)
	_ relational.Prover  = (*DB)(nil)
)

// maxFlaws bounds how much of a damaged file is described.
const maxFlaws = 50

// Sound implements [relational.Sounder].
func (d *DB) Sound(ctx context.Context) ([]string, error) {
	rows, err := d.Read.QueryContext(ctx, fmt.Sprintf(`pragma integrity_check(%d)`, maxFlaws))
	if err != nil { // a file too damaged to be checked
		return []string{err.Error()}, ctx.Err()
	}
	list, err := lines(rows)
	if err != nil {
		list = append(list, err.Error())
	}
	if len(list) == 1 && list[0] == "ok" {
		list = nil
	}
	more, err := d.differing(ctx, func(summed) bool { return true })
	if err != nil {
		more = append(more, err.Error())
	}
	return append(list, more...), ctx.Err()
}

func lines(rows *sql.Rows) (list []string, err error) {
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return list, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Rebuild implements [relational.Sounder].
func (d *DB) Rebuild(ctx context.Context) error {
	if _, err := d.Write.ExecContext(ctx, undo(nil)+`; reindex`); err != nil {
		return err
	}
	return d.rebuildSums(ctx)
}

// Snapshot writes a consistent copy to a new file while others read and write.
// Nothing that was deleted is in it.
func (d *DB) Snapshot(ctx context.Context, path string) error {
	var file string
	if err := d.Read.QueryRowContext(ctx, `select file from pragma_database_list where name = 'main'`).Scan(&file); err != nil {
		return fmt.Errorf("copying catalog: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(5000)") // of its own: readers go on
	if err != nil {
		return fmt.Errorf("copying catalog: %w", err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, `vacuum into ?`, path); err != nil {
		return fmt.Errorf("copying catalog: %w", err)
	}
	return nil
}
