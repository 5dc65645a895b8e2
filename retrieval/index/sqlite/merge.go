package sqlite

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/doorward/doorward/retrieval/index"
)

const (
	// tailSlots is how many points a tenant's tail takes before it becomes a
	// segment: what opening files anew at most, and what stays on the heap.
	tailSlots = 8192
	// tailBytes is how much all tenants' tails may take together, about, before the
	// largest become segments, however few points they have.
	tailBytes = 64 << 20
	// fanout is how many neighbouring segments of a size become one, so that a
	// point is written as often as its tenant's points have digits to this base.
	fanout = 8
)

// segmentPath is a segment's file. Names are random and never used again.
func (x *Index) segmentPath(name string) string { return x.cfg.Path + "-" + name + ".seg" }

// newSegment writes the living slots of parts and opens what it wrote.
func (x *Index) newSegment(ctx context.Context, tenant string, from []source) (*part, error) {
	var name [16]byte
	rand.Read(name[:])
	r := record{name: hex.EncodeToString(name[:]), tenant: tenant}
	path := x.segmentPath(r.name)
	var err error
	if r.size, r.sum, err = writeSegment(ctx, path, from, x.at); err != nil {
		return nil, err
	}
	p, err := openSegment(path, r, x.pins.Dimension, false)
	if err != nil {
		x.remove(path)
	}
	return p, err
}

// list puts a segment on the file's list.
func (r record) list(tx *sql.Tx) error {
	_, err := tx.Exec("INSERT INTO segments (name, tenant, size, sum, tainted) VALUES (?, ?, ?, ?, ?)", r.name, r.tenant, r.size, int64(r.sum), r.tainted)
	return err
}

// settle makes a segment of a tail that is full, drops its dead, or files what
// waits where it is searched. Only the writer calls it, so nothing changes meanwhile. A failure leaves the tail in
// memory, where it may grow to twice its size before the next attempt.
func (x *Index) settle(tenant string, t *corpus) {
	defer x.count(t)
	y := t.young
	switch {
	case len(y.pks) < t.flushAt && y.deaths > 1000 && 4*y.deaths > len(y.pks), len(y.pks) >= t.flushAt && 2*y.deaths > len(y.pks):
		t.mu.Lock()
		defer t.mu.Unlock()
		if err := t.shrink(); err != nil {
			x.breakDown(fmt.Errorf("memory no longer matches the file: %w", err))
		}
	case len(y.pks) >= t.flushAt:
		if err := x.flush(tenant, t); err != nil {
			t.flushAt = 2 * len(y.pks)
			t.file(&x.filing)
			return
		}
		t.flushAt = x.tailSlots
		nudge(x.nudge)
	case t.tail.asked.Swap(false):
		t.file(&x.filing)
	}
}

// count brings the sum of tails up to date.
func (x *Index) count(t *corpus) {
	x.tails.Add(int64(t.tail.size - t.counted))
	t.counted = t.tail.size
}

// flushAtOnce is how many tails become segments after one commit, at most: each
// waits for the disk.
const flushAtOnce = 16

// boundTails makes segments of the largest tails when all together are too large:
// tenants may be many, and each of its tails small.
func (x *Index) boundTails() {
	if x.tails.Load() <= x.mostTails {
		return
	}
	most := int64(cmp.Or(x.cfg.tailBytes, tailBytes))
	names := x.names()
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(x.corpus(b).tail.size, x.corpus(a).tail.size) })
	for _, name := range names[:min(len(names), flushAtOnce)] {
		t := x.corpus(name)
		if x.tails.Load() <= most || t.tail.size == 0 {
			break
		}
		err := x.flush(name, t)
		x.count(t)
		if err != nil { // as in settle
			x.mostTails = 2 * x.tails.Load()
			return
		}
	}
	x.mostTails = most
	nudge(x.nudge)
}

// nudge wakes who waits on c, unless that is done already.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// flush makes a segment of the tail.
func (x *Index) flush(tenant string, t *corpus) error {
	from, points := sources([]*part{t.young})
	if points == 0 {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.young, t.tail = newTail(t.dimension)
		return nil
	}
	p, err := x.newSegment(x.alive, tenant, from)
	if err != nil {
		return err
	}
	s := p.body.(*segment)
	tx, err := x.write.Begin()
	if err == nil {
		defer tx.Rollback()
		if err = s.record.list(tx); err == nil {
			err = tx.Commit()
		}
	}
	if err != nil { // if it is listed after all, opening finds it missing
		s.discard(x)
		return err
	}
	x.at("listed")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.segments = append(t.segments, p)
	t.young, t.tail = newTail(t.dimension)
	return nil
}

// discard ends a segment nobody reads any more.
func (s *segment) discard(x *Index) {
	s.release()
	x.remove(x.segmentPath(s.record.name))
	x.at("removed")
}

// remove removes a segment's file, or keeps its path for [Index.sweep].
func (x *Index) remove(path string) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.left = append(x.left, path)
	}
}

// sweep removes files that could not be removed before; it fails while one stays.
func (x *Index) sweep() error {
	x.mu.Lock()
	left := x.left
	x.left = nil
	x.mu.Unlock()
	for _, path := range left {
		x.remove(path)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if len(x.left) > 0 {
		return fmt.Errorf("%w: %d files of old segments beside the index cannot be removed; make its folder writable", index.ErrUnavailable, len(x.left))
	}
	return nil
}

// names are the tenants' that are in memory.
func (x *Index) names() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Collect(maps.Keys(x.corpora))
}

