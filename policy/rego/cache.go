package rego

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"

	"github.com/doorward/doorward/policy"
)

// planCache keeps the filters of one snapshot: a new snapshot starts with an
// empty one, so nothing outlives the policy it was made from. Entries leave in
// the order of their last use. Concurrent requests for one key wait for one
// plan. Errors are not kept.
type planCache struct {
	capacity int
	mu       sync.Mutex
	entries  map[string]*list.Element
	recent   *list.List // front: last used
	flights  map[string]*flight
}

type cached struct {
	key    string
	filter policy.Filter
}

type flight struct {
	done   chan struct{}
	filter policy.Filter
	err    error
	ok     bool // planned without error or panic
}

func newPlanCache(capacity int) *planCache {
	if capacity == 0 {
		capacity = 4096
	}
	return &planCache{capacity: capacity, entries: map[string]*list.Element{}, recent: list.New(), flights: map[string]*flight{}}
}

func (c *planCache) get(ctx context.Context, key string, plan func(context.Context) (policy.Filter, error), hits *atomic.Int64) (policy.Filter, error) {
	if c.capacity < 0 {
		return plan(ctx)
	}
	c.mu.Lock()
	if el := c.entries[key]; el != nil {
		c.recent.MoveToFront(el)
		f := el.Value.(*cached).filter
		c.mu.Unlock()
		hits.Add(1)
		return f, nil
	}
	if fl := c.flights[key]; fl != nil {
		c.mu.Unlock()
		select {
		case <-fl.done:
		case <-ctx.Done():
			return policy.Filter{}, context.Cause(ctx)
		}
		if fl.ok {
			hits.Add(1)
			return fl.filter, nil
		}
		return plan(ctx) // the other's failure may have been its own deadline
	}
	fl := &flight{done: make(chan struct{})}
	c.flights[key] = fl
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.flights, key)
		if fl.ok {
			c.put(key, fl.filter)
		}
		c.mu.Unlock()
		close(fl.done)
	}()
	fl.filter, fl.err = plan(ctx)
	fl.ok = fl.err == nil
	return fl.filter, fl.err
}

func (c *planCache) put(key string, f policy.Filter) {
	c.entries[key] = c.recent.PushFront(&cached{key, f})
	for c.recent.Len() > c.capacity {
		oldest := c.recent.Back()
		c.recent.Remove(oldest)
		delete(c.entries, oldest.Value.(*cached).key)
	}
}

// key hashes what the policy reads of the subject and the context: two requests
// that differ only elsewhere (a token's id, the time) share a plan. The snapshot
// itself stands for policy, data and schema.
func (r reads) key(who subject, c policy.Context) string {
	ctx := plainContext(c)
	if r.all {
		return policy.HashValue([]any{who.plain, ctx})
	}
	input := map[string]any{"subject": who.plain, "context": ctx}
	parts := make([]any, 0, 2*len(r.paths))
	for _, p := range r.paths {
		v, ok := any(input), true
		for _, k := range p {
			obj, isObj := v.(map[string]any)
			if v, ok = obj[k]; !isObj || !ok {
				v = nil
				break
			}
		}
		parts = append(parts, v)
	}
	return policy.HashValue(parts)
}
