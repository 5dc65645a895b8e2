package extract_test

import (
	"context"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

// reader returns an extractor that parses in this process.
func reader(t testing.TB) *extract.Extractor {
	t.Helper()
	e, err := extract.New(extract.Config{InProcess: true})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

var zipped = extracttest.Zip

func TestVisibleTextOfEachFormat(t *testing.T) {
	for _, c := range []struct{ name, in, want, mediaType, title string }{
		{"a.txt", "Hello\r\nworld\n\nTwo", "Hello\nworld\n\nTwo", "text/plain", "Hello"},
		{"a.md", "# Head\n\nSome *text* with [a link](http://x.test \"secret\").\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```go\nx := 1\n```\n",
			"Head\n\nSome text with a link.\n\n- one\n- two\n\na | b\n1 | 2\n\nx := 1", "text/markdown", "Head"},
		{"a.html", "<!doctype html><title>T</title><h1>Head <b>bold</b></h1><p>One\n two<br>three</p><ul><li>a<li>b</ul><table><tr><th>x<th>y<tr><td>1<td>2</table><pre>a\n  b</pre>",
			"Head bold\n\nOne two\nthree\n\n- a\n- b\n\nx | y\n1 | 2\n\na\n  b", "text/html", "Head bold"},
		{"a.csv", "name,age\n\"Ann, A\",3\n", "name | age\nAnn, A | 3", "text/csv", ""},
		{"a.json", `{"a":{"b":"c"},"n":[1,true,null]}`, "a.b: c\nn: 1\nn: true", "application/json", ""},
		{"a.ndjson", "{\"a\":1}\n{\"a\":2}\n", "a: 1\n\na: 2", "application/x-ndjson", ""},
		{"a.xml", "<?xml version=\"1.0\"?><a>x<b>y</b></a>", "x\ny", "application/xml", ""},
		{"a.go", "package a // c\n\nfunc f() {}\n", "package a // c\n\nfunc f() {}", "text/x-source", ""},
		{"a.eml", "From: a@x.test\r\nTo: b@x.test\r\nSubject: =?utf-8?q?H=C3=A9?=\r\nX-Odd: psst\r\n\r\nBody\r\n",
			"From: a@x.test\nTo: b@x.test\nSubject: Hé\n\nBody", "message/rfc822", "Hé"},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := reader(t).Extract(context.Background(), extract.Input{Name: c.name, Bytes: []byte(c.in)})
			if err != nil {
				t.Fatal(err)
			}
			if doc.Text != c.want || doc.MediaType != c.mediaType || doc.Title != c.title {
				t.Errorf("got %q %s %q, want %q %s %q", doc.Text, doc.MediaType, doc.Title, c.want, c.mediaType, c.title)
			}
		})
	}
}

const wordNS = extracttest.Word

func TestWordDocument(t *testing.T) {
	body := wordNS + `<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Plan</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">We </w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>PSST</w:t></w:r><w:r><w:t>agree.</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>k</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>v</w:t></w:r></w:p></w:tc></w:tr>
<w:tr><w:tc><w:p><w:r><w:t>1</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>2</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>`
	doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.docx", Bytes: zipped(t, "[Content_Types].xml", "<Types/>", "word/document.xml", body)})
	if err != nil {
		t.Fatal(err)
	}
	if want := "Plan\n\nWe agree.\n\nk | v\n1 | 2"; doc.Text != want {
		t.Errorf("got %q, want %q", doc.Text, want)
	}
	if len(doc.Hidden) != 1 || doc.Hidden[0].Text != "PSST" || !strings.HasPrefix(doc.Text[doc.Hidden[0].Offset:], " agree") && !strings.HasPrefix(doc.Text[doc.Hidden[0].Offset:], "agree") {
		t.Errorf("hidden: %+v", doc.Hidden)
	}
}
