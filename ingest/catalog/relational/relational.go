// Package relational is the catalog over any SQL database: every question and
// every change written once. The adapters ({sqlite,postgres}) open the database,
// say how its dialect differs and keep its promises of durability and isolation.
//
// SQL here is what both databases understand, with ? for arguments. Text is
// sealed before it gets this far.
package relational

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys"
)

// Rows are a query's answer. Close may be called more than once.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Querier asks. Rows must be closed before the same transaction is asked again.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (Rows, error)
}

// Tx is one transaction.
type Tx interface {
	Querier
	// Exec changes something now and says how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Queue changes something before the next Exec, Query or commit. A remote
	// database is sent many of them at once; errors may come as late as that.
	Queue(ctx context.Context, query string, args ...any) error
}

// DB is a database as its adapter opened it.
type DB interface {
	// Query reads what is committed.
	Querier
	// Update runs fn in one transaction, durable when Update returns nil. It
	// excludes every other Update that names one of the same locks; with nil
	// locks it excludes every other Update. fn may run more than once: when the
	// database gives up a transaction in favour of another, it starts again.
	Update(ctx context.Context, locks []int64, fn func(Tx) error) error
	Dialect() Dialect
	Close() error
}

// Dialect is how one database's SQL differs.
type Dialect struct {
	// Words replaces the capital words of [Migrations]: TEXT, BLOB, INTEGER,
	// SERIAL, STRICT, KEYED.
	Words map[string]string
	// In is the condition that a column is one of a list argument.
	In func(column string) string
	// List makes a list argument of a []string or []int64.
	List func(values any) (any, error)
	// Change is an expression for the number of the transaction it stands in, and
	// Settled asks for a number from which on transactions may still be committed:
	// what is numbered below it and not there never will be. Numbers grow in the
	// database, whatever the clocks of its users say. Both are empty where there is
	// one writer, who numbers changes itself.
	Change, Settled string
	// Tables asks how many tables there are; Table how many have a name.
	Tables, Table string
}

// Config is what a catalog needs.
type Config struct {
	Keys keys.Ring        // seals its text; required
	Now  func() time.Time // nil is time.Now
	// Keep is how long what a batch replaces can be put back; 0: not at all, and
	// its text is gone at once.
	Keep time.Duration
}

// Catalog implements [catalog.Reader] and what package ingest needs.
type Catalog struct {
	keys keys.Ring
	now  func() time.Time
	keep time.Duration
	db   DB

	printings *printings // shared by its copies, as the next
	decoded   decoded
	intended  intended
	hot       *hot
	// Of a catalog for one job: its name, and what runs first in every
	// transaction.
	job   string
	guard func(context.Context, Tx) error

	documents, open, owners string // asked on every query; the adapter keeps them parsed
}

var _ catalog.Reader = (*Catalog)(nil)

