package extract_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/extract"
)

// TestStructureSurvives makes Markdown of headings, paragraphs, lists, tables and
// code, of words that come once each, and chunks what is read of it: every word is
// in the chunk whose offsets say so, under the headings it stood under; rows of a
// table that was cut have its header; lines of code are whole.
func TestStructureSurvives(t *testing.T) {
	e := reader(t)
	rapid.Check(t, func(r *rapid.T) {
		var b strings.Builder
		under := map[string][]string{} // word → headings above it
		var rows, lines []string
		n := 0
		var path []string
		word := func() string {
			n++
			w := fmt.Sprintf("word%dx", n)
			under[w] = slices.Clone(path)
			return w
		}
		words := func(k int) string {
			out := make([]string, k)
			for i := range out {
				out[i] = word()
			}
			return strings.Join(out, " ")
		}
		for range rapid.IntRange(2, 12).Draw(r, "parts") {
			switch rapid.IntRange(0, 4).Draw(r, "kind") {
			case 0:
				level := rapid.IntRange(1, min(len(path)+1, 4)).Draw(r, "level")
				n++
				title := fmt.Sprintf("Title%dx", n)
				path = append(slices.Clone(path[:level-1]), title)
				fmt.Fprintf(&b, "%s %s\n\n", strings.Repeat("#", level), title)
			case 1:
				for range rapid.IntRange(1, 8).Draw(r, "sentences") {
					fmt.Fprintf(&b, "The %s. ", words(6))
				}
				b.WriteString("\n\n")
			case 2:
				for range rapid.IntRange(1, 9).Draw(r, "items") {
					fmt.Fprintf(&b, "- %s\n", words(4))
				}
				b.WriteString("\n")
			case 3:
				header := word()
				fmt.Fprintf(&b, "| %s | k |\n|---|---|\n", header)
				for range rapid.IntRange(1, 20).Draw(r, "rows") {
					row := words(3)
					rows = append(rows, header+"\x00"+row)
					fmt.Fprintf(&b, "| %s | v |\n", row)
				}
				b.WriteString("\n")
			case 4:
				b.WriteString("```\n")
				for range rapid.IntRange(1, 12).Draw(r, "lines") {
					line := words(4)
					lines = append(lines, line)
					b.WriteString(line + "\n")
				}
				b.WriteString("```\n\n")
			}
		}
		if n == 0 || len(under) == 0 {
			return
		}
		doc, err := e.Extract(context.Background(), extract.Input{Name: "a.md", Bytes: []byte(b.String())})
		if err != nil {
			r.Fatal(err)
		}
		chunks, err := chunk.Split(doc.Text, doc.Blocks, chunk.Config{MaxTokens: 64, Overlap: 8, Counter: byteCounter{}})
		if err != nil {
			r.Fatal(err)
		}
		for w, headings := range under {
			at := strings.Index(doc.Text, w)
			i := slices.IndexFunc(chunks, func(c chunk.Chunk) bool { return c.Start <= at && at+len(w) <= c.End })
			if at < 0 || i < 0 {
				r.Fatalf("%s is in no chunk (at %d)", w, at)
			}
			c := chunks[i] // small sections share one: then the heading stands in it
			for _, h := range headings {
				if !slices.Contains(c.Headings, h) && !strings.Contains(doc.Text[c.Start:at], h) {
					r.Fatalf("%s stands under %v, its chunk under %v and without it", w, headings, c.Headings)
				}
			}
		}
		whole := func(s string) (chunk.Chunk, bool) {
			i := slices.IndexFunc(chunks, func(c chunk.Chunk) bool { return strings.Contains(doc.Text[c.Start:c.End], s) })
			if i < 0 {
				return chunk.Chunk{}, false
			}
			return chunks[i], true
		}
		for _, l := range lines {
			if _, ok := whole(l); !ok {
				r.Fatalf("the line %q was cut", l)
			}
		}
		for _, row := range rows {
			header, cells, _ := strings.Cut(row, "\x00")
			c, ok := whole(cells)
			if !ok {
				r.Fatalf("the row %q was cut", cells)
			}
			if !strings.Contains(doc.Text[c.Context.Start:c.Context.End]+doc.Text[c.Start:c.End], header) {
				r.Fatalf("the row %q lost its header", cells)
			}
		}
	})
}
