package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestFlat fills an index with small documents and expects the heap not to grow
// with them. DOORWARD_TEST_FLAT is their number, for example 1000000, to follow
// memory and to measure opening.
func TestFlat(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_TEST_FLAT"))
	measured, unit := n > 0, 0
	if !measured {
		n, unit = 12_000, 500
	}
	cfg := sqlite.Config{Path: filepath.Join(t.TempDir(), "index.db"), Pins: &index.Pins{Analysis: "1"}}.WithTailSlots(unit)
	x, err := sqlite.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { x.Close() }()
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	const batch = 500
	half := 0.0
	for i := 0; i < n; i += batch {
		if err := x.Put(t.Context(), "t", smallDocuments(i, batch)); err != nil {
			t.Fatal(err)
		}
		if i/batch == n/batch/2 {
			half = heap()
		}
		if measured && i/batch%max(n/batch/20, 1) == 0 {
			t.Logf("%8d documents: heap %4.0f MB, resident %s, of it not files' %s", i+batch, heap()/1e6, status(t, "VmRSS"), status(t, "RssAnon"))
		}
	}
	slope := (heap() - half) / float64(n-n/2)
	t.Logf("in the second half the heap grows by %.0f bytes a document", slope)
	// A document was some 700 bytes before there were segments. The tail's fill and
	// a merge at work are in this, so that what is allowed is no more than "not that".
	if !measured && slope > 250 {
		t.Errorf("the heap grows by %.0f bytes a document", slope)
	}
	x.Close()
	began := time.Now()
	if x, err = sqlite.Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Logf("opened again in %.2f s by the clock; heap %.0f MB", time.Since(began).Seconds(), heap()/1e6)
	hits, err := x.Search(t.Context(), index.Query{Tenant: "t", Terms: []embed.Term{{Key: 77, Weight: 1}}, Filter: policy.AllowAll(), Limit: 10})
	if err != nil || len(hits) != 10 {
		t.Errorf("%d hits, %v", len(hits), err)
	}
}

func smallDocuments(from, n int) []index.Chunk {
	attributes := policy.Attributes{"class": "internal"}
	out := make([]index.Chunk, n)
	for i := range out {
		d := from + i
		terms := []embed.Term{{Key: 77, Weight: 0.5}}
		for k := range 30 {
			terms = append(terms, embed.Term{Key: 1000 + uint32(k)<<24 + uint32(d*(k+1)%5000)*3001, Weight: 1})
		}
		out[i] = index.Chunk{ID: fmt.Sprintf("%032x", d), Document: fmt.Sprint("texts:", d), Version: fmt.Sprintf("%064x", d),
			Receipt: fmt.Sprintf("%064x", d), Terms: terms, Attributes: attributes}
	}
	return out
}

func status(t *testing.T, field string) string {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	for l := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(l, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}
