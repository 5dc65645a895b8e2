package queue

import (
	"context"
	"errors"
	"sync"
)

// counts are chunks added since the term statistics were looked at, by tenant.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) add(tenant string, chunks int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[tenant] += chunks
}

// take returns and forgets the counts of at least least.
func (c *counts) take(least int) map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for t, n := range c.n {
		if n >= least {
			out[t] = n
			delete(c.n, t)
		}
	}
	return out
}

// renew declares term statistics anew where this worker added much, or where
// nothing is waiting any more.
func (w *worker) renew(ctx context.Context, last bool) error {
	least := 20_000
	if last || w.idle(ctx) {
		least = 1
	}
	var errs []error
	for tenant, n := range w.added.take(least) {
		_, err := w.q.DB.Exclusively(ctx, "statistics", func() error { return w.q.Pipeline.RenewStatistics(ctx, tenant, n) })
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// idle: no batch is waiting.
func (w *worker) idle(ctx context.Context) bool {
	var waiting bool
	err := w.q.DB.Pool.QueryRow(ctx, `select exists (select from river_job where queue = $1 and state in ('available', 'running'))`, queueName).Scan(&waiting)
	return err == nil && !waiting
}
