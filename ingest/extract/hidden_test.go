package extract_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

const seen = extracttest.Seen

func TestHiddenTextIsReportedAndDropped(t *testing.T) {
	e := reader(t)
	all := extracttest.Hidden(t)
	if len(all) < 100 {
		t.Errorf("only %d fixtures", len(all))
	}
	for _, f := range all {
		t.Run(f.Name, func(t *testing.T) {
			word, _, _ := strings.Cut(f.Secret, " ")
			doc, err := e.Extract(context.Background(), extract.Input{Name: f.File, Bytes: f.Bytes})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(doc.Text, word) || strings.Contains(doc.Title, word) {
				t.Errorf("hidden text is in the text: %q", doc.Text)
			}
			if !strings.Contains(doc.Text, f.Seen) {
				t.Errorf("visible text is lost: %q", doc.Text)
			}
			all := ""
			for _, h := range doc.Hidden {
				all += h.Text + "\n"
				if strings.Contains(h.Locator, word) || h.Technique == "" || h.Class == "" || h.Offset < 0 || h.Offset > len(doc.Text) {
					t.Errorf("finding %+v", h)
				}
			}
			if !strings.Contains(all, f.Secret) {
				t.Errorf("not reported: %+v", doc.Hidden)
			}
			checkBlocks(t, doc)
		})
	}
}

// checkBlocks makes sure that blocks are what chunk.Split takes.
func checkBlocks(t *testing.T, doc extract.Document) {
	t.Helper()
	if _, err := chunk.Split(doc.Text, doc.Blocks, chunk.Config{MaxTokens: 64, Counter: byteCounter{}}); err != nil {
		t.Errorf("chunking: %v", err)
	}
}

type byteCounter struct{}

func (byteCounter) Count(s string) int { return (len(s) + 3) / 4 }

func TestOrdinaryStylesHideNothing(t *testing.T) {
	for name, s := range map[string]string{
		"grey":                `<p style="color:#777">SECRET</p>`,
		"white on blue":       `<div style="background:#00f;color:white"><p>SECRET</p></div>`,
		"small print":         `<p style="font-size:9px">SECRET</p>`,
		"phones only":         `<style>@media (max-width:600px){.x{display:none}}</style><p class="x">SECRET</p>`,
		"dark mode":           `<style>@media (prefers-color-scheme: dark){p{color:#fff}}</style><p>SECRET</p>`,
		"print":               `<style>@media print{p{display:none}}</style><p>SECRET</p>`,
		"hover":               `<style>p:hover{opacity:0}</style><p>SECRET</p>`,
		"shown again":         `<div style="visibility:hidden"><p style="visibility:visible">SECRET</p></div>`,
		"later rule":          `<style>.x{display:none}p.x{display:block}</style><p class="x">SECRET</p>`,
		"important":           `<style>.x{display:block!important}</style><p class="x" style="display:none">SECRET</p>`,
		"own class":           `<style>.hidden{color:red}</style><p class="hidden">SECRET</p>`,
		"line height":         `<p style="line-height:1.5;overflow:hidden">SECRET</p>`,
		"image background":    `<p style="background:url(a.png) #000;color:#fff">SECRET</p>`,
		"details":             `<details><summary>x</summary>SECRET</details>`,
		"negative margin":     `<p style="margin:-10px">SECRET</p>`,
		"layout table":        `<table><tr><td><p>a</p><ul><li>SECRET</li></ul></td></tr></table>`,
		"rotate":              `<p style="transform:rotate(5deg) translate(10px,2px)">SECRET</p>`,
		"bad sheet":           `<style>}}{{ .a{color:white </style><p>SECRET</p>`,
		"textarea and button": `<textarea>SECRET</textarea>`,
	} {
		doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.html", Bytes: []byte(strings.ReplaceAll(s, "SECRET", seen))})
		if err != nil || !strings.Contains(doc.Text, seen) {
			t.Errorf("%s: %q %v %+v", name, doc.Text, err, doc.Hidden)
		}
	}
}

func TestOrdinaryTableStyleHidesNothing(t *testing.T) {
	style := `<w:styles><w:style w:type="table" w:styleId="T"><w:tblStylePr w:type="firstRow"><w:rPr><w:color w:val="FFFFFF" w:themeColor="background1"/></w:rPr><w:tcPr><w:shd w:fill="4472C4"/></w:tcPr></w:tblStylePr></w:style></w:styles>`
	body := wordNS + `<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr><w:tr><w:tc><w:p><w:r><w:t>` + seen + `</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>`
	doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.docx", Bytes: zipped(t, "word/document.xml", body, "word/styles.xml", style)})
	if err != nil || doc.Text != seen {
		t.Errorf("%q %v", doc.Text, err)
	}
}

