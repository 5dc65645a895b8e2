package auth

import (
	"context"
	"sync"
	"time"
)

// Replays remembers assertions, so that each is good once.
type Replays interface {
	// First reports whether id was never seen before. It has to be remembered
	// until the time given. Where that cannot be known, an error; the assertion
	// is refused then.
	First(ctx context.Context, id string, until, now time.Time) (bool, error)
}

// Memory remembers for one process. Replicas behind one address share what they
// saw through a database instead.
type Memory struct {
	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time // the latest time that anything was forgotten at
}

const (
	// maxReplays bounds the memory; when it is full of live assertions, new ones
	// are refused.
	maxReplays = 1 << 20
	// jump is how far a clock may be set back without the memory having
	// forgotten what becomes valid again by it.
	jump = 15 * time.Minute
)

// First implements [Replays].
func (m *Memory) First(_ context.Context, id string, until, now time.Time) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.until == nil {
		m.until = map[string]time.Time{}
	}
	if now.Sub(m.swept) > time.Minute || len(m.until) >= maxReplays {
		for k, t := range m.until {
			if now.After(t.Add(jump)) {
				delete(m.until, k)
			}
		}
		if now.After(m.swept) {
			m.swept = now
		}
	}
	// The clock was set back further than the memory reaches: what ended before
	// the last sweep may have been used and forgotten.
	if m.swept.After(until.Add(jump)) {
		return false, nil
	}
	if _, used := m.until[id]; used || len(m.until) >= maxReplays {
		return false, nil
	}
	m.until[id] = until
	return true, nil
}
