package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"runtime/debug"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// change is one write: what to do to the file, and to memory once the file has
// it.
type change struct {
	ctx    context.Context
	tenant string
	disk   func(*sql.Tx) error
	memory func(*corpus) error
	done   chan error
}

// maxGroup bounds how many changes share a commit.
const maxGroup = 256

// do hands a change to the writer and waits for it. When ctx ends first, the
// change may still happen; repeating it is harmless.
func (x *Index) do(ctx context.Context, c *change) error {
	if err := x.ready(ctx); err != nil {
		return err
	}
	c.ctx, c.done = ctx, make(chan error, 1)
	select {
	case x.queue <- c:
	case <-x.stop:
		return fmt.Errorf("%w: closed", index.ErrUnavailable)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", index.ErrUnavailable, ctx.Err())
	}
	select {
	case err := <-c.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w; whether it was written is unknown, repeat it", index.ErrUnavailable, ctx.Err())
	}
}

// writer takes everything that waits, commits it at once and acknowledges each:
// one fsync for many callers.
func (x *Index) writer() {
	defer x.stopped.Done()
	for {
		var group []*change
		select {
		case c := <-x.queue:
			group = append(group, c)
		case <-x.asked:
			x.fileAsked()
			continue
		case <-x.stop:
			return
		}
	more:
		for len(group) < maxGroup {
			select {
			case c := <-x.queue:
				group = append(group, c)
			default:
				break more
			}
		}
		x.commit(group)
	}
}

// fileAsked files what waited when somebody searched it.
func (x *Index) fileAsked() {
	for _, name := range x.names() {
		if t := x.corpus(name); t.tail.asked.Swap(false) {
			t.file(&x.filing)
		}
	}
}

func (x *Index) commit(group []*change) {
	live := group[:0]
	for _, c := range group {
		if c.ctx.Err() != nil {
			c.done <- fmt.Errorf("%w: %w", index.ErrUnavailable, c.ctx.Err())
			continue
		}
		live = append(live, c)
	}
	if len(live) == 0 {
		return
	}
	err := x.commitFile(live)
	if err != nil && !x.committedAnyway() {
		for _, c := range live {
			c.done <- fmt.Errorf("%w: writing the file: %w", index.ErrUnavailable, err)
		}
		return
	}
	x.changes++
	x.at("committed")
	for _, c := range live {
		c.done <- x.remember(c)
	}
	for _, c := range live {
		x.settle(c.tenant, x.corpusOrNew(c.tenant))
	}
	x.boundTails()
}

func (x *Index) commitFile(group []*change) error {
	tx, err := x.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, c := range group {
		if err := c.disk(tx); err != nil {
			return err
		}
	}
	if _, err := tx.Exec("INSERT INTO meta VALUES ('changes', ?) ON CONFLICT DO UPDATE SET value = excluded.value", x.changes+1); err != nil {
		return err
	}
	return tx.Commit()
}

// committedAnyway finds out whether a commit that reported an error reached the
// file. Where that cannot be told, memory is no longer trusted.
func (x *Index) committedAnyway() bool {
	var n int64
	err := x.write.QueryRow("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'changes'").Scan(&n)
	switch {
	case err == nil && n == x.changes:
		return false
	case err == nil && n == x.changes+1:
		return true
	case isNoRows(err) && x.changes == 0:
		return false
	}
	x.breakDown(fmt.Errorf("a commit's outcome is unknown"))
	return false
}

func (x *Index) breakDown(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.broken = err
}

// remember applies a committed change to memory.
func (x *Index) remember(c *change) error {
	t := x.corpusOrNew(c.tenant)
	t.mu.Lock()
	err := c.memory(t)
	t.mu.Unlock()
	if err != nil {
		x.breakDown(fmt.Errorf("memory no longer matches the file: %w", err))
		return fmt.Errorf("%w: %w", index.ErrUnavailable, err)
	}
	return nil
}

