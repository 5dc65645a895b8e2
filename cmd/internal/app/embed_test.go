package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/index"
)

// embedder speaks the OpenAI protocol. Models are named by their dimension.
type embedder struct {
	texts atomic.Int64 // that were asked for
	fail  atomic.Int64 // after so many more; 0: never
}

func (e *embedder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model string
		Input []string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	if e.fail.Load() > 0 && e.fail.Add(-int64(len(in.Input))) <= 0 {
		http.Error(w, "no more", http.StatusBadRequest)
		return
	}
	dimension := 8
	if in.Model == "large" {
		dimension = 12
	}
	type item struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	var out struct {
		Data []item `json:"data"`
	}
	for i, text := range in.Input {
		v := make([]float32, dimension)
		for _, word := range strings.Fields(text) {
			h := fnv.New32a()
			h.Write([]byte(word))
			v[h.Sum32()%uint32(dimension)]++
		}
		v[0] += 0.1
		out.Data = append(out.Data, item{i, v})
	}
	e.texts.Add(int64(len(in.Input)))
	json.NewEncoder(w).Encode(out)
}

func (e *embedder) asked() int { return int(e.texts.Swap(0)) }

// TestEmbedAgain changes the embedder of a filled store: everything is embedded
// again from what the catalog holds, an interruption costs only the rest, and
// going back costs only what came since. Under a wrong configuration nothing
// opens, and a roll-back is refused before it changes anything.
func TestEmbedAgain(t *testing.T) {
	model := &embedder{}
	server := httptest.NewServer(model)
	defer server.Close()
	s := newStore(t, 40)
	use := func(name string, dimension int) {
		s.cfg.Embedder = configs.Embedder{Type: "openai", URL: server.URL, Model: name, Dimension: dimension, Destination: "internal"}
	}
	clean := func(a *app.App, chunks int) {
		t.Helper()
		if f := inspect(t, a, false); len(f.Faults) > 0 {
			t.Errorf("%d faults, first %+v", len(f.Faults), f.Faults[0])
		}
		c, err := a.Compare(t.Context())
		if err != nil || c.Chunks != chunks || !c.Clean() {
			t.Errorf("%d chunks, %d faults, %v", c.Chunks, len(c.Faults), err)
		}
		if answer, err := a.Service.Retrieve(t.Context(), ask("team-1")); err != nil || len(answer.Passages) == 0 {
			t.Errorf("%d passages, %v", len(answer.Passages), err)
		}
	}
	open := func(o app.Options) (*app.App, error) {
		scanners, err := scannersOf()
		if err != nil {
			t.Fatal(err)
		}
		o.Scanners = scanners
		return app.Open(t.Context(), s.cfg, o)
	}
	must := func(o app.Options) *app.App {
		t.Helper()
		a, err := open(o)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	use("small", 8)
	a := must(app.Options{})
	chunks := s.ingest(t, a).Chunks
	if n := model.asked() - chunks; n < 0 || n > 1 { // one may ask for the dimension
		t.Errorf("%d texts embedded of %d chunks", n+chunks, chunks)
	}
	clean(a, chunks)
	a.Close()

	use("large", 12)
	if a, err := open(app.Options{}); !errors.Is(err, index.ErrMismatch) {
		a.Close()
		t.Fatalf("opening with another embedder: %v", err)
	}
	a = must(app.Options{Unfinished: true, NoIndex: true})
	model.asked()
	model.fail.Store(15)
	if _, err := a.Reindex(t.Context(), nil); err == nil {
		t.Fatal("the embedder failed, and nobody noticed")
	}
	first := model.asked()
	model.fail.Store(0)
	r, err := a.Reindex(t.Context(), nil)
	if err != nil || r.Embedded == 0 || r.Chunks != chunks || r.Previous != "index.db" {
		t.Fatalf("%+v, %v", r, err)
	}
	if first == 0 || first+r.Embedded != chunks {
		t.Errorf("%d embedded before the interruption and %d after it, of %d", first, r.Embedded, chunks)
	}
	model.asked()
	clean(a, chunks)
	a.Close()

	a = must(app.Options{})
	s.cfg.Sources[0].Path = corpus(t, 43)
	more := s.ingest(t, a)
	if more.Outcomes[ingest.Unchanged] != 40 {
		t.Errorf("another embedder alone changed documents: %+v", more.Outcomes)
	}
	if _, err := a.Rollback(t.Context()); !errors.Is(err, index.ErrMismatch) {
		t.Errorf("going back under the new embedder: %v", err)
	}
	clean(a, chunks+more.Chunks)
	a.Close()

	use("small", 8)
	if a, err := open(app.Options{}); !errors.Is(err, index.ErrMismatch) {
		a.Close()
		t.Fatalf("opening with the embedder before: %v", err)
	}
	a = must(app.Options{Unfinished: true, NoIndex: true})
	model.asked()
	r, err = a.Rollback(t.Context())
	if err != nil || r.Embedded != more.Chunks || r.Current != "index.db" {
		t.Fatalf("%+v, %v", r, err)
	}
	if n := model.asked(); n != more.Chunks {
		t.Errorf("going back embedded %d texts, %d came since", n, more.Chunks)
	}
	clean(a, chunks+more.Chunks)
	a.Close()
	a = must(app.Options{})
	clean(a, chunks+more.Chunks)
	a.Close()
}

// TestAttributesEmbedNothing: who may read a document is changed without asking
// the embedder for anything, by its source and by who pushed it.
func TestAttributesEmbedNothing(t *testing.T) {
	model := &embedder{}
	server := httptest.NewServer(model)
	defer server.Close()
	s := newStore(t, 0)
	s.cfg.Embedder = configs.Embedder{Type: "openai", URL: server.URL, Model: "small", Dimension: 8, Destination: "internal"}
	texts := map[string]string{"a": "first words", "c": "second words", "d": "third words"}
	s.notes(t, texts, "team")
	a := s.open(t)
	defer a.Close()
	if r := s.ingest(t, a); r.Outcomes[ingest.Indexed] != 3 {
		t.Fatalf("%+v", r)
	}
	model.asked()
	s.notes(t, texts, "others")
	if r := s.ingest(t, a); r.Outcomes[ingest.Reattribute] != 3 || r.Chunks != 0 {
		t.Errorf("%+v", r)
	}
	var groups []string
	err := a.Catalog.Live(t.Context(), "acme", "", func(d catalog.Document) error {
		e, err := a.Pipeline.Reattribute(t.Context(), d.ID, ingest.PushOptions{Tenant: "acme", Source: d.Source}, func(map[string]any) (map[string]any, error) {
			return map[string]any{"groups": []any{"third"}}, nil
		})
		groups = append(groups, fmt.Sprint(e.Outcome))
		return err
	})
	if err != nil || fmt.Sprint(groups) != "[attributes attributes attributes]" {
		t.Errorf("%v, %v", groups, err)
	}
	if n := model.asked(); n != 0 {
		t.Errorf("%d texts were embedded for changes of attributes", n)
	}
	if f := inspect(t, a, false); len(f.Faults) > 0 {
		t.Errorf("%+v", f.Faults)
	}
}

// TestEmbedAgainElsewhere goes over to an embedder that others run. What policy does
// not let go there is not sent, neither when the index is made anew nor afterwards,
// and is still found by its words.
func TestEmbedAgainElsewhere(t *testing.T) {
	model := &embedder{}
	var mu sync.Mutex
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		sent = append(sent, string(body))
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		model.ServeHTTP(w, r)
	}))
	defer server.Close()
	s := newStores(t, 0, "")
	dir := filepath.Join(s.dir, "policy")
	if err := os.CopyFS(dir, os.DirFS("../../../configs/policies/default")); err != nil {
		t.Fatal(err)
	}
	rule := "package doorward.ingest\n\nimport rego.v1\n\n# Only what everybody may read goes to others to be embedded.\nembed if input.document.public\n"
	if err := os.WriteFile(filepath.Join(dir, "embed.rego"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cfg.Policy.Dir = dir
	s.put(t, `{"id": "open", "text": "the canteen opens at noon", "access": {"public": true, "groups": ["team"]}}`)
	s.put(t, `{"id": "closed", "text": "the merger is called bluebell", "access": {"public": false, "groups": ["team"]}}`)
	use := func(name string, dimension int, destination string) {
		s.cfg.Embedder = configs.Embedder{Type: "openai", URL: server.URL, Model: name, Dimension: dimension, Destination: destination}
	}
	knows := func(word string) bool {
		mu.Lock()
		defer mu.Unlock()
		return slices.ContainsFunc(sent, func(b string) bool { return strings.Contains(b, word) })
	}
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	use("small", 8, "internal")
	s.with(t, func(a *app.App) { s.ingest(t, a) })
	if !knows("canteen") || !knows("bluebell") {
		t.Fatal("at home not everything was embedded")
	}
	mu.Lock()
	sent = nil
	mu.Unlock()
	use("large", 12, "elsewhere")
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Unfinished: true, NoIndex: true})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	r, err := a.Reindex(t.Context(), nil)
	if err != nil || r.Chunks != 2 || r.Embedded != 1 {
		t.Fatalf("%+v, %v, want 1 of 2 embedded", r, err)
	}
	s.put(t, `{"id": "later", "text": "the other merger is called foxglove", "access": {"public": false, "groups": ["team"]}}`)
	s.put(t, `{"id": "menu", "text": "there is soup on friday", "access": {"public": true, "groups": ["team"]}}`)
	s.ingest(t, a)
	if !knows("canteen") || !knows("soup") {
		t.Error("what may go there was not embedded")
	}
	if knows("bluebell") || knows("foxglove") {
		t.Error("what must not go there went")
	}
	for _, id := range []string{"closed", "later"} {
		terms, err := a.Service.Fetch(t.Context(), retrieval.FetchRequest{ID: "r", Document: id, Context: policy.Context{Now: time.Now()}, Subject: ask("team").Subject})
		if err != nil || len(terms) == 0 {
			t.Errorf("%s is not there any more: %v", id, err)
		}
	}
	if f := inspect(t, a, false); len(f.Faults) > 0 {
		t.Errorf("%+v", f.Faults)
	}
}
