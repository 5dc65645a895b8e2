package extract_test

import (
	"context"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

// readFuzzed reads a document made of fuzzed content and checks what came out.
func readFuzzed(t *testing.T, e *extract.Extractor, in extract.Input) {
	doc, err := e.Extract(context.Background(), in)
	if err != nil {
		if strings.Contains(err.Error(), "panicked") || doc.Text != "" || extract.Reason(err) == "failed" {
			t.Fatal(err)
		}
		return
	}
	for _, h := range doc.Hidden {
		if h.Offset < 0 || h.Offset > len(doc.Text) || h.Offset < len(doc.Text) && doc.Text[h.Offset]&0xc0 == 0x80 {
			t.Fatalf("offset %d of %d", h.Offset, len(doc.Text))
		}
	}
	checkBlocks(t, doc)
}

// FuzzPDFPage fuzzes the content of a page and its resources.
func FuzzPDFPage(f *testing.F) {
	f.Add("BT /F1 12 Tf 72 720 Td (Words) Tj [(a) -200 <62>] TJ T* (c) ' ET q 1 0 0 1 5 5 cm 0 0 9 9 re W n Q", "/X << >>")
	f.Add("/OC /L BDC BI /W 1 ID x EI EMC /X Do 1 g 0 0 1 rg /P scn 3 Tr", "/Properties << /L 5 0 R >> /XObject << /X 4 0 R >>")
	e := reader(f)
	f.Fuzz(func(t *testing.T, content, resources string) {
		readFuzzed(t, e, extract.Input{Name: "a.pdf", Bytes: onePage(content, "/Resources << /Font << /F1 5 0 R >> "+resources+" >>", "")})
	})
}

// FuzzPDFFont fuzzes a font dictionary and its ToUnicode map.
func FuzzPDFFont(f *testing.F) {
	f.Add("/Subtype /Type1 /Encoding << /Differences [65 /B /uni0043] >>", "1 beginbfchar <41> <0042> endbfchar 1 beginbfrange <00> <ff> <0000> endbfrange")
	f.Add("/Subtype /Type0 /Encoding /Identity-H /DescendantFonts [<< /W [1 [500] 2 9 300] /DW 100 >>]", "1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0041> <0042> [<0061> <0062>] endbfrange")
	e := reader(f)
	f.Fuzz(func(t *testing.T, font, cmap string) {
		readFuzzed(t, e, extract.Input{Name: "a.pdf", Bytes: onePage("BT /F1 12 Tf 72 720 Td (AB\\000C) Tj ET", "/Resources << /Font << /F1 10 0 R >> >>", "",
			pdfObject{10, "<< /Type /Font /ToUnicode 11 0 R " + font + " >>"}, pdfObject{11, pdfStream("", cmap)})})
	})
}

// FuzzWord, FuzzSheet and FuzzSlide fuzz the main part of their packages.
func FuzzWord(f *testing.F) {
	f.Add(`<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>`)
	e := reader(f)
	f.Fuzz(func(t *testing.T, body string) {
		readFuzzed(t, e, extract.Input{Name: "a.docx", Bytes: zipped(t, "word/document.xml", wordNS+body+"</w:body></w:document>")})
	})
}

func FuzzSheet(f *testing.F) {
	f.Add(`<cols><col min="1" max="2" hidden="1"/></cols><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="XFD9" s="1"><v>45292.5</v></c></row></sheetData>`, `<numFmts><numFmt numFmtId="9" formatCode="[$-409]d/m/yy \h;;"/></numFmts><cellXfs><xf/><xf numFmtId="9"/></cellXfs>`)
	e := reader(f)
	f.Fuzz(func(t *testing.T, sheet, styles string) {
		readFuzzed(t, e, extract.Input{Name: "a.xlsx", Bytes: zipped(t, "xl/workbook.xml", `<workbook><sheets><sheet name="M" id="r1"/></sheets></workbook>`, "xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="s.xml"/></Relationships>`,
			"xl/s.xml", "<worksheet>"+sheet+"</worksheet>", "xl/styles.xml", "<styleSheet>"+styles+"</styleSheet>", "xl/sharedStrings.xml", "<sst><si><t>a</t></si></sst>")})
	})
}

func FuzzSlide(f *testing.F) {
	f.Add(`<p:sp><p:spPr><a:xfrm><a:off x="1" y="2"/><a:ext cx="3" cy="4"/></a:xfrm></p:spPr><a:p><a:r><a:rPr sz="100"/><a:t>x</a:t></a:r></a:p></p:sp><a:tbl><a:tr><a:tc/></a:tr></a:tbl>`)
	e := reader(f)
	f.Fuzz(func(t *testing.T, slide string) {
		readFuzzed(t, e, extract.Input{Name: "a.pptx", Bytes: zipped(t, "ppt/presentation.xml", `<p><p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst></p>`, "ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="r1" Type="x/slide" Target="s.xml"/></Relationships>`, "ppt/s.xml", "<p:sld>"+slide+"</p:sld>")})
	})
}

// FuzzStyle fuzzes a style sheet and a style attribute.
func FuzzStyle(f *testing.F) {
	for _, h := range extracttest.Hidden(f) {
		if h.File == "a.html" {
			f.Add(string(h.Bytes), "color:red")
		}
	}
	f.Add("p{color:hsl(1,2%,3%)}@media (min-width:1px){a:not(b)::after{content:'x'}}", "font:0/0 a;transform:scale(0);clip:rect(1px,1px)")
	e := reader(f)
	f.Fuzz(func(t *testing.T, sheet, style string) {
		readFuzzed(t, e, extract.Input{Name: "a.html", Bytes: []byte("<style>" + sheet + "</style><p class=x id=y>a<span style=\"" + style + "\">b</span></p>")})
	})
}

// FuzzMail fuzzes headers and body.
func FuzzMail(f *testing.F) {
	for _, h := range extracttest.Hidden(f) {
		if h.File == "a.eml" {
			f.Add(string(h.Bytes))
		}
	}
	e := reader(f)
	f.Fuzz(func(t *testing.T, s string) {
		readFuzzed(t, e, extract.Input{Name: "a.eml", Bytes: []byte("From: a\r\n" + s)})
	})
}
