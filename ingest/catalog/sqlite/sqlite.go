// Package sqlite keeps the catalog in one SQLite file, with text sealed per
// document. Every change is one transaction, durable before the call returns.
package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/policy/keys"
)

// File is the catalog's file name in its folder.
const File = "catalog.db"

// Config says where the catalog is and who seals its text.
type Config struct {
	Dir  string    // folder, 0700; required
	Keys keys.Ring // required
	Now  func() time.Time
	Keep time.Duration // see [relational.Config]
}

// Open opens or makes the catalog.
func Open(ctx context.Context, c Config) (*relational.Catalog, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making data directory: %w", err)
	}
	path := filepath.Join(c.Dir, File)
	if err := private(path); err != nil {
		return nil, err
	}
	// The log is folded in every 16 MB, not every 4: a batch writes about as much,
	// and pages that come again are then written once. The writer keeps 24 MB of
	// pages, since ids and signatures fall all over their indexes; readers keep
	// 1 MB each, so that a service that runs for long does not grow with its catalog.
	const pragmas = "?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(5000)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-24576)&_txlock=immediate"
	write, err := sql.Open("sqlite", "file:"+path+pragmas)
	if err != nil {
		return nil, fmt.Errorf("opening catalog: %w", err)
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil { // makes the file a database before a reader looks at it
		return nil, fmt.Errorf("opening catalog: %s is not a readable SQLite file: %w", File, errors.Join(err, write.Close()))
	}
	read, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-1024)")
	if err != nil {
		return nil, fmt.Errorf("opening catalog: %w", errors.Join(err, write.Close()))
	}
	read.SetMaxIdleConns(idleReaders)
	db := &DB{Write: write, Read: read}
	cat, err := relational.New(ctx, db, relational.Config{Keys: c.Keys, Now: c.Now, Keep: c.Keep})
	if err != nil {
		return nil, err
	}
	if err := errors.Join(errSumFunction, db.keepSums(ctx)); err != nil {
		return nil, fmt.Errorf("opening catalog: %w", errors.Join(err, cat.Close()))
	}
	return cat, nil
}

// idleReaders is how many connections are kept for reading: opening one, and
// parsing its statements anew, costs more than the questions of a request.
const idleReaders = 8

// private makes the file with mode 0600 when missing and refuses a readable one.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("opening catalog: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("opening catalog: %w", err)
	}
	if m := info.Mode().Perm(); m&^fs.FileMode(0o600) != 0 {
		return fmt.Errorf("%w: %s has mode %04o, run `chmod 0600 %s`", catalog.ErrPermissions, path, m, path)
	}
	return nil
}

// DB implements [relational.DB] over one file.
type DB struct {
	Write *sql.DB // one connection: writers queue here, never on the file
	Read  *sql.DB

	watch watch

	mu      sync.RWMutex
	parsed  map[string]*sql.Stmt // of Read
	changes map[string]*sql.Stmt // of Write, parsed
}

var dialect = relational.Dialect{
	Words: map[string]string{"TEXT": "text", "BLOB": "blob", "INTEGER": "integer", "SERIAL": "integer primary key", "STRICT": "strict", "KEYED": "strict, without rowid"},
	In:    func(column string) string { return column + ` in (select value from json_each(?))` },
	List: func(values any) (any, error) {
		data, err := json.Marshal(values)
		return string(data), err
	},
	Tables: `select count(*) from sqlite_master`,
	Table:  `select count(*) from sqlite_master where type = 'table' and name = ?`,
}

// Dialect implements [relational.DB].
func (d *DB) Dialect() relational.Dialect { return dialect }

