package prompt

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func counter(t testing.TB, encoding string) *Counter {
	t.Helper()
	c, err := NewCounter(encoding)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCountIsTheLibrarysCount(t *testing.T) {
	texts := []string{
		"", " ", "\n\n", "Hello, world!", "it's John's; they'll've", "x\u0301y\u0308 z", "日本語のテキスト、です。",
		"1234567 8901,23.4", "a\r\n\r\nb", "  indented\n\tcode();\n", "émigré naïve ΑΒΓ", "foo_bar->baz[12]+=3;",
		"\U0001F600\u200d\U0001F467 ok", "1st 2nd 3rd", "end.  \n next", "\u00a0nbsp", "a/b//c\n/d", "don'T 'S 'ſ",
	}
	for _, encoding := range []string{CL100K, O200K} {
		c := counter(t, encoding)
		for _, text := range texts {
			if got, want := c.Count(text), len(c.vocabulary().enc.EncodeOrdinary(text)); got != want {
				t.Errorf("%s: %q counts %d, want %d", encoding, text, got, want)
			}
		}
	}
}

func TestCountOfRandomTexts(t *testing.T) {
	parts := rapid.SampledFrom([]string{
		"a", "The", "WORD", "ß", "é", "e\u0301", "日", "٣", "1", "42", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "'", "'s", "'LL",
		".", ",", "/", "//", "(", "_", "\u0301", "😀", "-", "\u200d", "$", "²", " word", "(Word", "\"xylophonist", " HELLOworld", "camelCase", "-qzxv", "ǅ", "ʰ", "\u3000",
	})
	for _, encoding := range []string{CL100K, O200K} {
		c := counter(t, encoding)
		rapid.Check(t, func(t *rapid.T) {
			text := strings.Join(rapid.SliceOfN(parts, 0, 40).Draw(t, "parts"), "")
			if got, want := c.Count(text), len(c.vocabulary().enc.EncodeOrdinary(text)); got != want {
				t.Fatalf("%q counts %d, want %d", text, got, want)
			}
			spans := c.Spans(text)
			for range 5 {
				start := rapid.IntRange(0, len(text)).Draw(t, "start")
				end := rapid.IntRange(start, len(text)).Draw(t, "end")
				if start < len(text) && !utf8.RuneStart(text[start]) || end < len(text) && !utf8.RuneStart(text[end]) {
					continue
				}
				if got, want := spans(start, end), c.Count(text[start:end]); got != want {
					t.Fatalf("%q counts %d within %q, want %d", text[start:end], got, text, want)
				}
			}
		})
	}
}

// TestCountOfSourceFiles compares whole files: the Go distribution is a corpus
// every machine with the toolchain has.
func TestCountOfSourceFiles(t *testing.T) {
	files := corpus(t, 200<<10)
	for _, encoding := range []string{CL100K, O200K} {
		c := counter(t, encoding)
		for name, text := range files {
			if got, want := c.Count(text), len(c.vocabulary().enc.EncodeOrdinary(text)); got != want {
				t.Errorf("%s: %s counts %d, want %d", encoding, name, got, want)
			}
		}
	}
}

func corpus(t testing.TB, limit int) map[string]string {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("no go command to ask for its distribution")
	}
	root := strings.TrimSpace(string(out))
	files := map[string]string{}
	for _, pattern := range []string{"README.md", "src/net/http/*.go", "src/cmd/vet/README", "doc/*.html", "src/html/template/testdata/*", "src/unicode/utf8/*.go"} {
		names, _ := filepath.Glob(filepath.Join(root, pattern))
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil || len(b) > 64<<10 || limit < len(b) || !utf8.Valid(b) {
				continue
			}
			files[filepath.Base(name)] = string(b)
			limit -= len(b)
		}
	}
	if len(files) == 0 {
		t.Skip("no sources in the Go distribution at `go env GOROOT`; install one that has them")
	}
	return files
}

func TestCountOfHostileRuns(t *testing.T) {
	c := counter(t, CL100K)
	for _, unit := range []string{"a", "A", "!", "\n", "日", "\u0301", "\xff", "<|im_start|>"} {
		text := strings.Repeat(unit, 20_000)
		n := c.Count(text)
		if n < 1 || n > len(text) {
			t.Errorf("%q repeated counts %d", unit, n)
		}
	}
}

func TestCountConcurrently(t *testing.T) {
	c := counter(t, O200K)
	const text = "Concurrent callers share one cache; 1,000 words in it don't change the count."
	want := c.Count(text)
	var wait sync.WaitGroup
	for range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for range 100 {
				if got := c.Count(text); got != want {
					t.Errorf("counts %d, then %d", want, got)
				}
			}
		}()
	}
	wait.Wait()
}

func TestUnknownEncoding(t *testing.T) {
	if _, err := NewCounter("p50k_base"); err == nil {
		t.Fatal("an encoding outside the two was accepted")
	}
}

func BenchmarkCount(b *testing.B) {
	var all strings.Builder
	for _, text := range corpus(b, 1<<20) {
		all.WriteString(text)
	}
	text := all.String()
	b.Run("library", func(b *testing.B) {
		c := counter(b, CL100K)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			_ = len(c.vocabulary().enc.EncodeOrdinary(text))
		}
	})
	b.Run("cold", func(b *testing.B) {
		c := counter(b, CL100K)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			for i := range c.memo {
				c.memo[i].Store(nil)
			}
			c.Count(text)
		}
	})
	b.Run("warm", func(b *testing.B) {
		c := counter(b, CL100K)
		c.Count(text)
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			c.Count(text)
		}
	})
}
