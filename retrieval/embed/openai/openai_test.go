package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/embed/openai"
)

func server(t testing.TB, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func remote(url string) embed.RemoteConfig {
	return embed.RemoteConfig{URL: url, Destination: "hosted", Key: "test" + "key", Timeout: 3 * time.Second}
}

// lengths answers each input with its length, last input first.
func lengths(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model string
		Input []string
	}
	json.NewDecoder(r.Body).Decode(&in)
	type item struct {
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	var out struct {
		Data []item `json:"data"`
	}
	for i := len(in.Input) - 1; i >= 0; i-- {
		out.Data = append(out.Data, item{i, []float32{float32(len(in.Input[i])), 1}})
	}
	json.NewEncoder(w).Encode(out)
}

func TestEmbed(t *testing.T) {
	var auth atomic.Value
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		auth.Store(r.Header.Get("Authorization"))
		lengths(w, r)
	})
	e, err := openai.Open(t.Context(), openai.Config{Remote: remote(url), Model: "m", Batch: embed.Batch{Texts: 3, TextBytes: 10}})
	if err != nil {
		t.Fatal(err)
	}
	vs, err := e.Embed(t.Context(), []string{"a", "bb", "ccc", "dddd", "a text too long", "ééééééé", "\xff"})
	if err != nil {
		t.Fatal(err)
	}
	var got []float32
	for _, v := range vs {
		got = append(got, v[0])
	}
	if fmt.Sprint(got) != "[1 2 3 4 10 10 3]" {
		t.Errorf("vectors of %v", got)
	}
	if auth.Load() != "Bearer test"+"key" || e.Dimension() != 2 || e.Destination() != "hosted" {
		t.Errorf("auth %v, dimension %d, destination %s", auth.Load(), e.Dimension(), e.Destination())
	}
	if vs, err := e.Embed(t.Context(), nil); err != nil || len(vs) != 0 {
		t.Errorf("no texts: %v, %v", vs, err)
	}
}

func TestFailures(t *testing.T) {
	const secretText = "the-text-that-must-not-leak"
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		want  error
		calls int32
	}{
		{"unauthorised is final", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secretText, http.StatusUnauthorized) }, embed.ErrUnavailable, 1},
		{"bad request is final", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, secretText, http.StatusBadRequest) }, embed.ErrUnavailable, 1},
		{"redirect is not followed", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, embed.ErrUnavailable, 1},
		{"busy is repeated", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, embed.ErrUnavailable, 3},
		{"too few vectors", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[]}`) }, embed.ErrUnavailable, 1},
		{"another dimension", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"index":0,"embedding":[1,2,3]}]}`)
		}, embed.ErrModel, 1},
		{"zero vector", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"index":0,"embedding":[0,0]}]}`)
		}, embed.ErrUnavailable, 1},
		{"wrong index", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"data":[{"index":4,"embedding":[1,2]}]}`)
		}, embed.ErrUnavailable, 1},
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, secretText) }, embed.ErrUnavailable, 3},
	} {
		var calls atomic.Int32
		url := server(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); c.h(w, r) })
		e, err := openai.Open(t.Context(), openai.Config{Remote: remote(url), Model: "m", Dimension: 2})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Embed(t.Context(), []string{secretText})
		if !errors.Is(err, c.want) || calls.Load() != c.calls {
			t.Errorf("%s: %v after %d calls, want %v after %d", c.name, err, calls.Load(), c.want, c.calls)
		}
		if err != nil && strings.Contains(err.Error(), secretText) {
			t.Errorf("%s: the error quotes text", c.name)
		}
	}
}

func TestRepeatsUntilItWorks(t *testing.T) {
	var calls atomic.Int32
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(429)
			return
		}
		lengths(w, r)
	})
	e, err := openai.Open(t.Context(), openai.Config{Remote: remote(url), Model: "m", Dimension: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), []string{"x"}); err != nil || calls.Load() != 3 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	var now, most atomic.Int32
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(5 * time.Millisecond)
		lengths(w, r)
	})
	cfg := openai.Config{Remote: remote(url), Model: "m", Dimension: 2, Batch: embed.Batch{Texts: 1}}
	cfg.Remote.Concurrency = 3
	e, err := openai.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Embed(t.Context(), make([]string, 40)); err != nil {
		t.Fatal(err)
	}
	if most.Load() > 3 {
		t.Errorf("%d requests at once, want at most 3", most.Load())
	}
}

func TestConfiguration(t *testing.T) {
	for name, c := range map[string]embed.RemoteConfig{
		"no destination":   {URL: "http://localhost"},
		"no url":           {Destination: "x"},
		"odd scheme":       {URL: "ftp://host", Destination: "x"},
		"key in the clear": {URL: "http://example.com", Destination: "x", Key: "k"},
		"odd proxy":        {URL: "http://localhost", Destination: "x", Proxy: "::"},
	} {
		if _, err := openai.Open(context.Background(), openai.Config{Remote: c, Model: "m", Dimension: 1}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func Example() {
	s := httptest.NewServer(http.HandlerFunc(lengths))
	defer s.Close()
	e, err := openai.Open(context.Background(), openai.Config{Remote: embed.RemoteConfig{URL: s.URL, Destination: embed.Internal}, Model: "local-model"})
	if err != nil {
		fmt.Println(err)
		return
	}
	vectors, err := e.Embed(context.Background(), []string{"travel policy"})
	fmt.Println(e.Dimension(), vectors, err)
	// Output: 2 [[13 1]] <nil>
}
