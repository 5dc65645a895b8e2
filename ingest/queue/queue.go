// Package queue shares ingest between processes: batches of received documents
// are jobs in River, on the PostgreSQL that holds the catalog. A batch is put in
// the queue by the transaction that makes its documents durable, and is done by
// the transaction that makes them live; in between it belongs to whoever holds
// its lease, and only they can change its documents.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
)

// Config is what a queue needs.
type Config struct {
	DB       *postgres.DB        // required
	Catalog  *relational.Catalog // over DB; required
	Pipeline *ingest.Pipeline    // over Catalog; required
	// Waiting bounds the batches in the queue; whoever puts more waits. 0 means 256.
	Waiting int
	// Batches is how many batches a worker has in hand at once: while one is
	// judged another is written. 0 means 2.
	Batches int
	// Rate bounds a worker's documents per second; 0 is no bound.
	Rate float64
	// Lease is how long a worker that is not heard from keeps its batches. 0
	// means 5 seconds.
	Lease time.Duration
	Log   *slog.Logger // nil discards
}

// Queue puts batches in and waits for them; [Queue.Work] works on them.
type Queue struct {
	Config
	client *river.Client[pgx.Tx] // inserts only
}

const (
	queueName = "ingest"
	// attempts at a batch before its documents are held for a reviewer.
	attempts = 8
	// jobTimeout is for one batch, waiting for embedder and index included.
	jobTimeout = 10 * time.Minute
)

// batchJob names a batch; its documents are those that carry its number.
type batchJob struct {
	Tenant    string `json:"tenant"`
	Documents int    `json:"documents"`
}

func (batchJob) Kind() string { return "ingest.batch" }

// Open makes the queue's tables when they are missing.
func Open(ctx context.Context, c Config) (*Queue, error) {
	if c.DB == nil || c.Catalog == nil || c.Pipeline == nil {
		return nil, errors.New("opening queue: DB, Catalog and Pipeline are all needed")
	}
	for _, d := range []struct {
		at *int
		is int
	}{{&c.Waiting, 256}, {&c.Batches, 2}} {
		if *d.at <= 0 {
			*d.at = d.is
		}
	}
	if c.Lease <= 0 {
		c.Lease = 5 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{Config: c}
	if err := q.migrate(ctx); err != nil {
		return nil, fmt.Errorf("opening queue: %w", err)
	}
	var err error
	q.client, err = river.NewClient(riverpgxv5.New(c.DB.Pool), &river.Config{Schema: c.DB.Schema, Logger: slog.New(slog.DiscardHandler), MaxAttempts: attempts})
	if err != nil {
		return nil, fmt.Errorf("opening queue: %w", err)
	}
	return q, nil
}

// migrate makes River's tables and the table of leases, one process at a time.
func (q *Queue) migrate(ctx context.Context) error {
	for {
		ran, err := q.DB.Exclusively(ctx, "queue schema", func() error {
			m, err := rivermigrate.New(riverpgxv5.New(q.DB.Pool), &rivermigrate.Config{Schema: q.DB.Schema, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				return err
			}
			if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
				return err
			}
			for _, table := range []string{`create table if not exists ingest_workers (id text primary key, seen timestamptz not null)`, livesTable} {
				if _, err := q.DB.Pool.Exec(ctx, table); err != nil {
					return err
				}
			}
			return nil
		})
		if ran || err != nil {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// Put makes arrivals durable and puts them in the queue, in one transaction,
// one batch for each tenant. It waits while the queue is full.
func (q *Queue) Put(ctx context.Context, arrivals []catalog.Arrival) ([]int64, error) {
	if err := q.room(ctx); err != nil {
		return nil, err
	}
	byTenant := map[string][]catalog.Arrival{}
	for _, a := range arrivals {
		byTenant[a.Tenant] = append(byTenant[a.Tenant], a)
	}
	var ids []int64
	for tenant, batch := range byTenant {
		var id int64
		err := q.Catalog.ReceiveJob(ctx, batch, func(tx relational.Tx) (_ string, err error) {
			id, err = q.insert(ctx, tx, batchJob{Tenant: tenant, Documents: len(batch)})
			return strconv.FormatInt(id, 10), err
		})
		if err != nil {
			return ids, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (q *Queue) insert(ctx context.Context, tx relational.Tx, job batchJob) (int64, error) {
	native, err := postgres.Native(ctx, tx)
	if err != nil {
		return 0, err
	}
	r, err := q.client.InsertTx(ctx, native, job, &river.InsertOpts{Queue: queueName})
	if err != nil {
		return 0, err
	}
	return r.Job.ID, nil
}

// room waits until fewer batches wait than may.
func (q *Queue) room(ctx context.Context) error {
	for {
		var waiting int
		err := q.DB.Pool.QueryRow(ctx, `select count(*) from river_job where state in ('available', 'running', 'retryable', 'scheduled')`).Scan(&waiting)
		if err != nil {
			return fmt.Errorf("queueing documents: %w: %w", catalog.ErrUnavailable, err)
		}
		if waiting < q.Waiting {
			return nil
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

// Wait calls yield with what became of the documents of batches, batch by batch
// as they are done, until the channel is closed and all of them are.
func (q *Queue) Wait(ctx context.Context, batches <-chan int64, yield func(ingest.Event)) error {
	open := map[int64]bool{}
	for batches != nil || len(open) > 0 {
		select {
		case id, more := <-batches:
			if !more {
				batches = nil
				break
			}
			open[id] = true
			continue
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		if len(open) == 0 {
			continue
		}
		done, err := q.finished(ctx, open)
		if err != nil {
			return err
		}
		for id, o := range done {
			delete(open, id)
			for _, part := range o.Parts {
				open[part] = true
			}
			for _, e := range o.Events {
				yield(e)
			}
		}
	}
	return nil
}

// outcome is what a finished job says of its documents: names and rules, no text.
type outcome struct {
	Events []ingest.Event `json:"events"`
	Parts  []int64        `json:"parts,omitempty"` // batches that go on with its documents
}

func (q *Queue) finished(ctx context.Context, open map[int64]bool) (map[int64]outcome, error) {
	ids := make([]int64, 0, len(open))
	for id := range open {
		ids = append(ids, id)
	}
	rows, err := q.DB.Pool.Query(ctx, `select id, coalesce(metadata -> 'output', '{}')::text from river_job
		where id = any($1) and state in ('completed', 'cancelled', 'discarded')
		union all select id, '{}' from unnest($1::bigint[]) id where not exists (select from river_job j where j.id = id.id)`, ids)
	if err != nil {
		return nil, fmt.Errorf("waiting for batches: %w: %w", catalog.ErrUnavailable, err)
	}
	defer rows.Close()
	done := map[int64]outcome{}
	for rows.Next() {
		var id int64
		var text string
		var o outcome
		if err := rows.Scan(&id, &text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			return nil, fmt.Errorf("reading a batch's outcome: %w", err)
		}
		done[id] = o
	}
	return done, rows.Err()
}

// pause waits, or until the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
