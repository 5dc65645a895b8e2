package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
)

// River itself learns of a dead worker only after minutes. So every worker says
// each second that it is there; when it has not for as long as a lease, its
// batches are given to others. Each taking counts the job's attempts up, and a
// transaction of the one before then finds that it holds nothing any more.

// beat says that a worker is there.
func (q *Queue) beat(ctx context.Context, name string) error {
	_, err := q.DB.Pool.Exec(ctx, `insert into ingest_workers (id, seen) values ($1, clock_timestamp())
		on conflict (id) do update set seen = excluded.seen`, name)
	return err
}

func (q *Queue) leave(ctx context.Context, name string) error {
	if _, err := q.DB.Pool.Exec(ctx, `delete from ingest_lives l where `+whose+` = $1`, name); err != nil {
		return err
	}
	_, err := q.DB.Pool.Exec(ctx, `delete from ingest_workers where id = $1 or seen < clock_timestamp() - interval '1 day'`, name)
	return err
}

// keepLease beats until the context ends. A beat that fails is tried again: if
// none gets through, others take over, and what is done here has no effect.
func (q *Queue) keepLease(ctx context.Context, name string) error {
	for {
		if err := pause(ctx, q.Lease/5); err != nil {
			return err
		}
		bounded, cancel := context.WithTimeout(ctx, q.Lease)
		if err := q.beat(bounded, name); err != nil && ctx.Err() == nil {
			q.Log.WarnContext(ctx, "cannot renew this worker's lease", "error", err)
		}
		cancel()
	}
}

// holds is the condition of every transaction of a batch: its job is running and
// this is still the attempt that does. The row stays locked, so that nobody
// takes the batch over in between.
func holds(ctx context.Context, tx relational.Tx, job *river.Job[batchJob]) error {
	native, err := postgres.Native(ctx, tx)
	if err != nil {
		return err
	}
	var attempt int
	err = native.QueryRow(ctx, `select attempt from river_job where id = $1 and state = 'running' for update`, job.ID).Scan(&attempt)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && attempt != job.Attempt {
		return catalog.ErrTaken
	}
	return err
}

// untilDone waits while another works on a batch that was ours.
func (w *worker) untilDone(ctx context.Context, job *river.Job[batchJob]) {
	for {
		var running bool
		err := w.q.DB.Pool.QueryRow(ctx, `select exists (select from river_job where id = $1 and state not in ('completed', 'cancelled', 'discarded'))`, job.ID).Scan(&running)
		if err == nil && !running || pause(ctx, time.Second) != nil {
			return
		}
	}
}

// takeOver gives the batches of workers that are not heard from to the others.
func (q *Queue) takeOver(ctx context.Context) error {
	tag, err := q.DB.Pool.Exec(ctx, `update river_job j set state = 'available', scheduled_at = clock_timestamp()
		where state = 'running' and queue = $1 and not exists (select from ingest_workers w
			where w.id = j.attempted_by[array_upper(j.attempted_by, 1)] and w.seen > clock_timestamp() - $2::interval)`, queueName, q.Lease)
	if err != nil {
		return err
	}
	if n := tag.RowsAffected(); n > 0 {
		q.Log.WarnContext(ctx, "took over batches of a worker that is gone", "batches", n)
	}
	return nil
}

// watch looks after what others leave, until the context ends.
func (q *Queue) watch(ctx context.Context, w *worker) error {
	var last map[catalog.Ref]bool
	for n := 0; ; n++ {
		if err := pause(ctx, min(time.Second, q.Lease/5)); err != nil {
			return err
		}
		err := q.takeOver(ctx)
		if err == nil && n%5 == 0 {
			err = errors.Join(q.Pipeline.Owed(ctx), w.renew(ctx, false))
		}
		if err == nil && n%30 == 29 {
			last, err = q.Sweep(ctx, last)
		}
		if err != nil && ctx.Err() == nil {
			q.Log.WarnContext(ctx, "looking after the queue", "error", err)
		}
	}
}

// Sweep finds what belongs to nobody: arrivals that were received a minute ago
// and are in no batch that will be worked on, which it puts in the queue; and
// stored versions that were already there at the last sweep, at least half a
// minute ago, and are in no such batch, which it publishes. Give it what it
// returned last time.
func (q *Queue) Sweep(ctx context.Context, last map[catalog.Ref]bool) (found map[catalog.Ref]bool, err error) {
	_, err = q.DB.Exclusively(ctx, "sweep", func() error {
		if err := q.adopt(ctx); err != nil {
			return fmt.Errorf("adopting documents: %w", err)
		}
		if err := q.forget(ctx); err != nil {
			return err
		}
		found, err = q.orphans(ctx)
		if err != nil {
			return err
		}
		for r := range found {
			if !last[r] {
				continue
			}
			v, err := q.Catalog.Version(ctx, r)
			if errors.Is(err, catalog.ErrNotFound) {
				continue
			}
			if err == nil {
				err = q.Pipeline.Finish(ctx, v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// unfinished is true of a batch that will still be worked on.
const unfinished = `exists (select from river_job j where j.id::text = a.job and j.state not in ('completed', 'cancelled', 'discarded'))`

// adopt puts received documents that are in no batch into one.
func (q *Queue) adopt(ctx context.Context) error {
	return q.DB.Update(ctx, nil, func(tx relational.Tx) error {
		native, err := postgres.Native(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := native.Query(ctx, `select tenant, array_agg(id) from (select tenant, id from arrivals a
			where state = 'received' and received < extract(epoch from clock_timestamp()) - 60 and not `+unfinished+` limit 64) x group by tenant`)
		if err != nil {
			return err
		}
		type group struct {
			Tenant string
			IDs    []string
		}
		groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[group])
		if err != nil {
			return err
		}
		for _, g := range groups {
			id, err := q.insert(ctx, tx, batchJob{Tenant: g.Tenant, Documents: len(g.IDs)})
			if err != nil {
				return err
			}
			if _, err := native.Exec(ctx, `update arrivals set job = $1 where tenant = $2 and id = any($3) and state = 'received'`, strconv.FormatInt(id, 10), g.Tenant, g.IDs); err != nil {
				return err
			}
		}
		return nil
	})
}

// orphans are stored versions of documents in no batch that will be worked on.
func (q *Queue) orphans(ctx context.Context) (map[catalog.Ref]bool, error) {
	rows, err := q.DB.Pool.Query(ctx, `select v.tenant, v.document, v.version from versions v where v.state = $1 and not exists (
		select from arrivals a where a.tenant = v.tenant and a.id = v.document and a.state = $2)`, string(catalog.Intent), string(catalog.Received))
	if err != nil {
		return nil, err
	}
	refs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[catalog.Ref])
	found := map[catalog.Ref]bool{}
	for _, r := range refs {
		found[r] = true
	}
	return found, err
}
