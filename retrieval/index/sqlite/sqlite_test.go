package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

func open(t testing.TB, path string) *sqlite.Index { return openWith(t, path, 0) }

// openWith opens an index that makes a segment of every so many points.
func openWith(t testing.TB, path string, tailSlots int) *sqlite.Index {
	t.Helper()
	return openConfig(t, config(path).WithTailSlots(tailSlots))
}

// openUnmerged is openWith for an index that merges nothing behind the test: a file
// that is listed stays.
func openUnmerged(t testing.TB, path string, tailSlots int) *sqlite.Index {
	t.Helper()
	return openConfig(t, config(path).WithTailSlots(tailSlots).WithSteps(func(string) {}))
}

func config(path string) sqlite.Config {
	pins := indextest.Pins()
	return sqlite.Config{Path: path, Schema: indextest.Schema(), Pins: &pins}
}

func openConfig(t testing.TB, c sqlite.Config) *sqlite.Index {
	t.Helper()
	x, err := sqlite.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

func TestSuite(t *testing.T) {
	indextest.Run(t, indextest.Harness{New: func(t *testing.T) indextest.Index {
		return open(t, filepath.Join(t.TempDir(), "index.db"))
	}})
}

// TestSuiteOfSegments runs the suite over many small segments and merges.
func TestSuiteOfSegments(t *testing.T) {
	indextest.Run(t, indextest.Harness{New: func(t *testing.T) indextest.Index {
		return openWith(t, filepath.Join(t.TempDir(), "index.db"), 5)
	}})
}
