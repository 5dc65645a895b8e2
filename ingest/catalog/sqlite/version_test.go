package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/relational"
)

// TestOthersCommitsAreSeen: what was read is not answered from memory after a
// commit of another process, which asks nobody, nor after the file went away.
func TestOthersCommitsAreSeen(t *testing.T) {
	ctx := context.Background()
	c := Config{Dir: t.TempDir(), Keys: ring(t)}
	cat, err := Open(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	defer cat.Close()
	ref := catalog.Ref{Tenant: "acme", Document: "d", Version: "v1"}
	v := catalog.Version{Ref: ref, Chunks: []catalog.StoredChunk{{Chunk: catalog.Chunk{ID: "c", Document: "d", Version: "v1", Text: "text"}}}}
	if err := cat.Intend(ctx, []catalog.Version{v}); err != nil {
		t.Fatal(err)
	}
	if err := cat.Commit(ctx, []catalog.Ref{ref}); err != nil {
		t.Fatal(err)
	}
	reads := func(cat *relational.Catalog) (documents, chunks int) {
		t.Helper()
		docs, err := cat.Documents(ctx, "acme", []string{"d"})
		if err != nil {
			t.Fatal(err)
		}
		opened, err := cat.Open(ctx, "acme", []string{"c"})
		if err != nil {
			t.Fatal(err)
		}
		return len(docs), len(opened)
	}
	for range 3 {
		if d, c := reads(cat); d != 1 || c != 1 {
			t.Fatalf("%d documents, %d chunks", d, c)
		}
	}
	other, err := sql.Open("sqlite", "file:"+filepath.Join(c.Dir, File)+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Exec(`delete from chunks where id = 'c'`); err != nil {
		t.Fatal(err)
	}
	if d, c := reads(cat); d != 1 || c != 0 {
		t.Errorf("after another's commit %d documents, %d chunks", d, c)
	}
	if err := cat.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := cat.Documents(ctx, "acme", []string{"d"}); err == nil {
		t.Error("a closed catalog answers from memory")
	}
}