// removeSQL deletes a point and says which row it was.
const removeSQL = "DELETE FROM points WHERE tenant = ? AND id = ? RETURNING pk"

// remove runs a deletion that returns the rows it deleted.
func remove(tx *sql.Tx, query string, args ...any) ([]int64, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	return keys(rows)
}

// keys reads a list of rows' numbers.
func keys(rows *sql.Rows) (out []int64, err error) {
	defer rows.Close()
	for rows.Next() {
		var pk int64
		if err := rows.Scan(&pk); err != nil {
			return nil, err
		}
		out = append(out, pk)
	}
	return out, rows.Err()
}

// A row is never changed: what replaces it gets a number that was never given, so
// that a segment's points are as they were written or gone.
const putSQL = `INSERT INTO points (pk, tenant, ` + pointColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// fileBatch is how many chunks' postings are gathered before they are filed: as long
// as that takes, some tens of milliseconds, a search may have to wait.
const fileBatch = 512

// Put adds chunks, replacing those of the same ids, in one transaction.
func (x *Index) Put(ctx context.Context, tenant string, chunks []index.Chunk) error {
	if err := index.CheckChunks(tenant, chunks, x.pins); err != nil {
		return fmt.Errorf("putting chunks: %w", err)
	}
	points := make([]point, len(chunks))
	for i := range chunks {
		c := &chunks[i]
		if i > 0 && same(c.Attributes, chunks[i-1].Attributes) { // as a document's are
			points[i] = storedWith(c, points[i-1].attributes)
			continue
		}
		p, err := stored(c)
		if err != nil {
			return fmt.Errorf("putting chunks: %w: chunk %s: %w", index.ErrInvalid, c.ID, err)
		}
		points[i] = p
	}
	if len(points) == 0 {
		return nil
	}
	var gone []int64
	err := x.do(ctx, &change{
		tenant: tenant,
		disk:   func(tx *sql.Tx) (err error) { gone, err = x.replace(tx, tenant, points); return err },
		memory: func(t *corpus) error { return t.renew(points, gone) },
	})
	if err != nil {
		return fmt.Errorf("putting chunks: %w", err)
	}
	return nil
}

// replace writes points under new rows and returns those they replace.
func (x *Index) replace(tx *sql.Tx, tenant string, points []point) (gone []int64, err error) {
	put, err := tx.Prepare(putSQL)
	if err != nil {
		return nil, err
	}
	defer put.Close()
	old, err := tx.Prepare(removeSQL)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	for i := range points {
		p := &points[i]
		rows, err := old.Query(tenant, p.id)
		if err != nil {
			return nil, err
		}
		pks, err := keys(rows)
		if err != nil {
			return nil, err
		}
		gone = append(gone, pks...)
		x.row++
		p.pk = x.row
		if _, err := put.Exec(p.pk, tenant, p.id, p.document, p.version, p.ordinal, p.receipt, p.attributes, p.terms, encodeVector(p.vector)); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// renew puts points into memory and buries the rows they replace, which may be
// among them.
func (t *corpus) renew(points []point, gone []int64) error {
	if err := t.put(points); err != nil {
		return err
	}
	t.bury(gone)
	return nil
}

func stored(c *index.Chunk) (point, error) {
	a, err := encodeAttributes(c.Attributes)
	if err != nil {
		return point{}, err
	}
	if _, err := decodeAttributes(a); err != nil {
		return point{}, err
	}
	return storedWith(c, a), nil
}

// storedWith is a chunk's stored form, its attributes encoded already.
func storedWith(c *index.Chunk, attributes string) point {
	return point{
		id: c.ID, document: c.Document, version: c.Version, receipt: c.Receipt, ordinal: c.Ordinal,
		attributes: attributes, terms: encodeTerms(c.Terms), vector: c.Vector,
	}
}

// same reports whether two sets of attributes are one map.
func same(a, b policy.Attributes) bool {
	return a != nil && reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// Retire removes the chunks of one version, or with version "" of the whole
// document. Their bytes are overwritten in the database file; copies in the
// write-ahead log go with the next checkpoint and those in a segment when it is
// written anew, see [Index.Purge].
func (x *Index) Retire(ctx context.Context, tenant, document, version string) error {
	if tenant == "" {
		return fmt.Errorf("retiring: %w", index.ErrNoTenant)
	}
	if document == "" {
		return fmt.Errorf("retiring: %w: no document named", index.ErrInvalid)
	}
	var gone []int64
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) (err error) {
			gone, err = remove(tx, "DELETE FROM points WHERE tenant = ? AND document = ? AND (? = '' OR version = ?) RETURNING pk", tenant, document, version, version)
			return err
		},
		memory: func(t *corpus) error { t.bury(gone); return nil },
	})
	if err != nil {
		return fmt.Errorf("retiring: %w", err)
	}
	return nil
}

