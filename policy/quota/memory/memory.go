// Package memory keeps quotas for one process. Replicas that share a limit share
// policy/quota/postgres instead.
package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// Store implements [quota.Store]. Its zero value is empty and ready.
type Store struct {
	mu     sync.Mutex
	states map[string]*quota.State
	swept  time.Time
	now    func() time.Time // nil: time.Now
}

const (
	// kept is how long an unused state is remembered: days of coverage, and weeks
	// of strikes, fit in.
	kept = 30 * 24 * time.Hour
	// most bounds the states; beyond it new callers are refused.
	most = 1 << 20
)

// Update implements [quota.Store].
func (s *Store) Update(ctx context.Context, keys []string, change func([]*quota.State)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", quota.ErrUnavailable, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.sweep(now)
	if s.states == nil {
		s.states = map[string]*quota.State{}
	}
	list := make([]*quota.State, len(keys))
	for i, k := range keys {
		x := s.states[k]
		if x == nil {
			if len(s.states) >= most {
				return fmt.Errorf("%w: more than %d callers are counted", quota.ErrUnavailable, most)
			}
			x = &quota.State{}
			s.states[k] = x
		}
		x.Used = now
		list[i] = x
	}
	change(list)
	return nil
}

func (s *Store) clock() time.Time {
	if s.now != nil {
		return s.now()
	}
	return time.Now()
}

// sweep forgets, once an hour, who was not seen for long.
func (s *Store) sweep(now time.Time) {
	if now.Sub(s.swept) < time.Hour {
		return
	}
	s.swept = now
	for k, x := range s.states {
		if now.Sub(x.Used) > kept {
			delete(s.states, k)
		}
	}
}
