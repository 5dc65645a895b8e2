package indextest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// randomTerms returns terms with the weights package embed makes, and now and
// then one it does not.
func randomTerms(r *rand.Rand) []embed.Term {
	var out []embed.Term
	for k := uint32(0); k < 30; k++ {
		if r.IntN(4) == 0 {
			w := float32(1+r.IntN(200)) / 64
			if r.IntN(10) == 0 {
				w = float32(r.Float64()*10) + 0.001
			}
			out = append(out, embed.Term{Key: k * 0x0700_0001, Weight: w})
		}
	}
	return out
}

func score(q, d []embed.Term) (sum float64) {
	w := map[uint32]float32{}
	for _, t := range d {
		w[t.Key] = t.Weight
	}
	for _, t := range q {
		sum += float64(t.Weight) * float64(w[t.Key])
	}
	return sum
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func rankable(r *rand.Rand, t *testing.T, n int) []index.Chunk {
	out := make([]index.Chunk, n)
	for i := range out {
		out[i] = Chunk(i, attributes(t, map[string]any{"class": letter(r)}))
		out[i].Terms = randomTerms(r)
	}
	return out
}

func testRanking(t *testing.T, h Harness) {
	x := h.New(t)
	r := rand.New(rand.NewPCG(3, 4))
	chunks := rankable(r, t, 300)
	put(t, x, Tenant, chunks...)
	for i := range 40 {
		class := letter(r)
		q := index.Query{Tenant: Tenant, Filter: policy.When(compare("class", policy.Eq, class)), Limit: 1 + r.IntN(30)}
		of := func(c index.Chunk) float64 { return score(q.Terms, c.Terms) }
		if i%2 == 0 {
			q.Terms = randomTerms(r)
		} else {
			q.Vector = Vector(uint64(1000 + i))
			of = func(c index.Chunk) float64 { return cosine(q.Vector, c.Vector) }
		}
		var want []float64
		scores := map[string]float64{}
		for _, c := range chunks {
			if s := of(c); c.Attributes["class"] == class && (s > 0 || q.Vector != nil) {
				want, scores[c.ID] = append(want, s), s
			}
		}
		slices.SortFunc(want, func(a, b float64) int { return -cmpFloat(a, b) })
		want = want[:min(len(want), q.Limit)]
		hits, err := x.Search(t.Context(), q)
		if err != nil || len(hits) != len(want) {
			t.Fatalf("query %d: %d hits, %v; want %d", i, len(hits), err, len(want))
		}
		for j, hit := range hits {
			if s, ok := scores[hit.ID]; !ok || math.Abs(hit.Score-s) > h.Tolerance*(1+s) || math.Abs(hit.Score-want[j]) > h.Tolerance*(1+s) {
				t.Fatalf("query %d, rank %d: score %v, want %v", i, j, hit.Score, want[j])
			}
		}
	}
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// testHybrid checks what fusion must satisfy whatever its constants: both
// rankings count, the filter holds, and the order is that of the scores.
func testHybrid(t *testing.T, h Harness) {
	x := h.New(t)
	r := rand.New(rand.NewPCG(5, 6))
	chunks := rankable(r, t, 200)
	q := index.Query{Tenant: Tenant, Terms: randomTerms(r), Vector: Vector(77), Filter: policy.When(policy.Not{X: compare("class", policy.Eq, "a")}), Limit: 20}
	for i := range chunks {
		chunks[i].Attributes = attributes(t, map[string]any{"class": "b"})
	}
	best, second, forbidden := &chunks[11], &chunks[42], &chunks[43]
	best.Terms, best.Vector = heavy(q.Terms, 9), q.Vector
	forbidden.Terms, forbidden.Vector = heavy(q.Terms, 10), q.Vector
	forbidden.Attributes = attributes(t, map[string]any{"class": "a"})
	second.Terms, second.Vector = heavy(q.Terms, 8), nudged(q.Vector)
	put(t, x, Tenant, chunks...)
	hits, err := x.Search(t.Context(), q)
	if err != nil || len(hits) != 20 {
		t.Fatalf("%d hits, %v; want 20", len(hits), err)
	}
	if hits[0].ID != best.ID || hits[1].ID != second.ID {
		t.Errorf("first in both rankings: got %s and %s, want %s and %s", hits[0].Document, hits[1].Document, best.Document, second.Document)
	}
	for i, hit := range hits {
		if hit.ID == forbidden.ID {
			t.Error("a forbidden chunk was found")
		}
		if i > 0 && hit.Score > hits[i-1].Score {
			t.Error("hits are not in the order of their scores")
		}
	}
}

func heavy(terms []embed.Term, factor float32) []embed.Term {
	out := slices.Clone(terms)
	for i := range out {
		out[i].Weight = factor
	}
	return out
}

func nudged(v []float32) []float32 {
	out := slices.Clone(v)
	out[0] += 0.05
	return out
}

// testNonInterference: documents the filter forbids change no byte of an answer.
func testNonInterference(t *testing.T, h Harness) {
	if h.LooseTies {
		t.Skip("equal scores come in no fixed order here")
	}
	x := h.New(t)
	r := rand.New(rand.NewPCG(7, 8))
	chunks := rankable(r, t, 200)
	for i := range chunks {
		chunks[i].Attributes = attributes(t, map[string]any{"class": "mine"})
	}
	put(t, x, Tenant, chunks...)
	var queries []index.Query
	for i := range h.Answers {
		q := index.Query{Tenant: Tenant, Filter: policy.When(compare("class", policy.Eq, "mine")), Limit: 10, Terms: randomTerms(r)}
		if i%3 > 0 {
			q.Vector = Vector(uint64(i))
		}
		if i%3 == 2 {
			q.Terms = nil
		}
		queries = append(queries, q)
	}
	answers := func() (out []string, took []float64) {
		for _, q := range queries {
			began := time.Now()
			hits, err := x.Search(t.Context(), q)
			took = append(took, float64(time.Since(began)))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%+v", hits))
		}
		return out, took
	}
	before, tookBefore := answers()
	forbidden := rankable(r, t, 400)[200:]
	for i := range forbidden {
		forbidden[i].Attributes = attributes(t, map[string]any{"class": "theirs"})
	}
	put(t, x, Tenant, forbidden...)
	after, tookAfter := answers()
	if !slices.Equal(before, after) {
		t.Error("adding forbidden documents changed an answer")
	}
	t.Logf("%d answers; latency before and after differs by a Kolmogorov-Smirnov statistic of %.3f", len(before), ksStatistic(tookBefore, tookAfter))
}

// ksStatistic is the largest distance between two empirical distributions.
func ksStatistic(a, b []float64) (d float64) {
	slices.Sort(a)
	slices.Sort(b)
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if a[i] <= b[j] {
			i++
		} else {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return d
}

// testConcurrent searches while documents are put, replaced, retired and
// re-attributed. Every hit must satisfy the filter, and documents nobody touches
// must be found every time.
func testConcurrent(t *testing.T, h Harness) {
	x := h.New(t)
	var steady []string
	for i := range 20 {
		c := Chunk(i, attributes(t, map[string]any{"class": "mine"}))
		put(t, x, Tenant, c)
		steady = append(steady, c.Document)
	}
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			ctx := context.Background()
			for i := range 40 {
				n := 100 + w*50 + i%10
				c := Chunk(n, attributes(t, map[string]any{"class": "theirs"}))
				if err := x.Put(ctx, Tenant, []index.Chunk{c}); err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					if err := x.Retire(ctx, Tenant, c.Document, "v1"); err != nil {
						t.Error(err)
					}
				} else if err := x.SetAttributes(ctx, Tenant, c.Document, attributes(t, map[string]any{"class": "nobody's"}), "r"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				hits, err := x.Search(context.Background(), all(policy.When(compare("class", policy.Eq, "mine"))))
				if err != nil {
					t.Error(err)
					return
				}
				var got []string
				for _, hit := range hits {
					got = append(got, hit.Document)
				}
				slices.Sort(got)
				if !slices.Equal(got, steady) {
					t.Errorf("found %d documents, want the %d steady ones", len(got), len(steady))
					return
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}
