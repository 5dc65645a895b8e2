// Package sqlite is the embedded index: one SQLite file for durability, and beside
// it what searches run on, posting lists over keyed terms, vectors and attribute
// columns: segments, files mapped into memory and derived from the rows, and in
// memory a tail of some thousand points for each tenant that no segment has yet.
// FTS5's ranking took 140 ms at 100,000 chunks and sqlite-vec 43 ms under a filter
// where these take a few, so SQLite only stores.
//
// The file holds ids, keyed terms, vectors, attributes and receipt hashes, no
// text; segments the same. On the heap stay a bit a point, the distinct values of
// attributes with some 4 bytes for each attribute of each distinct set of them, and
// the tails: 5 bytes a term and 4 a vector component, some 64 MB of all tenants. Searches read what they need
// of the mapped files, so an index is fast as long as the system has memory to keep
// them; for up to a few million chunks, beyond that use Qdrant. One process opens a
// file; a second is refused.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Config sets up an index.
type Config struct {
	// Path of the database file; made with mode 0600 when absent. Beside it
	// appear Path-wal, Path-shm, Path.lock and segments, Path-….seg, which may be
	// removed while no process has the file open: they are made anew.
	Path string
	// Schema of document attributes. With it, filters are checked against the
	// declared paths and kinds; nil checks their form only.
	Schema policy.Schema
	// Pins is what the index is made with. They are stored with the first chunk;
	// opening a filled index with others fails with index.ErrMismatch. Nil takes
	// over what is stored, for tools that do not search by text.
	Pins *index.Pins
	// Fusion joins term and vector rankings.
	Fusion index.Fusion

	// For tests; zero values are the package's.
	tailSlots, tailBytes int
	step                 func(name string) // called where a crash could come
	byHand               bool              // segments are merged when [Index.merge] is called
}

// Index implements index.Reader, Writer, Scroller and Epochs. It is safe for
// concurrent use.
type Index struct {
	cfg   Config
	pins  index.Pins
	write *sql.DB // one connection, used by the writer alone
	read  *sql.DB
	lock  *sql.DB

	queue   chan *change
	stop    chan struct{}
	stopped sync.WaitGroup

	mu      sync.RWMutex
	corpora map[string]*corpus
	broken  error // set when memory may no longer match the file
	closed  bool
	changes int64 // committed transactions, as in the file; the writer's own
	row     int64 // the last row's number, never given again; the writer's own
	filing  bulk  // the writer's own

	left []string // files of segments that could not be removed yet

	tailSlots int
	tails     atomic.Int64  // bytes all tails take, about
	mostTails int64         // from where on the largest become segments
	merging   sync.Mutex    // held while segments are written anew
	nudge     chan struct{} // there may be segments to merge
	asked     chan struct{} // somebody searched terms that are not filed
	alive     context.Context
	end       context.CancelFunc
}