// New brings the database's schema up to date and returns the catalog in it. The
// catalog owns db from then on, also when New fails.
func New(ctx context.Context, db DB, c Config) (*Catalog, error) {
	if c.Keys == nil {
		return nil, errors.Join(errors.New("opening catalog: no keys"), db.Close())
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	in := db.Dialect().In
	return &Catalog{printings: &printings{}, decoded: newDecoded(), intended: newIntended(), hot: &hot{}, keys: c.Keys, now: c.Now, keep: c.Keep, db: db,
		documents: documentColumns + ` where tenant = ? and state = 'live' and ` + in("id"),
		open: `select c.id, c.document, c.version, c.ordinal, c.sealed, v.key from chunks c
			join versions v on v.tenant = c.tenant and v.document = c.document and v.version = c.version and v.state = 'live'
			where c.tenant = ? and ` + in("c.id"),
		owners: `select print, document from prints where tenant = ? and ` + in("print") + ` order by 1, 2`,
	}, nil
}

// ForJob is the same catalog as whoever works on a job of arrivals sees it.
// Each of its transactions first runs guard, and changes nothing when that
// fails. What arrived anew or was retired since is left alone: it is not this
// job's any more. It must not be closed.
func (c *Catalog) ForJob(name string, guard func(context.Context, Tx) error) *Catalog {
	g := *c
	g.job, g.guard = name, guard
	return &g
}

// Exclusively runs fn unless another process that shares the catalog is inside
// an Exclusively of the same name, and reports whether it ran. A catalog that
// only one process can open always runs it.
func (c *Catalog) Exclusively(ctx context.Context, name string, fn func() error) (bool, error) {
	if x, ok := c.db.(interface {
		Exclusively(context.Context, string, func() error) (bool, error)
	}); ok {
		return x.Exclusively(ctx, name, fn)
	}
	return true, fn()
}

// run is one transaction, after the guard.
func (c *Catalog) run(ctx context.Context, doing string, locks []int64, fn func(Tx) error) error {
	return failed(doing, c.db.Update(ctx, locks, func(tx Tx) error {
		if c.guard != nil {
			if err := c.guard(ctx, tx); err != nil {
				return err
			}
		}
		return fn(tx)
	}))
}

// DB is the database underneath, for what only its adapter can do.
func (c *Catalog) DB() DB { return c.db }

// Close closes the database.
func (c *Catalog) Close() error { return c.db.Close() }

// update runs fn in one durable transaction that excludes every other. It is
// the safe choice; [Catalog.updateDocuments] is the fast one.
func (c *Catalog) update(ctx context.Context, doing string, fn func(Tx) error) error {
	return c.run(ctx, doing, nil, fn)
}

// updateDocuments runs fn in one durable transaction that touches only what
// belongs to the named documents, so that others may be worked on meanwhile.
func (c *Catalog) updateDocuments(ctx context.Context, doing string, refs []catalog.Ref, fn func(Tx) error) error {
	if len(refs) == 0 {
		return nil
	}
	var locks []int64
	if len(refs) <= manyLocks {
		for _, r := range refs {
			locks = append(locks, lock(r.Tenant, r.Document))
		}
		slices.Sort(locks) // everybody takes them in this order, so nobody waits in a circle
		locks = slices.Compact(locks)
	}
	return c.run(ctx, doing, locks, fn)
}

// updateBeside runs fn in one durable transaction beside any other but those of
// [Catalog.update]: for changes that are right whatever else happens meanwhile.
func (c *Catalog) updateBeside(ctx context.Context, doing string, fn func(Tx) error) error {
	return c.run(ctx, doing, []int64{}, fn)
}

// manyLocks is how many documents are locked one by one; for more it is cheaper
// to lock all.
const manyLocks = 512

func lock(tenant, document string) int64 {
	sum := sha256.Sum256(associated([]string{tenant, document}))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// failed says what was being done. What is wrong with the request keeps its own
// sentinel; anything else means the catalog could not be used.
func failed(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, catalog.ErrState), errors.Is(err, catalog.ErrLegalHold), errors.Is(err, catalog.ErrNotFound), errors.Is(err, catalog.ErrTaken), errors.Is(err, keys.ErrSealed), errors.Is(err, catalog.ErrUnavailable):
		return fmt.Errorf("%s: %w", doing, err)
	}
	return unavailable(doing, err)
}

func unavailable(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, catalog.ErrUnavailable, err)
}

// each calls fn for every row of a query; fn scans it.
func each(ctx context.Context, q Querier, fn func(Rows) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the only row of a query, or returns [catalog.ErrNotFound].
func one(ctx context.Context, q Querier, query string, args []any, dest ...any) error {
	found := false
	err := each(ctx, q, func(r Rows) error { found = true; return r.Scan(dest...) }, query, args...)
	if err == nil && !found {
		return catalog.ErrNotFound
	}
	return err
}

// column collects the only column of a query.
func column[T any](ctx context.Context, q Querier, query string, args ...any) ([]T, error) {
	var list []T
	err := each(ctx, q, func(r Rows) error {
		var v T
		if err := r.Scan(&v); err != nil {
			return err
		}
		list = append(list, v)
		return nil
	}, query, args...)
	return list, err
}

// empty is a blob of no bytes, which is not null.
func empty() []byte { return []byte{} }

// byTenant groups document names, so that each tenant is asked once.
func byTenant(refs []catalog.Ref) map[string][]string {
	out := map[string][]string{}
	for _, r := range refs {
		out[r.Tenant] = append(out[r.Tenant], r.Document)
	}
	return out
}
