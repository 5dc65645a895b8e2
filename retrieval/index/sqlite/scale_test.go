package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestScale measures a hybrid query under a 10 % filter, opening time and
// memory. DOORWARD_TEST_SCALE is the number of chunks, for example 100000.
func TestScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_TEST_SCALE"))
	if n == 0 {
		t.Skip("set DOORWARD_TEST_SCALE=100000 to measure")
	}
	a, err := embed.NewAnalyzer(embed.Config{})
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("scale")
	words := newVocabulary(60_000)
	cfg := sqlite.Config{Path: filepath.Join(t.TempDir(), "index.db"), Pins: &index.Pins{Analysis: a.Fingerprint(), Model: "random", Dimension: 384},
		Schema: policy.Schema{"group": {Kind: policy.StringSet}, "level": {Kind: policy.Int}, "until": {Kind: policy.Time}}}
	x, err := sqlite.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	began := time.Now()
	terms := 0
	for i := 0; i < n; {
		var batch []index.Chunk
		for range 500 {
			c := index.Chunk{ID: fmt.Sprintf("%08d", i), Document: fmt.Sprintf("d%07d", i/4), Version: "1", Ordinal: i % 4, Receipt: "r",
				Terms: a.Analyze(key, embed.Document{Title: words.text(r, 8), Body: words.text(r, 200), Language: "en"}), Vector: vector(r, 384),
				Attributes: policy.Attributes{"group": []any{fmt.Sprint("g", i/4%10)}, "level": int64(i / 4 % 5), "until": int64(1_700_000_000 + i/4)}}
			terms += len(c.Terms)
			batch = append(batch, c)
			i++
		}
		if err := x.Put(t.Context(), "t", batch); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d chunks of %d terms put in %v", n, terms/n, time.Since(began))
	st, err := x.DeclareEpoch(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := st.MarshalBinary()
	t.Logf("statistics: %d bytes", len(b))
	x.Close()
	x = nil
	began = time.Now()
	if x, err = sqlite.Open(cfg); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	took := time.Since(began)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	fi, _ := os.Stat(cfg.Path)
	t.Logf("opened in %v; heap %d MB; file %d MB", took, m.HeapAlloc>>20, fi.Size()>>20)
	filter := policy.When(policy.And{
		policy.Any{Path: "group", X: policy.In{Values: []any{"g3"}}},
		policy.Not{X: policy.And{policy.Exists{Path: "until"}, policy.Compare{Path: "until", Op: policy.Gt, Value: policy.Value{Now: true}}}},
	}).At(time.Unix(1_800_000_000, 0))
	measure := func(name string, q func() index.Query) {
		var took []time.Duration
		for range 100 {
			query := q()
			began := time.Now()
			if _, err := x.Search(t.Context(), query); err != nil {
				t.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("%-28s p50 %v p90 %v p99 %v", name, took[50], took[90], took[99])
	}
	text := func() []embed.Term { return a.Query(key, st, words.text(r, 14)) }
	measure("hybrid, 10 % filter", func() index.Query {
		return index.Query{Tenant: "t", Terms: text(), Vector: vector(r, 384), Filter: filter, Limit: 20}
	})
	measure("terms, 10 % filter", func() index.Query { return index.Query{Tenant: "t", Terms: text(), Filter: filter, Limit: 20} })
	measure("vector, 10 % filter", func() index.Query {
		return index.Query{Tenant: "t", Vector: vector(r, 384), Filter: filter, Limit: 20}
	})
	measure("hybrid, no filter", func() index.Query {
		return index.Query{Tenant: "t", Terms: text(), Vector: vector(r, 384), Filter: policy.AllowAll(), Limit: 20}
	})
}

func vector(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// vocabulary makes prose-like text: pronounceable words, Zipf-distributed.
type vocabulary struct{ words []string }

func newVocabulary(n int) vocabulary {
	r := rand.New(rand.NewPCG(9, 9))
	syllables := []string{"ba", "con", "ter", "ing", "pro", "ma", "de", "li", "tion", "re", "sta", "ver", "mo", "nal", "si", "cu", "ted", "ex", "pla", "fo", "gra", "hy", "per", "in", "ous", "tra", "bo", "ne", "quo", "ri"}
	var v vocabulary
	for range n {
		w := ""
		for range 1 + r.IntN(4) {
			w += syllables[r.IntN(len(syllables))]
		}
		v.words = append(v.words, w)
	}
	return v
}

func (v vocabulary) text(r *rand.Rand, n int) string {
	z := rand.NewZipf(r, 1.07, 8, uint64(len(v.words)-1))
	out := ""
	for range n {
		out += v.words[z.Uint64()] + " "
	}
	return out
}
