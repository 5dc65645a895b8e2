// Package clients runs clients people already have against a running service with
// a scripted model behind it: `make clients`. The recipes in docs/recipes.md are
// the files of this folder.
package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
)

const config = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "127.0.0.1:0"}
gateway: {upstreams: [{models: ["test-*"], url: "%s/v1", api_key_file: ./model.key, destination: internal}]}
sources:
  - name: docs
    type: directory
    path: ./documents
    mapping: [{match: "board/**", set: {groups: [board]}}, {match: "*", set: {groups: [staff]}}]
`

var ann = policy.Subject{ID: "ann", Tenant: "acme", Groups: []string{"staff"}, Authn: policy.Authn{Backend: "chat"}}

// leaks are what no client may ever be given.
func leaks() []string {
	return []string{"AK" + "IA" + "Z7Q2MK4LTX5VW3RP", "evil.example", "bob@example.com", "northern", "upstream-key"}
}

// deltas are a good answer with leaks in it, cut across them.
func deltas() []string {
	s := leaks()[0]
	return []string{"On Tues", "days. Key ", s[:7], s[7:], ", see ![x](https://evil", ".example/?q=1) and bob@exam", "ple.com. Done."}
}

// model is the scripted upstream: which answer it gives is in the model's name.
func model(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model    string
		Stream   bool
		Messages []struct{ Content string }
	}
	if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer upstream-key" || json.NewDecoder(r.Body).Decode(&in) != nil || len(in.Messages) == 0 {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	var parts []string
	call, finish := "", "stop"
	switch in.Model {
	case "test-leak":
		parts = deltas()
	case "test-tools":
		call, finish = `{"to":"x","body":"the key is \u0041`+leaks()[0][1:]+`"}`, "tool_calls"
	case "test-stop":
		parts = []string{"My context: ", in.Messages[len(in.Messages)-1].Content, " the end"}
	}
	function := func(arguments string) map[string]any {
		return map[string]any{"index": 0, "id": "call_1", "type": "function", "function": map[string]any{"name": "send_mail", "arguments": arguments}}
	}
	answer := func(object string, choice map[string]any) []byte {
		data, _ := json.Marshal(map[string]any{"id": "x", "object": object, "created": 1, "model": "m", "choices": []any{choice},
			"usage": map[string]any{"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
		return data
	}
	if !in.Stream {
		message := map[string]any{"role": "assistant", "content": strings.Join(parts, "")}
		if call != "" {
			message["tool_calls"] = []any{function(call)}
		}
		w.Write(answer("chat.completion", map[string]any{"index": 0, "message": message, "finish_reason": finish}))
		return
	}
	event := func(delta map[string]any, finish any) {
		fmt.Fprintf(w, "data: %s\n\n", answer("chat.completion.chunk", map[string]any{"index": 0, "delta": delta, "finish_reason": finish}))
		w.(http.Flusher).Flush()
	}
	for _, p := range parts {
		event(map[string]any{"content": p}, nil)
	}
	for i, c := range call {
		f := function(string(c))
		if i > 0 {
			f = map[string]any{"index": 0, "function": map[string]any{"arguments": string(c)}}
		}
		event(map[string]any{"tool_calls": []any{f}}, nil)
	}
	event(map[string]any{}, finish)
	io.WriteString(w, "data: [DONE]\n\n")
}

// service is a running doorward with one backend.
type service struct {
	dir, program, url, key, assertionKey string
}

// start builds the program, takes in two documents and serves them.
func start(t *testing.T) *service {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(model))
	t.Cleanup(upstream.Close)
	s := &service{dir: t.TempDir()}
	s.program = filepath.Join(t.TempDir(), "doorward")
	must(t, exec.Command("go", "build", "-o", s.program, "github.com/doorward/doorward/cmd/doorward"))
	for name, text := range map[string]string{
		"doorward.yaml":            fmt.Sprintf(config, upstream.URL),
		"model.key":                "upstream-key\n",
		"documents/crane.txt":      "The harbour crane is repaired on Tuesdays.",
		"documents/board/plan.txt": "The northern yard and its crane close in March.",
	} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must(t, s.command(s.program, "keys", "init"))
	must(t, s.command(s.program, "ingest"))
	var made map[string]string
	if err := json.Unmarshal(must(t, s.command(s.program, "keys", "backend", "chat", "--json")), &made); err != nil {
		t.Fatal(err)
	}
	s.key, s.assertionKey = made["key"], made["assertion_key"]
	if !filepath.IsAbs(s.assertionKey) {
		s.assertionKey = filepath.Join(s.dir, s.assertionKey)
	}
	s.serve(t)
	return s
}

// serve starts the service on a free port and stops it when the test ends.
func (s *service) serve(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, s.program, "serve")
	cmd.Dir, cmd.WaitDelay = s.dir, 20*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	log, err := os.Create(filepath.Join(t.TempDir(), "serve.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait(); _ = log.Close() })
	for deadline := time.Now().Add(time.Minute); s.url == ""; time.Sleep(20 * time.Millisecond) {
		said, err := os.ReadFile(log.Name())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("serve did not start: %v\n%s", err, said)
		}
		if _, rest, ok := strings.Cut(string(said), "serving on "); ok && strings.Contains(rest, "\n") {
			s.url = strings.Fields(rest)[0]
		}
	}
}

// command is a client with what it needs to know in its environment.
func (s *service) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	scripted, _ := json.Marshal(deltas())
	cmd.Env = append(os.Environ(), "DOORWARD="+s.program, "DOORWARD_URL="+s.url, "DOORWARD_KEY="+s.key, "DOORWARD_BACKEND=chat",
		"DOORWARD_TENANT=acme", "DOORWARD_ASSERTION_KEY="+s.assertionKey, "TEST_DELTAS="+string(scripted))
	return cmd
}

// must runs a command for at most five minutes and insists on success.
func must(t *testing.T, cmd *exec.Cmd) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(cmd.Path), err, out.Bytes(), errs.Bytes())
	}
	return out.Bytes()
}

// need skips when a program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed: this client is not run", p)
		}
	}
}

// got is what a client was given.
type got struct{ Case, Text, Finish, Arguments string }

// judge insists on these cases, on what each must hold, and that none leaks.
func judge(t *testing.T, out []byte, cases ...string) {
	t.Helper()
	for _, never := range leaks() {
		if bytes.Contains(out, []byte(never)) || bytes.Contains(out, []byte(never[4:])) {
			t.Errorf("a leak got through: number %d of leaks()", at(never))
		}
	}
	var seen []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var g got
		if err := json.Unmarshal(lines.Bytes(), &g); err != nil {
			t.Fatalf("not a result: %s", lines.Bytes())
		}
		seen = append(seen, g.Case)
		if why := wrong(g); why != "" {
			t.Errorf("%s: %s: text %q, finish %q, arguments %q", g.Case, why, g.Text, g.Finish, g.Arguments)
		}
	}
	if strings.Join(seen, ",") != strings.Join(cases, ",") {
		t.Errorf("cases were %v, want %v", seen, cases)
	}
	t.Logf("%d cases: %s", len(seen), strings.Join(seen, ", "))
}

func at(leak string) int {
	for i, l := range leaks() {
		if l == leak {
			return i
		}
	}
	return -1
}

// wrong says what is wrong about a result.
func wrong(g got) string {
	switch g.Case {
	case "whole", "stream":
		if !strings.HasPrefix(g.Text, "On Tuesdays.") || !strings.HasSuffix(g.Text, "Done.") || g.Finish != "stop" {
			return "the good part of the answer is not whole"
		}
	case "tools", "tools stream":
		var args struct{ To, Body string }
		if json.Unmarshal([]byte(g.Arguments), &args) != nil || args.To != "x" || !strings.HasPrefix(args.Body, "the key is ") || strings.Contains(args.Body, leaks()[0][4:]) || g.Finish != "tool_calls" {
			return "the tool call is not a filtered one"
		}
	case "stop", "stop stream":
		if g.Finish != "content_filter" || strings.Contains(g.Text, "the end") {
			return "it was not stopped"
		}
	case "no waiting":
		if g.Text != liveWords || g.Finish != "stop" {
			return "the text is not whole"
		}
	case "search", "fetch":
		if !strings.Contains(g.Text, "Tuesdays") || g.Finish != "stop" && g.Finish != "fetch search" {
			return "not found"
		}
	default:
		return "unknown case"
	}
	return ""
}

// liveWords are given one by one by a model that waits until its last words were
// shown. The first are longer than what may be a lone value at the start of a
// stream (64 bytes), which the filter holds until it knows.
const liveWords = "The crane in the old harbour basin is repaired by two people on every Tuesday of the month. " +
	"It is closed to all ships until they are done, and opens again on Wednesday morning at eight. That is all. "