const tablesSQL = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS points (
	pk INTEGER PRIMARY KEY,
	tenant TEXT NOT NULL,
	id TEXT NOT NULL,
	document TEXT NOT NULL,
	version TEXT NOT NULL,
	ordinal INTEGER NOT NULL,
	receipt TEXT NOT NULL,
	attributes TEXT NOT NULL,
	terms BLOB NOT NULL,
	vector BLOB,
	UNIQUE (tenant, id)
) STRICT;
CREATE INDEX IF NOT EXISTS points_by_document ON points (tenant, document, version);
CREATE TABLE IF NOT EXISTS segments (name TEXT PRIMARY KEY, tenant TEXT NOT NULL, size INTEGER NOT NULL, sum INTEGER NOT NULL, tainted INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS epochs (tenant TEXT PRIMARY KEY, statistics BLOB NOT NULL) STRICT, WITHOUT ROWID;
`

// formatVersion is the file's format; another one is refused with ErrMismatch. A
// file of format 1, which had no segments, is taken over as it is.
const formatVersion = "2"

// Open opens or makes the file, checks its segments and files the rows none of
// them has; all of them, some ten seconds per 100,000 chunks, when there are none. Close it to release the file.
func Open(cfg Config) (*Index, error) {
	x, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("opening index %s: %w", filepath.Base(cfg.Path), err)
	}
	return x, nil
}

func open(cfg Config) (_ *Index, err error) {
	if cfg.Path == "" {
		return nil, errors.New("no path configured")
	}
	cfg.Fusion = cfg.Fusion.WithDefaults()
	x := &Index{cfg: cfg, corpora: map[string]*corpus{}, queue: make(chan *change), stop: make(chan struct{}),
		tailSlots: cmp.Or(cfg.tailSlots, tailSlots), mostTails: int64(cmp.Or(cfg.tailBytes, tailBytes)), nudge: make(chan struct{}, 1), asked: make(chan struct{}, 1)}
	x.alive, x.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			x.closeFiles()
		}
	}()
	for _, p := range []string{cfg.Path, cfg.Path + ".lock"} {
		f, err := os.OpenFile(p, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	if x.lock, err = exclusive(cfg.Path + ".lock"); err != nil {
		return nil, err
	}
	if x.write, err = connect(cfg.Path, "_txlock=immediate", 1); err != nil {
		return nil, err
	}
	if _, err = x.write.Exec(tablesSQL); err != nil {
		return nil, err
	}
	if x.read, err = connect(cfg.Path, "mode=ro", 4); err != nil {
		return nil, err
	}
	if err = x.pin(); err != nil {
		return nil, err
	}
	if err = x.load(); err != nil {
		return nil, err
	}
	x.stopped.Add(1)
	go x.writer()
	if !cfg.byHand {
		x.stopped.Add(1)
		go x.merger()
	}
	return x, nil
}

// at says that a step is done after which a process may end.
func (x *Index) at(step string) {
	if x.cfg.step != nil {
		x.cfg.step(step)
	}
}

// connect opens a pool with the durability this package promises: every commit
// is on disk (WAL with synchronous FULL), deleted content is overwritten.
func connect(path, more string, conns int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	u.RawQuery = "_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)" +
		"&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_pragma=wal_autocheckpoint(4000)&" + more
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, db.Ping()
}

// exclusive holds a database open in an exclusive transaction for as long as the
// process lives: a lock that works on every platform SQLite does.
func exclusive(path string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	u.RawQuery = "_pragma=locking_mode(exclusive)&_pragma=busy_timeout(200)"
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	if _, err := db.Exec("BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held (x); COMMIT; BEGIN EXCLUSIVE;"); err != nil {
		db.Close()
		return nil, fmt.Errorf("%w: another process has it open; stop it or let it do the work", index.ErrUnavailable)
	}
	return db, nil
}

// Close waits for the change being written, then releases the file.
func (x *Index) Close() error {
	x.mu.Lock()
	if x.closed {
		x.mu.Unlock()
		return nil
	}
	x.closed = true
	x.mu.Unlock()
	close(x.stop)
	x.end()
	x.stopped.Wait()
	x.merging.Lock()
	defer x.merging.Unlock()
	return x.closeFiles()
}

func (x *Index) closeFiles() error {
	x.end()
	for _, t := range x.corpora {
		t.mu.Lock()
		t.closed = true
		for _, p := range t.segments {
			p.body.(*segment).release()
		}
		t.segments = nil
		t.mu.Unlock()
	}
	var errs []error
	for _, db := range []*sql.DB{x.read, x.write, x.lock} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// ready says why the index cannot answer, if so.
func (x *Index) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", index.ErrUnavailable, err)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if x.closed {
		return fmt.Errorf("%w: closed", index.ErrUnavailable)
	}
	if x.broken != nil {
		return fmt.Errorf("%w: %w; restart to read the file anew", index.ErrUnavailable, x.broken)
	}
	return nil
}

// Health reports whether the index can answer.
func (x *Index) Health(ctx context.Context) error { return x.ready(ctx) }

// Pins returns what the index was made with.
func (x *Index) Pins() index.Pins { return x.pins }

func (x *Index) corpus(name string) *corpus {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.corpora[name]
}

// Tenants lists the tenants that have points in the file.
func (x *Index) Tenants(ctx context.Context) ([]string, error) {
	if err := x.ready(ctx); err != nil {
		return nil, fmt.Errorf("listing tenants: %w", err)
	}
	rows, err := x.read.QueryContext(ctx, "SELECT DISTINCT tenant FROM points")
	if err != nil {
		return nil, fmt.Errorf("listing tenants: %w: %w", index.ErrUnavailable, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("listing tenants: %w: %w", index.ErrUnavailable, err)
		}
		out = append(out, name)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing tenants: %w: %w", index.ErrUnavailable, err)
	}
	return out, nil
}
