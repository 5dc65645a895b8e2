package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/index"
)

const vectorLength = 64

// vectorFor is a text's vector, as a small embedding server makes it: counts of
// hashed words, normalised.
func vectorFor(text string) []float32 {
	v := make([]float32, vectorLength)
	for word := range strings.FieldsSeq(text) {
		h := fnv.New32a()
		h.Write([]byte(word))
		v[h.Sum32()%vectorLength] += 1 + float32(h.Sum32()>>16)/65536
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// embeddingServer speaks OpenAI's embeddings protocol.
func embeddingServer(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Input []string `json:"input"`
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		type one struct {
			Index     int       `json:"index"`
			Embedding []float32 `json:"embedding"`
		}
		out := struct {
			Data  []one  `json:"data"`
			Model string `json:"model"`
		}{Model: "words"}
		for i, text := range in.Input {
			out.Data = append(out.Data, one{i, vectorFor(text)})
		}
		json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// secretText is a document's text; its words occur in no other.
func secretText(i int) string {
	return fmt.Sprintf("alpha%d bravo%d charlie%d delta%d certificate of echo%d", i, i, i, i, i)
}

// erasureService has many documents, some of them about ann.
func erasureService(t *testing.T, change func(*configs.Config)) (*app.App, string) {
	t.Helper()
	dir := t.TempDir()
	c := configs.Defaults()
	c.Data, c.Keys = filepath.Join(dir, "data"), filepath.Join(dir, "keys")
	c.Identity.BackendSigned, c.Extract.InProcess = true, true
	c.Embedder = configs.Embedder{Type: "openai", URL: embeddingServer(t), Model: "words", Dimension: vectorLength, Destination: "internal"}
	documents := filepath.Join(dir, "documents")
	if err := os.MkdirAll(documents, 0o700); err != nil {
		t.Fatal(err)
	}
	s := configs.Source{Name: "files", Type: "directory", Path: documents, Mapping: []configs.Mapping{
		{Set: map[string]any{"groups": []any{"staff"}}}, {Match: "ann-*", Set: map[string]any{"owner": "ann"}}}}
	c.Sources = []configs.Source{s}
	for i := range 300 {
		name := fmt.Sprintf("doc-%03d.txt", i)
		if i < 100 {
			name = fmt.Sprintf("ann-%03d.txt", i)
		}
		if err := os.WriteFile(filepath.Join(documents, name), []byte(secretText(i)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(c)
	}
	if err := local.Create(c.Keys, false); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(context.Background(), c, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	takeIn(t, a, c.Sources[0])
	return a, c.Data
}

func takeIn(t *testing.T, a *app.App, s configs.Source) ingest.Report {
	t.Helper()
	src, err := app.OpenSource(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Pipeline.Run(context.Background(), src.Source, ingest.Options{Tenant: "default"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// probe asks for a document in its own words and with its exact vector.
func probe(t *testing.T, a *app.App, i int) (passages, hits int) {
	t.Helper()
	ctx := context.Background()
	answer, err := a.Service.Retrieve(ctx, retrieval.Request{Subject: policy.Subject{ID: fmt.Sprint("user-", i), Tenant: "default", Groups: []string{"staff"}, Authn: policy.Authn{Backend: "chat"}},
		Context: policy.Context{Now: time.Now(), Destination: "internal"}, Question: secretText(i), TopK: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range answer.Passages {
		if strings.HasPrefix(p.Document, "ann-") {
			passages++
		}
	}
	found, err := a.Index.Search(ctx, index.Query{Tenant: "default", Vector: vectorFor(secretText(i)), Filter: policy.AllowAll(), Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range found {
		if strings.HasPrefix(h.Document, "ann-") {
			hits++
		}
	}
	return passages, hits
}

// onDisk counts the files below dir that hold one of the patterns.
func onDisk(t *testing.T, dir string, patterns [][]byte) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		for _, p := range patterns {
			if bytes.Contains(data, p) {
				t.Logf("found in %s at byte %d of %d", filepath.Base(path), bytes.Index(data, p), len(data))
				n++
				break
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// patterns are what must be gone of ann's documents: words, and vectors as
// little-endian float32.
func patterns() (texts, vectors [][]byte) {
	for i := range 100 {
		texts = append(texts, fmt.Appendf(nil, "alpha%d bravo%d", i, i))
		var b []byte
		for _, x := range vectorFor(secretText(i) + "\n")[:vectorLength] {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
		vectors = append(vectors, b)
	}
	return texts, vectors
}

// TestErasedMeansErased erases a person's hundred documents. From the answer on
// nothing finds them, by words or by exact vector, and no file of the data
// directory holds their text or vectors.
func TestErasedMeansErased(t *testing.T) {
	a, data := erasureService(t, nil)
	ctx := context.Background()
	texts, vectors := patterns()
	before := 0
	for i := range 100 {
		p, h := probe(t, a, i)
		before += min(p, h)
	}
	if before < 100 || onDisk(t, data, vectors) == 0 {
		t.Fatalf("the probes find %d passages, %d files hold vectors: the test looks in the wrong place", before, onDisk(t, data, vectors))
	}
	e, err := a.Eraser.Erase(ctx, ingest.ErasureRequest{Tenant: "default", Scope: catalog.BySubject, Target: "ann", Reason: "she asked", By: "os:test", Key: "once"})
	if err != nil {
		t.Fatal(err)
	}
	passages, hits := 0, 0
	for i := range 100 {
		p, h := probe(t, a, i)
		passages, hits = passages+p, hits+h
	}
	textFiles, vectorFiles := onDisk(t, data, texts), onDisk(t, data, vectors)
	t.Logf("after erasing 100 documents: 100 probes find %d passages and %d points; %d files hold their text, %d their vectors (%d vectors are known)", passages, hits, textFiles, vectorFiles, len(vectors))
	if passages+hits+textFiles+vectorFiles > 0 {
		t.Error("something is left")
	}
	r, _, err := app.CheckErasure(e.Receipt, a.Verifier)
	if err != nil || len(r.Documents) != 100 || r.Gone.Documents != 100 || !r.IndexShredded {
		t.Errorf("the receipt: %+v, %v", r, err)
	}
	if again, err := a.Eraser.Erase(ctx, ingest.ErasureRequest{Tenant: "default", Scope: catalog.BySubject, Target: "ann", Key: "once"}); err != nil || again.ID != e.ID {
		t.Errorf("under the same key: %v, %v", again.ID, err)
	}
	if bytes.Contains(e.Receipt, []byte("ann-")) || bytes.Contains(e.Receipt, []byte(`"ann"`)) {
		t.Error("the receipt names the person or a document in plain")
	}
	report := takeIn(t, a, a.Config.Sources[0])
	if report.Outcomes[ingest.Indexed] != 0 || report.Outcomes[ingest.Rejected] != 100 {
		t.Errorf("taken in again: %v", report.Outcomes)
	}
}

// TestRetention: what is past its time goes, unless a legal hold keeps it.
func TestRetention(t *testing.T) {
	a, _ := erasureService(t, func(c *configs.Config) {
		c.Schema.Document["retain_until"] = configs.Attribute{Kind: "time"}
	})
	s := a.Config.Sources[0]
	s.Mapping = append(s.Mapping, configs.Mapping{Match: "ann-00*", Set: map[string]any{"retain_until": "2020-01-01T00:00:00Z"}},
		configs.Mapping{Match: "ann-003.txt", Set: map[string]any{"legal_hold": true}}, configs.Mapping{Match: "doc-1*", Set: map[string]any{"retain_until": "2999-01-01T00:00:00Z"}})
	if r := takeIn(t, a, s); r.Outcomes[ingest.Reattribute] != 110 {
		t.Fatalf("their source gave them times: %v", r.Outcomes)
	}
	done, err := a.EraseExpired(context.Background(), "retention")
	if err != nil || len(done) != 1 {
		t.Fatalf("%d erasures, %v", len(done), err)
	}
	r, _, err := app.CheckErasure(done[0].Receipt, a.Verifier)
	if err != nil || len(r.Documents) != 9 {
		t.Errorf("%d documents expired, want 9: %v", len(r.Documents), err)
	}
	if done, err := a.EraseExpired(context.Background(), "retention"); err != nil || len(done) != 0 {
		t.Errorf("a second time: %d erasures, %v", len(done), err)
	}
	if r := takeIn(t, a, s); r.Outcomes[ingest.Rejected] != 9 || r.Outcomes[ingest.Unchanged] != 291 {
		t.Errorf("a source that still has what expired: %v", r.Outcomes)
	}
	s.Mapping = append(s.Mapping, configs.Mapping{Match: "ann-00*", Set: map[string]any{"retain_until": time.Now().Add(30 * time.Hour).Format(time.RFC3339)}})
	if r := takeIn(t, a, s); r.Outcomes[ingest.Indexed] != 9 {
		t.Errorf("with another time: %v", r.Outcomes)
	}
	for within, want := range map[time.Duration]int{0: 0, 29 * time.Hour: 0, 31 * time.Hour: 9} {
		p, err := a.Eraser.Plan(t.Context(), ingest.ErasureRequest{Tenant: "default", Scope: catalog.ByExpiry, Within: within})
		if err != nil || len(p.Documents) != want {
			t.Errorf("within %v: %d expire, %v", within, len(p.Documents), err)
		}
	}
	if err := a.Pipeline.Retire(context.Background(), "default", []string{"ann-003.txt"}, "test"); !errors.Is(err, catalog.ErrLegalHold) {
		t.Errorf("a document on legal hold was retired: %v", err)
	}
}
