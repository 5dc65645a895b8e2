// Package extracttest makes documents that test extraction from outside: files
// built to hurt, and files that hide text in every way their format has. The same
// ones are read by the extractor's own tests and taken in by the whole program.
package extracttest

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"fmt"
	"testing"
)

// Zip is an archive of name, content pairs.
func Zip(t testing.TB, parts ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for i := 0; i < len(parts); i += 2 {
		f, err := w.Create(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(parts[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Word is how word/document.xml begins.
const Word = `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`

// Object is one numbered object of a PDF file.
type Object = struct {
	Num  int
	Body string
}

// PDF writes objects, a cross-reference table and a trailer.
func PDF(trailer string, objects ...Object) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := map[int]int{}
	last := 0
	for _, o := range objects {
		offsets[o.Num] = b.Len()
		last = max(last, o.Num)
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", o.Num, o.Body)
	}
	at := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", last+1)
	for n := 1; n <= last; n++ {
		if off, ok := offsets[n]; ok {
			fmt.Fprintf(&b, "%010d 00000 n \n", off)
		} else {
			b.WriteString("0000000000 00000 f \n")
		}
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", last+1, trailer, at)
	return b.Bytes()
}

// Stream is the body of a stream object.
func Stream(dict, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

// Deflated is data as /FlateDecode reads it.
func Deflated(data string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write([]byte(data)) // a buffer takes everything
	_ = z.Close()
	return b.String()
}

// OnePage is a file of one page with Helvetica as /F1; extra objects may be
// numbered from 10.
func OnePage(content, pageExtra, rootExtra string, extra ...Object) []byte {
	objects := append([]Object{
		{1, "<< /Type /Catalog /Pages 2 0 R " + rootExtra + " >>"},
		{2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"},
		{3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R " + pageExtra + " >>"},
		{4, Stream("/Filter /FlateDecode", Deflated(content))},
		{5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"},
	}, extra...)
	return PDF("", objects...)
}

// FontResources gives a page /F1.
const FontResources = "/Resources << /Font << /F1 5 0 R >> >>"
