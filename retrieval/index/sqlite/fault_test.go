package sqlite

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

func one(id string) []index.Chunk {
	return []index.Chunk{{ID: id, Document: "d" + id, Version: "v", Terms: []embed.Term{{Key: 1, Weight: 1}}}}
}

func hits(t *testing.T, x *Index) (int, error) {
	t.Helper()
	h, err := x.Search(t.Context(), index.Query{Tenant: "t", Terms: []embed.Term{{Key: 1, Weight: 1}}, Filter: policy.AllowAll(), Limit: 10})
	return len(h), err
}

// TestFailedWriteLeavesMemoryAsTheFile: a write the file refused shows nowhere,
// and writing goes on once the file takes writes again.
func TestFailedWriteLeavesMemoryAsTheFile(t *testing.T) {
	x, err := Open(Config{Path: filepath.Join(t.TempDir(), "index.db"), Pins: &index.Pins{}})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := x.Put(t.Context(), "t", one("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := x.write.Exec("PRAGMA query_only(1)"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"put": x.Put(t.Context(), "t", one("2")), "retire": x.Retire(t.Context(), "t", "d1", ""),
		"attributes": x.SetAttributes(t.Context(), "t", "d1", policy.Attributes{}, "r"),
	} {
		if !errors.Is(err, index.ErrUnavailable) {
			t.Errorf("%s into a file that takes no writes: %v", name, err)
		}
	}
	if n, err := hits(t, x); n != 1 || err != nil {
		t.Errorf("%d hits, %v; want the one acknowledged chunk", n, err)
	}
	if _, err := x.write.Exec("PRAGMA query_only(0)"); err != nil {
		t.Fatal(err)
	}
	if err := x.Put(t.Context(), "t", one("2")); err != nil {
		t.Error(err)
	}
	if n, err := hits(t, x); n != 2 || err != nil {
		t.Errorf("%d hits, %v; want 2", n, err)
	}
}

// TestUnknownOutcomeStopsSearching: when nobody can tell whether a commit
// happened, memory is not trusted any more.
func TestUnknownOutcomeStopsSearching(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x, err := Open(Config{Path: path, Pins: &index.Pins{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := x.Put(t.Context(), "t", one("1")); err != nil {
		t.Fatal(err)
	}
	x.write.Close()
	if err := x.Put(t.Context(), "t", one("2")); !errors.Is(err, index.ErrUnavailable) {
		t.Errorf("put: %v", err)
	}
	if n, err := hits(t, x); n != 0 || !errors.Is(err, index.ErrUnavailable) || !strings.Contains(err.Error(), "restart") {
		t.Errorf("%d hits, %v; want a refusal that says what to do", n, err)
	}
	x.Close()
	if x, err = Open(Config{Path: path, Pins: &index.Pins{}}); err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if n, err := hits(t, x); n != 1 || err != nil {
		t.Errorf("after restarting: %d hits, %v", n, err)
	}
}

// TestDamagedFile: what cannot be read is never skipped.
func TestDamagedFile(t *testing.T) {
	for name, sql := range map[string]string{
		"terms":      "UPDATE points SET terms = x'0102'",
		"attributes": "UPDATE points SET attributes = '{\"level\": 1.5}'",
		"vector":     "UPDATE points SET vector = x'010203'",
		"statistics": "INSERT INTO epochs VALUES ('t', x'00')",
		"format":     "UPDATE meta SET value = '99' WHERE key = 'format'",
	} {
		path := filepath.Join(t.TempDir(), "index.db")
		x, err := Open(Config{Path: path, Pins: &index.Pins{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Put(t.Context(), "t", one("1")); err != nil {
			t.Fatal(err)
		}
		if _, err := x.write.Exec(sql); err != nil {
			t.Fatal(err)
		}
		x.Close()
		if x, err := Open(Config{Path: path, Pins: &index.Pins{}}); err == nil {
			x.Close()
			t.Errorf("%s: a damaged file was opened", name)
		}
	}
}

// TestAttributeChangesDoNotPileUp: attributes that no document has any more are
// forgotten in time.
func TestAttributeChangesDoNotPileUp(t *testing.T) {
	x, err := Open(Config{Path: filepath.Join(t.TempDir(), "index.db"), Pins: &index.Pins{}})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	if err := x.Put(t.Context(), "t", one("1")); err != nil {
		t.Fatal(err)
	}
	for i := range 2500 {
		if err := x.SetAttributes(t.Context(), "t", "d1", policy.Attributes{"n": int64(i)}, "r"); err != nil {
			t.Fatal(err)
		}
	}
	if rows := x.corpus("t").young.columns.rows; rows > 1100 {
		t.Errorf("%d sets of attributes in memory for one document", rows)
	}
	h, err := x.Search(t.Context(), index.Query{Tenant: "t", Terms: []embed.Term{{Key: 1, Weight: 1}}, Limit: 1,
		Filter: policy.When(policy.Compare{Path: "n", Op: policy.Eq, Value: policy.Value{Const: int64(2499)}})})
	if err != nil || len(h) != 1 {
		t.Errorf("%d hits, %v", len(h), err)
	}
}
