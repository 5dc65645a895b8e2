package indextest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// Scale measures an index at size: prose-like chunks of 200 words with a title,
// random unit vectors, and a filter that selects a tenth of the documents.
type Scale struct {
	Analyzer *embed.Analyzer
	words    []string
	key      []byte
	r        *rand.Rand
}

// ScaleDimension of the vectors.
const ScaleDimension = 384

// ScaleSchema of the documents.
func ScaleSchema() policy.Schema {
	return policy.Schema{"group": {Kind: policy.StringSet}, "level": {Kind: policy.Int}, "until": {Kind: policy.Time}}
}

// NewScale makes a vocabulary of 60,000 pronounceable words.
func NewScale(t testing.TB) *Scale {
	a, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &Scale{Analyzer: a, key: []byte("scale"), r: rand.New(rand.NewPCG(9, 9))}
	syllables := []string{"ba", "con", "ter", "ing", "pro", "ma", "de", "li", "tion", "re", "sta", "ver", "mo", "nal", "si", "cu", "ted", "ex", "pla", "fo", "gra", "hy", "per", "in", "ous", "tra", "bo", "ne", "quo", "ri"}
	for range 60_000 {
		w := ""
		for range 1 + s.r.IntN(4) {
			w += syllables[s.r.IntN(len(syllables))]
		}
		s.words = append(s.words, w)
	}
	return s
}

// Pins of the index to measure.
func (s *Scale) Pins() index.Pins {
	return index.Pins{Analysis: s.Analyzer.Fingerprint(), Model: "random", Dimension: ScaleDimension}
}

// text draws words by Zipf's law.
func (s *Scale) text(n int) string {
	z := rand.NewZipf(s.r, 1.07, 8, uint64(len(s.words)-1))
	out := ""
	for range n {
		out += s.words[z.Uint64()] + " "
	}
	return out
}

func (s *Scale) vector() []float32 {
	v := make([]float32, ScaleDimension)
	for i := range v {
		v[i] = float32(s.r.NormFloat64())
	}
	return v
}

// Fill puts n chunks, four to a document, and declares an epoch.
func (s *Scale) Fill(t testing.TB, x Index, n int) {
	t.Helper()
	began := time.Now()
	terms := 0
	for i := 0; i < n; {
		var batch []index.Chunk
		for range 500 {
			doc := fmt.Sprintf("d%07d", i/4)
			c := index.Chunk{ID: PointID(Tenant, doc, "1", i%4), Document: doc, Version: "1", Ordinal: i % 4, Receipt: "r",
				Terms: s.Analyzer.Analyze(s.key, embed.Document{Title: s.text(8), Body: s.text(200), Language: "en"}), Vector: s.vector(),
				Attributes: policy.Attributes{"group": []any{fmt.Sprint("g", i/4%10)}, "level": int64(i / 4 % 5), "until": int64(1_700_000_000 + i/4)}}
			terms += len(c.Terms)
			batch = append(batch, c)
			i++
		}
		if err := x.Put(t.Context(), Tenant, batch); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d chunks of %d terms analysed and put in %v", n, terms/n, time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if _, err := x.DeclareEpoch(t.Context(), Tenant); err != nil {
		t.Fatal(err)
	}
	t.Logf("epoch declared in %v", time.Since(began).Round(time.Millisecond))
}

// Measure logs latencies of a hundred queries of 14 words for 20 hits.
func (s *Scale) Measure(t testing.TB, x Index) {
	t.Helper()
	st, err := x.Statistics(t.Context(), Tenant)
	if err != nil {
		t.Fatal(err)
	}
	tenth := policy.When(policy.And{
		policy.Any{Path: "group", X: policy.In{Values: []any{"g3"}}},
		policy.Not{X: policy.And{policy.Exists{Path: "until"}, policy.Compare{Path: "until", Op: policy.Gt, Value: policy.Value{Now: true}}}},
	}).At(Now())
	for _, c := range []struct {
		name          string
		terms, vector bool
		filter        policy.Filter
	}{
		{"hybrid, 10 % filter", true, true, tenth}, {"terms, 10 % filter", true, false, tenth},
		{"vector, 10 % filter", false, true, tenth}, {"hybrid, no filter", true, true, policy.AllowAll()},
	} {
		var took []time.Duration
		for range 100 {
			q := index.Query{Tenant: Tenant, Filter: c.filter, Limit: 20}
			if c.terms {
				q.Terms = s.Analyzer.Query(s.key, st, s.text(14))
			}
			if c.vector {
				q.Vector = s.vector()
			}
			began := time.Now()
			if _, err := x.Search(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("%-22s p50 %v p90 %v p99 %v", c.name, took[50], took[90], took[99])
	}
}
