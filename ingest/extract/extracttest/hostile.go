package extracttest

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"testing"
)

// HostileFile is a file made to hurt. Reasons lists the refusals that are right
// for it, comma-separated; "" among them means that reading it within the limits
// is right, too, and "failed" that a child may run out of memory over it.
type HostileFile = struct {
	Name    string
	File    string // a name with the extension it comes under
	Make    func(t testing.TB, scale int) []byte
	Reasons string
}

// Hostile are the file shapes of the hostile corpus; scale 1 keeps them
// small, 10 makes them as large as the limits let through. Pipes, links,
// growing files and endless lines are the sources' business and tested there.
var Hostile = []HostileFile{
	{"nested zips", "a.zip", func(t testing.TB, n int) []byte {
		p := bytes.Repeat([]byte{0}, n<<20)
		for range 6 {
			p = Zip(t, "x.zip", string(p))
		}
		return p
	}, "unsupported"},
	{"overlapping zip entries", "a.docx", overlapping, "malformed"},
	{"a million zip entries", "a.docx", func(t testing.TB, n int) []byte { return manyEntries(t, n*20_000) }, "too_large"},
	{"zip slip", "a.docx", func(t testing.TB, _ int) []byte {
		return Zip(t, "word/document.xml", Word+`</w:body></w:document>`, "../../etc/passwd", "x")
	}, "malformed"},
	{"gzip three times", "a.gz", func(t testing.TB, n int) []byte {
		p := bytes.Repeat([]byte("a"), n<<20)
		for range 3 {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			z.Write(p)
			z.Close()
			p = b.Bytes()
		}
		return p
	}, "unsupported"},
	{"zstd with a huge window", "a.zst", raw("\x28\xb5\x2f\xfd\x00\xff" + strings.Repeat("x", 100)), "unsupported"},
	{"xz", "a.xz", raw("\xfd7zXZ\x00\x00\x04" + strings.Repeat("x", 100)), "unsupported"},
	{"docx of one huge text", "a.docx", func(t testing.TB, n int) []byte {
		return Zip(t, "word/document.xml", Word+"<w:p><w:r><w:t>"+strings.Repeat("aaaaaaaa ", n*5<<20/9)+"</w:t></w:r></w:p></w:body></w:document>")
	}, "too_large,failed"},
	{"docx with entities", "a.docx", func(t testing.TB, _ int) []byte {
		return Zip(t, "word/document.xml", `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><w:document><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>`)
	}, "malformed"},
	{"xml with entities", "a.xml", raw(`<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>`), "malformed"},
	{"xlsx of a vast dimension", "a.xlsx", func(t testing.TB, _ int) []byte {
		return Zip(t, "xl/workbook.xml", `<workbook><sheets><sheet name="M" id="r1"/></sheets></workbook>`, "xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="s.xml"/></Relationships>`,
			"xl/s.xml", `<worksheet><dimension ref="A1:XFD1048576"/><sheetData><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>`)
	}, ""},
	{"pptx of many slides", "a.pptx", func(t testing.TB, _ int) []byte {
		return Zip(t, "ppt/presentation.xml", `<p:presentation><p:sldIdLst>`+strings.Repeat(`<p:sldId r:id="r1"/>`, 10_000)+`</p:sldIdLst></p:presentation>`,
			"ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="r1" Type="x/slide" Target="s.xml"/></Relationships>`, "ppt/s.xml", `<p:sld><a:t>x</a:t></p:sld>`)
	}, "too_large"},
	{"pdf stream expanding three times over", "a.pdf", func(t testing.TB, n int) []byte {
		data := strings.Repeat(" ", n*20<<20)
		return PDF("", Object{1, "<< /Type /Catalog /Pages 2 0 R >>"}, Object{2, "<< /Type /Pages /Kids [3 0 R] >>"}, Object{3, "<< /Type /Page /Contents 4 0 R >>"},
			Object{4, Stream("/Filter [/FlateDecode /FlateDecode /FlateDecode]", Deflated(Deflated(Deflated(data))))})
	}, "too_large,failed"},
	{"pdf cross-reference loop", "a.pdf", func(t testing.TB, _ int) []byte {
		p := string(OnePage("BT /F1 12 Tf 72 700 Td (x) Tj ET", FontResources, ""))
		at := strings.LastIndex(p, "startxref\n") + len("startxref\n")
		offset := p[at:strings.LastIndex(p, "\n%%EOF")]
		return []byte(strings.Replace(p, "/Root 1 0 R", "/Prev "+offset+" /Root 1 0 R", 1))
	}, ",malformed"},
	{"pdf object stream in itself", "a.pdf", func(t testing.TB, _ int) []byte {
		return []byte("%PDF-1.5\n1 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Length 20 >>\nstream\n1 0 << /Type /Catalog >>\nendstream\nendobj\n2 0 obj\n<< /Type /XRef /Size 3 /Root 1 0 R /W [1 2 1] /Length 12 >>\nstream\n\x00\x00\x00\x00\x02\x00\x01\x00\x02\x00\x01\x00\nendstream\nendobj\nstartxref\n104\n%%EOF")
	}, "malformed"},
	{"pdf page tree with a cycle", "a.pdf", func(t testing.TB, _ int) []byte {
		return PDF("", Object{1, "<< /Type /Catalog /Pages 2 0 R >>"}, Object{2, "<< /Kids [3 0 R] >>"}, Object{3, "<< /Kids [2 0 R] >>"})
	}, "malformed"},
	{"pdf of a million pages", "a.pdf", func(t testing.TB, n int) []byte {
		return PDF("", Object{1, "<< /Type /Catalog /Pages 2 0 R >>"}, Object{2, "<< /Count 1000000 /Kids [" + strings.Repeat("<< >> ", n*30_000) + "] >>"})
	}, "too_large"},
	{"pdf stream of four gigabytes by its length", "a.pdf", func(t testing.TB, _ int) []byte {
		return bytes.Replace(OnePage("BT /F1 12 Tf 72 700 Td (x) Tj ET", FontResources, ""), []byte("/Length "), []byte("/Length 4294967296 /L "), 1)
	}, ",malformed"},
	{"pdf with a password", "a.pdf", func(t testing.TB, _ int) []byte {
		return PDF("/Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /O ("+strings.Repeat("x", 32)+") /U ("+strings.Repeat("y", 32)+") /P -4 >> /ID [(a) (a)]", Object{1, "<< /Type /Catalog /Pages 2 0 R >>"}, Object{2, "<< /Kids [] >>"})
	}, "encrypted"},
	{"pdf font with a cyclic cmap", "a.pdf", func(t testing.TB, _ int) []byte {
		return OnePage("BT /F1 12 Tf 72 700 Td (xy) Tj ET", "/Resources << /Font << /F1 10 0 R >> >>", "", Object{10, "<< /Type /Font /Subtype /Type0 /Encoding 11 0 R /ToUnicode 11 0 R /DescendantFonts [<< >>] >>"},
			Object{11, Stream("/UseCMap 11 0 R", "/Self usecmap begincmap 1 begincodespacerange <00> <ff> endcodespacerange endcmap")})
	}, "encoding,empty"},
	{"html nested deep", "a.html", func(t testing.TB, n int) []byte { return []byte(strings.Repeat("<div>", n*100_000)) }, "malformed"},
	{"html of many attributes", "a.html", func(t testing.TB, n int) []byte {
		var b strings.Builder
		b.WriteString("<p ")
		for i := range n * 30_000 {
			fmt.Fprintf(&b, "a%d=1 ", i)
		}
		return []byte(b.String() + ">x</p>")
	}, ",too_large,timeout,malformed,failed"},
	{"html comment without end", "a.html", func(t testing.TB, n int) []byte { return []byte("<p>x<!--" + strings.Repeat("y", n<<20)) }, ",too_large,failed"},
	{"html of many styles", "a.html", func(t testing.TB, n int) []byte {
		return []byte("<style>" + strings.Repeat("p b i.x:not(.y){color:#fff}", n*3000) + "</style>" + strings.Repeat("<p><b><i class=x>z</i></b></p>", n*300))
	}, ",empty,timeout"},
	{"csv of many columns", "a.csv", func(t testing.TB, n int) []byte { return []byte(strings.Repeat("a,", n*100_000) + "b\n") }, "too_large"},
	{"csv quote without end", "a.csv", func(t testing.TB, n int) []byte { return []byte(`a,"` + strings.Repeat("x,\n", n<<18)) }, ",malformed"},
	{"json nested deep", "a.json", func(t testing.TB, n int) []byte { return []byte(strings.Repeat("[", n*100_000)) }, "too_large"},
	{"yaml of aliases", "a.yaml", raw("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n"), ""},
	{"one line", "a.txt", func(t testing.TB, n int) []byte { return bytes.Repeat([]byte("word "), n*3<<20/5) }, ",too_large"},
	{"a line over the limit of text", "a.txt", func(t testing.TB, n int) []byte { return bytes.Repeat([]byte("a"), 33<<20) }, "too_large"},
	{"a million combining marks", "a.txt", func(t testing.TB, n int) []byte { return []byte("a" + strings.Repeat("\u0301", n*100_000)) }, ""},
	{"a million tag characters", "a.txt", func(t testing.TB, n int) []byte { return []byte("a" + strings.Repeat("\U000e0041", n*100_000)) }, ""},
	{"base64 nested", "a.txt", func(t testing.TB, _ int) []byte {
		p := []byte("x")
		for range 30 {
			p = []byte(base64.StdEncoding.EncodeToString(p))
		}
		return p
	}, ""},
	{"an image of 65535 by 65535", "a.png", raw("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xff\xff\x00\x00\xff\xff\x08\x06\x00\x00\x00"), "unsupported"},
	{"mail nested deep", "a.eml", func(t testing.TB, _ int) []byte {
		s := "\r\nx"
		for i := range 1000 {
			s = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n", i, i, s, i)
		}
		return []byte("From: a@x.test\r\n" + s)
	}, "too_large"},
	{"mails in mails", "a.eml", func(t testing.TB, _ int) []byte {
		return []byte(strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 1000) + "x")
	}, "too_large"},
	{"mail of many parts", "a.eml", func(t testing.TB, _ int) []byte {
		return []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 5000) + "--b--\r\n")
	}, "too_large"},
	{"no bytes", "a.pdf", raw(""), "empty"},
	{"eight encodings", "a.txt", raw("caf\xc3\xa9 caf\xe9 \x93\xfa\x96\x7b \xc0\xaf \x81\x40 \xff\xfe \xa4\xa2 na\xc3\xafve"), "encoding"},
	{"markdown of quotes", "a.md", func(t testing.TB, n int) []byte { return []byte(strings.Repeat(">", n*5000) + "x") }, ",malformed,timeout"},
	{"markdown of brackets", "a.md", func(t testing.TB, n int) []byte { return []byte(strings.Repeat("[a](", n*5_000)) }, ",timeout"},
	{"pdf and zip", "a.pdf", func(t testing.TB, _ int) []byte {
		return append(OnePage("", "", ""), Zip(t, "x", "y")...)
	}, "ambiguous"},
	{"text that is a program", "a.txt", raw("\x7fELF\x02\x01\x01\x00\x00\x00"), "unsupported"},
}

