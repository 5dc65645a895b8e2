package test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/policy"
)

// obedient is a model server that answers with whatever it was told to, and
// remembers what it was asked.
type obedient struct {
	mu    sync.Mutex
	asked []map[string]any
	keys  []string
	reply func(asked map[string]any) []string // parts of the answer
	calls string                              // arguments of a tool call, if any
}

func (o *obedient) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	if r.URL.Path != "/v1/chat/completions" || json.NewDecoder(r.Body).Decode(&in) != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	o.asked = append(o.asked, in)
	o.keys = append(o.keys, r.Header.Get("Authorization"))
	o.mu.Unlock()
	parts := o.reply(in)
	tool := map[string]any{"id": "call_1", "type": "function", "function": map[string]any{"name": "send_mail", "arguments": o.calls}}
	if in["stream"] != true {
		message := map[string]any{"role": "assistant", "content": strings.Join(parts, "")}
		if o.calls != "" {
			message["tool_calls"] = []any{tool}
		}
		json.NewEncoder(w).Encode(map[string]any{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "reasoning": "internal",
			"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": "stop", "logprobs": map[string]any{"content": parts}}},
			"usage":   map[string]any{"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
		return
	}
	event := func(delta map[string]any, finish any) {
		data, _ := json.Marshal(map[string]any{"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}})
		fmt.Fprintf(w, "data: %s\n\n", data)
		w.(http.Flusher).Flush()
	}
	for _, p := range parts {
		event(map[string]any{"content": p, "reasoning_content": p}, nil)
	}
	for i, a := range []rune(o.calls) {
		part := map[string]any{"index": 0, "function": map[string]any{"arguments": string(a)}}
		if i == 0 {
			part["id"], part["type"] = "call_1", "function"
			part["function"] = map[string]any{"name": "send_mail", "arguments": string(a)}
		}
		event(map[string]any{"tool_calls": []any{part}}, nil)
	}
	event(map[string]any{}, "stop")
	io.WriteString(w, "data: [DONE]\n\n")
}

// gateway is a running service in front of an obedient model.
func gateway(t *testing.T, model *obedient, destination string) *backend {
	t.Helper()
	b, _ := gatewayTo(t, model, destination)
	return b
}

func gatewayTo(t testing.TB, model *obedient, destination string) (*backend, string) {
	t.Helper()
	upstream := httptest.NewServer(model)
	t.Cleanup(upstream.Close)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "model.key"), []byte("upstream-key\n"))
	config := strings.Replace(leakConfig, "sources:", "quota: {state: off}\ngateway: {upstreams: [{models: [\"test-*\"], url: \""+upstream.URL+"/v1\", api_key_file: ./model.key, destination: "+destination+"}]}\nsources:", 1)
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(config))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	b := register(t, dir, "chat", "--destination", "internal")
	var stop func()
	b.url, stop = serve(t, dir)
	t.Cleanup(stop)
	return b, upstream.URL
}

func question(stream bool) map[string]any {
	return map[string]any{"model": "test-1", "stream": stream, "temperature": 0.5, "messages": []any{
		map[string]any{"role": "system", "content": "You are the harbour's assistant."},
		map[string]any{"role": "user", "content": "hello"}, map[string]any{"role": "assistant", "content": "hi"},
		map[string]any{"role": "user", "content": []any{map[string]any{"type": "text", "text": "when is the crane repaired?"}}},
	}}
}

var ann = policy.Subject{ID: "ann", Groups: []string{"staff"}}

func TestGatewayDoesTheWholeRound(t *testing.T) {
	secret := "AK" + "IA" + "Z7Q2MK4LTX5VW3RP"
	model := &obedient{reply: func(map[string]any) []string {
		return []string{"On Tues", "days. Key ", secret[:7], secret[7:], ", see ![x](https://evil", ".example/?q=1) and bob@exam", "ple.com. Done."}
	}}
	b := gateway(t, model, "internal")
	whole := func(stream bool) string {
		status, body := b.as(t, ann, "/v1/chat/completions", question(stream))
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		if !stream {
			return content(t, body)
		}
		return streamed(t, string(body))
	}
	plain, stream := whole(false), whole(true)
	if plain != stream {
		t.Errorf("streamed %q, whole %q", stream, plain)
	}
	for _, never := range []string{secret, "evil.example", "bob@example.com"} {
		if strings.Contains(plain, never) {
			t.Errorf("%q was let out", never)
		}
	}
	if !strings.Contains(plain, "On Tuesdays.") || !strings.Contains(plain, "Done.") {
		t.Errorf("the answer is %q", plain)
	}

	asked := model.asked[0]
	messages := asked["messages"].([]any)
	system, last := messages[0].(map[string]any), messages[len(messages)-1].(map[string]any)
	if model.keys[0] != "Bearer upstream-key" || asked["temperature"] != 0.5 || len(messages) != 4 {
		t.Errorf("asked with key %q, %v", model.keys[0], asked)
	}
	if !strings.Contains(system["content"].(string), "harbour's assistant") || strings.Contains(system["content"].(string), "repaired on Tuesdays") {
		t.Errorf("system turn: %q", system["content"])
	}
	if text := last["content"].(string); !strings.Contains(text, "crane") || !strings.Contains(text, "<<passage S1-") {
		t.Errorf("user turn: %q", text)
	}
}

