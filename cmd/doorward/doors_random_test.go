package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/api/contract"
)

// TestDoorsAtRandom sends random requests to every route of both listeners, as
// FuzzAPI does, without looking at which code they reach and therefore many more
// of them; and counts. DOORWARD_FUZZ_API says for how long (`make fuzz-api`).
func TestDoorsAtRandom(t *testing.T) {
	length := time.Second
	if v := os.Getenv("DOORWARD_FUZZ_API"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatal(err)
		}
		length = d
	}
	d := openDoors(t)
	routes := slices.Concat(d.publicRoutes, d.operatorRoutes)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	tried, statuses := 0, map[int]int{}
	for end := time.Now().Add(length); time.Now().Before(end) && !t.Failed(); tried++ {
		n := r.IntN(len(routes))
		h := d.public
		if n >= len(d.publicRoutes) {
			h = d.operator
		}
		statuses[d.atRandom(t, r, routes[n], h)]++
	}
	worse := 0
	for status, n := range statuses {
		if status >= 500 {
			worse += n
		}
	}
	fmt.Printf("%d requests in %v to %d routes as %d kinds of callers: statuses %v; answered with 5xx: %d; leaks: %s\n", tried, length, len(routes), len(who), statuses, worse,
		map[bool]string{true: "see above", false: "0"}[t.Failed()])
}

// atRandom sends one request and judges the answer.
func (d *doors) atRandom(t *testing.T, r *rand.Rand, at contract.Route, h http.Handler) int {
	path, header, body := oneOf(r, randomNames), oneOf(r, randomHeaders), randomBody(r)
	target := at.Path
	if before, rest, ok := strings.Cut(target, "{"); ok {
		_, after, _ := strings.Cut(rest, "}")
		target = before + url.PathEscape(path) + after
	}
	req, err := http.NewRequest(at.Method, "http://doors"+target, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	identified := d.identify(t, req, oneOf(r, who), header)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	judge(t, at, w, body, header+path, identified)
	return w.Code
}

func oneOf[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

var (
	randomNames   = []string{"d01.txt", "c01.txt", "../c01.txt", "closed~:c01.txt", "", "0", "%00", strings.Repeat("a", 300), "{id}", "S1-0000", "é", "a b"}
	randomHeaders = []string{"", "staff", "board", "staff, board", "AAAA", strings.Repeat("z", 5000), "text/html", "support", "\t", "1"}
	randomFields  = []string{"question", "top_k", "budget", "format", "marking", "destination", "purpose", "system", "context_id", "text", "delta", "model", "messages", "role", "content", "stream",
		"jsonrpc", "id", "method", "params", "name", "arguments", "query", "subject", "groups", "documents", "attributes", "scope", "target", "reason", "plan", "operation", "limit", "after", "tenant", "kind", "order"}
	randomValues = []any{nil, true, 0, -1, 1, 20, 50, 51, 1 << 40, 1e308, "", "harbour season day", "c01.txt", "staff", "board", "internal", "messages", "base64", "user", "system", "test-1", "2.0", "tools/call", "fetch", "search",
		[]any{}, []any{"staff"}, map[string]any{}, "\x00", "\u202e", "[link](https://x.example/?q=1)", strings.Repeat("a ", 3000)}
)

// randomBody is a JSON object of randomFields the API knows, whole or damaged.
func randomBody(r *rand.Rand) []byte {
	data, _ := json.Marshal(randomValue(r, 3))
	switch r.IntN(8) {
	case 0: // a byte changed
		if len(data) > 0 {
			data[r.IntN(len(data))] = byte(r.UintN(256))
		}
	case 1: // cut off
		data = data[:r.IntN(len(data)+1)]
	case 2: // two lines
		data = append(append(data, '\n'), data...)
	case 3: // a field twice
		data = []byte(strings.Replace(string(data), "{", `{"question":"harbour",`, 1))
	}
	return data
}

func randomValue(r *rand.Rand, depth int) any {
	switch n := r.IntN(10); {
	case depth == 3 || depth > 0 && n < 3:
		m := map[string]any{}
		for range 1 + r.IntN(6) {
			m[oneOf(r, randomFields)] = randomValue(r, depth-1)
		}
		if depth == 3 && n < 4 { // often a question that finds something
			m["question"] = "harbour season day"
		}
		return m
	case depth > 0 && n < 5:
		return []any{randomValue(r, depth-1)}
	}
	return oneOf(r, randomValues)
}
