package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/policy"
)

// TestBodiesSayWhatTheyAre sends every route of the contract that takes a body one
// of another type, or of none: it is refused as such, whatever stands in it, and of
// the described types none is.
func TestBodiesSayWhatTheyAre(t *testing.T) {
	a := opened(t)
	f, err := openFaces(a)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Backends.Add(auth.Backend{ID: "all", Tenant: a.Config.Tenant, Operator: true, Scopes: []auth.Scope{auth.Retrieve, auth.Output, auth.Chat, auth.Ingest, auth.Operate}, Sources: []string{"pushed"}})
	if err != nil {
		t.Fatal(err)
	}
	routes := 0
	for l, h := range map[contract.Listener]http.Handler{contract.Public: f.public, contract.Operator: f.operator} {
		for at, takes := range bodies(t, l) {
			routes++
			send := func(codings []string, types ...string) *httptest.ResponseRecorder {
				method, path, _ := strings.Cut(at, " ")
				path = strings.NewReplacer("{id}", "x", "{submitter}", "x").Replace(path)
				r := httptest.NewRequest(method, path, strings.NewReader("{}"))
				token := assertion(t, c.Assertion, "all", "doorward", func(s *policy.Subject) { s.Tenant = a.Config.Tenant })
				r.Header.Set("Authorization", "Bearer "+c.Key)
				if path == "/mcp" {
					r.Header.Set("Authorization", "Bearer "+token)
				}
				r.Header.Set(auth.Header, token)
				r.Header.Set("Accept", "application/json, text/event-stream")
				for _, kind := range types {
					r.Header.Add("Content-Type", kind)
				}
				for _, coding := range codings {
					r.Header.Add("Content-Encoding", coding)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				return w
			}
			ask := func(types ...string) *httptest.ResponseRecorder { return send(nil, types...) }
			for _, coded := range [][]string{{"gzip"}, {"deflate"}, {"identity, br"}, {"identity", "gzip"}} {
				if w := send(coded, takes[0]); w.Code != http.StatusUnsupportedMediaType || w.Header().Get("Accept-Encoding") != "identity" {
					t.Errorf("%s coded %q: %d %s %s", at, coded, w.Code, w.Header(), w.Body)
				}
			}
			if w := send([]string{"Identity"}, takes[0]); w.Code == http.StatusUnsupportedMediaType {
				t.Errorf("%s as it is: %d %s", at, w.Code, w.Body)
			}
			for _, wrong := range [][]string{nil, {""}, {"application/x-www-form-urlencoded"}, {"text/plain"}, {"multipart/form-data; boundary=x"}, {"application/octet-stream"}, {"application/json-seq"},
				{takes[0] + "; charset=utf-16"}, {takes[0] + "; charset"}, {takes[0], "text/plain"}, {takes[0] + ", text/plain"}} {
				if w := ask(wrong...); w.Code != http.StatusUnsupportedMediaType {
					t.Errorf("%s with %q: %d %s", at, wrong, w.Code, w.Body)
				} else if w.Header().Get("Content-Type") == "application/problem+json" && w.Header().Get("Accept") != strings.Join(takes, ", ") {
					t.Errorf("%s with %q: the answer names %q, not %q", at, wrong, w.Header().Get("Accept"), takes)
				}
			}
			for _, right := range takes {
				for _, spelled := range []string{right, right + "; charset=UTF-8", strings.ToUpper(right)} {
					if at == "POST /mcp" && spelled != right {
						continue // the protocol's own package is stricter
					}
					if w := ask(spelled); w.Code == http.StatusUnsupportedMediaType {
						t.Errorf("%s with %q: %d %s", at, spelled, w.Code, w.Body)
					}
				}
			}
		}
	}
	if routes < 15 {
		t.Errorf("only %d routes take a body", routes)
	}
}

// bodies are the routes of a listener's contract that take a body, with its types.
func bodies(t *testing.T, l contract.Listener) map[string][]string {
	t.Helper()
	data, err := contract.JSON(l)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Paths map[string]map[string]struct {
			RequestBody struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for path, item := range d.Paths {
		for method, op := range item {
			var takes []string
			for _, kind := range []string{"application/json", "application/x-ndjson", "application/jsonl"} {
				if _, ok := op.RequestBody.Content[kind]; ok {
					takes = append(takes, kind)
				}
			}
			if len(takes) != len(op.RequestBody.Content) {
				t.Errorf("%s %s takes another type: %v", method, path, op.RequestBody.Content)
			}
			if len(takes) > 0 {
				out[strings.ToUpper(method)+" "+path] = takes
			}
		}
	}
	return out
}
