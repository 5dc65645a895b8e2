package eval

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
)

// words finds marked words: each maps to the finding it makes.
type words map[string]sanitize.Finding

func (w words) Scan(_ context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	var out []sanitize.Finding
	for word, f := range w {
		for at := 0; ; {
			i := strings.Index(v.Source[at:], word)
			if i < 0 {
				break
			}
			f.Span = sanitize.Span{Start: at + i, End: at + i + len(word)}
			out = append(out, f)
			at += i + len(word)
		}
	}
	sanitize.SortFindings(out)
	return out, nil
}

// write makes a data file of cases.
func write(t *testing.T, dir, name string, cases ...map[string]any) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	e := json.NewEncoder(z)
	for _, c := range cases {
		if err := e.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	z.Close()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".jsonl.gz"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

type m = map[string]any

func want(t *testing.T, r Report, name string, value float64) {
	t.Helper()
	got, ok := r.Metric(name)
	if !ok || math.Abs(got.Value-value) > 1e-9 {
		t.Errorf("%s is %v (measured: %v), want %v", name, got.Value, ok, value)
	}
	if got.Low > got.Value+1e-9 || got.High != 0 && got.High < got.Value-1e-9 {
		t.Errorf("%s: %v lies outside %v – %v", name, got.Value, got.Low, got.High)
	}
}

func TestPII(t *testing.T) {
	dir := t.TempDir()
	entity := func(typ string, start, end int) []m { return []m{{"type": typ, "start": start, "end": end}} }
	var cases []m
	for range 5 { // found, and found again under another name for the type
		cases = append(cases, m{"id": "a", "text": "mail here", "scope": []string{"*"}, "entities": entity("EMAIL", 0, 4)},
			m{"id": "b", "text": "site here", "scope": []string{"*"}, "entities": entity("DOMAIN", 0, 4)})
	}
	for range 5 { // missed; and a finding outside the scope
		cases = append(cases, m{"id": "c", "text": "mail nine", "scope": []string{"IBAN"}, "entities": entity("IBAN", 5, 9)})
	}
	cases = append(cases, m{"id": "d", "text": "mail", "scope": []string{"EMAIL"}, "entities": []m{}})                           // wrong
	cases = append(cases, m{"id": "e", "text": "mail and far more", "scope": []string{"*"}, "entities": entity("EMAIL", 0, 17)}) // less than half
	cases = append(cases, m{"id": "f", "text": "code", "scope": []string{"US_NPI"}, "kind": "validator", "entities": entity("US_NPI", 0, 4)})
	cases = append(cases, m{"id": "g", "text": "mail", "scope": []string{"EMAIL"}, "presidio_max_score": 0.1, "entities": entity("EMAIL", 0, 4)})
	write(t, filepath.Join(dir, "pii"), "one", cases...)
	write(t, filepath.Join(dir, "secrets"), "clean_docs", m{"id": "x", "text": "a code"}, m{"id": "y", "text": "mail"})
	s := words{"mail": {Type: "EMAIL", Rule: "email"}, "site": {Type: "URL", Rule: "url"}, "code": {Type: "US_NPI", Rule: "npi"}}
	r, err := PII(t.Context(), dir, Options{Scanner: s, Misses: -1})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "micro.recall", 10.0/16)
	want(t, r, "micro.precision", 10.0/12)
	want(t, r, "macro.recall", (5.0/6+1+0)/3)
	want(t, r, "validators.recall", 1)
	want(t, r, "weak.recall", 1)
	want(t, r, "clean.flagged", 0.5) // the address does not count
	if len(r.Misses) != 5+1+1+1 {
		t.Errorf("%d misses listed, want 8", len(r.Misses))
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	var hit, half []m
	for range 6 {
		hit = append(hit, m{"id": "a", "text": "key TOPSECRET", "label": "secret", "secret": "TOPSECRET", "secrets": []m{{"text": "TOPSECRET", "start": 4, "end": 13}}})
		half = append(half, m{"id": "b", "text": "a TOP b", "label": "secret", "secret": "TOP b", "secrets": []m{{"start": 2, "end": 7}, {"start": 0, "end": 1}}},
			m{"id": "c", "text": "nothing", "label": "secret", "secret": "nothing"})
	}
	write(t, dir, ownFamily, hit...)
	write(t, dir, "other", half...)
	write(t, dir, publicDocs, m{"id": "d", "text": "TOP", "label": "clean"}, m{"id": "e", "text": "fine", "label": "clean"},
		m{"id": "f", "text": "TOP", "label": "clean", "clean_scope": "rule"})
	r, err := Secrets(t.Context(), dir, Options{Scanner: words{"TOP": {Kind: sanitize.Secret, Rule: "top"}}, Anchor: func(string) int { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "macro.recall", 0.75)
	want(t, r, "foreign.recall", 0.5)
	want(t, r, "foreign.covered", 0.3)
	want(t, r, "clean_public_docs.flagged", 0.5)
	want(t, r, "clean_public_docs.flagged_count", 1)
	want(t, r, "rule_clean.flagged", 1)
	if _, ok := r.Metric("throughput.ratio"); !ok {
		t.Error("no ratio to the anchor")
	}
}

func TestInjection(t *testing.T) {
	dir := t.TempDir()
	var cases []m
	for range 5 {
		cases = append(cases, m{"id": "a", "text": "xx IGNORE yy", "label": "injection", "kind": "indirect-doc", "family": "f", "overt": true, "spans": [][2]int{{3, 12}}},
			m{"id": "b", "text": "do it", "label": "injection", "kind": "indirect-doc", "family": "f", "overt": false},
			m{"id": "c", "text": "weather", "label": "benign", "kind": "benign-doc", "family": "g"})
	}
	cases = append(cases, m{"id": "d", "text": "maybe", "label": "benign", "kind": "benign-doc", "family": "g"})
	write(t, dir, "one", cases...)
	s := words{"IGNORE": {Kind: sanitize.Injection, Score: 0.9}, "maybe": {Kind: sanitize.Injection, Score: 0.6}}
	r, err := Injection(t.Context(), dir, Options{Scanner: s})
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "macro.overt.recall", 1)
	want(t, r, "macro.overt.recall_at_1", 1) // at a score above the false alarm's
	want(t, r, "macro.overt.removed", 6.0/9)
	want(t, r, "macro.overt.collateral", 0)
	want(t, r, "pooled.non_overt.recall", 0)
	want(t, r, "benign.ordinary.flagged", 1.0/6)
	var b strings.Builder
	if err := r.Text(&b); err != nil || strings.Contains(b.String(), "IGNORE") || !strings.Contains(b.String(), "macro.overt.recall") {
		t.Errorf("report: %v\n%s", err, b.String())
	}
}

func TestGate(t *testing.T) {
	r := Report{Name: "pii", Metrics: []Metric{{Name: "macro.f1", Value: 0.93}, {Name: "clean.flagged", Value: 0.02}}}
	tests := []struct{ gate, missed string }{
		{"pii:\n  macro.f1: {min: 0.9}\n  clean.flagged: {max: 0.05}\n", ""},
		{`{"pii": {"macro.f1": {"min": 0.95}}}`, "macro.f1"},
		{"pii:\n  clean.flagged: {max: 0.01}\n", "clean.flagged"},
		{"pii:\n  macro.f7: {min: 0.1}\n", "was not measured"},
		{"secrets:\n  macro.recall: {min: 0.1}\n", "no limits"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "gate.yaml")
		if err := os.WriteFile(path, []byte(tt.gate), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := LoadGate(path)
		if err != nil {
			t.Fatal(err)
		}
		switch err := g.Check(r); {
		case tt.missed == "" && err != nil, tt.missed != "" && (!errors.Is(err, ErrGate) || !strings.Contains(err.Error(), tt.missed)):
			t.Errorf("%q: %v", tt.gate, err)
		}
	}
	path := filepath.Join(t.TempDir(), "bad.yaml")
	os.WriteFile(path, []byte("pii:\n  macro.f1: {atleast: 0.9}\n"), 0o600)
	if _, err := LoadGate(path); err == nil {
		t.Error("a gate with an unknown bound was read")
	}
}

func ExampleGate() {
	least := 0.9
	g := Gate{"pii": {"macro.f1": Limit{Min: &least}}}
	fmt.Println(g.Check(Report{Name: "pii", Metrics: []Metric{{Name: "macro.f1", Value: 0.87}}}))
	// Output: threshold missed: macro.f1 is 0.8700, want at least 0.9000
}

func TestGatesInTheTree(t *testing.T) {
	if _, err := LoadGate("gates.yaml"); err != nil {
		t.Error(err)
	}
}

func TestNoDataSaysSo(t *testing.T) {
	if _, err := PII(t.Context(), t.TempDir(), Options{Scanner: words{}}); !errors.Is(err, ErrNoData) {
		t.Errorf("got %v", err)
	}
}

func TestWilson(t *testing.T) {
	// Newcombe 1998, table I: 81 of 263.
	if g := share("", 81, 263); math.Abs(g.Low-0.2553) > 1e-4 || math.Abs(g.High-0.3662) > 1e-4 {
		t.Errorf("got %v – %v", g.Low, g.High)
	}
}
