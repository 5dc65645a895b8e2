package index

import (
	"cmp"
	"slices"
)

// Fusion joins the term and the vector ranking of a hybrid query by weighted
// reciprocal rank (Cormack, Clarke and Büttcher 2009), by Qdrant's formula, so
// that all stores agree: a chunk at rank r, from 1, gets 1/(r/weight + K - 1)
// from each ranking it stands in. A weight of 3 is as if the ranking were three
// times as dense.
type Fusion struct {
	K      uint32  // 0: 60
	Terms  float32 // weight of the term ranking; both 0: 1 each
	Vector float32
	// Depth is how many candidates of each ranking are fused at least; three per
	// requested hit are anyway. 0: 100.
	Depth int
}

// WithDefaults fills in what is zero.
func (f Fusion) WithDefaults() Fusion {
	if f.K == 0 {
		f.K = 60
	}
	if f.Terms == 0 && f.Vector == 0 {
		f.Terms, f.Vector = 1, 1
	}
	if f.Depth == 0 {
		f.Depth = 100
	}
	return f
}

// Candidates is how many hits of each ranking to fuse for limit results.
func (f Fusion) Candidates(limit int) int { return max(3*limit, f.Depth) }

// Score is what rank r, from 1, of a ranking of the given weight is worth.
func (f Fusion) Score(rank int, weight float32) float64 {
	if weight <= 0 {
		return 0
	}
	return 1 / (float64(rank)/float64(weight) + float64(f.K) - 1)
}

// Join fuses two rankings, best first, ties by id. Where one is nil the other is
// returned with its own scores.
func (f Fusion) Join(terms, vector []Hit) []Hit {
	if terms == nil {
		return vector
	}
	if vector == nil {
		return terms
	}
	at := map[string]int{}
	var out []Hit
	add := func(hits []Hit, weight float32) {
		for i, h := range hits {
			n, seen := at[h.ID]
			if !seen {
				n = len(out)
				at[h.ID] = n
				h.Score = 0
				out = append(out, h)
			}
			out[n].Score += f.Score(i+1, weight)
		}
	}
	add(terms, f.Terms)
	add(vector, f.Vector)
	Rank(out)
	return out
}

// Rank sorts hits by descending score, ties by ascending id: a total order, so
// that an answer depends on nothing else.
func Rank(hits []Hit) {
	slices.SortFunc(hits, func(a, b Hit) int {
		if c := cmp.Compare(b.Score, a.Score); c != 0 {
			return c
		}
		return cmp.Compare(a.ID, b.ID)
	})
}
