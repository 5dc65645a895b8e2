package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/doorward/doorward/retrieval/embed"
)

// somePoints have n chunks with Zipf-distributed terms, some of odd weight.
func somePoints(n, terms int) []point {
	r := rand.New(rand.NewPCG(4, 4))
	z := rand.NewZipf(r, 1.05, 50, 1<<19)
	out := make([]point, n)
	for i := range out {
		have := map[uint32]bool{}
		for range terms {
			have[uint32(z.Uint64())*2654435761] = true
		}
		var ts []embed.Term
		for k := range have {
			w := float32(1+r.IntN(200)) / 64
			if r.IntN(50) == 0 {
				w += 0.001
			}
			ts = append(ts, embed.Term{Key: k, Weight: w})
		}
		slices.SortFunc(ts, func(a, b embed.Term) int { return int(int64(a.Key) - int64(b.Key)) })
		out[i] = point{id: fmt.Sprintf("%08d", i), document: fmt.Sprint(i), version: "v", attributes: "{}", terms: encodeTerms(ts)}
	}
	return out
}

// TestFilingIsTheSame: a tail's lists are the same whether its terms wait, are filed,
// or some of both, and as if each posting had been added by itself.
func TestFilingIsTheSame(t *testing.T) {
	points := somePoints(3000, 100)
	var want postings
	for i, p := range points {
		if err := eachTerm(p.terms, func(key uint32, w float32) { want.add(key, uint32(i), w) }); err != nil {
			t.Fatal(err)
		}
	}
	for name, filedAt := range map[string][]int{"waiting": nil, "filed": {3000}, "both": {700, 1900}, "one by one": {1, 2, 3}} {
		c := newCorpus(0, tailSlots)
		var g bulk
		from := 0
		for _, to := range append(filedAt, len(points)) {
			if err := c.put(points[from:to]); err != nil {
				t.Fatal(err)
			}
			if from = to; len(filedAt) > 0 && to <= filedAt[len(filedAt)-1] {
				c.file(&g)
			}
		}
		got := c.tail.sorted()
		if len(got.keys) != want.n || !slices.IsSorted(got.keys) {
			t.Fatalf("%s: %d terms, not %d", name, len(got.keys), want.n)
		}
		for _, most := range []int{countedKeys, 5000} {
			keys, slots := c.tail.counts(most)
			if !slices.Equal(keys, got.keys) || len(slots) != len(keys) {
				t.Fatalf("%s, %d at once: %d terms are counted, not %d", name, most, len(keys), len(got.keys))
			}
			for i := range keys {
				if l := got.at(i); slots[i] != l.length() {
					t.Fatalf("%s, %d at once: term %d is counted %d times, not %d", name, most, keys[i], slots[i], l.length())
				}
			}
		}
		rest := c.tail.rest(allTerms(got.keys))
		for i, key := range got.keys {
			w := want.find(key)
			if l := got.at(i); w == nil || !slices.Equal(w.data, l.data) || l.length() != count(w) {
				t.Fatalf("%s: the list of term %d differs", name, key)
			}
			var a, b [3000]float32
			w.score(2, a[:])
			if l, ok := c.tail.list(key); ok {
				l.score(2, b[:])
			}
			if l := rest[key]; l != nil {
				l.score(2, b[:])
			}
			if a != b {
				t.Fatalf("%s: term %d is found elsewhere", name, key)
			}
		}
	}
}

func allTerms(keys []uint32) (out []embed.Term) {
	for _, k := range keys {
		out = append(out, embed.Term{Key: k, Weight: 1})
	}
	return out
}

func count(l *list) (n int) {
	l.each(func(uint32, float32) { n++ })
	return n
}

// TestShrinkKeepsWhatWaits: dropping the dead moves what is filed and what waits.
func TestShrinkKeepsWhatWaits(t *testing.T) {
	points := somePoints(400, 50)
	a, b := newCorpus(0, tailSlots), newCorpus(0, tailSlots)
	var g bulk
	var dead []int64
	for i := range points {
		points[i].pk = int64(i + 1)
		if i%3 == 0 {
			dead = append(dead, points[i].pk)
		} else if err := b.put(points[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if err := a.put(points[i : i+1]); err != nil {
			t.Fatal(err)
		}
		if i == 250 {
			a.file(&g)
		}
	}
	a.bury(dead)
	if err := a.shrink(); err != nil {
		t.Fatal(err)
	}
	x, y := a.tail.sorted(), b.tail.sorted()
	if !slices.Equal(x.keys, y.keys) || a.tail.filed == 0 || len(a.tail.waiting) == 0 {
		t.Fatalf("%d terms and %d; %d filed, %d wait", len(x.keys), len(y.keys), a.tail.filed, len(a.tail.waiting))
	}
	for i := range x.keys {
		if !slices.Equal(x.at(i).data, y.at(i).data) {
			t.Fatalf("the lists of term %d differ", x.keys[i])
		}
	}
}

// TestManyWait: what waits is filed before it is too much to gather.
func TestManyWait(t *testing.T) {
	c := newCorpus(0, 1<<20)
	terms := encodeTerms([]embed.Term{{Key: 1, Weight: 1}, {Key: 1 << 31, Weight: 0.3}})
	for i := range mostGathered + 10 {
		if err := c.put([]point{{pk: int64(i), attributes: "{}", terms: terms}}); err != nil {
			t.Fatal(err)
		}
	}
	got := c.tail.sorted()
	if len(c.tail.waiting) >= mostGathered || len(got.keys) != 2 || count(ptr(got.at(0))) != mostGathered+10 || count(ptr(got.at(1))) != mostGathered+10 {
		t.Errorf("%d wait, %d terms", len(c.tail.waiting), len(got.keys))
	}
}

func ptr(l list) *list { return &l }

func BenchmarkTail(b *testing.B) {
	points := somePoints(tailSlots, 400)
	b.Run("segment of what waits", func(b *testing.B) {
		for b.Loop() {
			c := newCorpus(0, tailSlots)
			c.put(points)
			c.tail.sorted()
		}
	})
	b.Run("filed before", func(b *testing.B) {
		for b.Loop() {
			c := newCorpus(0, tailSlots)
			var g bulk
			c.put(points)
			c.file(&g)
			c.tail.sorted()
		}
	})
	b.Run("search of what waits", func(b *testing.B) {
		c := newCorpus(0, tailSlots)
		c.put(points)
		terms := allTerms(c.tail.sorted().keys[:20])
		for b.Loop() {
			c.tail.rest(terms)
		}
	})
}

// BenchmarkCounts counts a tail's terms, and beside it puts its postings in order.
func BenchmarkCounts(b *testing.B) {
	c := newCorpus(0, tailSlots)
	if err := c.put(somePoints(4000, 600)); err != nil {
		b.Fatal(err)
	}
	b.Run("counts", func(b *testing.B) {
		for b.Loop() {
			c.tail.counts(countedKeys)
		}
	})
	b.Run("sorted", func(b *testing.B) {
		for b.Loop() {
			c.tail.sorted()
		}
	})
}
