package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// intake is the queue of pushed documents. Three stages work on it at once, each
// on a group of up to a batch: receive, judge, settle. A document is in one of
// them only once, so that a later version of it waits for the one before.
type intake struct {
	mu      sync.Mutex
	waiting []*pushed
	bytes   int64
	groups  int                         // on their way through the stages
	busy    map[[2]string]chan struct{} // tenant, id → closed when it is free again
	running bool
	idle    *sync.Cond
}

func (q *intake) add(p *Pipeline, list []*pushed) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	var size int64
	for _, d := range list {
		size += max(d.work.item.Size, 0)
	}
	if len(q.waiting)+len(list) > maxWaiting || len(q.waiting) > 0 && q.bytes+size > maxWaitingBytes {
		return ErrBusy
	}
	if q.busy == nil {
		q.busy, q.idle = map[[2]string]chan struct{}{}, sync.NewCond(&q.mu)
	}
	q.waiting, q.bytes = append(q.waiting, list...), q.bytes+size
	q.idle.Broadcast()
	if !q.running {
		q.running = true
		go p.takeIn()
	}
	return nil
}

// again reports whether more came in while the last turn ended; otherwise the
// next document starts a new one.
func (q *intake) again() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) > 0 {
		return true
	}
	q.running = false
	q.idle.Broadcast()
	return false
}

// take removes the next group: documents of one tenant, source and batch that are
// not on their way already. It returns nil when nothing can be taken now, and ends
// the turn when nothing waits and nothing is on its way: stages of two turns must
// not work side by side, because groups are judged one after the other.
func (q *intake) take() (group []*pushed, wait <-chan struct{}, end bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && q.groups > 0 {
		q.idle.Wait()
	}
	if len(q.waiting) == 0 {
		return nil, nil, true
	}
	var rest []*pushed
	var size int64
	passed := map[[2]string]bool{} // left waiting: what comes after must not overtake it
	for _, d := range q.waiting {
		key := [2]string{d.work.tenant, d.work.item.ID}
		free, taken := q.busy[key]
		other := len(group) > 0 && (group[0].work.tenant != d.work.tenant || group[0].source != d.source || group[0].batch != d.batch)
		if taken || passed[key] || other || len(group) >= batchDocuments || len(group) > 0 && size >= batchBytes {
			if taken && wait == nil {
				wait = free
			}
			passed[key] = true
			rest = append(rest, d)
			continue
		}
		if d.work.item.ID != "" {
			q.busy[key] = make(chan struct{})
		}
		size += max(d.work.item.Size, 0)
		group = append(group, d)
	}
	q.waiting, q.bytes = rest, q.bytes-size
	if group != nil {
		q.groups++
	}
	return group, wait, false
}

func (q *intake) free(tenant, id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := [2]string{tenant, id}
	if c, ok := q.busy[key]; ok {
		close(c)
		delete(q.busy, key)
	}
}

// hold waits until none of a pushed document's versions is on its way, and keeps
// new ones waiting until release is called.
func (q *intake) hold(ctx context.Context, tenant, id string) (release func(), err error) {
	key := [2]string{tenant, id}
	for {
		q.mu.Lock()
		if q.busy == nil {
			q.busy, q.idle = map[[2]string]chan struct{}{}, sync.NewCond(&q.mu)
		}
		c, taken := q.busy[key]
		if !taken {
			q.busy[key] = make(chan struct{})
			q.mu.Unlock()
			return func() { q.free(tenant, id) }, nil
		}
		q.mu.Unlock()
		select {
		case <-c:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Quiesce waits until nothing that was pushed is on its way.
func (p *Pipeline) Quiesce() {
	q := &p.intake
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.running || len(q.busy) > 0 {
		q.idle.Wait()
	}
}

// pushGroup is a group on its way through the stages.
type pushGroup struct {
	run  *run
	docs []*pushed
	done func() // gives up its room, once judged
}

func (g pushGroup) works() []*work {
	out := make([]*work, len(g.docs))
	for i, d := range g.docs {
		out[i] = d.work
	}
	return out
}

func (p *Pipeline) finish(g pushGroup, err error) {
	for _, d := range g.docs {
		p.intake.free(d.work.tenant, d.work.item.ID)
		d.finish(err)
	}
	p.intake.mu.Lock()
	p.intake.groups--
	p.intake.idle.Broadcast()
	p.intake.mu.Unlock()
}

// takeIn works until nothing waits. It belongs to no caller, so that one who
// gives up does not take others' documents with him. One is under way at a time.
func (p *Pipeline) takeIn() {
	for again := true; again; again = p.intake.again() {
		p.turn()
	}
}

// turn works until nothing waits and nothing is on its way.
func (p *Pipeline) turn() {
	ctx := context.Background()
	judging, settling := make(chan pushGroup, 4), make(chan pushGroup, 1)
	var stages sync.WaitGroup
	defer stages.Wait()
	defer close(judging)
	stages.Go(func() {
		defer close(settling)
		for g := range judging {
			p.judgeGroup(ctx, g, settling)
		}
	})
	stages.Go(func() { p.settleGroups(ctx, settling) })
	for {
		docs, wait, end := p.intake.take()
		if end {
			return
		}
		if docs == nil {
			<-wait
			continue
		}
		g := pushGroup{docs: docs}
		var err error
		if g.run, err = p.startPush(ctx, docs[0].work.tenant, docs[0].source, docs[0].batch); err == nil {
			err = g.run.admit(ctx, g.works())
		}
		if err != nil {
			p.finish(g, err)
			continue
		}
		for _, d := range docs {
			d.receive()
		}
		judging <- g
	}
}

// judgeGroup judges a group and passes it on, in parts that may be in hand at once.
func (p *Pipeline) judgeGroup(ctx context.Context, g pushGroup, settling chan<- pushGroup) {
	left := g.docs
	err := g.run.judgeParts(ctx, g.works(), func(part inPart) error {
		n := len(part.batch)
		if n < len(left) {
			p.intake.more()
		}
		settling <- pushGroup{g.run, left[:n], part.done}
		left = left[n:]
		return nil
	})
	if err != nil {
		p.finish(pushGroup{run: g.run, docs: left}, err)
	}
}

// more: a group is on its way in one part more.
func (q *intake) more() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.groups++
}

// settleGroups gives judged groups effect, and renews term statistics when what
// came in since the last time is worth it.
func (p *Pipeline) settleGroups(ctx context.Context, settling <-chan pushGroup) {
	added := map[string]int{}
	for g := range settling {
		err := p.settle(ctx, g.works(), g.run.revision)
		if err == nil {
			err = g.run.acceptPushed(ctx, g.works())
		}
		tenant := g.docs[0].work.tenant
		for _, d := range g.docs {
			added[tenant] += d.work.event.Chunks
			d.work.letGo()
		}
		g.done()
		p.finish(g, err)
		if len(settling) > 0 && added[tenant] < 4096 {
			continue
		}
		if err := p.declareEpoch(ctx, tenant, added[tenant]); err != nil {
			p.Log.ErrorContext(ctx, "term statistics could not be renewed", "class", fmt.Sprintf("%T", errors.Unwrap(err)))
		}
		added[tenant] = 0
	}
}
