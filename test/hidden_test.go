package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
	catalogsqlite "github.com/doorward/doorward/ingest/catalog/sqlite"
	"github.com/doorward/doorward/ingest/extract/extracttest"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval/index"
	indexsqlite "github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestHiddenThroughTheProgram takes in every hidden-text file with the program.
// What they hide is reported as findings of kind hidden for each of them, stands in
// no chunk that a point of the index leads to, can be asked for by nobody, and is
// in no file of the data directory. Without DOORWARD_HIDDEN every third one is
// tried (`make hidden`: all).
func TestHiddenThroughTheProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("takes in more than a hundred files")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(leakConfig+"policy: {dir: policy}\n"))
	copyTree(t, filepath.Join("enterprise", "ingestall"), filepath.Join(dir, "policy"))
	must(t, dir, "keys", "init")
	files := extracttest.Hidden(t)
	byName := map[string]extracttest.HiddenFile{}
	formats := map[string]int{}
	if os.Getenv("DOORWARD_HIDDEN") == "" {
		kept := files[:0]
		for i := 0; i < len(files); i += 3 {
			kept = append(kept, files[i])
		}
		files = kept
	}
	for i, f := range files {
		name := fmt.Sprintf("f%03d-%s", i, f.File)
		write(t, filepath.Join(dir, "documents", name), f.Bytes)
		byName[name] = f
		formats[filepath.Ext(f.File)]++
	}
	out := must(t, dir, "ingest", "--json")
	reported := 0
	for in := bufio.NewScanner(strings.NewReader(out)); in.Scan(); {
		var e event
		if json.Unmarshal(in.Bytes(), &e) != nil || e.Document == "" {
			continue
		}
		f, ok := byName[e.Document]
		switch {
		case !ok:
			t.Errorf("%s is none of ours", e.Document)
		case e.Outcome != "indexed":
			t.Errorf("%s: %s %v", f.Name, e.Outcome, e.Reasons)
		case e.Kinds["hidden"] == 0:
			t.Errorf("%s: nothing hidden is reported: %v", f.Name, e.Findings)
		default:
			reported++
		}
	}
	if containsAny(out, []string{"PSST"}) {
		t.Error("the report quotes what is hidden")
	}
	chunks := hiddenChunks(t, filepath.Join(dir, "data"), filepath.Join(dir, "keys"), byName)

	b := register(t, dir, "chat")
	var stop func()
	b.url, stop = serve(t, dir)
	for _, q := range []string{"PSSTQUX", "PSST"} {
		if r := b.retrieve(t, ann, api.RetrieveRequest{Question: q, TopK: 50}); len(r.Passages) > 0 {
			t.Errorf("%d passages are found by a hidden word", len(r.Passages))
		}
	}
	if r := b.retrieve(t, ann, api.RetrieveRequest{Question: extracttest.Seen, TopK: 50}); len(r.Passages) == 0 {
		t.Error("the visible words are not found")
	}
	stop()
	nowhere(t, filepath.Join(dir, "data"), []string{"PSST"})
	t.Logf("%d files over %d formats %v: %d reported, 0 hidden bytes in %d chunks", len(files), len(formats), formats, reported, chunks)
	if len(files) < 40 || reported != len(files) {
		t.Errorf("%d of %d files are reported, at least 40 are needed", reported, len(files))
	}
}

// hiddenChunks goes from every point of the index to its text in the catalog, and
// returns how many there were.
func hiddenChunks(t *testing.T, data, keys string, files map[string]extracttest.HiddenFile) int {
	t.Helper()
	ring, err := local.Open(local.Config{Dir: keys, Tenants: filepath.Join(data, "keys")})
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := catalogsqlite.Open(t.Context(), catalogsqlite.Config{Dir: data, Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	defer catalog.Close()
	points, err := indexsqlite.Open(indexsqlite.Config{Path: filepath.Join(data, "index.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer points.Close()
	var ids []string
	err = points.Scroll(t.Context(), "acme", func(c index.Chunk) error {
		ids = append(ids, c.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	texts, err := catalog.Open(t.Context(), "acme", ids)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != len(ids) {
		t.Errorf("%d points, %d texts", len(ids), len(texts))
	}
	shown := map[string]string{}
	for _, c := range texts {
		shown[c.Document] += c.Text + strings.Join(c.Headings, " ")
	}
	for name, f := range files {
		if strings.Contains(shown[name], "PSST") {
			t.Errorf("%s: hidden text is in a chunk", f.Name)
		}
		if !strings.Contains(shown[name], f.Seen) {
			t.Errorf("%s: visible text is in no chunk", f.Name)
		}
	}
	return len(texts)
}
