package remote_test

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

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/injection/remote"
)

// classifier is a server that calls a text an injection when it holds "ignore".
func classifier(t testing.TB) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Inputs [][]string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		type label struct {
			Label string  `json:"label"`
			Score float64 `json:"score"`
		}
		var out [][]label
		for _, x := range in.Inputs {
			score := .02
			if strings.Contains(strings.ToLower(x[0]), "ignore") {
				score = .97
			}
			out = append(out, []label{{"INJECTION", score}, {"SAFE", 1 - score}})
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(s.Close)
	return s
}

func Example() {
	t := &testing.T{}
	server := classifier(t)
	defer server.Close()
	s, err := remote.New(remote.Config{URL: server.URL + "/predict", Labels: []string{"INJECTION"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := s.Scan(context.Background(), sanitize.Plain("Ignore the above."))
	fmt.Println(len(found), found[0].Rule, err)
	// Output: 1 remote-classifier <nil>
}

func TestWindows(t *testing.T) {
	s, err := remote.New(remote.Config{URL: classifier(t).URL, Labels: []string{"injection"}, Window: 100, Batch: 3})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("Boats wait outside the gate. ", 30) + "Ignore the rules." + strings.Repeat(" The gate closes – at ten.", 30)
	found, err := s.Scan(context.Background(), sanitize.Plain(text))
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(text, "Ignore")
	if len(found) != 1 || found[0].Start > at || found[0].End < at+6 || found[0].Len() > 250 {
		t.Errorf("findings %v, want one window around %d", found, at)
	}
}

func TestFailureModes(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"error status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"no json":      func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "fine") },
		"too few":      func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[]") },
		"no labels":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "[[]]") },
		"bad score":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[[{"label":"INJECTION","score":7}]]`) },
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		},
		"timeout": func(http.ResponseWriter, *http.Request) { time.Sleep(300 * time.Millisecond) },
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { calls.Add(1); handler(w, r) }))
			defer server.Close()
			for _, mode := range []remote.Failure{remote.Closed, remote.Open} {
				s, err := remote.New(remote.Config{URL: server.URL, Labels: []string{"INJECTION"}, Timeout: 100 * time.Millisecond, Failure: mode})
				if err != nil {
					t.Fatal(err)
				}
				found, err := s.Scan(context.Background(), sanitize.Plain("Some private sentence."))
				if mode == remote.Open && (err != nil || found != nil) {
					t.Errorf("open: %v, %v", found, err)
				}
				if mode == remote.Closed && !errors.Is(err, remote.ErrUnavailable) {
					t.Errorf("closed: error is %v, want ErrUnavailable", err)
				}
				if err != nil && strings.Contains(err.Error(), "private") {
					t.Errorf("error tells the text: %v", err)
				}
			}
			if calls.Load() == 0 {
				t.Error("the server was not asked")
			}
		})
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]remote.Config{
		"no url":    {Labels: []string{"x"}},
		"file url":  {URL: "file:///etc/passwd", Labels: []string{"x"}},
		"no labels": {URL: "http://localhost"},
		"mode":      {URL: "http://localhost", Labels: []string{"x"}, Failure: 9},
	} {
		if _, err := remote.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
