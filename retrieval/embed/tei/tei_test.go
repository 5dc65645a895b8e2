package tei_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/embed/embedtest"
	"github.com/doorward/doorward/retrieval/embed/tei"
)

// fake is a TEI server whose vectors are the text's length, and whose scores are
// the number of words shared with the query.
func fake(t testing.TB) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /info", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"model_id":"fake/model","max_client_batch_size":4}`)
	})
	mux.HandleFunc("POST /embed", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Inputs []string }
		json.NewDecoder(r.Body).Decode(&in)
		if len(in.Inputs) > 4 {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		var out [][]float32
		for _, s := range in.Inputs {
			out = append(out, []float32{float32(len(s)), 1, 0})
		}
		json.NewEncoder(w).Encode(out)
	})
	mux.HandleFunc("POST /rerank", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Query string
			Texts []string
		}
		json.NewDecoder(r.Body).Decode(&in)
		out := []map[string]any{}
		for i := len(in.Texts) - 1; i >= 0; i-- { // best first is not the order asked
			n := 0
			for _, w := range strings.Fields(in.Query) {
				n += strings.Count(in.Texts[i], w)
			}
			out = append(out, map[string]any{"index": i, "score": n})
		}
		json.NewEncoder(w).Encode(out)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func remote(url string) embed.RemoteConfig {
	return embed.RemoteConfig{URL: url, Destination: embed.Internal, Timeout: 2 * time.Second}
}

func TestEmbedKeepsOrderAcrossBatches(t *testing.T) {
	e, err := tei.OpenEmbedder(t.Context(), tei.Config{Remote: remote(fake(t).URL), Prefix: "passage: "})
	if err != nil {
		t.Fatal(err)
	}
	if e.Model() != "fake/model" || e.Dimension() != 3 || e.Destination() != embed.Internal {
		t.Errorf("opened as %s, %d dimensions, destination %s", e.Model(), e.Dimension(), e.Destination())
	}
	var texts []string
	for i := range 31 {
		texts = append(texts, strings.Repeat("x", i))
	}
	vs, err := e.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vs {
		if v[0] != float32(i+len("passage: ")) {
			t.Errorf("text %d got the vector of another", i)
		}
	}
}

func TestRerank(t *testing.T) {
	r, err := tei.OpenReranker(t.Context(), tei.Config{Remote: remote(fake(t).URL), Model: "fake/model"})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := r.Rerank(t.Context(), "red fox", []string{"a dog", "red fox", "fox", "cat", "red red fox", "none"})
	if err != nil || fmt.Sprint(scores) != "[0 2 1 0 3 0]" {
		t.Errorf("scores %v, %v", scores, err)
	}
}

func TestAnotherModelIsRefused(t *testing.T) {
	_, err := tei.OpenEmbedder(t.Context(), tei.Config{Remote: remote(fake(t).URL), Model: "wanted/model"})
	if !errors.Is(err, embed.ErrModel) {
		t.Errorf("opened with another model: %v", err)
	}
	e, err := tei.OpenEmbedder(t.Context(), tei.Config{Remote: remote(fake(t).URL), Dimension: 5})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), []string{"x"}); !errors.Is(err, embed.ErrModel) {
		t.Errorf("vectors of another dimension: %v", err)
	}
}

func TestBrokenScoresAreRefused(t *testing.T) {
	for name, answer := range map[string]string{
		"too few":   `[{"index":0,"score":1}]`,
		"twice":     `[{"index":0,"score":1},{"index":0,"score":2}]`,
		"beyond":    `[{"index":0,"score":1},{"index":7,"score":2}]`,
		"no score":  `[{"index":0},{"index":1,"score":2}]`,
		"an object": `{"error":"no"}`,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/info" {
				fmt.Fprint(w, `{"model_id":"m"}`)
				return
			}
			fmt.Fprint(w, answer)
		}))
		r, err := tei.OpenReranker(t.Context(), tei.Config{Remote: remote(s.URL)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Rerank(t.Context(), "q", []string{"a", "b"}); !errors.Is(err, embed.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		s.Close()
	}
}

func TestFaults(t *testing.T) {
	p := embedtest.NewProxy(t, strings.TrimPrefix(fake(t).URL, "http://"))
	url := "http://" + p.Address()
	t.Run("embedder", func(t *testing.T) {
		t.Parallel()
		e, err := tei.OpenEmbedder(t.Context(), tei.Config{Remote: remote(url)})
		if err != nil {
			t.Fatal(err)
		}
		embedtest.Run(t, p, func(ctx context.Context) error {
			vs, err := e.Embed(ctx, []string{"some text", "more"})
			if err == nil && (len(vs) != 2 || vs[0][0] != 9) {
				t.Error("a wrong vector came out")
			}
			return err
		})
	})
	q := embedtest.NewProxy(t, strings.TrimPrefix(fake(t).URL, "http://"))
	t.Run("reranker", func(t *testing.T) {
		t.Parallel()
		r, err := tei.OpenReranker(t.Context(), tei.Config{Remote: remote("http://" + q.Address())})
		if err != nil {
			t.Fatal(err)
		}
		embedtest.Run(t, q, func(ctx context.Context) error {
			scores, err := r.Rerank(ctx, "fox", []string{"fox"})
			if err == nil && scores[0] != 1 {
				t.Error("a wrong score came out")
			}
			return err
		})
	})
}

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/info":
			fmt.Fprint(w, `{"model_id":"example/model"}`)
		case "/embed":
			fmt.Fprint(w, `[[0.6,0.8]]`)
		}
	}))
	defer server.Close()
	e, err := tei.OpenEmbedder(context.Background(), tei.Config{Remote: embed.RemoteConfig{URL: server.URL, Destination: embed.Internal}})
	if err != nil {
		fmt.Println(err)
		return
	}
	vectors, err := e.Embed(context.Background(), []string{"travel policy"})
	fmt.Println(e.Model(), e.Dimension(), vectors, err)
	// Output: example/model 2 [[0.6 0.8]] <nil>
}