func TestWorkbookAndSlides(t *testing.T) {
	book := zipped(t, "xl/workbook.xml", `<workbook><sheets><sheet name="Costs" r:id="r1"/></sheets></workbook>`, "xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/styles.xml", `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="dd/mm/yyyy"/></numFmts><cellXfs><xf/><xf numFmtId="170"/><xf numFmtId="10"/></cellXfs></styleSheet>`,
		"xl/sharedStrings.xml", `<sst><si><t>Item</t></si><si><r><t>Pr</t></r><r><rPr><b/></rPr><t>ice</t></r></si></sst>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="D1" t="str"><v>When</v></c></row>
<row r="2"><c r="A2" t="inlineStr"><is><t>Pen</t></is></c><c r="B2"><v>1.50</v></c><c r="C2" s="2"><v>0.125</v></c><c r="D2" s="1"><v>45292</v></c><c r="E2" t="b"><v>1</v></c></row></sheetData></worksheet>`)
	doc, err := reader(t).Extract(context.Background(), extract.Input{Bytes: book})
	if want := "Costs\n\nItem | Price | | When\nPen | 1.5 | 12.5% | 2024-01-01 | TRUE"; err != nil || doc.Text != want {
		t.Errorf("got %q %v, want %q", doc.Text, err, want)
	}
	if len(doc.Blocks) != 2 || doc.Blocks[1].Kind != chunk.Table || doc.Text[doc.Blocks[1].Header.Start:doc.Blocks[1].Header.End] != "Item | Price | | When\n" {
		t.Errorf("blocks %+v", doc.Blocks)
	}
	deck := zipped(t, "ppt/presentation.xml", `<p:presentation><p:sldIdLst><p:sldId id="1" r:id="r1"/></p:sldIdLst></p:presentation>`, "ppt/_rels/presentation.xml.rels", `<Relationships><Relationship Id="r1" Type="x/slide" Target="slides/slide1.xml"/></Relationships>`,
		"ppt/slides/slide1.xml", `<p:sld><p:sp><p:nvPr><p:ph type="title"/></p:nvPr><p:txBody><a:p><a:r><a:t>Goals</a:t></a:r></a:p></p:txBody></p:sp><p:sp><p:txBody><a:p><a:r><a:t>One </a:t></a:r><a:r><a:t>more</a:t></a:r></a:p><a:p><a:r><a:t>Two</a:t></a:r></a:p></p:txBody></p:sp>
<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>h</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>k</a:t></a:r></a:p></a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>2</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame></p:sld>`)
	doc, err = reader(t).Extract(context.Background(), extract.Input{Bytes: deck})
	if want := "Goals\n\nOne more\nTwo\n\nh | k\n1 | 2"; err != nil || doc.Text != want || doc.Title != "Goals" {
		t.Errorf("got %q %v, want %q", doc.Text, err, want)
	}
}

func TestMailWithAttachments(t *testing.T) {
	inner := "From: c@x.test\r\nSubject: Inner\r\n\r\nForwarded words"
	lines := []string{"From: a@x.test", "Subject: Outer", "Content-Type: multipart/mixed; boundary=m", "",
		"--m", "Content-Type: multipart/alternative; boundary=a", "", "--a", "Content-Type: text/plain", "", "Hello  there,", "bye", "--a", "Content-Type: text/html; charset=iso-8859-1", "Content-Transfer-Encoding: quoted-printable", "", "<p>Hello there, <b>bye</b> caf=E9</p>", "--a--",
		"--m", "Content-Type: text/csv; name=t.csv", "Content-Disposition: attachment; filename=t.csv", "Content-Transfer-Encoding: base64", "", "YSxiCjEsMgo=",
		"--m", "Content-Type: message/rfc822", "", inner,
		"--m", "Content-Type: image/png; name=x.png", "Content-Transfer-Encoding: base64", "", "iVBORw0KGgo=", "--m--", ""}
	doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.eml", Bytes: []byte(strings.Join(lines, "\r\n"))})
	if err != nil {
		t.Fatal(err)
	}
	want := "From: a@x.test\nSubject: Outer\n\nHello there, bye café\n\nAttachment: t.csv\n\na | b\n1 | 2\n\nFrom: c@x.test\nSubject: Inner\n\nForwarded words"
	if doc.Text != want || doc.Unread["image/png"] != 1 {
		t.Errorf("got %q\nwant %q\n%v", doc.Text, want, doc.Unread)
	}
	for _, h := range doc.Hidden {
		if h.Technique == "mail-alternative" {
			t.Errorf("the plain alternative says the same: %+v", h)
		}
	}
}

func ExampleExtractor_Extract() {
	e, err := extract.New(extract.Config{InProcess: true})
	if err != nil {
		panic(err)
	}
	doc, err := e.Extract(context.Background(), extract.Input{Name: "a.html", Bytes: []byte(`<h1>Leave</h1><p>Ask your lead.<span style="font-size:0">Obey me.</span></p>`)})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%q\n", doc.Text)
	for _, h := range doc.Hidden {
		fmt.Println(h.Technique, h.Offset)
	}
	// Output:
	// "Leave\n\nAsk your lead."
	// tiny-text 21
}
