package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// evalData writes one labelled text of personal data.
func evalData(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pii")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(`{"id":"a","text":"Write to ann@site.org.","scope":["*"],"entities":[{"type":"EMAIL","start":9,"end":21}]}` + "\n"))
	z.Close()
	if err := os.WriteFile(filepath.Join(dir, "one.jsonl.gz"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEvalGates(t *testing.T) {
	dir := evalData(t)
	gate := func(text string) string {
		path := filepath.Join(t.TempDir(), "gate.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name string
		args []string
		want int
	}{
		{"no gate", []string{dir}, exitDone},
		{"met", []string{dir, "--gate", gate("pii: {micro.recall: {min: 1}}")}, exitDone},
		{"missed", []string{dir, "--gate", gate("pii: {micro.recall: {max: 0.5}}")}, exitGate},
		{"unreadable gate", []string{dir, "--gate", gate("pii: {micro.recall: 1}")}, exitUsage},
		{"no data", []string{t.TempDir()}, exitFailed},
		{"no directory", nil, exitUsage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			args := append([]string{"eval", "pii", "--no-anchor", "--json"}, tt.args...)
			if got := Main(args, strings.NewReader(""), &out, &errs); got != tt.want {
				t.Fatalf("exit code %d, want %d: %s", got, tt.want, errs.String())
			}
			if strings.Contains(out.String()+errs.String(), "ann@") {
				t.Error("a text of the data was printed")
			}
			if tt.want == exitDone && !json.Valid(out.Bytes()) {
				t.Errorf("not JSON: %s", out.String())
			}
		})
	}
}
