package test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
)

// collector keeps what an OTLP exporter sends, unpacked but not parsed: text
// anywhere in it would be readable.
type collector struct {
	mu   sync.Mutex
	sent bytes.Buffer
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.Copy(&c.sent, body)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// operated is a running service with a model, a trace collector and a known
// operator listener.
func operated(t *testing.T, model *obedient) (b *backend, operator, dir string, spans *collector, stop func()) {
	t.Helper()
	upstream := httptest.NewServer(model)
	t.Cleanup(upstream.Close)
	spans = &collector{}
	traces := httptest.NewServer(spans)
	t.Cleanup(traces.Close)
	operator = freeAddress(t)
	dir = t.TempDir()
	config := strings.Replace(leakConfig, `operator: "127.0.0.1:0"`, `operator: "`+operator+`"`, 1) +
		"traces: {endpoint: \"" + traces.URL + "\", sample: 1}\nlog: {json: true}\n" +
		"gateway: {upstreams: [{models: [\"test-*\"], url: \"" + upstream.URL + "/v1\", destination: internal}]}\n"
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(config))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The quorblefant crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b = register(t, dir, "chat")
	b.url, stop = serve(t, dir)
	return b, "http://" + operator, dir, spans, stop
}

func freeAddress(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	return s.Listener.Addr().String()
}

