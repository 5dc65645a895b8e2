package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorward/doorward/ingest/catalog/relational"
)

// DB implements [relational.DB] over a pool of connections. Pool is there for
// others who keep state in the same database; its search_path is Schema.
type DB struct {
	Pool   *pgxpool.Pool
	Schema string
	all    int64 // the lock on everything
}

var dialect = relational.Dialect{
	Words:  map[string]string{"TEXT": `text collate "C"`, "BLOB": "bytea", "INTEGER": "bigint", "SERIAL": "bigint generated always as identity primary key", "STRICT": "", "KEYED": ""},
	In:     func(column string) string { return column + ` = any(?)` },
	List:   func(values any) (any, error) { return values, nil },
	Change: `pg_current_xact_id()::text::bigint`,
	// Older than every transaction still running: those may yet be committed.
	Settled: `select pg_snapshot_xmin(pg_current_snapshot())::text::bigint`,
	Tables:  `select count(*) from pg_tables where schemaname = current_schema()`,
	Table:   `select count(*) from pg_tables where schemaname = current_schema() and tablename = ?`,
}

// Dialect implements [relational.DB].
func (d *DB) Dialect() relational.Dialect { return dialect }

// Close implements [relational.DB].
func (d *DB) Close() error {
	d.Pool.Close()
	return nil
}

// Query implements [relational.Querier].
func (d *DB) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	return d.Pool.Query(ctx, rebind(query), args...)
}

// Attempts at a transaction that the server gave up in favour of another.
const attempts = 8

// Update implements [relational.DB]. With locks it shares the lock on everything
// and takes those; without, it takes the lock on everything alone.
func (d *DB) Update(ctx context.Context, locks []int64, fn func(relational.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := d.once(ctx, locks, fn)
		var e *pgconn.PgError
		if !errors.As(err, &e) || e.Code != "40001" && e.Code != "40P01" || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(rand.Int64N(int64(attempt) * int64(20*time.Millisecond)))):
		}
	}
}

func (d *DB) once(ctx context.Context, locks []int64, fn func(relational.Tx) error) error {
	t, err := d.Pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() {
		most := 5 * time.Second
		if ctx.Err() != nil { // whoever waits has waited long enough; closing the connection rolls back, too
			most = 50 * time.Millisecond
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), most)
		defer cancel()
		_ = t.Rollback(end) // does nothing after a commit
	}()
	x := &tx{tx: t, batch: &pgx.Batch{}}
	if locks == nil {
		x.batch.Queue(`select pg_advisory_xact_lock($1)`, d.all)
	} else {
		x.batch.Queue(`select pg_advisory_xact_lock_shared($1)`, d.all)
	}
	if len(locks) > 0 {
		x.batch.Queue(`select pg_advisory_xact_lock(k) from unnest($1::bigint[]) k`, locks)
	}
	if err := fn(x); err != nil {
		return err
	}
	if err := x.flush(ctx); err != nil {
		return err
	}
	return t.Commit(ctx)
}

// Exclusively runs fn while no other process is inside an Exclusively of the
// same name. It holds for as long as this process and its connection live, so
// what fn does elsewhere must be harmless if done twice. It reports whether fn
// ran: when another process is at it, it did not.
func (d *DB) Exclusively(ctx context.Context, name string, fn func() error) (bool, error) {
	c, err := d.Pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer c.Release()
	var got bool
	key := lockNumber(name + " " + d.Schema)
	if err := c.QueryRow(ctx, `select pg_try_advisory_lock($1)`, key).Scan(&got); err != nil || !got {
		return false, err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := c.Exec(end, `select pg_advisory_unlock($1)`, key); err != nil {
			_ = c.Conn().Close(end) // the lock ends with the connection
		}
	}()
	return true, fn()
}

// Join notes that this process uses the catalog, alone or beside others, until
// release is called or its connection ends. It reports whether that is possible.
func (d *DB) Join(ctx context.Context, alone bool) (release func() error, ok bool, err error) {
	c, err := pgx.ConnectConfig(ctx, d.Pool.Config().ConnConfig)
	if err != nil {
		return nil, false, err
	}
	query := `select pg_try_advisory_lock_shared($1)`
	if alone {
		query = `select pg_try_advisory_lock($1)`
	}
	err = c.QueryRow(ctx, query, lockNumber("users "+d.Schema)).Scan(&ok)
	if err != nil || !ok {
		return nil, false, errors.Join(err, c.Close(ctx))
	}
	return func() error {
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return c.Close(end)
	}, true, nil
}

func lockNumber(name string) int64 {
	sum := sha256.Sum256([]byte("doorward " + name))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// tx implements [relational.Tx]. What is queued goes to the server in one round
// trip, before the next answer is needed.
type tx struct {
	tx    pgx.Tx
	batch *pgx.Batch
}

// Native is the transaction underneath, once everything queued so far was sent:
// for libraries that write in the same transaction. t is this package's.
func Native(ctx context.Context, t relational.Tx) (pgx.Tx, error) {
	x := t.(*tx)
	return x.tx, x.flush(ctx)
}

// maxQueued bounds what waits in memory.
const maxQueued = 512

func (t *tx) flush(ctx context.Context) error {
	if t.batch.Len() == 0 {
		return nil
	}
	b := t.batch
	t.batch = &pgx.Batch{}
	return t.tx.SendBatch(ctx, b).Close()
}

func (t *tx) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	return t.tx.Query(ctx, rebind(query), args...)
}

func (t *tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	tag, err := t.tx.Exec(ctx, rebind(query), args...)
	return tag.RowsAffected(), err
}

func (t *tx) Queue(ctx context.Context, query string, args ...any) error {
	t.batch.Queue(rebind(query), args...)
	if t.batch.Len() >= maxQueued {
		return t.flush(ctx)
	}
	return nil
}

var rebound sync.Map // query with ? → with $1

// rebind numbers the arguments. There is no ? in our texts and operators.
func rebind(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	if q, ok := rebound.Load(query); ok {
		return q.(string)
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	rebound.Store(query, b.String())
	return b.String()
}
