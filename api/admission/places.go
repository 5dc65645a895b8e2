package admission

import (
	"context"
	"slices"
	"sync"
	"time"
)

// places are what short requests are worked on in, and the queue before them.
//
// A queue that is only bounded makes every accepted request wait for all of it as
// long as too much arrives. So what would wait too long is refused when it comes,
// by what the requests before it take; and from a refusal until a second has passed
// without one, the line is short and its newest comes first: who comes then takes
// the line's oldest's place in it, who is refused. Bursts may wait, a lasting surplus
// may not: somebody always stands ready for a place that is given back, and whoever
// gets it came a moment ago (after Maurer, "Fail at Scale", ACM Queue 2015, whose
// adaptive LIFO this is, and CoDel, RFC 8289).
type places struct {
	most  int           // worked on at once
	queue int           // waiting at once
	wait  time.Duration // the longest wait at any time

	mu      sync.Mutex
	taken   int
	waiting []*waiter     // in the order of coming
	held    time.Duration // how long a place is held, lately
	alone   time.Duration // the same for requests that found half of the places free
	surplus time.Time     // until when a surplus is taken to last
}

func newPlaces(most, queue int, wait time.Duration) *places {
	return &places{most: most, queue: queue, wait: wait}
}

// waiter waits for a place.
type waiter struct {
	since time.Time
	in    chan bool // a place, or none any more
}

// lasting is how long after a refusal a surplus is taken to last.
const lasting = time.Second

// What may wait while a surplus lasts: so many a place, and so many times what a
// request holds its place that finds the others at rest. Without anybody in line, a
// place that is given back stays empty until the next request happens to come, and
// of two places at twice the load a third of the time is lost.
const (
	readyAPlace = 1
	surplusWait = 2
)

// lately is the weight of the newest of many: about the last 32 count.
const lately = 32

// enter takes a place, or says why there is none: "queue" or "wait". What is
// returned gives the place back.
func (p *places) enter(ctx context.Context) (leave func(), refused string) {
	w, bound, why := p.line()
	if why != "" {
		return nil, why
	}
	if w != nil && !p.await(ctx, w, bound) {
		return nil, "wait"
	}
	began := time.Now()
	p.mu.Lock()
	unhurried := 2*p.taken <= p.most+1
	p.mu.Unlock()
	return func() { p.leave(time.Since(began), unhurried) }, ""
}

// line takes a place (no waiter), stands in line, or refuses.
func (p *places) line() (w *waiter, bound time.Duration, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken < p.most && len(p.waiting) == 0 {
		p.taken++
		return nil, 0, ""
	}
	now := time.Now()
	bound = p.bound(now)
	ready := readyAPlace * p.most
	switch {
	case p.queue == 0:
		why = "queue"
	case p.surplusAt(now):
		for len(p.waiting) >= min(ready, p.queue) {
			p.displace(now)
		}
	case len(p.waiting) >= p.queue:
		why = "queue"
	case len(p.waiting) >= ready && time.Duration(len(p.waiting)+1)*p.held/time.Duration(p.most) > bound:
		why = "wait"
	}
	if why != "" {
		p.surplus = now.Add(lasting)
		return nil, 0, why
	}
	w = &waiter{now, make(chan bool, 1)}
	p.waiting = append(p.waiting, w)
	return w, bound, ""
}

// displace refuses who has waited longest.
func (p *places) displace(now time.Time) {
	p.waiting[0].in <- false
	p.waiting = slices.Delete(p.waiting, 0, 1)
	p.surplus = now.Add(lasting)
}

// surplusAt reports whether a surplus is taken to last.
func (p *places) surplusAt(now time.Time) bool { return now.Before(p.surplus) && p.alone > 0 }

// bound is the longest wait for who comes now.
func (p *places) bound(now time.Time) time.Duration {
	if p.surplusAt(now) {
		return min(p.wait, surplusWait*p.alone)
	}
	return p.wait
}

// await waits in line. It reports false when the wait was too long, or the
// caller went away.
func (p *places) await(ctx context.Context, w *waiter, bound time.Duration) bool {
	t := time.NewTimer(bound)
	defer t.Stop()
	late := false
	select {
	case in := <-w.in:
		return in
	case <-t.C:
		late = true
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting, w)
	if i < 0 { // the answer came in the same moment
		return <-w.in
	}
	p.waiting = slices.Delete(p.waiting, i, i+1)
	if late {
		p.surplus = time.Now().Add(lasting)
	}
	return false
}

// leave gives a place to the next in line, and learns how long it was held.
func (p *places) leave(took time.Duration, unhurried bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	learn(&p.held, took)
	if unhurried {
		learn(&p.alone, took)
	}
	now := time.Now()
	bound := p.bound(now)
	for len(p.waiting) > 0 {
		i := 0
		if p.surplusAt(now) {
			i = len(p.waiting) - 1
		}
		next := p.waiting[i]
		p.waiting = slices.Delete(p.waiting, i, i+1)
		in := now.Sub(next.since) <= bound // a surplus found out since makes room at once
		next.in <- in
		if in {
			return
		}
	}
	p.taken--
}

func learn(mean *time.Duration, took time.Duration) {
	if *mean == 0 {
		*mean = took
		return
	}
	*mean += (took - *mean) / lately
}
