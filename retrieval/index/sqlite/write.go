package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"

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
	for _, c := range live {
		c.done <- x.remember(c)
	}
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
	wasteful := t.wasteful()
	t.mu.Unlock()
	if err != nil {
		x.breakDown(fmt.Errorf("memory no longer matches the file: %w", err))
		return fmt.Errorf("%w: %w", index.ErrUnavailable, err)
	}
	if wasteful {
		x.compact(c.tenant, t)
	}
	return nil
}

// compact swaps in a copy of the tenant without dead slots. Only the writer
// calls it, so nothing changes meanwhile; a failure leaves things as they are.
func (x *Index) compact(name string, t *corpus) {
	small, err := t.compacted(func(id string) (a string, err error) {
		err = x.write.QueryRow("SELECT attributes FROM points WHERE tenant = ? AND id = ?", name, id).Scan(&a)
		return a, err
	})
	if err != nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.corpora[name] = small
}

const putSQL = `INSERT INTO points (tenant, ` + pointColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, id) DO UPDATE SET document = excluded.document, version = excluded.version,
	ordinal = excluded.ordinal, receipt = excluded.receipt, attributes = excluded.attributes,
	terms = excluded.terms, vector = excluded.vector`

// putBatch is how many chunks' postings are gathered before they are filed, about
// as many as a batch of ingest has; more would only take memory.
const putBatch = 512

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
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) error {
			st, err := tx.Prepare(putSQL)
			if err != nil {
				return err
			}
			defer st.Close()
			for _, p := range points {
				if _, err := st.Exec(tenant, p.id, p.document, p.version, p.ordinal, p.receipt, p.attributes, p.terms, encodeVector(p.vector)); err != nil {
					return err
				}
			}
			return nil
		},
		memory: func(t *corpus) error {
			for part := range slices.Chunk(points, putBatch) {
				if err := t.putAll(part, &x.filing); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("putting chunks: %w", err)
	}
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
// write-ahead log go with the next checkpoint, see [Index.Purge].
func (x *Index) Retire(ctx context.Context, tenant, document, version string) error {
	if tenant == "" {
		return fmt.Errorf("retiring: %w", index.ErrNoTenant)
	}
	if document == "" {
		return fmt.Errorf("retiring: %w: no document named", index.ErrInvalid)
	}
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) error {
			_, err := tx.Exec("DELETE FROM points WHERE tenant = ? AND document = ? AND (? = '' OR version = ?)", tenant, document, version, version)
			return err
		},
		memory: func(t *corpus) error { t.retire(document, version); return nil },
	})
	if err != nil {
		return fmt.Errorf("retiring: %w", err)
	}
	return nil
}

// SetAttributes replaces the attributes and receipt hash of all of a document's
// chunks.
func (x *Index) SetAttributes(ctx context.Context, tenant, document string, attrs policy.Attributes, receipt string) error {
	if tenant == "" {
		return fmt.Errorf("setting attributes: %w", index.ErrNoTenant)
	}
	if document == "" {
		return fmt.Errorf("setting attributes: %w: no document named", index.ErrInvalid)
	}
	p, err := stored(&index.Chunk{Attributes: attrs})
	if err != nil {
		return fmt.Errorf("setting attributes: %w: %w", index.ErrInvalid, err)
	}
	err = x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) error {
			_, err := tx.Exec("UPDATE points SET attributes = ?, receipt = ? WHERE tenant = ? AND document = ?", p.attributes, receipt, tenant, document)
			return err
		},
		memory: func(t *corpus) error { return t.setAttributes(document, p.attributes, receipt) },
	})
	if err != nil {
		return fmt.Errorf("setting attributes: %w", err)
	}
	return nil
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

// DeclareEpoch counts the tenant's terms anew. It takes about 5 ns a posting.
func (x *Index) DeclareEpoch(ctx context.Context, tenant string) (*embed.Statistics, error) {
	if tenant == "" {
		return nil, fmt.Errorf("declaring an epoch: %w", index.ErrNoTenant)
	}
	var st *embed.Statistics
	err := x.do(ctx, &change{
		tenant: tenant,
		disk: func(tx *sql.Tx) error {
			t := x.corpusOrNew(tenant)
			t.mu.RLock()
			st = t.tally(x.pins.Analysis).Statistics(t.statistics.Epoch + 1)
			t.mu.RUnlock()
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
