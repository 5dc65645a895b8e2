package extract_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

func TestEncodings(t *testing.T) {
	encode := func(s string, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const western, japan = "Žluť? naïve café – “fine”, 5 €", "これは日本語の文書です。カタカナとひらがな。"
	page := func(charset, body string) string {
		return `<!doctype html><meta charset="` + charset + `"><p>` + body + `</p>`
	}
	for name, c := range map[string]struct{ file, mediaType, in, want string }{
		"utf-8 with a mark":        {"a.txt", "", "\xef\xbb\xbf" + western, western},
		"utf-16le with a mark":     {"a.txt", "", encode(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(western)), western},
		"utf-16be with a mark":     {"a.txt", "", encode(unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewEncoder().String(japan)), japan},
		"utf-16le without":         {"a.txt", "", encode(unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String("plain words")), "plain words"},
		"utf-16be without":         {"a.txt", "", encode(unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String("plain words")), "plain words"},
		"windows-1252 by its look": {"a.txt", "", "na\xefve caf\xe9 \x96 \x93fine\x94, 5 \x80", "naïve café – “fine”, 5 €"},
		"latin-1 declared":         {"a.txt", "text/plain; charset=ISO-8859-1", "caf\xe9", "café"},
		"latin-2 declared":         {"a.txt", "text/plain; charset=iso-8859-2", encode(charmap.ISO8859_2.NewEncoder().String("Žluť")), "Žluť"},
		"koi8-r declared":          {"a.txt", "text/plain; charset=koi8-r", encode(charmap.KOI8R.NewEncoder().String("Привет, мир")), "Привет, мир"},
		"shift-jis by its look":    {"a.txt", "", encode(japanese.ShiftJIS.NewEncoder().String(japan)), japan},
		"euc-jp by its look":       {"a.txt", "", encode(japanese.EUCJP.NewEncoder().String(japan)), japan},
		"iso-2022-jp":              {"a.txt", "", encode(japanese.ISO2022JP.NewEncoder().String(japan)), japan},
		"gb18030 declared":         {"a.html", "", page("gb18030", encode(simplifiedchinese.GB18030.NewEncoder().String("中文文档"))), "中文文档"},
		"big5 declared":            {"a.html", "", page("big5", encode(traditionalchinese.Big5.NewEncoder().String("中文文件"))), "中文文件"},
		"euc-kr declared":          {"a.html", "", page("euc-kr", encode(korean.EUCKR.NewEncoder().String("한국어 문서"))), "한국어 문서"},
		"xml declaration":          {"a.xml", "", `<?xml version="1.0" encoding="ISO-8859-1"?><a>caf` + "\xe9</a>", "café"},
		"utf-16 page that is not":  {"a.html", "", page("utf-16", "words"), "words"},
	} {
		doc, err := reader(t).Extract(context.Background(), extract.Input{Name: c.file, MediaType: c.mediaType, Bytes: []byte(c.in)})
		if err != nil || doc.Text != c.want {
			t.Errorf("%s: got %q %v, want %q", name, doc.Text, err, c.want)
		}
	}
}

func TestRefusedEncodings(t *testing.T) {
	for name, c := range map[string]struct {
		file, mediaType, in string
		want                error
	}{
		"utf-7 declared":           {"a.html", "text/html; charset=utf-7", "<p>x", extract.ErrEncoding},
		"utf-7 by meta":            {"a.html", "", `<meta charset="utf-7">+ADw-script+AD4-`, extract.ErrEncoding},
		"utf-7 undeclared":         {"a.html", "", "<p>x +ADw-script+AD4-", extract.ErrEncoding},
		"hz":                       {"a.txt", "text/plain; charset=hz-gb-2312", "x", extract.ErrEncoding},
		"unknown charset":          {"a.txt", "text/plain; charset=x-nonsense", "x", extract.ErrEncoding},
		"utf-32":                   {"a.txt", "", "\xff\xfe\x00\x00x\x00\x00\x00", extract.ErrEncoding},
		"stray byte in utf-8":      {"a.txt", "", "caf\xc3\xa9 and na\xefve", extract.ErrEncoding},
		"utf-8 declared, is not":   {"a.html", "", `<meta charset="utf-8"><p>caf` + "\xc3\xa9 \xe9", extract.ErrEncoding},
		"overlong":                 {"a.txt", "", "caf\xc3\xa9 \xc0\xbcscript\xc0\xbe", extract.ErrEncoding},
		"half a surrogate":         {"a.txt", "", "\xff\xfe\x00\xd8a\x00", extract.ErrEncoding},
		"escapes in another":       {"a.txt", "text/plain; charset=shift_jis", "a \x1b$B x", extract.ErrEncoding},
		"zeros in text":            {"a.md", "", "a\x00b", extract.ErrEncoding},
		"binary without a name":    {"", "", "\x01\x02\x00\x03\xff", extract.ErrUnsupported},
		"zip called text":          {"a.txt", "", "PK\x03\x04" + strings.Repeat("x", 50), extract.ErrMalformed},
		"rtf":                      {"a.txt", "", `{\rtf1 hello}`, extract.ErrUnsupported},
		"old word file":            {"a.doc", "", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + strings.Repeat("\x00", 600), extract.ErrUnsupported},
		"text called pdf":          {"a.pdf", "", "just text", extract.ErrMalformed},
		"pdf called text":          {"a.txt", "", string(onePage("BT /F1 12 Tf 72 700 Td (x) Tj ET", fontRes, "")), extract.ErrAmbiguous},
		"pdf called page":          {"a.pdf.html", "", string(onePage("BT /F1 12 Tf 72 700 Td (x) Tj ET", fontRes, "")), extract.ErrAmbiguous},
		"page before a pdf":        {"a.html", "", "<p>x</p>\n" + string(onePage("BT /F1 12 Tf 72 700 Td (x) Tj ET", fontRes, "")), extract.ErrAmbiguous},
		"blank":                    {"a.txt", "", " \n\t ", extract.ErrEmpty},
		"page with nothing to see": {"a.html", "", "<p hidden>x</p>", extract.ErrEmpty},
		"image":                    {"a.txt", "", "\x89PNG\r\n\x1a\n", extract.ErrUnsupported},
	} {
		doc, err := reader(t).Extract(context.Background(), extract.Input{Name: c.file, MediaType: c.mediaType, Bytes: []byte(c.in)})
		if !errors.Is(err, c.want) || doc.Text != "" {
			t.Errorf("%s: got %q %v, want %v", name, doc.Text, err, c.want)
		}
	}
	for name, p := range map[string][]byte{
		"docx called text":      zipped(t, "word/document.xml", wordNS+`</w:body></w:document>`),
		"docx and xlsx in one":  zipped(t, "word/document.xml", wordNS+`</w:body></w:document>`, "xl/workbook.xml", "<workbook/>"),
		"two documents in docx": zipped(t, "word/document.xml", wordNS+`</w:body></w:document>`, "word/document2.xml", wordNS+`</w:body></w:document>`, "_rels/.rels", `<Relationships><Relationship Id="a" Type="x/officeDocument" Target="word/document2.xml"/></Relationships>`),
	} {
		file := "a.docx"
		if strings.HasSuffix(name, "text") {
			file = "a.txt"
		}
		if _, err := reader(t).Extract(context.Background(), extract.Input{Name: file, Bytes: p}); !errors.Is(err, extract.ErrAmbiguous) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPageCalledTextIsReadAsAPage(t *testing.T) {
	doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.txt", MediaType: "text/plain", Bytes: []byte("<!DOCTYPE html><body>seen<!-- PSST --></body>")})
	if err != nil || doc.Text != "seen" || doc.MediaType != "text/html" || len(doc.Hidden) != 1 || len(doc.Warnings) != 1 {
		t.Errorf("%+v %v", doc, err)
	}
}

// FuzzExtract reads arbitrary bytes under every name that picks a reader: no
// panic but as ErrMalformed, valid UTF-8, blocks that fit, offsets in range.
func FuzzExtract(f *testing.F) {
	names := []string{"a.txt", "a.md", "a.html", "a.xml", "a.csv", "a.json", "a.eml", "a.pdf", "a.docx", "a.xlsx", "a.pptx", "a.go", ""}
	add := func(name string, p []byte) {
		for i, n := range names {
			if n == name {
				f.Add(uint8(i), p)
			}
		}
	}
	for _, h := range extracttest.Hidden(f) {
		add(h.File, h.Bytes)
	}
	add("a.pdf", onePage("BT /F1 12 Tf 72 720 Td (Words) Tj ET", fontRes, ""))
	add("a.json", []byte(`{"a":[1,{"b":null}]}`))
	add("a.csv", []byte("a,b\n\"c\",d\n"))
	e := reader(f)
	f.Fuzz(func(t *testing.T, kind uint8, p []byte) {
		readFuzzed(t, e, extract.Input{Name: names[int(kind)%len(names)], Bytes: p})
	})
}
