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

// TestBulkFilesTheSame holds bulk filing to filing one by one.
func TestBulkFilesTheSame(t *testing.T) {
	points := somePoints(3000, 100)
	a, b := newCorpus(0, tailSlots), newCorpus(0, tailSlots)
	var gathered bulk
	for _, p := range points {
		if err := a.putTerms(p, a.tail.postings.add); err != nil {
			t.Fatal(err)
		}
	}
	for part := range slices.Chunk(points, 700) {
		if err := b.putAll(part, &gathered); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	a.tail.postings.eachList(func(key uint32, l *list) {
		n++
		if m := b.tail.postings.find(key); m == nil || m.next != l.next || !slices.Equal(m.data, l.data) {
			t.Fatalf("the lists of term %d differ", key)
		}
	})
	if n != b.tail.postings.n || n == 0 {
		t.Errorf("%d lists one by one, %d in bulk", n, b.tail.postings.n)
	}
}

func BenchmarkLoad(b *testing.B) {
	points := somePoints(20_000, 900)
	b.Run("one by one", func(b *testing.B) {
		for b.Loop() {
			c := newCorpus(0, tailSlots)
			for _, p := range points {
				c.putTerms(p, c.tail.postings.add)
			}
		}
	})
	b.Run("in bulk", func(b *testing.B) {
		for b.Loop() {
			c := newCorpus(0, tailSlots)
			var gathered bulk
			for part := range slices.Chunk(points, loadBatch) {
				c.putAll(part, &gathered)
			}
		}
	})
}
