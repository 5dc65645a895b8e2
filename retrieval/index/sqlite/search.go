package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Search returns the best chunks the filters select, best first, ties by id. With
// terms and a vector it fuses both rankings by reciprocal rank; with one of them
// the score is that ranking's own. It is exact: nothing is approximated, and no
// chunk outside the filters has any part in what is returned.
//
// A filter that denies all reaches nothing; one that cannot be evaluated safely
// fails with [index.ErrFilter].
func (x *Index) Search(ctx context.Context, q index.Query) (found []index.Hit, err error) {
	if err := index.CheckQuery(q, x.pins); err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	exprs, deny, err := prepare(q, x.cfg.Schema)
	if err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	if deny {
		return nil, nil
	}
	if err := x.ready(ctx); err != nil {
		return nil, fmt.Errorf("searching: %w", err)
	}
	t := x.corpus(q.Tenant)
	if t == nil {
		return nil, nil
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.closed {
		return nil, fmt.Errorf("searching: %w: closed", index.ErrUnavailable)
	}
	defer x.damaged(&err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	s := search{dimension: t.dimension, ctx: ctx}
	for p := range t.parts {
		if p.alive() > 0 {
			s.parts = append(s.parts, selection{p, p.allowed(exprs)})
		}
	}
	if len(s.parts) == 0 {
		return nil, nil
	}
	depth := q.Limit
	if len(q.Terms) > 0 && q.Vector != nil {
		depth = x.cfg.Fusion.Candidates(q.Limit)
	}
	var sparse, dense []index.Hit
	if len(q.Terms) > 0 {
		sparse = s.hits(s.sparse(q, depth))
		if len(t.tail.waiting) > fewWaiting {
			nudge(x.asked)
		}
	}
	if q.Vector != nil {
		dense = s.hits(s.dense(q, depth))
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("searching: %w: %w", index.ErrUnavailable, err)
	}
	hits := x.cfg.Fusion.Join(sparse, dense)
	return hits[:min(len(hits), q.Limit)], nil
}

// fewWaiting is how many points' terms are looked through as fast as they are found
// in lists.
const fewWaiting = 32

// prepare passes every filter through the last gate.
func prepare(q index.Query, schema policy.Schema) (exprs []policy.Expr, deny bool, err error) {
	for _, f := range append([]policy.Filter{q.Filter}, q.Narrow...) {
		effect, e, err := f.Prepare(schema)
		switch {
		case err != nil:
			return nil, true, fmt.Errorf("%w: %w", index.ErrFilter, err)
		case effect == policy.SelectSome && e != nil:
			exprs = append(exprs, e)
		case effect == policy.SelectAll:
		default:
			return nil, true, nil
		}
	}
	return exprs, false, nil
}

// damaged makes an error of what reading a segment meets that changed under its
// mapping. The file is checked when it is opened, so opening makes it anew.
func (x *Index) damaged(err *error) {
	if r := recover(); r != nil {
		if _, ok := r.(runtime.Error); !ok {
			panic(r)
		}
		x.breakDown(errSegment)
		*err = fmt.Errorf("%w: %w; restart to make it anew", index.ErrUnavailable, errSegment)
	}
}

type search struct {
	parts     []selection
	dimension int
	ctx       context.Context
}

// selection is a part and its rows that may be found; nil: all.
type selection struct {
	*part
	allowed bits
}

type candidate struct {
	part, slot uint32
	score      float32
}

func (s *selection) selects(n uint32) bool {
	return !s.dead.has(n) && (s.allowed == nil || s.allowed.has(s.rows[n]))
}

var accumulators = sync.Pool{New: func() any { return new([]float32) }}

// sparse ranks by the sum of weight products over shared terms.
func (s *search) sparse(q index.Query, depth int) []candidate {
	a := accumulators.Get().(*[]float32)
	defer accumulators.Put(a)
	top := newTop(depth, s)
	for i := range s.parts {
		p := &s.parts[i]
		if cap(*a) < len(p.pks) {
			*a = make([]float32, len(p.pks)+len(p.pks)/4)
		}
		scores := (*a)[:len(p.pks)]
		clear(scores)
		var rest map[uint32]*list
		if b, ok := p.body.(*tail); ok {
			rest = b.rest(q.Terms)
		}
		for j, term := range q.Terms {
			if j%64 == 63 && s.ctx.Err() != nil {
				return nil
			}
			if l, ok := p.list(term.Key); ok {
				l.score(term.Weight, scores)
			}
			if l := rest[term.Key]; l != nil {
				l.score(term.Weight, scores)
			}
		}
		for n, sc := range scores {
			if sc > 0 && top.admits(sc) && p.selects(uint32(n)) {
				top.add(candidate{uint32(i), uint32(n), sc})
			}
		}
	}
	return top.sorted()
}

// dense ranks by cosine similarity, over the selected chunks only.
func (s *search) dense(q index.Query, depth int) []candidate {
	unit := make([]float32, s.dimension)
	if s.dimension == 0 || !normalise(q.Vector, unit) {
		return nil
	}
	top := newTop(depth, s)
	for i := range s.parts {
		p := &s.parts[i]
		for n := range uint32(len(p.pks)) {
			if n%4096 == 4095 && s.ctx.Err() != nil {
				return nil
			}
			if !p.vector.has(n) || !p.selects(n) {
				continue
			}
			if sc := dot(unit, p.vectorAt(n)); top.admits(sc) {
				top.add(candidate{uint32(i), n, sc})
			}
		}
	}
	return top.sorted()
}

// dot keeps four sums so that the additions need not wait for each other.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func (s *search) hits(cs []candidate) []index.Hit {
	out := make([]index.Hit, len(cs))
	for i, c := range cs {
		sl := s.parts[c.part].identity(c.slot)
		out[i] = index.Hit{ID: sl.id, Document: sl.document, Version: sl.version, Ordinal: sl.ordinal, Score: float64(c.score), Receipt: sl.receipt}
	}
	return out
}

// top keeps the best candidates in a heap whose root is the worst of them.
type top struct {
	k    int
	heap []candidate
	s    *search
}

func newTop(k int, s *search) *top { return &top{k: k, s: s} }

// admits is a cheap first test: false when the score cannot get in.
func (h *top) admits(score float32) bool { return len(h.heap) < h.k || score >= h.heap[0].score }

// worse orders by score, then id: a total order, so that results never depend on
// slots.
func (h *top) worse(a, b candidate) bool {
	if a.score != b.score {
		return a.score < b.score
	}
	return h.s.parts[a.part].id(a.slot) > h.s.parts[b.part].id(b.slot)
}

func (h *top) add(c candidate) {
	if len(h.heap) < h.k {
		h.heap = append(h.heap, c)
		for i := len(h.heap) - 1; i > 0; {
			up := (i - 1) / 2
			if !h.worse(h.heap[i], h.heap[up]) {
				break
			}
			h.heap[i], h.heap[up] = h.heap[up], h.heap[i]
			i = up
		}
		return
	}
	if !h.worse(h.heap[0], c) {
		return
	}
	h.heap[0] = c
	for i := 0; ; {
		least := i
		for _, j := range [2]int{2*i + 1, 2*i + 2} {
			if j < len(h.heap) && h.worse(h.heap[j], h.heap[least]) {
				least = j
			}
		}
		if least == i {
			return
		}
		h.heap[i], h.heap[least] = h.heap[least], h.heap[i]
		i = least
	}
}

func (h *top) sorted() []candidate {
	slices.SortFunc(h.heap, func(a, b candidate) int {
		if h.worse(b, a) {
			return -1
		}
		return 1
	})
	return h.heap
}
