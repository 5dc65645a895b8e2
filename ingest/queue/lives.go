package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
)

// A document that ends the process that works on it would end one worker after the
// other, for ever, and take the rest of its batch with it. So a worker notes
// durably which batches it has begun before it begins, and strikes that out
// afterwards, however it ended; a note of a worker that is gone is a life lost. A
// batch that cost lives is worked on alone, so that others in hand at the same time
// are not suspected with it; one that cost several is taken apart into its
// documents; and a document that goes on costing lives is held, as one is that ends
// one process after the other where there are no workers (ingest.HoldAfter).
const isolateAfter = 3 // lives lost with a batch

// Each life of a batch has a note of its own, by worker and attempt: a worker whose
// heartbeat was late may take over its own batch, and what it does then must not be
// struck out when it leaves off the attempt before. A worker that is gone is one life
// lost, however many notes it left.
func life(worker string, attempt int) string { return fmt.Sprintf("%s/%d", worker, attempt) }

// whose is the worker of a note; notes of before had no attempt.
const whose = `split_part(l.worker, '/', 1)`

const livesTable = `create table if not exists ingest_lives (job bigint not null, worker text not null, primary key (job, worker))`

// lost counts the lives a batch has cost.
func (w *worker) lost(ctx context.Context, job int64) (n int, err error) {
	err = w.q.DB.Pool.QueryRow(ctx, `select count(distinct `+whose+`) from ingest_lives l where job = $1 and `+whose+` <> $2 and not exists (
		select from ingest_workers i where i.id = `+whose+` and i.seen > clock_timestamp() - $3::interval)`, job, w.name, w.q.Lease).Scan(&n)
	if err != nil {
		err = fmt.Errorf("counting what a batch has cost: %w: %w", catalog.ErrUnavailable, err)
	}
	return n, err
}

// begin notes that this worker has begun a batch, once it has room: a batch that
// cost lives waits until nothing else is in hand. end must be called.
func (w *worker) begin(ctx context.Context, job int64, attempt int) (lost int, end func(), err error) {
	note := life(w.name, attempt)
	if lost, err = w.lost(ctx, job); err != nil {
		return 0, nil, err
	}
	room := int64(1)
	if lost > 0 {
		room = int64(w.q.Batches)
	}
	if err := w.room.Acquire(ctx, room); err != nil {
		return 0, nil, err
	}
	if _, err := w.q.DB.Pool.Exec(ctx, `insert into ingest_lives (job, worker) values ($1, $2) on conflict do nothing`, job, note); err != nil {
		w.room.Release(room)
		return 0, nil, fmt.Errorf("beginning a batch: %w: %w", catalog.ErrUnavailable, err)
	}
	return lost, func() {
		defer w.room.Release(room)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		// What stays is struck out when this worker leaves.
		if _, err := w.q.DB.Pool.Exec(ctx, `delete from ingest_lives where job = $1 and worker = $2`, job, note); err != nil {
			w.q.Log.WarnContext(ctx, "cannot strike out a batch that has ended", "batch", job, "error", err)
		}
	}, nil
}

// remaining is how many documents of a batch are still to be judged.
func (w *worker) remaining(ctx context.Context, job int64) (n int, err error) {
	err = w.q.DB.Pool.QueryRow(ctx, `select count(*) from arrivals where job = $1 and state = 'received'`, strconv.FormatInt(job, 10)).Scan(&n)
	if err != nil {
		err = fmt.Errorf("counting a batch: %w: %w", catalog.ErrUnavailable, err)
	}
	return n, err
}

// part makes every document of a batch a batch of its own, and ends this one.
func (w *worker) part(ctx context.Context, job *river.Job[batchJob]) error {
	return w.q.DB.Update(ctx, []int64{}, func(tx relational.Tx) error {
		if err := holds(ctx, tx, job); err != nil {
			return err
		}
		native, err := postgres.Native(ctx, tx)
		if err != nil {
			return err
		}
		number := strconv.FormatInt(job.ID, 10)
		rows, err := native.Query(ctx, `select id from arrivals where tenant = $1 and job = $2 and state = 'received' order by id`, job.Args.Tenant, number)
		if err != nil {
			return err
		}
		documents, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		var o outcome
		for _, id := range documents {
			part, err := w.q.insert(ctx, tx, batchJob{Tenant: job.Args.Tenant, Documents: 1})
			if err != nil {
				return err
			}
			if _, err := native.Exec(ctx, `update arrivals set job = $1 where tenant = $2 and id = $3 and job = $4 and state = 'received'`,
				strconv.FormatInt(part, 10), job.Args.Tenant, id, number); err != nil {
				return err
			}
			o.Parts = append(o.Parts, part)
		}
		if err := river.RecordOutput(ctx, o); err != nil {
			return err
		}
		return (&committer{job: job}).complete(ctx, tx)
	})
}

// forget drops the notes of batches that have ended: of workers that died of them.
func (q *Queue) forget(ctx context.Context) error {
	_, err := q.DB.Pool.Exec(ctx, `delete from ingest_lives l where not exists (
		select from river_job j where j.id = l.job and j.state not in ('completed', 'cancelled', 'discarded'))`)
	return err
}