// Shrink folds the write-ahead log into the file and empties it; what was deleted
// is overwritten with zeros there (secure_delete). A reader of the moment may
// keep it from doing so; then it tries again.
func (d *DB) Shrink(ctx context.Context) error {
	for wait := 10 * time.Millisecond; ; wait *= 2 {
		var busy, log, done int
		if err := d.Write.QueryRowContext(ctx, `pragma wal_checkpoint(truncate)`).Scan(&busy, &log, &done); err != nil {
			return err
		}
		if busy == 0 {
			return nil
		}
		if wait > 5*time.Second {
			return errors.New("a reader keeps the write-ahead log from being emptied")
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close folds the write-ahead log into the file and closes it.
func (d *DB) Close() error {
	err := errors.Join(d.watch.close(), d.Read.Close())
	_, cerr := d.Write.Exec(`pragma wal_checkpoint(truncate)`)
	return errors.Join(err, cerr, d.Write.Close())
}

// rows is a [relational.Rows].
type rows struct{ *sql.Rows }

func (r rows) Close() { _ = r.Rows.Close() } // Err has what Close would say

// maxParsed bounds the statements kept parsed; the catalog's own are far fewer.
const maxParsed = 128

// Query implements [relational.Querier], parsing each statement once.
func (d *DB) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	stmt, err := d.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	var r *sql.Rows
	if stmt != nil {
		r, err = stmt.QueryContext(ctx, args...)
	} else {
		r, err = d.Read.QueryContext(ctx, query, args...)
	}
	if err != nil {
		return nil, err
	}
	return rows{r}, nil
}

// statement is nil when there are too many.
func (d *DB) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	d.mu.RLock()
	stmt, n := d.parsed[query], len(d.parsed)
	d.mu.RUnlock()
	if stmt != nil || n >= maxParsed {
		return stmt, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if stmt := d.parsed[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := d.Read.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if d.parsed == nil {
		d.parsed = map[string]*sql.Stmt{}
	}
	d.parsed[query] = stmt
	return stmt, nil
}

// Update implements [relational.DB]. There is one writer, so nothing is locked and
// nothing is ever tried twice.
func (d *DB) Update(ctx context.Context, locks []int64, fn func(relational.Tx) error) error {
	c, err := d.Write.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, undo(locks)); err != nil {
		return err
	}
	t, err := c.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	x := &tx{db: d, tx: t, own: map[string]*sql.Stmt{}}
	if err := fn(x); err != nil {
		return err
	}
	if err := t.Commit(); err != nil {
		return err
	}
	_ = c.Close() // keep needs the connection; what was committed stays so
	d.keep(ctx, x.own)
	return nil
}

// undo says where SQLite keeps the pages it would need to take one statement back:
// in memory where a transaction is of some documents, since a batch has it write
// hundreds; in a file where a statement may change every row there is.
func undo(locks []int64) string {
	if locks == nil {
		return `pragma temp_store = file`
	}
	return `pragma temp_store = memory`
}

// keep parses the statements a transaction had to parse for itself once more, for
// the transactions to come; the one connection was the transaction's until now.
func (d *DB) keep(ctx context.Context, queries map[string]*sql.Stmt) {
	for query := range queries {
		if stmt, n := d.kept(query); stmt != nil || n >= maxParsed {
			continue
		}
		stmt, err := d.Write.PrepareContext(ctx, failing(query))
		if err != nil {
			return // parsed by each transaction then
		}
		d.mu.Lock()
		if d.changes == nil {
			d.changes = map[string]*sql.Stmt{}
		}
		before := d.changes[query]
		d.changes[query] = stmt
		d.mu.Unlock()
		if before != nil {
			_ = before.Close() // two at once; who uses it parses again
		}
	}
}

// kept is a parsed statement of Write, and how many there are.
func (d *DB) kept(query string) (*sql.Stmt, int) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.changes[query], len(d.changes)
}

// tx implements [relational.Tx].
type tx struct {
	db     *DB
	tx     *sql.Tx
	parsed map[string]*sql.Stmt // for this transaction
	own    map[string]*sql.Stmt // parsed by it
}

// failing has an insertion or change that breaks a constraint stop where it is: the
// transaction is given up then, so that SQLite need not keep a copy of every page
// the statement touches to undo it by itself.
func failing(query string) string {
	for _, verb := range []string{"insert", "update"} {
		if rest, ok := strings.CutPrefix(query, verb+" "); ok {
			return verb + " or fail " + rest
		}
	}
	return query
}

// statement is parsed once for all transactions, from the second one on.
func (t *tx) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := t.parsed[query]; stmt != nil {
		return stmt, nil
	}
	if t.parsed == nil {
		t.parsed = map[string]*sql.Stmt{}
	}
	if stmt, _ := t.db.kept(query); stmt != nil {
		t.parsed[query] = t.tx.StmtContext(ctx, stmt)
		return t.parsed[query], nil
	}
	stmt, err := t.tx.PrepareContext(ctx, failing(query))
	if err != nil {
		return nil, err
	}
	t.parsed[query], t.own[query] = stmt, stmt
	return stmt, nil
}

func (t *tx) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	stmt, err := t.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	return rows{r}, nil
}

func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.tx.ExecContext(ctx, query, args...) // a migration's are many in one
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *tx) Queue(ctx context.Context, query string, args ...any) error {
	stmt, err := t.statement(ctx, query)
	if err != nil {
		return err
	}
	// It takes microseconds; watching for the end of ctx meanwhile takes a goroutine.
	_, err = stmt.ExecContext(context.WithoutCancel(ctx), args...)
	return err
}
