package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres"
	"github.com/doorward/doorward/ingest/catalog/relational"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// worker works on batches under one lease.
type worker struct {
	river.WorkerDefaults[batchJob]
	q     *Queue
	name  string
	gate  gate
	limit *rate.Limiter // nil: none
	added counts
	room  *semaphore.Weighted // for batches; all of it for one that cost lives
}

// Work works on batches until the context ends; then it finishes what it has in
// hand, for at most half a minute. Several processes may do so at once.
func (q *Queue) Work(ctx context.Context) error {
	w := &worker{q: q, name: name(), added: counts{n: map[string]int{}}, room: semaphore.NewWeighted(int64(q.Batches))}
	if q.Rate > 0 {
		w.limit = rate.NewLimiter(rate.Limit(q.Rate), max(1, int(q.Rate)))
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, w)
	client, err := river.NewClient(riverpgxv5.New(q.DB.Pool), &river.Config{
		ID: w.name, Schema: q.DB.Schema, Logger: q.Log, Workers: workers,
		Queues:        map[string]river.QueueConfig{queueName: {MaxWorkers: q.Batches}},
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 250 * time.Millisecond,
		JobTimeout: jobTimeout, RescueStuckJobsAfter: 2 * jobTimeout, MaxAttempts: attempts,
		RetryPolicy: retries{}, SoftStopTimeout: 30 * time.Second,
	})
	if err != nil {
		return fmt.Errorf("starting worker: %w", err)
	}
	if err := q.beat(ctx, w.name); err != nil { // before the first batch is in hand
		return fmt.Errorf("starting worker: %w", err)
	}
	// The lease outlives ctx: batches in hand are still being finished.
	leased, release := context.WithCancel(context.WithoutCancel(ctx))
	group, gctx := errgroup.WithContext(leased)
	group.Go(func() error { return q.keepLease(gctx, w.name) })
	group.Go(func() error { return q.watch(gctx, w) })
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		release()
		return errors.Join(fmt.Errorf("starting worker: %w", err), group.Wait())
	}
	select {
	case <-ctx.Done():
	case <-gctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 45*time.Second)
	defer cancel()
	err = client.Stop(stop)
	release()
	if gerr := group.Wait(); !errors.Is(gerr, context.Canceled) {
		err = errors.Join(err, gerr)
	}
	renew, cancelRenew := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancelRenew()
	return errors.Join(err, w.renew(renew, true), q.leave(renew, w.name))
}

// name tells workers apart; a restarted one is another.
func name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%.40s-%d-%s", host, os.Getpid(), rand.Text()[:8])
}

// Work does one batch. Whatever it returns, it returns only while the batch is
// still this worker's, or is nobody's: River would otherwise take the answer for
// that of whoever has it now.
func (w *worker) Work(ctx context.Context, job *river.Job[batchJob]) error {
	lost, end, err := w.begin(ctx, job.ID, job.Attempt)
	if err == nil {
		err = w.suspect(ctx, job, lost)
		end()
	}
	if errors.Is(err, catalog.ErrTaken) {
		w.q.Log.WarnContext(ctx, "a batch was taken over by another worker", "batch", job.ID)
		w.untilDone(ctx, job)
		return nil
	}
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	if ctx.Err() == nil && transient(err) {
		w.q.Log.WarnContext(ctx, "a batch waits for a part that does not answer", "batch", job.ID, "error", err)
		return river.JobSnooze(w.gate.next())
	}
	if job.Attempt >= attempts {
		held := context.WithoutCancel(ctx) // it may have been out of time
		return errors.Join(err, w.hold(held, job, "error"))
	}
	return err
}

// suspect works on the batch, unless it cost so many lives that others must not be
// risked.
func (w *worker) suspect(ctx context.Context, job *river.Job[batchJob], lost int) error {
	if lost < isolateAfter {
		return w.try(ctx, job)
	}
	n, err := w.remaining(ctx, job.ID)
	switch {
	case err != nil:
		return err
	case n > 1:
		w.q.Log.WarnContext(ctx, "workers died with a batch: its documents go on one by one", "batch", job.ID, "workers", lost, "documents", n)
		return w.part(ctx, job)
	case n == 1 && lost >= ingest.HoldAfter:
		w.q.Log.WarnContext(ctx, "workers died with a document: it is held", "batch", job.ID, "workers", lost)
		return w.hold(ctx, job, ingest.WorkerDied)
	}
	return w.try(ctx, job)
}