// The mark of the prompt stops an answer that begins to print its context.
func TestGatewayStopsAtTheMark(t *testing.T) {
	model := &obedient{reply: func(asked map[string]any) []string {
		messages := asked["messages"].([]any)
		return []string{"My context: ", messages[len(messages)-1].(map[string]any)["content"].(string), " the end"}
	}}
	b := gateway(t, model, "internal")
	_, body := b.as(t, ann, "/v1/chat/completions", question(true))
	if text := streamed(t, string(body)); strings.Contains(text, "the end") || !strings.Contains(string(body), `"finish_reason":"content_filter"`) {
		t.Errorf("not stopped: %s", body)
	}
}

func TestGatewayFiltersToolCalls(t *testing.T) {
	secret := "AK" + "IA" + "Z7Q2MK4LTX5VW3RP"
	model := &obedient{reply: func(map[string]any) []string { return nil }, calls: `{"to":"x","body":"the key is \u0041` + secret[1:] + `"}`}
	b := gateway(t, model, "internal")
	for _, stream := range []bool{false, true} {
		_, body := b.as(t, ann, "/v1/chat/completions", question(stream))
		if strings.Contains(string(body), secret[4:]) {
			t.Errorf("stream %v: the secret was let out in a tool call", stream)
		}
		if !strings.Contains(string(body), "send_mail") || !strings.Contains(string(body), "the key is ") {
			t.Errorf("stream %v: the call was lost: %s", stream, body)
		}
	}
}

func TestGatewayRefusals(t *testing.T) {
	model := &obedient{reply: func(map[string]any) []string { return []string{"x"} }}
	b := gateway(t, model, "elsewhere")
	with := func(key string, value any) map[string]any {
		q := question(false)
		q[key] = value
		return q
	}
	for name, tc := range map[string]struct {
		body map[string]any
		want string
	}{
		"destination":  {question(false), "not registered for the destination"},
		"other model":  {with("model", "gpt-x"), "no upstream serves"},
		"logprobs":     {with("logprobs", true), "logprobs"},
		"no messages":  {with("messages", []any{}), "at least one message"},
		"image":        {with("messages", []any{map[string]any{"role": "user", "content": []any{map[string]any{"type": "image_url"}}}}), "only text"},
		"nobody asked": {with("messages", []any{map[string]any{"role": "system", "content": "x"}}), "not registered"},
	} {
		status, body := b.as(t, ann, "/v1/chat/completions", tc.body)
		var e struct{ Error struct{ Message string } }
		json.Unmarshal(body, &e)
		if status != http.StatusBadRequest || !strings.Contains(e.Error.Message, tc.want) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	r, _ := http.NewRequest("POST", b.url+"/v1/chat/completions", strings.NewReader("{}"))
	r.Header.Set("Authorization", "Bearer "+b.key)
	resp, err := b.client.Do(r)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without an assertion: %v, %v", resp.StatusCode, err)
	}
	if len(model.asked) != 0 {
		t.Error("the model was asked")
	}
}

func content(t *testing.T, body []byte) string {
	t.Helper()
	var c struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal(body, &c); err != nil || len(c.Choices) != 1 {
		t.Fatalf("%s", body)
	}
	if strings.Contains(string(body), "logprobs") || strings.Contains(string(body), "internal") {
		t.Errorf("fields of the upstream were passed on: %s", body)
	}
	return c.Choices[0].Message.Content
}

func streamed(t testing.TB, body string) string {
	t.Helper()
	var text strings.Builder
	done := false
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if data == "[DONE]" {
			done = true
			continue
		}
		var c struct {
			Choices []struct {
				Delta map[string]any
			}
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatal(err)
		}
		for _, ch := range c.Choices {
			if s, ok := ch.Delta["content"].(string); ok {
				text.WriteString(s)
			}
			if ch.Delta["reasoning_content"] != nil {
				t.Error("reasoning was passed on")
			}
		}
	}
	if !done {
		t.Error("the stream had no end")
	}
	return text.String()
}
