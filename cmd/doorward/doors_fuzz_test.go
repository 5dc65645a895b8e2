package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/policy"
)

// who is behind a fuzzed request.
var who = []string{"alice", "board of another tenant", "nobody", "header only", "backend only", "operator without a role"}

// FuzzAPI sends whatever it likes to every route of both listeners, as six kinds
// of callers: none is given a document the policy denies, more than the most
// passages, anything at all without both identities, or an internal error.
func FuzzAPI(f *testing.F) {
	d := openDoors(f)
	var routes []contract.Route
	routes = append(append(routes, d.publicRoutes...), d.operatorRoutes...)
	for i := range routes {
		f.Add(uint8(i), uint8(0), "d01.txt", []byte(`{}`), "")
	}
	for i, body := range []string{
		`{"question":"harbour season day number","top_k":50,"budget":9999999,"format":"messages","marking":"base64","destination":"internal","purpose":"x"}`,
		`{"context_id":"AAAA","text":"[link](https://x.example/?q=1) <img src=x>"}`, "{\"context_id\":\"\",\"delta\":\"a\"}\n{\"delta\":\"b\"}\n",
		`{"model":"test-1","stream":true,"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"harbour season"}]}]}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fetch","arguments":{"id":"c01.txt"}}}`,
		`{"subject":{"id":"ann","groups":["board"]},"documents":["c01.txt"]}`, `[{}]`, `{"question":{"a":[1]}}`, "\x00\xff", `{"question":"` + strings.Repeat("a ", 200) + `"}`,
	} {
		for r := range routes {
			if i%3 == r%3 {
				f.Add(uint8(r), uint8(i%len(who)), "../c01.txt", []byte(body), "staff, board")
			}
		}
	}
	f.Fuzz(func(t *testing.T, route, caller uint8, path string, body []byte, header string) {
		at := routes[int(route)%len(routes)]
		target := at.Path
		if i := strings.IndexByte(target, '{'); i >= 0 {
			rest := target[i:]
			_, after, _ := strings.Cut(rest, "}")
			target = target[:i] + url.PathEscape(path) + after
		}
		r, err := http.NewRequest(at.Method, "http://doors"+target, bytes.NewReader(body))
		if err != nil {
			return
		}
		h := d.public
		if int(route)%len(routes) >= len(d.publicRoutes) {
			h = d.operator
		}
		identified := d.identify(t, r, who[int(caller)%len(who)], header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		judge(t, at, w, body, header+path, identified)
	})
}

// identify puts a caller's proofs on a request and reports whether they are both
// good.
func (d *doors) identify(t *testing.T, r *http.Request, caller, header string) bool {
	set := func(name, value string) {
		if !strings.ContainsAny(value, "\r\n\x00") {
			r.Header.Set(name, value)
		}
	}
	set("Content-Type", "application/json")
	if r.URL.Path == "/v1/output/stream" {
		set("Content-Type", "application/x-ndjson")
	}
	set("Accept", "application/json, text/event-stream")
	set("Doorward-Context", header)
	set(auth.PurposeHeader, header)
	backend, key, signer := "chat", d.chat.Key, d.chat.Assertion
	var change func(*policy.Subject)
	switch caller {
	case "board of another tenant":
		change = func(s *policy.Subject) { s.Tenant, s.Groups = "globex", []string{"board"} }
	case "nobody":
		return false
	case "header only":
		set("Authorization", "Bearer "+key)
		for _, name := range []string{"X-User", "X-Forwarded-User", "X-Forwarded-Client-Cert", auth.Header} {
			set(name, header)
		}
		return false
	case "backend only":
		set("Authorization", "Bearer "+key)
		return false
	case "operator without a role":
		backend, key, signer = "desk", d.desk.Key, d.desk.Assertion
		change = func(s *policy.Subject) { s.Roles, s.Groups = nil, nil }
	}
	token := assertion(t, signer, backend, "doorward", change)
	set("Authorization", "Bearer "+key)
	set(auth.Header, token)
	if r.URL.Path == "/mcp" {
		set("Authorization", "Bearer "+token)
	}
	return caller != "board of another tenant"
}

func judge(t *testing.T, at contract.Route, w *httptest.ResponseRecorder, body []byte, said string, identified bool) {
	t.Helper()
	text := w.Body.String()
	if strings.Contains(text, closedWord) && !bytes.Contains(body, []byte(closedWord)) && !strings.Contains(said, closedWord) {
		t.Errorf("%s %s released what the policy denies", at.Method, at.Path)
	}
	if !identified && strings.Contains(text, openWord) {
		t.Errorf("%s %s released something without both identities", at.Method, at.Path)
	}
	if w.Code == http.StatusInternalServerError {
		t.Errorf("%s %s: an internal error", at.Method, at.Path)
	}
	if at.Path == "/v1/retrieve" && w.Code == http.StatusOK {
		var a api.RetrieveResponse
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || len(a.Passages) > 50 {
			t.Errorf("%d passages, %v", len(a.Passages), err)
		}
	}
}
