package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func runFilter(t *testing.T, in string, args ...string) (out, errs string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(append([]string{"filter"}, args...), strings.NewReader(in), &o, &e)
	return o.String(), e.String(), code
}

func TestFilterText(t *testing.T) {
	out, errs, code := runFilter(t, "Ask ada@example.org, see ![x](https://evil.test/?q=1) and [doc](https://docs.example.com/).\n", "--host", "docs.example.com")
	if code != 0 || strings.Contains(out, "ada@") || strings.Contains(out, "evil.test") || !strings.Contains(out, "[doc](https://docs.example.com/)") {
		t.Errorf("code %d, out %q", code, out)
	}
	if !strings.Contains(errs, `"rule":"egress-image","count":1`) {
		t.Errorf("account: %s", errs)
	}
}

// shown joins what a stream gave out, however it was cut.
func shown(lines string) string {
	var all strings.Builder
	for line := range strings.Lines(lines) {
		var l struct{ Delta string }
		if json.Unmarshal([]byte(line), &l) == nil {
			all.WriteString(l.Delta)
		}
	}
	return all.String()
}

func TestFilterStream(t *testing.T) {
	in := `{"answer":{"prompt":"what about ada@example.org?","canary":"c0ffee-c0ffee-00"}}
{"delta":"You wrote ada@exam"}
{"delta":"ple.org. Not bob@exa"}

{"delta":"mple.org."}
`
	out, _, code := runFilter(t, in, "--stream")
	if code != 0 || shown(out) != "You wrote ada@example.org. Not [EMAIL_1]." || strings.Contains(out, "bob@") || !strings.HasSuffix(out, "}}\n") {
		t.Errorf("code %d, out %s", code, out)
	}
	out, errs, code := runFilter(t, strings.Replace(in, "You wrote", "The mark is C0FFEE c0ffee 00", 1), "--stream")
	if code != 1 || !strings.Contains(out, `{"end":{"action":"hold"`) || strings.Contains(strings.ToLower(out), "c0ffee") || !strings.Contains(errs, "stopped by policy") {
		t.Errorf("code %d, out %s, errors %s", code, out, errs)
	}
}

func TestFilterMistakes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "facts.json")
	if err := os.WriteFile(bad, []byte(`{"answer":{"promt":"x"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   string
		args []string
		want string
	}{
		"broken line":    {"{\"delta\":\"a\"}\n{", []string{"--stream"}, "line 2"},
		"late facts":     {"{\"delta\":\"a\"}\n{\"answer\":{}}", []string{"--stream"}, "line 2"},
		"unknown fact":   {"x", []string{"--facts", bad}, "facts.json"},
		"missing facts":  {"x", []string{"--facts", bad + ".none"}, "reading facts"},
		"host with port": {"x", []string{"--host", "a.example:8080"}, "exact name"},
	} {
		out, errs, code := runFilter(t, c.in, c.args...)
		if code == 0 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d, out %q, errors %q", name, code, out, errs)
		}
	}
	if out, _, code := runFilter(t, "", "--stream"); code != 0 || out != "{\"end\":{\"action\":\"pass\",\"findings\":[]}}\n" {
		t.Errorf("an empty stream: code %d, %q", code, out)
	}
}
