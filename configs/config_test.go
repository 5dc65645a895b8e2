package configs

import (
	"errors"
	"strings"
	"testing"
)

func TestDefaultFileIsValid(t *testing.T) {
	c, err := Parse(Default)
	if err != nil {
		t.Fatal(err)
	}
	c.Resolve("/srv/doorward")
	if p := c.Validate(); len(p) > 0 {
		t.Errorf("problems: %v", p)
	}
	if p := c.Serving(); len(p) > 0 {
		t.Errorf("unsafe: %v", p)
	}
	if c.Data != "/srv/doorward/data" {
		t.Errorf("data is %s", c.Data)
	}
}

func TestMistakesAreExplained(t *testing.T) {
	for name, tc := range map[string]struct{ yaml, want string }{
		"unknown key":        {"datta: ./x", `line 1: unknown key "datta", did you mean "data"?`},
		"unknown nested key": {"listen:\n  pubic: x", `line 2: unknown key "pubic", did you mean "public"?`},
		"wrong type":         {"chunks:\n  max_tokens: many", "line 2: a text stands where a whole number is needed"},
		"duration":           {"identity:\n  skew: [1]", `a duration`},
		"keys inside data":   {"data: ./d\nkeys: ./d/k", "keys: the key folder lies inside the data directory"},
		"undeclared":         {"schema:\n  access: [team]", `"team" is not declared`},
		"kind":               {"schema:\n  document:\n    x: text", "schema.document.x"},
		"source type":        {"sources:\n  - {name: a, type: ftp, path: x}", `sources[0].type: "ftp" is not one of directory, bucket, git, sql, jsonl, mbox, push`},
		"mapping":            {"sources:\n  - {name: a, type: directory, path: x, mapping: [{set: {grups: [a]}}]}", `attribute "grups" is not declared`},
		"slowed past due":    {"limits: {deadline: 5s}\nquota: {patterns: {slow_by: 5s}}", "quota.patterns.slow_by: use less than limits.deadline"},
		"same port":          {"listen: {public: '127.0.0.1:1', operator: '127.0.0.1:1'}", "different ports"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Parse([]byte(tc.yaml))
			var problems []string
			var e *Error
			switch {
			case errors.As(err, &e):
				problems = e.Problems
			case err != nil:
				t.Fatal(err)
			default:
				problems = c.Validate()
			}
			if !strings.Contains(strings.Join(problems, "\n"), tc.want) {
				t.Errorf("got %q, want %q in it", problems, tc.want)
			}
		})
	}
}

func TestUnsafeSettingsAreNamed(t *testing.T) {
	c := Defaults()
	c.Listen.Public, c.Listen.Operator, c.Extract.InProcess = "0.0.0.0:8080", ":8081", true
	got := strings.Join(c.Serving(), "\n")
	for _, want := range []string{"listen.public", "listen.operator", "extract.in_process", "identity"} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not named in %q", want, got)
		}
	}
}
