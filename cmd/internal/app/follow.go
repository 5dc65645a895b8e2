package app

import (
	"context"
	"errors"
	"time"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/source"
	"github.com/doorward/doorward/policy/audit"
)

// followEvery is how often a directory is walked whatever the system reports.
const followEvery = time.Minute

// Ingest reads one source once.
func (a *App) Ingest(ctx context.Context, s configs.Source, o ingest.Options) (ingest.Report, error) {
	return a.prune(ctx, s, o, a.run, nil)
}

// Enqueue reads one source once, puts what changed in the queue and leaves the
// rest to workers.
func (a *App) Enqueue(ctx context.Context, s configs.Source, o ingest.Options) (ingest.Report, error) {
	return a.prune(ctx, s, o, a.enqueue, nil)
}

// Plan says what Ingest would do.
func (a *App) Plan(ctx context.Context, s configs.Source, o ingest.Options) (ingest.Report, error) {
	return a.read(ctx, s, o, a.Pipeline.Plan)
}

func (a *App) read(ctx context.Context, s configs.Source, o ingest.Options, do func(context.Context, ingest.Source, ingest.Options) (ingest.Report, error)) (ingest.Report, error) {
	src, err := OpenSource(ctx, s)
	if err != nil {
		return ingest.Report{}, err
	}
	defer src.Close()
	done, err := a.reading(ctx, s.Name)
	if err != nil {
		return ingest.Report{}, err
	}
	defer done()
	o.Tenant = a.tenantOf(s)
	o.Settings = SourceSettings(s)
	// Without a column for deletions a query tells them only by leaving rows out.
	o.Full = o.Full || o.Prune && s.Type == "sql" && s.SQL.Deleted == ""
	return do(ctx, src.Source, o)
}

// prune reads one source, and raises an alarm when it was to retire more than is
// likely. Who reads it again and again passes what was missing the last time, so that
// each number raises one alarm.
func (a *App) prune(ctx context.Context, s configs.Source, o ingest.Options, do func(context.Context, ingest.Source, ingest.Options) (ingest.Report, error), last *int) (ingest.Report, error) {
	r, err := a.read(ctx, s, o, do)
	missing := 0
	var unlikely *ingest.PruneError
	if errors.As(err, &unlikely) {
		missing = unlikely.Gone
	}
	if err == nil || missing > 0 {
		a.Metrics.Missing(s.Name, missing)
	}
	if missing > 0 && (last == nil || *last != missing) {
		e := audit.Entry{Event: "alarm", Outcome: "vanished", Tenant: a.tenantOf(s), Subject: o.Submitter, Counts: map[string]int{"gone": missing, "known": unlikely.Known},
			Reason: "source " + s.Name + ": so many are gone that none was retired"}
		if failed := a.Audit.Append(ctx, e); failed != nil {
			return r, errors.Join(err, failed)
		}
	}
	if last != nil && (err == nil || missing > 0) {
		*last = missing
	}
	return r, err
}

// reading waits until nobody else in this process reads the source: two readings
// at once would only judge everything twice.
func (a *App) reading(ctx context.Context, name string) (done func(), err error) {
	c, _ := a.readers.LoadOrStore(name, make(chan struct{}, 1))
	turn := c.(chan struct{})
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *App) tenantOf(s configs.Source) string {
	if s.Tenant != "" {
		return s.Tenant
	}
	return a.Config.Tenant
}

// Follow reads a source again and again until the context ends: a directory when
// the system reports a change, and every source at its interval. What vanished is
// retired, unless it is too much (an [ingest.PruneError]): then more likely the store
// is not there, which raises an alarm. done is called after each reading; an error of a reading is not the end.
func (a *App) Follow(ctx context.Context, s configs.Source, o ingest.Options, done func(ingest.Report, error)) error {
	o.Prune = true
	missing := 0
	turn := func() error {
		r, err := a.prune(ctx, s, o, a.run, &missing)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		done(r, err)
		return nil
	}
	every := s.Every
	if every == 0 {
		every = followEvery
	}
	if s.Type == "directory" {
		return source.Notify(ctx, s.Path, source.WatchConfig{Poll: every}, turn)
	}
	for {
		if err := turn(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

// FollowSources follows all sources that say so, while the service runs.
func (a *App) FollowSources(ctx context.Context) {
	for _, s := range a.Config.Sources {
		if !s.Watch {
			continue
		}
		a.Metrics.Missing(s.Name, 0)
		go func() {
			err := a.Follow(ctx, s, ingest.Options{}, func(r ingest.Report, err error) {
				if err != nil {
					a.Log.ErrorContext(ctx, "a source could not be read", "source", s.Name, "error", err)
					return
				}
				if r.Changed() > 0 {
					a.Log.InfoContext(ctx, "source read", "source", s.Name, "outcomes", r.Outcomes, "milliseconds", r.Elapsed.Milliseconds())
				}
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				a.Log.ErrorContext(ctx, "a source is no longer followed", "source", s.Name, "error", err)
			}
		}()
	}
}
