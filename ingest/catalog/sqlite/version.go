package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/doorward/doorward/ingest/catalog/relational"
)

var _ relational.Versioned = (*DB)(nil)

// watch is a connection that is only asked for its data version: SQLite's numbers
// compare within one connection, and change with every commit of another, in this
// process or not.
type watch struct {
	mu     sync.Mutex
	conn   *sql.Conn
	asked  *sql.Stmt
	era    int64 // of this connection
	closed bool
}

// eras tells connections apart: a data version has 32 bits.
const eras = 1 << 32

// DataVersion implements [relational.Versioned].
func (d *DB) DataVersion(ctx context.Context) (int64, error) {
	w := &d.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, sql.ErrConnDone
	}
	if w.asked == nil {
		if err := w.open(d.Read); err != nil {
			return 0, err
		}
	}
	var v int64
	// A caller that goes away must not interrupt the one connection.
	if err := w.asked.QueryRowContext(context.WithoutCancel(ctx)).Scan(&v); err != nil {
		return 0, errors.Join(err, w.drop())
	}
	return w.era*eras + v, ctx.Err()
}

func (w *watch) open(db *sql.DB) (err error) {
	if w.conn, err = db.Conn(context.Background()); err != nil {
		return err
	}
	w.era++
	if w.asked, err = w.conn.PrepareContext(context.Background(), `pragma data_version`); err != nil {
		return errors.Join(err, w.drop())
	}
	return nil
}

// drop gives the connection back; the next is of another era.
func (w *watch) drop() (err error) {
	if w.asked != nil {
		err = w.asked.Close()
	}
	if w.conn != nil {
		err = errors.Join(err, w.conn.Close())
	}
	w.conn, w.asked = nil, nil
	return err
}

func (w *watch) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return w.drop()
}