// TestWhatOperatorsSee runs requests of every kind and looks at what operators
// get of them: metrics that alerts and dashboard can use, spans of every stage,
// readiness by part, and nowhere a word of a document, a question or an answer.
func TestWhatOperatorsSee(t *testing.T) {
	model := &obedient{reply: func(map[string]any) []string { return []string{"On Tuesdays, says zibblewock."} }}
	b, operator, _, spans, stop := operated(t, model)
	r := b.retrieve(t, ann, api.RetrieveRequest{Question: "when is the quorblefant crane repaired, vermuntic?"})
	if len(r.Passages) != 1 {
		t.Fatalf("%d passages", len(r.Passages))
	}
	b.as(t, ann, "/v1/output", api.OutputRequest{ContextID: r.ContextID, Text: "The zibblewock answer."})
	for _, stream := range []bool{false, true} {
		q := question(stream)
		q["model"] = "test-snorfblat"
		if status, body := b.as(t, ann, "/v1/chat/completions", q); status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
	}
	b.as(t, ann, "/v1/retrieve", map[string]any{"question": 3, "vermuntic": 1})
	for _, path := range []string{"/v1/retrieve", "/mcp"} { // methods are callers' words, too
		made, err := http.NewRequestWithContext(t.Context(), "VERMUNTIC", b.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(made)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}

	metrics := get(t, operator+"/metrics", http.StatusOK)
	ready := get(t, operator+"/readyz", http.StatusOK)
	for _, part := range []string{"policy", "catalog", "index", "audit", "keys", "disk", "identity"} {
		if !strings.Contains(ready, `"part":"`+part+`"`) {
			t.Errorf("readiness does not speak of %s: %s", part, ready)
		}
	}
	if public := get(t, b.url+"/readyz", http.StatusOK); strings.Contains(public, "catalog") {
		t.Errorf("the public listener says which parts there are: %s", public)
	}
	for _, want := range []string{`doorward_request_seconds_count{route="/v1/chat/completions",status="200"} 2`, `doorward_stage_seconds_count{stage="prove"} 3`, `doorward_shed_total{why="queue"} 0`, `doorward_ready{part="catalog"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	namedMetricsExist(t, metrics)
	stop()
	spans.mu.Lock()
	sent := spans.sent.String()
	spans.mu.Unlock()
	for _, want := range []string{"POST /v1/retrieve", "POST /v1/chat/completions", "chat test-*", "gen_ai.usage.input_tokens", "plan", "search", "prove", "clean", "prompt", "audit"} {
		if !strings.Contains(sent, want) {
			t.Errorf("no span says %q", want)
		}
	}
	for where, text := range map[string]string{"metrics": metrics, "spans": sent, "readiness": ready} {
		for _, word := range []string{"quorblefant", "vermuntic", "VERMUNTIC", "zibblewock", "snorfblat", "harbour's assistant", "Tuesdays", "crane.txt", "ann", b.key} {
			if word == "ann" && !strings.Contains(text, `"ann"`) {
				continue
			}
			if strings.Contains(text, word) {
				t.Errorf("%s hold %q", where, word)
			}
		}
	}
}

// namedMetricsExist holds alert rules and dashboard to the metrics of a service.
// Three exist only once there is a certificate, a comparison or a source to read.
func namedMetricsExist(t *testing.T, metrics string) {
	t.Helper()
	named := regexp.MustCompile(`\b(doorward|process|go)_[a-z_]+\b`)
	known := map[string]bool{"doorward_certificate_expiry_timestamp_seconds": true, "doorward_index_faults": true, "doorward_source_missing_documents": true}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		known[m[1]] = true
		if m[2] == "histogram" {
			known[m[1]+"_bucket"], known[m[1]+"_count"], known[m[1]+"_sum"] = true, true, true
		}
	}
	for _, file := range []string{"alerts.yaml", "dashboard.json"} {
		text, err := os.ReadFile(filepath.Join("..", "configs", "monitoring", file))
		if err != nil {
			t.Fatal(err)
		}
		found := named.FindAllString(string(text), -1)
		if len(found) < 10 {
			t.Errorf("%s names %d metrics", file, len(found))
		}
		for _, name := range found {
			if !known[name] {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
		}
	}
}

func get(t *testing.T, url string, want int) string {
	t.Helper()
	c := &http.Client{Timeout: 20 * time.Second}
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s: %d %s %v", url, resp.StatusCode, body, err)
	}
	return string(body)
}

// TestReadinessTellsTheTruth takes the audit folder away from a running service
// and leaves another in its place, as a background write or a careless restore
// would.
func TestReadinessTellsTheTruth(t *testing.T) {
	b, operator, dir, _, stop := operated(t, &obedient{})
	healthy(t, dir, 0, "ready")
	audit := filepath.Join(dir, "data", "audit")
	if err := errors.Join(os.Rename(audit, audit+".gone"), os.MkdirAll(audit, 0o700)); err != nil {
		t.Fatal(err)
	}
	var state struct {
		Status string
		Parts  []struct {
			Part    string
			OK      bool
			Trouble string
		}
	}
	time.Sleep(1100 * time.Millisecond) // readiness remembers for a second
	if err := json.Unmarshal([]byte(get(t, operator+"/readyz", http.StatusServiceUnavailable)), &state); err != nil {
		t.Fatal(err)
	}
	for _, p := range state.Parts {
		if p.OK != (p.Part != "audit") {
			t.Errorf("%s: %v %s", p.Part, p.OK, p.Trouble)
		}
	}
	get(t, b.url+"/readyz", http.StatusServiceUnavailable)
	get(t, b.url+"/healthz", http.StatusOK)
	healthy(t, dir, 1, "audit")
	putBack(t, audit)
	time.Sleep(1100 * time.Millisecond)
	get(t, b.url+"/readyz", http.StatusOK)
	stop()
	healthy(t, dir, 1, "nobody answers")
}

// healthy runs the health checks of Compose and of the container file as they
// stand, for the service of dir.
func healthy(t *testing.T, dir string, code int, says string) {
	t.Helper()
	for file, find := range map[string]string{"compose.yaml": `image: doorward\n(?s:.*?)healthcheck: \{test: (\["CMD", )(.*?)\]`, "Containerfile": `HEALTHCHECK .* CMD (\[)(.*)\]`} {
		text, err := os.ReadFile(filepath.Join("..", "configs", "packaging", file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(find).FindStringSubmatch(string(text))
		if m == nil {
			t.Fatalf("%s has no health check", file)
		}
		var command []string
		if err := json.Unmarshal([]byte("["+m[2]+"]"), &command); err != nil || len(command) == 0 || command[0] != "/doorward" {
			t.Fatalf("%s: %s: %v", file, m[2], err)
		}
		for i := range command {
			command[i] = strings.Replace(command[i], "/srv/", dir+"/", 1)
		}
		out, errs, got := run(t, dir, command[1:]...)
		if got != code || !strings.Contains(out+errs, says) {
			t.Errorf("%s: %v: exit %d, want %d and %q\n%s%s", file, command, got, code, says, out, errs)
		}
	}
}

// putBack moves a folder back over what background writes left in its place.
func putBack(t *testing.T, dir string) {
	t.Helper()
	var err error
	for range 100 {
		if err = errors.Join(os.RemoveAll(dir), os.Rename(dir+".gone", dir)); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal(err)
}
