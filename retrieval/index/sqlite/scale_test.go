package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestScale measures queries, opening time and memory. DOORWARD_TEST_SCALE is the
// number of chunks, for example 100000.
func TestScale(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_TEST_SCALE"))
	if n == 0 {
		t.Skip("set DOORWARD_TEST_SCALE=100000 to measure")
	}
	s := indextest.NewScale(t)
	pins := s.Pins()
	cfg := sqlite.Config{Path: filepath.Join(t.TempDir(), "index.db"), Pins: &pins, Schema: indextest.ScaleSchema()}
	x, err := sqlite.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Fill(t, x, n)
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if x, err = sqlite.Open(cfg); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	took := time.Since(began)
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	fi, _ := os.Stat(cfg.Path)
	t.Logf("opened in %v; heap %d MB; file %d MB", took.Round(time.Millisecond), m.HeapAlloc>>20, fi.Size()>>20)
	s.Measure(t, x)
}
