package extract_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/extract"
)

// BenchmarkExtract reads 1 MiB of each kind in this process; "child" is HTML of
// 10 KiB through a child, which shows what crossing over costs.
func BenchmarkExtract(b *testing.B) {
	sentence := "The quick brown fox jumps over the lazy dog near the river bank. "
	prose := strings.Repeat(sentence, 16<<10)
	page := "<!doctype html><style>.x{display:none}</style>" + strings.Repeat("<p>"+strings.Repeat(sentence, 8)+"<b>bold</b></p>\n", 2<<10)
	var content strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&content, "BT /F1 10 Tf 72 %d Td (%s) Tj ET\n", 700-i%60*10, sentence)
	}
	for _, c := range []struct {
		name string
		in   extract.Input
	}{
		{"text", extract.Input{Name: "a.txt", Bytes: []byte(prose)}},
		{"markdown", extract.Input{Name: "a.md", Bytes: []byte(strings.ReplaceAll(prose, "bank. ", "bank.\n\n"))}},
		{"html", extract.Input{Name: "a.html", Bytes: []byte(page)}},
		{"csv", extract.Input{Name: "a.csv", Bytes: []byte(strings.Repeat("name,1,2024-01-01,some words here\n", 30<<10))}},
		{"json", extract.Input{Name: "a.ndjson", Bytes: []byte(strings.Repeat(`{"id":1,"name":"some words","tags":["a","b"]}`+"\n", 22<<10))}},
		{"pdf", extract.Input{Name: "a.pdf", Bytes: onePage(content.String(), fontRes, "")}},
		{"docx", extract.Input{Name: "a.docx", Bytes: zipped(b, "word/document.xml", wordNS+strings.Repeat("<w:p><w:r><w:t>"+strings.Repeat(sentence, 4)+"</w:t></w:r></w:p>", 4000)+"</w:body></w:document>")}},
	} {
		b.Run(c.name, func(b *testing.B) {
			e, err := extract.New(extract.Config{InProcess: true})
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				doc, err := e.Extract(context.Background(), c.in)
				if err != nil {
					b.Fatal(err)
				}
				n = len(doc.Text)
			}
			b.SetBytes(int64(n)) // of text
		})
	}
	b.Run("child", func(b *testing.B) {
		e := sandboxed(b, extract.Config{Workers: 1})
		in := extract.Input{Name: "a.html", Bytes: []byte(page[:10<<10])}
		for b.Loop() {
			if _, err := e.Extract(context.Background(), in); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(10 << 10)
	})
}
