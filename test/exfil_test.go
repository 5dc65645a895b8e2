package test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	goldhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/egress"
	"github.com/doorward/doorward/sanitize/output"
)

// egressOnly is the output filter with every detector off: what a model that
// obeys a document can make a reader's program do rests on the links alone.
func egressOnly(t testing.TB) *output.Filter {
	t.Helper()
	links, err := egress.New(egress.Config{Hosts: []string{"docs.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := output.New(output.Config{Scanners: []sanitize.Streamer{prompt.Tokens{}}, Links: links})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func exfiltrations(t testing.TB) []string {
	t.Helper()
	f, err := os.Open("testdata/exfil.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var s string
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// settings are where an exfiltration may stand in an answer.
var settings = []string{"%s", "Here you are:\n\n%s\n\nAnything else?", "The chart: %s (as asked).", "- item\n- %s\n", "```go\nx := a[i](b)\n```\n%s"}

// TestNoExfiltrationSurvives filters every exfiltration string in every setting
// and lets parsers the filter does not use judge what is left.
func TestNoExfiltrationSurvives(t *testing.T) {
	f := egressOnly(t)
	answer := output.Answer{Actions: sanitize.ParseActions(map[string]string{"egress": "redact", "*": "withhold"})}
	judged := map[string]string{} // output: input
	splits := 0
	for _, exfil := range exfiltrations(t) {
		for i, setting := range settings {
			in := fmt.Sprintf(setting, exfil)
			want, err := f.Whole(context.Background(), answer, in)
			if err != nil {
				t.Fatal(err)
			}
			judged[want.Text] = in
			if i > 0 && testing.Short() {
				continue
			}
			splits += everySplit(t, f, answer, in, want)
		}
	}
	t.Logf("%d strings in %d settings, %d splits, %d different outputs", len(exfiltrations(t)), len(settings), splits, len(judged))
	for out, in := range judged {
		for reading, document := range readings(out) {
			for _, u := range addresses(document) {
				t.Errorf("%s reading of\n%q, made of\n%q, leads to %q", reading, out, in, u)
			}
		}
	}
	judgeByNode(t, judged)
}

// TestTheJudgesSeeExfiltration keeps the judge above from passing everything.
func TestTheJudgesSeeExfiltration(t *testing.T) {
	seen := 0
	for _, exfil := range exfiltrations(t) {
		for _, document := range readings(exfil) {
			if len(addresses(document)) > 0 {
				seen++
				break
			}
		}
	}
	t.Logf("unfiltered, %d of %d strings lead away", seen, len(exfiltrations(t)))
	if seen < 150 {
		t.Errorf("the judge sees only %d of %d unfiltered strings", seen, len(exfiltrations(t)))
	}
}

// markup is what random answers are made of.
var markup = []string{"[", "]", "(", ")", "](", "]:", "![", "!", "<", ">", "</", "<b>", "<div>", "<img src=", "<a href=", "<!--", "-->", "\"", "'", "=", "`", "``", "```", "~~~",
	"\n", "\n\n", "\n```\n", "\n   ```\n", "\n    ", "\n- ", "\n1. ", "\n> ", "\r", "\r\n", "\t", " ", "  ", "|", "\n|--|--|\n", "$", "*", "_", "^", "[^1]", "[^1]: ", "[r]", "[r]: ", "# ", "x", "word",
	"/\\evil.com/S", "//evil.com/S", "https://evil.com/S", "https:", "http://", "&#104;ttps://evil.com", "&colon;//evil.com", "javascript:x", "data:text/html,x", "www.evil.com", "evil.com/S", "\\", "\\`",
	"https://docs.example.com/", "(/\\evil.com/S)", "[x](/\\evil.com/S)", "[x](//evil.com/S)", "![x](/\\evil.com)", ": /\\evil.com/S", "<//evil.com>", "&#x2f;&#x2f;evil.com", "\u200b", "日"}

// TestRandomMarkupLeadsNowhere looks for constructs that the tokenizer and a
// renderer read differently.
func TestRandomMarkupLeadsNowhere(t *testing.T) {
	f := egressOnly(t)
	answer := output.Answer{Actions: sanitize.ParseActions(map[string]string{"egress": "redact", "*": "withhold"})}
	r := rand.New(rand.NewPCG(uint64(len(os.Getenv("DOORWARD_MARKUP"))), 21))
	tries, _ := strconv.Atoi(os.Getenv("DOORWARD_MARKUP"))
	judged := map[string]string{}
	for range max(tries, 10_000) {
		var in strings.Builder
		for range 1 + r.IntN(24) {
			in.WriteString(markup[r.IntN(len(markup))])
		}
		got, err := f.Whole(context.Background(), answer, in.String())
		if err != nil {
			t.Fatal(err)
		}
		judged[got.Text] = in.String()
		if bad := addresses(readings(got.Text)["Markdown"]); len(bad) > 0 {
			t.Fatalf("Markdown reading of\n%q, made of\n%q, leads to %q", got.Text, in.String(), bad)
		}
	}
	judgeByNode(t, judged, "html") // where code is, HTML is meant to stand
}

// everySplit streams in in two parts, split everywhere, byte by byte, and in
// random parts, and returns how many splits that were.
func everySplit(t *testing.T, f *output.Filter, a output.Answer, in string, want output.Result) int {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(len(in)), 7))
	n := 0
	try := func(parts ...string) {
		n++
		s, err := f.NewStream(context.Background(), a)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, p := range parts {
			out, err := s.Write(p)
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString(out)
		}
		tail, _ := s.Close()
		if got.WriteString(tail); got.String() != want.Text {
			t.Fatalf("%q split as %q gives\n%q, whole\n%q", in, parts, got.String(), want.Text)
		}
	}
	for i := 1; i < len(in); i++ {
		try(in[:i], in[i:])
	}
	try(strings.Split(in, "")...)
	for range 10 {
		var parts []string
		for rest := in; len(rest) > 0; {
			k := 1 + r.IntN(min(len(rest), 12))
			parts, rest = append(parts, rest[:k]), rest[k:]
		}
		try(parts...)
	}
	return n
}

var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote, extension.DefinitionList), goldmark.WithRendererOptions(goldhtml.WithUnsafe()))

// readings renders an answer as readers' programs might.
func readings(text string) map[string]string {
	var gfm bytes.Buffer
	if err := markdown.Convert([]byte(text), &gfm); err != nil {
		panic(err)
	}
	return map[string]string{"Markdown": gfm.String(), "HTML": text}
}

var urlAttributes = map[string]bool{"href": true, "src": true, "action": true, "formaction": true, "data": true, "poster": true, "background": true,
	"cite": true, "longdesc": true, "ping": true, "manifest": true, "codebase": true, "xlink:href": true, "srcset": true, "style": true, "content": true}

// addresses returns what a document fetches or links to outside the two hosts
// that are allowed: the page's own and the listed one.
func addresses(document string) []string {
	root, err := html.Parse(strings.NewReader(document))
	if err != nil {
		panic(err)
	}
	var bad []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		for _, a := range n.Attr {
			name := strings.ToLower(a.Key)
			if strings.HasPrefix(name, "on") || urlAttributes[name] && leadsAway(name, a.Val) {
				bad = append(bad, a.Key+"="+a.Val)
			}
		}
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style") {
			bad = append(bad, "<"+n.Data+">")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	return bad
}

// leadsAway resolves an address as browsers do, near enough: blanks inside and
// backslashes do not stop them.
func leadsAway(attribute, value string) bool {
	switch attribute {
	case "style", "content", "srcset":
		return strings.Contains(value, "//") || strings.Contains(strings.ToLower(value), "url")
	}
	v := strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, strings.ReplaceAll(value, "\\", "/"))
	base, _ := url.Parse("https://chat.example/c/1")
	u, err := base.Parse(v)
	if err != nil {
		return strings.Contains(v, "//") || strings.Contains(v, ":")
	}
	if u.Scheme == "mailto" {
		return false
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme != "https" || u.Opaque != "" || host != "chat.example" && host != "docs.example.com"
}

// judgeByNode asks the renderers of test/renderers, if they are installed in the
// folder DOORWARD_RENDERERS names.
func judgeByNode(t *testing.T, judged map[string]string, except ...string) {
	dir := os.Getenv("DOORWARD_RENDERERS")
	if dir == "" {
		t.Log("JavaScript renderers not asked: run `make renderers` (needs node and npm)")
		return
	}
	var in bytes.Buffer
	enc := json.NewEncoder(&in)
	for out, from := range judged {
		_ = enc.Encode(map[string]string{"id": from, "text": out})
	}
	script, err := filepath.Abs(filepath.Join(dir, "judge.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script)
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("asking the JavaScript renderers: %v", err)
	}
	done := false
	for line := range bytes.Lines(out) {
		if bytes.Contains(line, []byte(`"done":true`)) {
			done = true
			continue
		}
		var verdict struct{ ID, Reading, URL string }
		if err := json.Unmarshal(line, &verdict); err != nil || !slices.Contains(except, verdict.Reading) {
			t.Errorf("JavaScript: %s", line)
		}
	}
	if !done {
		t.Error("the JavaScript renderers did not finish")
	}
}
