package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReady: nothing but an operator listener that says ready is ready.
func TestReady(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" {
				status = http.StatusNotFound
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	fine := `{"status":"ready","parts":[{"part":"catalog","ok":true},{"part":"disk","ok":true}]}`
	blocked := make(chan struct{})
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc // nil: nobody listens
		code   int
		says   []string
		status string
	}{
		{"ready", answer(200, fine), exitDone, []string{"ready\n"}, "ready"},
		{"a part in trouble", answer(503, `{"status":"not ready","parts":[{"part":"catalog","ok":true},{"part":"disk","ok":false,"trouble":"3 bytes are free"}]}`), exitFailed, []string{"not ready\n", "disk  3 bytes are free"}, "not ready"},
		{"draining", answer(503, `{"status":"draining","parts":[{"part":"catalog","ok":true}]}`), exitFailed, []string{"draining\n"}, "draining"},
		{"nobody", nil, exitFailed, []string{"nobody answers at", "doorward serve"}, "unreachable"},
		{"somebody else", answer(200, `<html>It works</html>`), exitFailed, []string{"no operator listener of Doorward"}, "unreachable"},
		{"the public listener", answer(200, `{"status":"ready"}`), exitFailed, []string{"no operator listener of Doorward"}, "unreachable"},
		{"a status that contradicts", answer(503, fine), exitFailed, []string{"no operator listener of Doorward"}, "unreachable"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				answer(200, fine)(w, r)
				return
			}
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}, exitFailed, []string{"no operator listener of Doorward"}, "unreachable"},
		{"silence", func(http.ResponseWriter, *http.Request) { <-blocked }, exitFailed, []string{"did not answer within 200ms"}, "unreachable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := httptest.NewServer(c.answer)
			address := s.Listener.Addr().String()
			if c.answer == nil {
				s.Close()
			}
			defer s.Close()
			if c.name == "silence" {
				defer close(blocked)
			}
			args := []string{"ready", "-c", configOf(t, "listen: {operator: \""+address+"\"}\n")}
			if c.name == "silence" {
				args = append(args, "--timeout", "200ms")
			} else {
				args = append(args, "--timeout", "1m") // a busy machine is not the question
			}
			var out bytes.Buffer
			if code := Main(args, strings.NewReader(""), &out, &out); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it said %q, without %q", out.String(), want)
				}
			}
			var said readiness
			out.Reset()
			if code := Main(append(args, "--json"), strings.NewReader(""), &out, &out); code != c.code {
				t.Errorf("exit code %d with --json, want %d", code, c.code)
			}
			if err := json.Unmarshal(out.Bytes(), &said); err != nil || said.Status != c.status {
				t.Errorf("--json said %s, want status %q: %v", out.Bytes(), c.status, err)
			}
		})
	}
}

// TestReadyWaits: with --wait the command asks until the service is ready.
func TestReadyWaits(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"status":"not ready","parts":[{"part":"policy","ok":false}]}`)
			return
		}
		fmt.Fprint(w, `{"status":"ready","parts":[{"part":"policy","ok":true}]}`)
	}))
	defer s.Close()
	var out bytes.Buffer
	args := []string{"ready", "--wait", "10m", "-c", configOf(t, "listen: {operator: \""+s.Listener.Addr().String()+"\"}\n")}
	if code := Main(args, strings.NewReader(""), &out, &out); code != exitDone || asked != 3 {
		t.Errorf("exit code %d after %d questions: %s", code, asked, out.String())
	}
}

// configOf writes a configuration and returns its path.
func configOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "doorward.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
