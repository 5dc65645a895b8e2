package ollama_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/embed/ollama"
)

func serve(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model    string
		Input    []string
		Truncate bool
	}
	json.NewDecoder(r.Body).Decode(&in)
	if r.URL.Path != "/api/embed" || in.Model != "nomic" || !in.Truncate {
		http.Error(w, "wrong request", http.StatusBadRequest)
		return
	}
	out := [][]float32{}
	for _, t := range in.Input {
		out = append(out, []float32{float32(len(t)), 1})
	}
	json.NewEncoder(w).Encode(map[string]any{"model": in.Model, "embeddings": out})
}

func TestEmbed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(serve))
	defer s.Close()
	cfg := ollama.Config{Remote: embed.RemoteConfig{URL: s.URL, Destination: embed.Internal}, Model: "nomic", Prefix: "search_query: ", Batch: embed.Batch{Texts: 2}}
	e, err := ollama.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	vs, err := e.Embed(t.Context(), []string{"a", "bb", "ccc"})
	if err != nil || fmt.Sprint(vs) != "[[15 1] [16 1] [17 1]]" {
		t.Errorf("%v, %v", vs, err)
	}
	cfg.Dimension = 768
	if e, err = ollama.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), []string{"a"}); !errors.Is(err, embed.ErrModel) {
		t.Errorf("vectors of another dimension: %v", err)
	}
	cfg.Model, cfg.Dimension = "absent", 0
	if _, err := ollama.Open(t.Context(), cfg); !errors.Is(err, embed.ErrUnavailable) {
		t.Errorf("a model the server does not have: %v", err)
	}
}

func Example() {
	s := httptest.NewServer(http.HandlerFunc(serve))
	defer s.Close()
	e, err := ollama.Open(context.Background(), ollama.Config{Remote: embed.RemoteConfig{URL: s.URL, Destination: embed.Internal}, Model: "nomic"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(e.Model(), e.Dimension())
	// Output: nomic 2
}
