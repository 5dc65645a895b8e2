package source_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/source"
)

// TestEnterpriseCorpus reads the labelled corpus whole, its access lists mapped
// to attributes.
func TestEnterpriseCorpus(t *testing.T) {
	data := os.Getenv("DOORWARD_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	p := filepath.Join(data, "retrieval", "enterprisebench_acl", "corpus.jsonl.gz")
	if _, err := os.Stat(p); err != nil {
		t.Skip("set DOORWARD_DATA to the folder of evaluation data to run this")
	}
	j := jsonLines(t, source.JSONLinesConfig{Path: p, Mapping: source.Mapping{Rules: []source.Rule{{Set: map[string]any{
		"public": "${field.metadata.acl.public}", "users": "${field.metadata.acl.users}", "departments": "${field.metadata.acl.departments}",
		"kind": "${field.metadata.kind}"}, Final: true}}}})
	n := 0
	err := j.Walk(context.Background(), func(it ingest.Item) error {
		n++
		if _, ok := it.Attributes["public"].(bool); it.Err != nil || !ok || !ingest.ValidID(it.ID) {
			t.Errorf("%s: %v %v", it.URI, it.Err, it.Attributes)
		}
		return nil
	})
	if err != nil || n != 4194 {
		t.Errorf("%d documents, %v", n, err)
	}
}

// TestEndlessLine steps over a line of a quarter gigabyte without holding it.
func TestEndlessLine(t *testing.T) {
	p := filepath.Join(t.TempDir(), "a.jsonl")
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	f.Truncate(1 << 28) // zeros, on no disk block
	f.Seek(0, 2)
	f.WriteString("\n{\"id\":\"a\",\"text\":\"x\"}\n")
	f.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	items := walk(t, jsonLines(t, source.JSONLinesConfig{Path: p, MaxBytes: 1 << 20}))
	runtime.ReadMemStats(&after)
	if len(items) != 2 || items[0].Err == nil || items[1].ID != "a" {
		t.Errorf("%+v", items)
	}
	if grew := after.TotalAlloc - before.TotalAlloc; grew > 16<<20 {
		t.Errorf("%d MiB allocated", grew>>20)
	}
}

// FuzzJSONLines reads arbitrary lines: an item or a typed error each, and the
// same ones twice.
func FuzzJSONLines(f *testing.F) {
	f.Add(`{"id":"a","text":"b","attributes":{"x":[1,{"y":null}]}}` + "\n\n" + `{"_id":7,"text":""}`)
	f.Add("{\"id\":\"a/b\",\"text\":1}\n[]\n{\"id\":\"a\"")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, s string) {
		p := filepath.Join(dir, "a.jsonl")
		if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		j := jsonLines(t, source.JSONLinesConfig{Path: p, Mapping: source.Mapping{Rules: []source.Rule{{Set: map[string]any{"z": "${field.attributes.x?}"}}}}})
		first, second := walk(t, j), walk(t, j)
		if len(first) != len(second) || len(first) > strings.Count(s, "\n")+1 {
			t.Fatalf("%d items, then %d", len(first), len(second))
		}
		for i, it := range first {
			if it.Err == nil && (!ingest.ValidID(it.ID) || it.Open == nil) || it.ID != second[i].ID {
				t.Fatalf("%+v", it)
			}
		}
	})
}
