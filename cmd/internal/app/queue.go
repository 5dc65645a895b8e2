package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/queue"
)

// openQueue opens the queue of a catalog that several machines share. A process
// that uses PostgreSQL alone, with an index of its own, has none.
func (a *App) openQueue(ctx context.Context) (err error) {
	if a.Postgres == nil || a.Config.Index.Type == "sqlite" {
		return nil
	}
	q := a.Config.Queue
	a.Queue, err = queue.Open(ctx, queue.Config{DB: a.Postgres, Catalog: a.Catalog, Pipeline: a.Pipeline,
		Waiting: q.Waiting, Batches: q.Batches, Rate: q.Rate, Lease: q.Lease, Log: a.Log})
	return err
}

// Work works on what other processes put in the queue, until the context ends.
func (a *App) Work(ctx context.Context) error {
	if a.Queue == nil {
		return fmt.Errorf("working: %w: workers need catalog.type: postgres and index.type: qdrant, which they share; here is %s and %s",
			ErrShared, a.Config.Catalog.Type, a.Config.Index.Type)
	}
	if a.Follower != nil {
		go a.Follower.Run(ctx)
	}
	return canceled(a.Queue.Work(ctx))
}

// enqueue reads a source into the queue and leaves the rest to others.
func (a *App) enqueue(ctx context.Context, src ingest.Source, o ingest.Options) (ingest.Report, error) {
	if a.Queue == nil {
		return ingest.Report{}, fmt.Errorf("queueing: %w: that needs catalog.type: postgres and index.type: qdrant", ErrShared)
	}
	o.Queue = func(ctx context.Context, arrivals []catalog.Arrival) error {
		_, err := a.Queue.Put(ctx, arrivals)
		return err
	}
	return a.Pipeline.Run(ctx, src, o)
}

// run ingests a source. Where a queue is shared it puts the documents there,
// works on them beside whoever else does, and returns when they are done.
func (a *App) run(ctx context.Context, src ingest.Source, o ingest.Options) (ingest.Report, error) {
	if a.Queue == nil {
		return a.Pipeline.Run(ctx, src, o)
	}
	var mu sync.Mutex // of the reader and of those who wait
	progress := func(e ingest.Event) {
		if o.Progress != nil && e.Outcome != ingest.Queued {
			mu.Lock()
			defer mu.Unlock()
			o.Progress(e)
		}
	}
	started := a.now()
	var report, done ingest.Report
	batches := make(chan int64)
	group, gctx := errgroup.WithContext(ctx)
	work, finish := context.WithCancel(gctx)
	defer finish()
	var begin sync.Once // there may be nothing to work on
	reading := o
	reading.Progress = progress
	reading.Queue = func(ctx context.Context, arrivals []catalog.Arrival) error {
		begin.Do(func() {
			group.Go(func() error { return canceled(a.Queue.Work(work)) })
		})
		ids, err := a.Queue.Put(ctx, arrivals)
		for _, id := range ids {
			select {
			case batches <- id:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return err
	}
	group.Go(func() (err error) {
		defer close(batches)
		report, err = a.Pipeline.Run(gctx, src, reading)
		return err
	})
	group.Go(func() error {
		defer finish()
		return a.Queue.Wait(gctx, batches, func(e ingest.Event) { done.Add(e); progress(e) })
	})
	err := group.Wait()
	return merge(report, done, a.now().Sub(started)), err
}

// canceled forgives that a context ended as it should.
func canceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// merge replaces what a report says was queued by what became of it.
func merge(report, done ingest.Report, elapsed time.Duration) ingest.Report {
	delete(report.Outcomes, ingest.Queued)
	for outcome, n := range done.Outcomes {
		if report.Outcomes == nil {
			report.Outcomes = map[ingest.Outcome]int{}
		}
		report.Outcomes[outcome] += n
	}
	report.Chunks += done.Chunks
	report.Elapsed = elapsed
	return report
}