// try works on the batch, patiently: parts that do not answer are asked again.
func (w *worker) try(ctx context.Context, job *river.Job[batchJob]) error {
	const patience = 4
	for i := 1; ; i++ {
		if err := w.gate.wait(ctx); err != nil {
			return err
		}
		err := w.batch(ctx, job)
		if err == nil {
			w.gate.good()
			return nil
		}
		if !transient(err) || i == patience || ctx.Err() != nil {
			return err
		}
		w.gate.bad()
	}
}

// transient: a part did not answer; nothing is wrong with the batch.
func transient(err error) bool {
	for _, e := range []error{catalog.ErrUnavailable, index.ErrUnavailable, embed.ErrUnavailable, audit.ErrUnavailable} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (w *worker) batch(ctx context.Context, job *river.Job[batchJob]) error {
	number := strconv.FormatInt(job.ID, 10)
	arrivals, err := w.q.Catalog.JobArrivals(ctx, number)
	if err != nil {
		return err
	}
	if w.limit != nil {
		for range arrivals {
			if err := w.limit.Wait(ctx); err != nil {
				return err
			}
		}
	}
	done := &committer{job: job, Catalog: w.q.Catalog.ForJob(number, func(ctx context.Context, tx relational.Tx) error { return holds(ctx, tx, job) })}
	judged, err := w.q.Pipeline.Judge(ctx, arrivals)
	if errors.Is(err, ingest.ErrLarge) {
		return w.part(ctx, job)
	}
	if err != nil {
		return err
	}
	defer judged.Done()
	events := judged.Events()
	for i := range events {
		events[i].Err = nil // not for storing
	}
	if err := river.RecordOutput(ctx, outcome{Events: events}); err != nil {
		return err
	}
	if err := judged.Settle(ctx, done); err != nil && !done.completed {
		return err
	} else if err != nil { // what is owed to the index is durable, and done by whoever comes next
		w.q.Log.WarnContext(ctx, "index work is left over", "error", err)
	}
	for _, e := range events {
		w.added.add(job.Args.Tenant, e.Chunks)
	}
	if done.completed {
		return nil
	}
	return w.q.DB.Update(ctx, []int64{}, func(tx relational.Tx) error { return done.complete(ctx, tx) })
}

// committer is the catalog of one batch. The transaction that makes its
// documents live also completes its job.
type committer struct {
	*relational.Catalog
	job       *river.Job[batchJob]
	completed bool
}

// Commit implements [ingest.Versions].
func (c *committer) Commit(ctx context.Context, refs []catalog.Ref) error {
	err := c.CommitWith(ctx, refs, func(tx relational.Tx) error { return c.complete(ctx, tx) })
	c.completed = err == nil
	return err
}

func (c *committer) complete(ctx context.Context, tx relational.Tx) error {
	if err := holds(ctx, tx, c.job); err != nil {
		return err
	}
	native, err := postgres.Native(ctx, tx)
	if err != nil {
		return err
	}
	_, err = river.JobCompleteTx[*riverpgxv5.Driver](ctx, native, c.job)
	return err
}

// hold gives up on a batch: its documents wait for a reviewer, unindexed.
func (w *worker) hold(ctx context.Context, job *river.Job[batchJob], reason string) error {
	number := strconv.FormatInt(job.ID, 10)
	c := w.q.Catalog.ForJob(number, func(ctx context.Context, tx relational.Tx) error { return holds(ctx, tx, job) })
	arrivals, err := c.JobArrivals(ctx, number)
	if err != nil {
		return err
	}
	u, err := w.q.Pipeline.Unread(arrivals, reason)
	if err != nil {
		return err
	}
	// In place of what was recorded when the batch was judged and could not be kept.
	if err := river.RecordOutput(ctx, outcome{Events: u.Events}); err != nil || len(arrivals) == 0 {
		return err
	}
	if err := w.q.Pipeline.Audit.Append(ctx, u.Entries...); err != nil {
		return err
	}
	return c.Hold(ctx, u.Judgements)
}

// retries is River's question of when a failed batch is tried again.
type retries struct{}

func (retries) NextRetry(job *rivertype.JobRow) time.Time {
	return time.Now().Add(backoff(len(job.Errors) + 1))
}
