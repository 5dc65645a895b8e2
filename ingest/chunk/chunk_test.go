package chunk_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/sanitize"
)

// wordCounter counts words, and long words as one token for each eight bytes.
type wordCounter struct{}

func (wordCounter) Count(text string) int {
	n := 0
	for _, w := range strings.Fields(text) {
		n += 1 + len(w)/8
	}
	return n
}

func Example() {
	text := "Plan\n\nWe ship in May. We test in April.\n\nRisks\n\nNone so far."
	blocks := []chunk.Block{
		{Span: sanitize.Span{Start: 0, End: 4}, Kind: chunk.Heading, Level: 1},
		{Span: sanitize.Span{Start: 41, End: 46}, Kind: chunk.Heading, Level: 2},
	}
	chunks, err := chunk.Split(text, blocks, chunk.Config{MaxTokens: 16, Counter: wordCounter{}})
	if err != nil {
		panic(err)
	}
	for _, c := range chunks {
		fmt.Printf("%q under %v\n", text[c.Start:c.End], c.Headings)
	}
	// Output:
	// "Plan\n\nWe ship in May. We test in April." under [Plan]
	// "Risks\n\nNone so far." under [Plan Risks]
}

func TestTableRowsKeepTheirHeader(t *testing.T) {
	header := "name | age\n"
	text := header + strings.Repeat("someone | 33\n", 40)
	blocks := []chunk.Block{{Span: sanitize.Span{Start: 0, End: len(text)}, Kind: chunk.Table, Header: sanitize.Span{Start: 0, End: len(header)}}}
	chunks, err := chunk.Split(text, blocks, chunk.Config{MaxTokens: 40, Counter: wordCounter{}})
	if err != nil {
		t.Fatal(err)
	}
	if len(chunks) < 3 {
		t.Fatalf("%d chunks", len(chunks))
	}
	for i, c := range chunks {
		context := text[c.Context.Start:c.Context.End]
		if i == 0 && context != "" || i > 0 && context != "name | age" {
			t.Errorf("chunk %d has context %q", i, context)
		}
		if body := text[c.Start:c.End]; strings.Count(body, "someone") != strings.Count(body, "33") {
			t.Errorf("chunk %d splits a row: %q", i, body)
		}
	}
}

func TestSentencesAreKeptWhole(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("Dr. Smith met e.g. Mr. Jones at 3.5 km. ", 20))
	chunks, err := chunk.Split(text, nil, chunk.Config{MaxTokens: 25, Overlap: 10, Counter: wordCounter{}})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range chunks {
		if body := text[c.Start:c.End]; !strings.HasPrefix(body, "Dr.") || !strings.HasSuffix(body, "km.") {
			t.Errorf("chunk %d: %q", i, body)
		}
		if i > 0 && c.Start >= chunks[i-1].End {
			t.Errorf("chunk %d does not overlap the one before", i)
		}
	}
}