// SetAttributes replaces the attributes and receipt hash of all of a document's
// chunks.
func (x *Index) SetAttributes(ctx context.Context, tenant, name string, attrs policy.Attributes, receipt string) error {
	if tenant == "" {
		return fmt.Errorf("setting attributes: %w", index.ErrNoTenant)
	}
	if name == "" {
		return fmt.Errorf("setting attributes: %w: no document named", index.ErrInvalid)
	}
	p, err := stored(&index.Chunk{Attributes: attrs})
	if err != nil {
		return fmt.Errorf("setting attributes: %w: %w", index.ErrInvalid, err)
	}
	var points []point
	var gone []int64
	err = x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) (err error) {
			if points, err = pointsOf(tx, tenant, name); err != nil {
				return err
			}
			for i := range points {
				points[i].attributes, points[i].receipt = p.attributes, receipt
			}
			gone, err = x.replace(tx, tenant, points)
			return err
		},
		memory: func(t *corpus) error { return t.renew(points, gone) },
	})
	if err != nil {
		return fmt.Errorf("setting attributes: %w", err)
	}
	return nil
}

// pointsOf reads the points of a document.
func pointsOf(tx *sql.Tx, tenant, name string) (out []point, err error) {
	rows, err := tx.Query("SELECT "+pointColumns+" FROM points WHERE tenant = ? AND document = ? ORDER BY pk", tenant, name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		p, err := scanPoint(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// Statistics returns the tenant's term statistics in force.
func (x *Index) Statistics(ctx context.Context, tenant string) (*embed.Statistics, error) {
	if tenant == "" {
		return nil, fmt.Errorf("reading statistics: %w", index.ErrNoTenant)
	}
	if err := x.ready(ctx); err != nil {
		return nil, fmt.Errorf("reading statistics: %w", err)
	}
	t := x.corpus(tenant)
	if t == nil {
		return &embed.Statistics{}, nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.statistics, nil
}

func (x *Index) tally(tenant string) (st *embed.Statistics, err error) {
	t := x.corpusOrNew(tenant)
	t.mu.RLock()
	defer t.mu.RUnlock()
	defer x.damaged(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return t.tally(x.pins.Analysis, t.statistics.Epoch+1), nil
}

// DeclareEpoch counts the tenant's terms anew. It takes some 5 ns a posting.
func (x *Index) DeclareEpoch(ctx context.Context, tenant string) (*embed.Statistics, error) {
	if tenant == "" {
		return nil, fmt.Errorf("declaring an epoch: %w", index.ErrNoTenant)
	}
	var st *embed.Statistics
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) (err error) {
			if st, err = x.tally(tenant); err != nil {
				return err
			}
			b, err := st.MarshalBinary()
			if err != nil {
				return err
			}
			_, err = tx.Exec("INSERT INTO epochs VALUES (?, ?) ON CONFLICT DO UPDATE SET statistics = excluded.statistics", tenant, b)
			return err
		},
		memory: func(t *corpus) error { t.statistics = st; return nil },
	})
	if err != nil {
		return nil, fmt.Errorf("declaring an epoch: %w", err)
	}
	return st, nil
}
