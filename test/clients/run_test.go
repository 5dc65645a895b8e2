package clients

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/client"
	"github.com/doorward/doorward/policy"
)

var chatCases = []string{"whole", "stream", "tools", "tools stream", "stop", "stop stream"}

// TestClients runs every client. It downloads the clients' packages, so it is run
// by `make clients` alone.
func TestClients(t *testing.T) {
	if os.Getenv("DOORWARD_CLIENTS") == "" {
		t.Skip("set DOORWARD_CLIENTS=1, or use make clients; it downloads packages of npm and Go")
	}
	s := start(t)
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	t.Run("doorward go", func(t *testing.T) { ownClient(t, s) })
	t.Run("openai go", func(t *testing.T) {
		cmd := s.command("go", "run", ".")
		cmd.Dir = filepath.Join(here, "go")
		judge(t, must(t, cmd), chatCases...)
	})
	t.Run("node", func(t *testing.T) { node(t, s, here) })
	t.Run("python", func(t *testing.T) {
		need(t, "python3")
		judge(t, must(t, s.command("python3", "-B", filepath.Join(here, "python", "run.py"))), "stream", "stop stream", "no waiting")
	})
	t.Run("curl", func(t *testing.T) { curl(t, s, here) })
}

// node installs the pinned packages into a copy, so that the tree stays clean.
func node(t *testing.T, s *service, here string) {
	need(t, "node", "npm")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(here, "js"))); err != nil {
		t.Fatal(err)
	}
	install := exec.Command("npm", "ci", "--ignore-scripts")
	install.Dir = dir
	must(t, install)
	for name, cases := range map[string][]string{
		"openai": chatCases, "filter": {"stream", "stop stream", "no waiting"}, "langchain": {"search"}, "mcp": {"search", "fetch"},
	} {
		t.Run(name, func(t *testing.T) {
			judge(t, must(t, s.command("node", filepath.Join(dir, "run.mjs"), name)), cases...)
		})
	}
}

// curl runs the shell recipes.
func curl(t *testing.T, s *service, here string) {
	need(t, "curl", "sh")
	script := func(in, name string, args ...string) []byte {
		cmd := s.command("sh", append([]string{filepath.Join(here, "curl", name)}, args...)...)
		cmd.Stdin = strings.NewReader(in)
		return must(t, cmd)
	}
	encode := func(v any) string { data, _ := json.Marshal(v); return string(data) }
	var found client.Context
	if err := json.Unmarshal(script("", "retrieve.sh", "When is the crane repaired?"), &found); err != nil || len(found.Passages) != 1 {
		t.Fatalf("retrieved %d passages: %v", len(found.Passages), err)
	}
	say := func(g got) []byte {
		return []byte(encode(map[string]string{"case": g.Case, "text": g.Text, "finish": g.Finish, "arguments": g.Arguments}) + "\n")
	}
	var out []byte
	var whole client.Filtered
	if err := json.Unmarshal(script(encode(map[string]string{"context_id": found.ContextID, "text": strings.Join(deltas(), "")}), "output.sh"), &whole); err != nil {
		t.Fatal(err)
	}
	out = append(out, say(got{"whole", whole.Text, "stop", ""})...)
	lines := encode(map[string]string{"context_id": found.ContextID}) + "\n"
	for _, d := range deltas() {
		lines += encode(map[string]string{"delta": d}) + "\n"
	}
	out = append(out, say(ndjson(t, "stream", script(lines, "stream.sh")))...)
	// Without a context the strictest rules apply: a secret stops the answer.
	out = append(out, say(ndjson(t, "stop stream", script(lines[strings.Index(lines, "\n")+1:]+encode(map[string]string{"delta": "the end"})+"\n", "stream.sh")))...)
	judge(t, out, "whole", "stream", "stop stream")

	out = nil
	for _, c := range [][2]string{{"whole", "test-leak"}, {"tools", "test-tools"}, {"stop", "test-stop"}} {
		var answer struct {
			Choices []struct {
				FinishReason string `json:"finish_reason"`
				Message      struct {
					Content   string
					ToolCalls []struct{ Function struct{ Arguments string } } `json:"tool_calls"`
				}
			}
		}
		question := encode(map[string]any{"model": c[1], "messages": []any{map[string]string{"role": "user", "content": "When is the crane repaired?"}}})
		if err := json.Unmarshal(script(question, "chat.sh"), &answer); err != nil || len(answer.Choices) != 1 {
			t.Fatalf("%s: %v", c[0], err)
		}
		g := got{Case: c[0], Text: answer.Choices[0].Message.Content, Finish: answer.Choices[0].FinishReason}
		for _, call := range answer.Choices[0].Message.ToolCalls {
			g.Arguments += call.Function.Arguments
		}
		out = append(out, say(g)...)
	}
	judge(t, out, "whole", "tools", "stop")
}

// ndjson reads a filtered stream.
func ndjson(t *testing.T, name string, out []byte) got {
	t.Helper()
	g := got{Case: name}
	for _, l := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var line struct {
			Delta string
			End   *client.End
		}
		if err := json.Unmarshal([]byte(l), &line); err != nil {
			t.Fatal(err)
		}
		g.Text += line.Delta
		if line.End != nil {
			g.Finish = "stop"
			if line.End.Action == "hold" {
				g.Finish = "content_filter"
			}
		}
	}
	return g
}

// ownClient runs the Go client of this project.
func ownClient(t *testing.T, s *service) {
	data, err := os.ReadFile(s.assertionKey)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: s.url, Key: s.key, Assert: func(_ context.Context, user policy.Subject) (string, error) {
		return auth.Mint(key.(ed25519.PrivateKey), "doorward", user, time.Now(), time.Minute)
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	found, err := c.Retrieve(ctx, ann, client.Question{Question: "When is the crane repaired?", Format: "messages"})
	if err != nil || len(found.Passages) != 1 {
		t.Fatalf("%d passages, %v", len(found.Passages), err)
	}
	cited, err := c.Citation(ctx, ann, found.ContextID, found.Passages[0].Citation)
	if err != nil || cited.Document != "crane.txt" {
		t.Errorf("cited %q, %v", cited.Document, err)
	}
	whole, err := c.Output(ctx, ann, found.ContextID, strings.Join(deltas(), ""))
	if err != nil {
		t.Fatal(err)
	}
	results := []got{{Case: "whole", Text: whole.Text, Finish: "stop"}}
	for name, parts := range map[string][]string{"stream": deltas(), "stop stream": {"My context: ", found.Messages[len(found.Messages)-1].Content, " the end"}} {
		var text strings.Builder
		answer, err := c.OutputStream(ctx, ann, found.ContextID, &text)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			if _, err := io.WriteString(answer, p); err != nil {
				break
			}
		}
		finish := "stop"
		if err := answer.Close(); errors.Is(err, client.ErrStopped) {
			finish = "content_filter"
		} else if err != nil {
			t.Fatal(err)
		}
		results = append(results, got{Case: name, Text: text.String(), Finish: finish})
	}
	var out []byte
	var cases []string
	for _, g := range results {
		line, _ := json.Marshal(g)
		out, cases = append(append(out, line...), '\n'), append(cases, g.Case)
	}
	judge(t, out, cases...)
}
