package output_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/match"
	"github.com/doorward/doorward/sanitize/output"
	"pgregory.net/rapid"
)

// literals is a Streamer that finds fixed texts: enough to see what the filter
// does with findings.
type literals struct {
	auto  *match.Automaton
	words []string
	kind  sanitize.Kind
	typ   string
}

func finder(kind sanitize.Kind, typ string, words ...string) literals {
	auto, err := match.New(words)
	if err != nil {
		panic(err)
	}
	return literals{auto, words, kind, typ}
}

func (l literals) Scan(_ context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	s := l.NewStream()
	_, found := s.Write([]byte(v.Source))
	return append(found, s.Close()...), nil
}

func (l literals) NewStream() sanitize.Stream { return &literalStream{l: l} }

type literalStream struct {
	l     literals
	state match.State
	at    int
}

func (s *literalStream) Write(p []byte) (int, []sanitize.Finding) {
	var found []sanitize.Finding
	s.state = s.l.auto.ScanBytes(p, s.state, func(literal, end int) {
		end += s.at
		found = append(found, sanitize.Finding{Span: sanitize.Span{Start: end - len(s.l.words[literal]), End: end},
			Kind: s.l.kind, Type: s.l.typ, Rule: "literal-" + strings.ToLower(s.l.typ), Score: 1})
	})
	s.at += len(p)
	return s.at - s.l.auto.Depth(s.state), found
}

func (s *literalStream) Close() []sanitize.Finding { return nil }

// noLinks finds every "://x", in place of the real scanner of links.
type noLinks struct{ literals }

func (n noLinks) For([]string) sanitize.Streamer { return n }

var (
	secrets = finder(sanitize.Secret, "TOKEN", "tok-12345678", "tok-1234", "hunter2hunter2")
	mails   = finder(sanitize.PII, "EMAIL", "ada@example.org", "bob@example.org")
	links   = noLinks{finder(sanitize.Egress, "LINK", "://evil")}
)

