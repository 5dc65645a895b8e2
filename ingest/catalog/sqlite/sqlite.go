// Package sqlite keeps the catalog in one SQLite file, with text sealed per
// document. Every change is one transaction, durable before the call returns.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the "sqlite" driver

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys"
)

//go:embed schema.sql
var schema string

// schemaVersion is what this program reads and writes.
const schemaVersion = "1"

// File is the catalog's file name in its folder.
const File = "catalog.db"

// Config says where the catalog is and who seals its text.
type Config struct {
	Dir  string    // folder, 0700; required
	Keys keys.Ring // required
	Now  func() time.Time
}

// Catalog implements [catalog.Reader] and what package ingest needs.
type Catalog struct {
	keys  keys.Ring
	now   func() time.Time
	write *sql.DB // one connection: writers queue here, never on the file
	read  *sql.DB

	documents, open *sql.Stmt // asked on every query
}

var _ catalog.Reader = (*Catalog)(nil)

// Open opens or makes the catalog.
func Open(ctx context.Context, c Config) (*Catalog, error) {
	if c.Keys == nil {
		return nil, errors.New("opening catalog: no keys")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making data directory: %w", err)
	}
	path := filepath.Join(c.Dir, File)
	if err := private(path); err != nil {
		return nil, err
	}
	const pragmas = "?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(5000)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_txlock=immediate"
	write, err := sql.Open("sqlite", "file:"+path+pragmas)
	if err != nil {
		return nil, fmt.Errorf("opening catalog: %w", err)
	}
	write.SetMaxOpenConns(1)
	cat := &Catalog{keys: c.Keys, now: c.Now, write: write}
	if err := cat.migrate(ctx); err != nil {
		write.Close()
		return nil, err
	}
	cat.read, err = sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("opening catalog: %w", err)
	}
	if err := cat.prepare(ctx); err != nil {
		return nil, errors.Join(err, cat.Close())
	}
	return cat, nil
}

// prepare parses once what every query asks.
func (c *Catalog) prepare(ctx context.Context) (err error) {
	if c.documents, err = c.read.PrepareContext(ctx, documentsByID); err != nil {
		return fmt.Errorf("opening catalog: %w", err)
	}
	if c.open, err = c.read.PrepareContext(ctx, chunksByID); err != nil {
		return fmt.Errorf("opening catalog: %w", err)
	}
	return nil
}

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

func (c *Catalog) migrate(ctx context.Context) error {
	var version string
	err := c.write.QueryRowContext(ctx, `select value from meta where key = 'schema'`).Scan(&version)
	switch {
	case err == nil && version == schemaVersion:
		return nil
	case err == nil:
		return fmt.Errorf("opening catalog: its schema is version %s, this program knows %s: use the program it was written with, or a newer one", version, schemaVersion)
	}
	var tables int
	if err := c.write.QueryRowContext(ctx, `select count(*) from sqlite_master`).Scan(&tables); err != nil {
		return fmt.Errorf("opening catalog: %s is not a readable SQLite file: %w", File, err)
	}
	if tables > 0 {
		return fmt.Errorf("opening catalog: %s is not a Doorward catalog", File)
	}
	return c.update(ctx, "making catalog", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, schema); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `insert into meta values ('schema', ?)`, schemaVersion)
		return err
	})
}

// Close folds the write-ahead log into the file and closes it.
func (c *Catalog) Close() error {
	err := c.read.Close()
	_, cerr := c.write.Exec(`pragma wal_checkpoint(truncate)`)
	return errors.Join(err, cerr, c.write.Close())
}

// update runs fn in one durable transaction.
func (c *Catalog) update(ctx context.Context, doing string, fn func(*sql.Tx) error) error {
	tx, err := c.write.BeginTx(ctx, nil)
	if err != nil {
		return unavailable(doing, err)
	}
	defer tx.Rollback()
	if err := fn(tx); err != nil {
		if errors.Is(err, catalog.ErrState) || errors.Is(err, catalog.ErrNotFound) || errors.Is(err, keys.ErrSealed) {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return unavailable(doing, err)
	}
	if err := tx.Commit(); err != nil {
		return unavailable(doing, err)
	}
	return nil
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, catalog.ErrUnavailable, err)
}
