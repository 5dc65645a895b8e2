package output_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/output"
	"pgregory.net/rapid"
)

func TestToolArguments(t *testing.T) {
	f := newFilter(t)
	for _, c := range []struct{ in, want string }{
		{`{"to":"ada@example.org","n":[1,2.50,true,null],"deep":{"x":"tok-12345678"}}`, `{"to":"[EMAIL_1]","n":[1,2.50,true,null],"deep":{"x":"‹withheld›"}}`},
		{`{"u":"http\u003a//evil","\u0074ok-1234":"k"}`, `{"u":"http‹link removed›","‹withheld›":"k"}`},
		{`{"a":"tok-1\u003234","a":"again"}`, `{"a":"‹withheld›","a":"again"}`},
		{`"tok-1234"`, `"‹withheld›"`},
		{`[]`, `[]`},
		{`{"a":{}}`, `{"a":{}}`},
		{`{"a":"<b> & \u2028"}`, `{"a":"<b> & "}`},
		{`not json tok-1234`, `not json ‹withheld›`},
		{`{"a":"tok-1234"} trailing`, `{"a":"‹withheld›"} trailing`},
		{`{"open":"tok-1234`, `{"open":"‹withheld›`},
		{``, ``},
	} {
		a := output.Answer{Actions: actions("secret", "withhold", "pii", "redact", "egress", "redact", "*", "withhold")}
		got, err := f.Arguments(context.Background(), a, c.in)
		if err != nil || got.Text != c.want {
			t.Errorf("%s becomes %s (%v), want %s", c.in, got.Text, err, c.want)
		}
	}
	got, err := f.Arguments(context.Background(), output.Answer{}, `{"a":"fine","b":"tok-1234"}`)
	if err != nil || got.Text != "" || got.Action != sanitize.Hold || len(got.Findings) != 1 {
		t.Errorf("stopped: %v %v", got, err)
	}
}

func TestArgumentsKeepTheirShape(t *testing.T) {
	f := newFilter(t)
	value := rapid.Custom(func(t *rapid.T) any {
		return rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }),
			rapid.Map(rapid.IntRange(-9, 99), func(i int) any { return float64(i) }),
			rapid.Map(rapid.StringMatching(`[a-z"\\ é]{0,8}`), func(s string) any { return s })).Draw(t, "leaf")
	})
	rapid.Check(t, func(t *rapid.T) {
		tree := map[string]any{"list": rapid.SliceOfN(value, 0, 4).Draw(t, "list"),
			"map": rapid.MapOfN(rapid.StringMatching(`[a-z"]{0,5}`), value, 0, 4).Draw(t, "map")}
		in, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Arguments(context.Background(), output.Answer{Actions: lenient}, string(in))
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal([]byte(got.Text), &back); err != nil {
			t.Fatalf("%s becomes %s: %v", in, got.Text, err)
		}
		again, _ := json.Marshal(back)
		if string(again) != string(in) {
			t.Fatalf("%s becomes %s", in, got.Text)
		}
	})
}

func TestQuestionsAreCheckedBeforeTheyLeave(t *testing.T) {
	s, err := sanitize.NewSanitizer(sanitize.SanitizerConfig{Scanners: []sanitize.Scanner{secrets, mails}})
	if err != nil {
		t.Fatal(err)
	}
	const text = "why does tok-12345678 of ada@example.org fail?"
	for _, c := range []struct {
		name    string
		actions sanitize.Actions
		text    string
		refused bool
		warn    bool
	}{
		{"pass", actions("*", "pass"), text, false, false},
		{"flag", actions("*", "flag"), text, false, true},
		{"redact", actions("*", "redact"), "why does [TOKEN_1] of [EMAIL_1] fail?", false, true},
		{"refuse secrets", actions("secret", "withhold", "pii", "pass"), "", true, true},
		{"nothing said", nil, "", true, true},
	} {
		q, err := output.CheckQuestion(context.Background(), s, c.actions, text)
		if err != nil || q.Text != c.text || q.Refused != c.refused || q.Warn != c.warn {
			t.Errorf("%s: %+v %v", c.name, q, err)
		}
	}
	q, err := output.CheckQuestion(context.Background(), s, nil, "an ordinary question")
	if err != nil || q.Refused || q.Text == "" || q.Warn {
		t.Errorf("nothing found: %+v %v", q, err)
	}
	broken, err := sanitize.NewSanitizer(sanitize.SanitizerConfig{Scanners: []sanitize.Scanner{brokenScanner{}}})
	if err != nil {
		t.Fatal(err)
	}
	if q, err := output.CheckQuestion(context.Background(), broken, actions("*", "pass"), text); err == nil || !q.Refused || q.Text != "" {
		t.Errorf("scanner broken: %+v %v", q, err)
	}
}

type brokenScanner struct{}

func (brokenScanner) Scan(context.Context, sanitize.Views) ([]sanitize.Finding, error) {
	return nil, errors.New("out of order")
}

func FuzzArguments(f *testing.F) {
	f.Add(`{"a":["b",1,{"c":null}]}`)
	f.Add(`{"tok-1234":1}{`)
	filter := newFilter(f)
	f.Fuzz(func(t *testing.T, in string) {
		got, err := filter.Arguments(context.Background(), output.Answer{Actions: lenient}, in)
		if err != nil {
			t.Fatal(err)
		}
		if json.Valid([]byte(in)) && !json.Valid([]byte(got.Text)) {
			t.Fatalf("%q becomes %q", in, got.Text)
		}
		if strings.Contains(got.Text, "tok-1234") {
			t.Fatalf("%q becomes %q", in, got.Text)
		}
	})
}