func newFilter(t testing.TB) *output.Filter {
	t.Helper()
	f, err := output.New(output.Config{Scanners: []sanitize.Streamer{secrets, mails}, Links: links})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func actions(pairs ...string) sanitize.Actions {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return sanitize.ParseActions(m)
}

var lenient = actions("secret", "withhold", "pii", "redact", "*", "withhold")

func whole(t testing.TB, a output.Answer, text string) output.Result {
	t.Helper()
	r, err := newFilter(t).Whole(context.Background(), a, text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestActions(t *testing.T) {
	const text = "a tok-12345678 b ada@example.org c bob@example.org d ada@example.org e"
	for _, c := range []struct {
		name    string
		actions sanitize.Actions
		want    string
		action  sanitize.Action
	}{
		{"strictest by default", nil, "a ", sanitize.Hold},
		{"withhold and number", lenient, "a ‹withheld› b [EMAIL_1] c [EMAIL_2] d [EMAIL_1] e", sanitize.Withhold},
		{"pass", actions("*", "pass"), text, sanitize.Pass},
		{"flag", actions("*", "flag"), text, sanitize.Flag},
		{"mask by type", actions("TOKEN", "withhold", "EMAIL", "mask"), "a ‹withheld› b ••••.org c ••••.org d ••••.org e", sanitize.Withhold},
		{"strip leaves a blank", actions("*", "strip"), "a   b   c   d   e", sanitize.Strip},
		{"stop later", actions("secret", "pass", "pii", "stop"), "a tok-12345678 b ", sanitize.Hold},
		{"rule before type", actions("literal-email", "pass", "*", "withhold"), "a ‹withheld› b ada@example.org c bob@example.org d ada@example.org e", sanitize.Withhold},
	} {
		r := whole(t, output.Answer{Actions: c.actions}, text)
		if r.Text != c.want || r.Action != c.action {
			t.Errorf("%s: %v %q, want %v %q", c.name, r.Action, r.Text, c.action, c.want)
		}
	}
}

func TestTheAccountNamesRulesAndCountsOnly(t *testing.T) {
	r := whole(t, output.Answer{Actions: lenient}, "tok-12345678 ada@example.org tok-1234")
	if got := fmt.Sprint(r.Findings); got != "[{literal-email 1} {literal-token 3}]" {
		t.Errorf("findings: %s", got) // the longer token holds the shorter one
	}
	if strings.Contains(fmt.Sprint(r.End), "tok-") {
		t.Error("the account shows what matched")
	}
}

func TestTouchingMatchesShareOneMark(t *testing.T) {
	r := whole(t, output.Answer{Actions: lenient}, "x tok-1234tok-1234tok-1234 y")
	if r.Text != "x ‹withheld› y" {
		t.Errorf("%q", r.Text)
	}
}

func TestWhatTheUserWroteIsNotWithheld(t *testing.T) {
	a := output.Answer{Actions: lenient, Prompt: "Is ADA@example.org right? I have tok-12345678.", Canary: "c0ffee-c0ffee"}
	r := whole(t, a, "Yes, ada@example.org and tok-12345678, not bob@example.org")
	if r.Text != "Yes, ada@example.org and tok-12345678, not [EMAIL_1]" || len(r.Findings) != 1 {
		t.Errorf("%q %v", r.Text, r.Findings)
	}
	a.Prompt = "say c0ffee-c0ffee and ://evil"
	if r := whole(t, a, "c0ffee-c0ffee ://evil"); strings.Contains(r.Text, "c0ffee") || strings.Contains(r.Text, "evil") {
		t.Errorf("a mark or a link was taken for the user's own: %q", r.Text)
	}
}

func TestMarksAreFoundHoweverTheyAreSpelt(t *testing.T) {
	const canary = "cn-7f3a91bc5d2e"
	a := output.Answer{Actions: actions("canary", "stop", "*", "pass"), Canary: canary, Nonce: "00ff11ee22dd33cc44bb55aa66997788"}
	for _, echo := range []string{
		canary, strings.ToUpper(canary), "c n 7 f 3 a 9 1 b c 5 d 2 e", "CN7F3A91BC5D2E", "c-n-7-f-3-a-9-1-b-c-5-d-2-e", "c\nn\n7f3a 91bc\n5d2e",
		"e2d5cb19a3f7-nc", "pa-7s3n91op5q2r", "636e2d376633613931626335643265", "63 6E 2D 37 66 33 61 39 31 62 63 35 64 32 65",
		"Y24tN2YzYTkxYmM1ZDJl", "eHkgY24tN2YzYTkxYmM1ZDJlIHp6", "IGNuLTdmM2E5MWJjNWQyZSA=", `\x63\x6e\x2d\x37\x66\x33\x61\x39\x31\x62\x63\x35\x64\x32\x65`,
		"%63%6e%2d%37%66%33%61%39%31%62%63%35%64%32%65", "ｃｎ－７ｆ３ａ９１ｂｃ５ｄ２ｅ", "c\u200bn\u200b-7f3a\u00ad91bc5d2e", "**cn**-7f3a_91_bc5d2e",
		"00FF11EE22DD33CC44BB55AA66997788", "<<end S1-ab12 00ff11ee22dd33cc44bb55aa66997788>>",
	} {
		r := whole(t, a, "the mark: "+echo+" was it")
		// The lead-in of an encoding, and what stands before, is no part of the mark.
		after, ok := strings.CutPrefix(r.Text, "the mark: ")
		if r.Action != sanitize.Hold || !ok || len(after) > 4 && after != "<<end S1-ab12 " {
			t.Errorf("%q: %v %q", echo, r.Action, r.Text)
		}
	}
	for _, plain := range []string{"cn-7f3a91bc5d2", "nothing", "", strings.Repeat("c n ", 50)} {
		if r := whole(t, a, plain); r.Action != sanitize.Pass || r.Text != plain {
			t.Errorf("%q: %v %q", plain, r.Action, r.Text)
		}
	}
}

func TestInvisibleCharactersAreRemovedBeforeAnythingElse(t *testing.T) {
	for in, want := range map[string]string{
		"tok\u200b-12\U000e004134\u2060 5678":      "‹withheld› 5678",
		"hi\U000e0041\U000e0042\u202e there\u200d": "hi there",
		"👩\u200d👩\u200d👧 ❤\ufe0f":                  "👩\u200d👩\u200d👧 ❤\ufe0f",
		"می\u200cخواهم":                            "می\u200cخواهم",
		"a\ufe0f\ufe01b":                           "ab",
		"bad \xff\xc3 bytes \xe2\x82":              "bad \ufffd\ufffd bytes \ufffd\ufffd",
		"a\x00b\x1b[31m\tc\r\n":                    "ab[31m\tc\r\n",
	} {
		if r := whole(t, output.Answer{Actions: lenient}, in); r.Text != want {
			t.Errorf("%q becomes %q, want %q", in, r.Text, want)
		}
	}
}

func TestDisguisesAreSeenThrough(t *testing.T) {
	for in, want := range map[string]string{
		`{"key": "tok\u002d12345678"}`:                   `{"key": "‹withheld›"}`,
		`{"key": "\u0074ok-12345678"}`:                   `{"key": "‹withheld›"}`,
		`tok\-12345678 and tok-12345678`:                 `‹withheld› and ‹withheld›`,
		"tok-１２３４５６７８.":                                  "‹withheld›.",
		"𝐭ok-١٢٣٤٥٦٧٨.":                                  "‹withheld›.",
		"tok%2d12345678 tok&#45;12345678 tok&#x2D;1234":  "‹withheld› ‹withheld› ‹withheld›",
		`ada\x40example.org, 50% of &c. \u00e9t\u00e9 \`: `[EMAIL_1], 50% of &c. \u00e9t\u00e9 \`,
		"日本語のテキスト、です。tok-1234":                           "日本語のテキスト、です。‹withheld›",
	} {
		if r := whole(t, output.Answer{Actions: lenient}, in); r.Text != want {
			t.Errorf("%q becomes %q, want %q", in, r.Text, want)
		}
	}
}

func TestLinksAreJudgedAfterRewriting(t *testing.T) {
	// Removing the token joins the parts of a link; it must be seen.
	r := whole(t, output.Answer{Actions: actions("secret", "withhold", "*", "withhold")}, "http:tok-1234//evil ://evil")
	if strings.Contains(r.Text, "://evil") {
		t.Errorf("%q", r.Text)
	}
}

func TestAStopLosesNothingBeforeIt(t *testing.T) {
	// ":/" could still have become a link when the token stopped the answer.
	if r := whole(t, output.Answer{}, "x :/tok-12345678 z"); r.Text != "x :/" {
		t.Errorf("%q", r.Text)
	}
}

func TestAfterAStopNothingComes(t *testing.T) {
	s, err := newFilter(t).NewStream(context.Background(), output.Answer{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Write("before tok-12345678 after")
	if out != "before " || !errors.Is(err, output.ErrStopped) {
		t.Errorf("%q %v", out, err)
	}
	if out, err = s.Write("more"); out != "" || !errors.Is(err, output.ErrStopped) {
		t.Errorf("%q %v", out, err)
	}
	tail, end := s.Close()
	if tail != "" || end.Action != sanitize.Hold {
		t.Errorf("%q %v", tail, end)
	}
	if _, again := s.Close(); again.Action != end.Action {
		t.Error("the account changed")
	}
}

// panics is a scanner that fails on a word.
type panics struct{ literals }

func (p panics) NewStream() sanitize.Stream { return &panicStream{p.literals.NewStream()} }

type panicStream struct{ sanitize.Stream }

func (p *panicStream) Write(text []byte) (int, []sanitize.Finding) {
	if strings.Contains(string(text), "boom") {
		panic("cannot read " + string(text))
	}
	return p.Stream.Write(text)
}

func TestAPanicReleasesNothing(t *testing.T) {
	f, err := output.New(output.Config{Scanners: []sanitize.Streamer{panics{secrets}}, Links: links})
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.Whole(context.Background(), output.Answer{Actions: lenient}, "private boom text")
	if err == nil || r.Text != "" || strings.Contains(err.Error(), "private") {
		t.Errorf("%q, %v", r.Text, err)
	}
	s, _ := f.NewStream(context.Background(), output.Answer{Actions: lenient})
	_, _ = s.Write("one ")
	if out, err := s.Write("boom"); out != "" || err == nil {
		t.Errorf("%q, %v", out, err)
	}
	if tail, end := s.Close(); tail != "" || end.Action != sanitize.Hold {
		t.Errorf("%q, %v", tail, end)
	}
}

var pieces = []string{
	"tok-", "12345678", "1234", "5678", "hunter2", "ada", "@example.org", "bob", "://", "evil", "http", " ", "\n", "word", "é", "日本", "😀",
	"\u200b", "\U000e0041", "c0ffee", "C0FFEE", "-", "c 0 f f e e", "YzBmZmVl", "\xff", "\xe2\x82", "[", "](", "k", "t", "h", "\\", "\\u002d", "\\u0074ok", "%2d", "&#45;", "&", "%", "４", "tok\\-1234", "\\%", "%2", "d", "&am", "p;", "\\u00", "&#4", "5;",
}

func TestAnySplitGivesTheWholesText(t *testing.T) {
	f := newFilter(t)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "pieces"), "")
		a := output.Answer{Canary: "c0ffeec0ffee", Prompt: rapid.SampledFrom([]string{"", "ada@example.org", "tok-1234"}).Draw(t, "prompt")}
		a.Actions = rapid.SampledFrom([]sanitize.Actions{nil, lenient, actions("*", "redact"), actions("pii", "flag", "*", "mask")}).Draw(t, "actions")
		seed := rapid.Uint64().Draw(t, "seed")
		want, err := f.Whole(context.Background(), a, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := splitOnce(f, a, text, want, rand.New(rand.NewPCG(seed, 1))); err != nil {
			t.Fatal(err)
		}
	})
}

// splitOnce streams text in random parts and compares with the whole's result.
func splitOnce(f *output.Filter, a output.Answer, text string, want output.Result, r *rand.Rand) error {
	s, err := f.NewStream(context.Background(), a)
	if err != nil {
		return err
	}
	var got strings.Builder
	for at := 0; at < len(text); {
		n := min(1+r.IntN(1+r.IntN(24)), len(text)-at)
		out, err := s.Write(text[at : at+n])
		if err != nil && !errors.Is(err, output.ErrStopped) {
			return err
		}
		got.WriteString(out)
		if !strings.HasPrefix(want.Text, got.String()) {
			return fmt.Errorf("released %q of %q, whole is %q", got.String(), text[:at+n], want.Text)
		}
		at += n
	}
	tail, end := s.Close()
	got.WriteString(tail)
	if got.String() != want.Text || fmt.Sprint(end) != fmt.Sprint(want.End) {
		return fmt.Errorf("%q gives %q %v, whole %q %v", text, got.String(), end, want.Text, want.End)
	}
	return nil
}

// TestManySplits is the long run: DOORWARD_SPLITS splits of texts with planted
// matches; no byte of one may come out.
func TestManySplits(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_SPLITS"))
	n = max(n, 2000)
	f := newFilter(t)
	r := rand.New(rand.NewPCG(1, 2))
	planted := []string{"tok-12345678", "hunter2hunter2", "ada@example.org", "://evil", "c0ffeec0ffee", "C0-FF-EE-c0ff ee"}
	a := output.Answer{Actions: actions("*", "withhold"), Canary: "c0ffeec0ffee"}
	for range n / 100 {
		var text strings.Builder
		for range 1 + r.IntN(8) {
			text.WriteString(strings.Repeat("prose and more ", r.IntN(4)))
			text.WriteString(planted[r.IntN(len(planted))])
		}
		want, err := f.Whole(context.Background(), a, text.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range planted {
			if strings.Contains(strings.ToLower(want.Text), strings.ToLower(p)) {
				t.Fatalf("%q came out of %q", p, text.String())
			}
		}
		for range 100 {
			if err := splitOnce(f, a, text.String(), want, r); err != nil {
				t.Fatal(err)
			}
		}
	}
}
