package queue

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// gate holds a worker's batches back while a part does not answer: embedder,
// index or catalog are not asked harder the slower they are. Its zero value is
// open.
type gate struct {
	mu    sync.Mutex
	fails int
	until time.Time
}

// wait returns when the gate is open.
func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	d := time.Until(g.until)
	g.mu.Unlock()
	if d <= 0 {
		return ctx.Err()
	}
	return pause(ctx, d)
}

// bad closes the gate, longer each time.
func (g *gate) bad() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Now().Before(g.until) {
		return // another batch met the same trouble
	}
	g.fails++
	g.until = time.Now().Add(backoff(g.fails))
}

func (g *gate) good() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fails, g.until = 0, time.Time{}
}

// next is when it may be worth trying again.
func (g *gate) next() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return backoff(g.fails + 1)
}

// backoff doubles from half a second to half a minute, less a random part, so
// that workers do not come back all at once.
func backoff(n int) time.Duration {
	d := 30 * time.Second
	if n < 7 {
		d = min(d, 250*time.Millisecond<<n)
	}
	return d/2 + rand.N(d/2)
}