func TestBadInput(t *testing.T) {
	good := chunk.Config{MaxTokens: 20, Counter: wordCounter{}}
	for name, c := range map[string]struct {
		text   string
		blocks []chunk.Block
		config chunk.Config
		want   error
	}{
		"no counter":    {"a", nil, chunk.Config{MaxTokens: 20}, chunk.ErrConfig},
		"zero config":   {"a", nil, chunk.Config{}, chunk.ErrConfig},
		"big overlap":   {"a", nil, chunk.Config{MaxTokens: 20, Overlap: 10, Counter: wordCounter{}}, chunk.ErrConfig},
		"invalid UTF-8": {"a\xff", nil, good, chunk.ErrText},
		"out of range":  {"a", []chunk.Block{{Span: sanitize.Span{Start: 0, End: 2}}}, good, chunk.ErrBlocks},
		"splits a rune": {"é", []chunk.Block{{Span: sanitize.Span{Start: 1, End: 2}}}, good, chunk.ErrBlocks},
		"overlapping":   {"abc", []chunk.Block{{Span: sanitize.Span{Start: 0, End: 2}}, {Span: sanitize.Span{Start: 1, End: 3}}}, good, chunk.ErrBlocks},
	} {
		if _, err := chunk.Split(c.text, c.blocks, c.config); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := chunk.Split(" \n\t", nil, good); err != nil || len(got) != 0 {
		t.Errorf("blank text: %v %v", got, err)
	}
}

// blocksOf draws blocks that fit a text.
func blocksOf(t *rapid.T, text string) []chunk.Block {
	var out []chunk.Block
	at := 0
	border := func(i int) int {
		for i < len(text) && !utf8.RuneStart(text[i]) {
			i++
		}
		return min(i, len(text))
	}
	kinds := []chunk.Kind{chunk.Paragraph, chunk.Heading, chunk.List, chunk.Table, chunk.Code, chunk.Break}
	for at < len(text) && rapid.Bool().Draw(t, "more") {
		start := border(at + rapid.IntRange(0, 40).Draw(t, "gap"))
		end := border(start + rapid.IntRange(0, 400).Draw(t, "len"))
		b := chunk.Block{Span: sanitize.Span{Start: start, End: end}, Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Level: rapid.IntRange(0, 6).Draw(t, "level")}
		if b.Kind == chunk.Table {
			b.Header = sanitize.Span{Start: start, End: border(start + b.Len()/3)}
		}
		out = append(out, b)
		at = end
	}
	return out
}

func TestChunksCoverTheTextWithinTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"a", "Wort", "。", "x. Y", "\n", "\n\n", " ", "é", "\u00a0", "👩‍👩", strings.Repeat("z", 300), "| c |", "- i\n", "end.\n"})
		text := strings.Join(rapid.SliceOfN(word, 0, 300).Draw(t, "text"), rapid.SampledFrom([]string{"", " "}).Draw(t, "sep"))
		blocks := blocksOf(t, text)
		c := chunk.Config{MaxTokens: rapid.IntRange(16, 60).Draw(t, "max"), Overlap: rapid.IntRange(0, 7).Draw(t, "overlap"), Counter: wordCounter{}, MaxBytes: rapid.SampledFrom([]int{0, 64, 200}).Draw(t, "bytes")}
		chunks, err := chunk.Split(text, blocks, c)
		if err != nil {
			t.Fatal(err)
		}
		covered := make([]bool, len(text))
		last := -1
		for _, k := range chunks {
			body := text[k.Start:k.End]
			if !utf8.ValidString(body) || strings.TrimSpace(body) != body || body == "" || k.Start <= last {
				t.Fatalf("span %v of %d", k.Span, len(text))
			}
			last = k.Start
			if k.Tokens > c.MaxTokens && utf8.RuneCountInString(body) > 1 {
				t.Fatalf("%d tokens over %d: %q", k.Tokens, c.MaxTokens, body)
			}
			if limit := max(c.MaxBytes, 64); c.MaxBytes > 0 && len(body) > limit {
				t.Fatalf("%d bytes over %d", len(body), limit)
			}
			for i := k.Start; i < k.End; i++ {
				covered[i] = true
			}
		}
		for i, r := range text {
			if !unicode.IsSpace(r) && !covered[i] {
				t.Fatalf("byte %d of %q is in no chunk", i, text)
			}
		}
	})
}

func TestLongLineTakesLinearWork(t *testing.T) {
	n := &tally{}
	for _, size := range []int{1 << 18, 1 << 20} {
		n.bytes = 0
		text := strings.Repeat("a", size)
		if _, err := chunk.Split(text, nil, chunk.Config{MaxTokens: 128, Counter: n}); err != nil {
			t.Fatal(err)
		}
		if n.bytes > 6*size || n.longest > 16<<10 {
			t.Errorf("%d bytes counted for a text of %d, the longest %d", n.bytes, size, n.longest)
		}
	}
}

// tally counts what the counter was asked.
type tally struct{ bytes, longest int }

func (t *tally) Count(s string) int {
	t.bytes += len(s)
	t.longest = max(t.longest, len(s))
	return (len(s) + 3) / 4
}

func FuzzSplit(f *testing.F) {
	f.Add("One. Two.\n\nThree", uint8(20))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		chunks, err := chunk.Split(text, nil, chunk.Config{MaxTokens: 16 + int(n), Counter: wordCounter{}})
		if err != nil && utf8.ValidString(text) {
			t.Fatal(err)
		}
		for _, c := range chunks {
			if !utf8.ValidString(text[c.Start:c.End]) {
				t.Fatal("a span splits a character")
			}
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. It was late.\n\n", 20_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := chunk.Split(text, nil, chunk.Config{MaxTokens: 256, Overlap: 32, Counter: &tally{}}); err != nil {
			b.Fatal(err)
		}
	}
}