// merger keeps segments few, behind writes and searches.
func (x *Index) merger() {
	defer x.stopped.Done()
	again := time.NewTicker(verifyEvery)
	defer again.Stop()
	for {
		select {
		case <-x.stop:
			return
		case <-x.nudge:
			x.merge()
		case <-again.C:
			x.verify()
		}
	}
}

// merge writes anew what is better so.
func (x *Index) merge() {
	for _, name := range x.names() {
		for more := true; more; {
			var err error
			more, err = x.rewrite(x.alive, name, pickRun(x.tailSlots))
			more = more && err == nil // what failed is tried again after the next flush
		}
	}
}

// verifyEvery is how often segments are compared with their checksums while they are
// in use. Opening does so, too.
const verifyEvery = time.Hour

// verify stops answers from segments that are not as they were written.
func (x *Index) verify() {
	if flaws := x.flawedSegments(x.alive); len(flaws) > 0 {
		x.breakDown(errSegment)
	}
}

// flawedSegments compares the segments in use with what they were when they were
// written, and names those that differ.
func (x *Index) flawedSegments(ctx context.Context) (flaws []string) {
	x.merging.Lock() // so that none is removed meanwhile
	defer x.merging.Unlock()
	for _, name := range x.names() {
		t := x.corpus(name)
		t.mu.RLock()
		list := slices.Clone(t.segments)
		t.mu.RUnlock()
		for _, p := range list {
			s := p.body.(*segment)
			if ctx.Err() != nil {
				return nil
			}
			if err := checkFile(x.segmentPath(s.record.name), s.record); err != nil {
				flaws = append(flaws, fmt.Sprintf("segment %s is not as it was written; restart to make it anew", s.record.name))
			}
		}
	}
	return flaws
}

// pickRun chooses neighbouring segments that are better one: a segment of which a
// quarter is dead, or else as many small ones as make one of the next size.
func pickRun(unit int) func([]*part) []*part {
	return func(all []*part) []*part {
		total := 0
		for i, p := range all {
			if 4*p.deaths > len(p.pks) {
				return all[i : i+1]
			}
			total += p.alive()
		}
		for limit := unit * fanout; limit == unit*fanout || limit/fanout <= total; limit *= fanout {
			run := 0
			for i, p := range all {
				if run++; p.alive() >= limit {
					run = 0
				}
				if run == fanout {
					return all[i+1-fanout : i+1]
				}
			}
		}
		return nil
	}
}

// rewrite makes one segment of those pick chooses; false when it chooses none.
func (x *Index) rewrite(ctx context.Context, tenant string, pick func([]*part) []*part) (_ bool, err error) {
	x.merging.Lock()
	defer x.merging.Unlock()
	defer x.damaged(&err)
	t := x.corpus(tenant)
	if t == nil {
		return false, nil
	}
	t.mu.RLock()
	run := slices.Clone(pick(t.segments))
	from, points := sources(run)
	taints := make([]int, len(run))
	for i, p := range run {
		taints[i] = p.body.(*segment).taint
	}
	t.mu.RUnlock()
	if len(run) == 0 {
		return false, nil
	}
	var made *part
	if points > 0 {
		if made, err = x.newSegment(ctx, tenant, from); err != nil {
			return true, err
		}
	}
	in := false
	err = x.do(context.WithoutCancel(ctx), &change{
		tenant: tenant,
		disk:   func(tx *sql.Tx) error { return relist(tx, run, taints, made) },
		memory: func(t *corpus) error { in = true; x.swap(t, from, made); return nil },
	})
	if !in && made != nil {
		made.body.(*segment).discard(x)
	}
	return true, err
}

// relist puts the new segment in place of the old ones. It is tainted when what
// it was made of was tainted since.
func relist(tx *sql.Tx, run []*part, taints []int, made *part) error {
	tainted := false
	for i, p := range run {
		s := p.body.(*segment)
		tainted = tainted || s.taint != taints[i]
		if _, err := tx.Exec("DELETE FROM segments WHERE name = ?", s.record.name); err != nil {
			return err
		}
	}
	if made == nil {
		return nil
	}
	s := made.body.(*segment)
	if s.tainted = tainted; tainted {
		s.taint = 1
	}
	return s.record.list(tx)
}

// swap puts the new segment in place, with what died since it was begun buried.
// The caller holds t.mu, so that nobody reads the old ones.
func (x *Index) swap(t *corpus, from []source, made *part) {
	at := slices.Index(t.segments, from[0].part)
	var list []*part
	list = append(list, t.segments[:at]...)
	if made != nil {
		list = append(list, made)
	}
	t.segments = append(list, t.segments[at+len(from):]...)
	for _, s := range from {
		for n, to := range s.moved {
			if to != 0 && s.dead.has(uint32(n)) {
				made.bury(to - 1)
			}
		}
		s.body.(*segment).discard(x)
	}
}

// tainted chooses a segment that holds something of an erased point.
func tainted(all []*part) []*part {
	return first(all, func(p *part) bool { return p.body.(*segment).taint > 0 })
}

// withDead chooses a segment that holds anything the file has no more.
func withDead(all []*part) []*part { return first(all, func(p *part) bool { return p.deaths > 0 }) }

func first(all []*part, is func(*part) bool) []*part {
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i : i+1]
	}
	return nil
}

// rewriteAll writes the segments anew that pick chooses, until it chooses none,
// and sees that the old files are gone.
func (x *Index) rewriteAll(ctx context.Context, pick func([]*part) []*part) error {
	for _, name := range x.names() {
		for more := true; more; {
			var err error
			if more, err = x.rewrite(ctx, name, pick); err != nil {
				return fmt.Errorf("%w: writing a segment: %w", index.ErrUnavailable, err)
			}
		}
	}
	return x.sweep()
}