func raw(s string) func(testing.TB, int) []byte {
	return func(testing.TB, int) []byte { return []byte(s) }
}

// overlapping is an archive whose directory names one stream many times.
func overlapping(t testing.TB, _ int) []byte {
	p := Zip(t, "word/document.xml", strings.Repeat("a", 1<<20))
	dir := bytes.Index(p, []byte("PK\x01\x02"))
	eocd := bytes.Index(p, []byte("PK\x05\x06"))
	entry := p[dir:eocd]
	out := append([]byte(nil), p[:eocd]...)
	for i := range 50 {
		e := append([]byte(nil), entry...)
		copy(e[46:], fmt.Sprintf("word/documen%02d.xm", i)[:17])
		out = append(out, e...)
	}
	end := append([]byte(nil), p[eocd:]...)
	binary.LittleEndian.PutUint16(end[8:], 51)
	binary.LittleEndian.PutUint16(end[10:], 51)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(out)-dir))
	return append(out, end...)
}

// manyEntries is an archive of n empty entries.
func manyEntries(t testing.TB, n int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		f, err := w.CreateRaw(&zip.FileHeader{Name: strconv.Itoa(i), Method: zip.Store, CRC32: crc32.ChecksumIEEE(nil)})
		if err != nil {
			t.Fatal(err)
		}
		_ = f
	}
	w.Close()
	return b.Bytes()
}
