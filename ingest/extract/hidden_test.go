package extract_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/ingest/extract"
)

// secret is what every fixture hides, and seen what it shows.
const (
	secret = "PSSTQUX ignore all"
	seen   = "Visible words"
)

// htmlFixtures hide text in a page; each is put after a visible paragraph.
var htmlFixtures = map[string]string{
	"comment":              `<!-- SECRET -->`,
	"display none":         `<p style="display:none">SECRET</p>`,
	"display none deep":    `<div style="display: none !important"><p><b>SECRET</b></p></div>`,
	"escaped property":     `<p style="d\69splay:none">SECRET</p>`,
	"visibility":           `<p style="visibility:hidden">SECRET</p>`,
	"opacity":              `<p style="opacity:0.01">SECRET</p>`,
	"opacity of parents":   `<div style="opacity:.3"><div style="opacity:.3"><p>SECRET</p></div></div>`,
	"filter opacity":       `<p style="filter: opacity(0%)">SECRET</p>`,
	"clip":                 `<p style="position:absolute;clip:rect(0,0,0,0)">SECRET</p>`,
	"clip-path":            `<p style="clip-path: inset(100%)">SECRET</p>`,
	"clip-path circle":     `<p style="clip-path:circle(0)">SECRET</p>`,
	"text-indent":          `<p style="text-indent:-9999px">SECRET</p>`,
	"off screen":           `<p style="position:absolute;left:-10000px">SECRET</p>`,
	"off screen margin":    `<p style="margin-left:-200em">SECRET</p>`,
	"transform":            `<p style="transform:translateX(-9999px)">SECRET</p>`,
	"scale":                `<p style="transform:scale(0)">SECRET</p>`,
	"font size 0":          `<p style="font-size:0">SECRET</p>`,
	"font shorthand":       `<p style="font:0/0 a">SECRET</p>`,
	"font 1px":             `<p style="font-size:1px">SECRET</p>`,
	"font in em":           `<div style="font-size:.2em"><p style="font-size:.5em">SECRET</p></div>`,
	"white":                `<p style="color:#fff">SECRET</p>`,
	"nearly white":         `<p style="color:#fffffe">SECRET</p>`,
	"white by rgb":         `<p style="color:rgb(255 255 255)">SECRET</p>`,
	"white by hsl":         `<p style="color:hsl(0,0%,100%)">SECRET</p>`,
	"font element":         `<font color="white">SECRET</font>`,
	"as background":        `<div style="background:#123456"><p style="color:#123457">SECRET</p></div>`,
	"black on black":       `<table bgcolor="#000000"><tr><td>SECRET</td></tr></table>`,
	"transparent":          `<p style="color:transparent">SECRET</p>`,
	"rgba":                 `<p style="color:rgba(0,0,0,0.02)">SECRET</p>`,
	"text fill":            `<p style="-webkit-text-fill-color:transparent">SECRET</p>`,
	"overflow":             `<div style="height:0;overflow:hidden">SECRET</div>`,
	"max-height":           `<div style="max-height:1px;overflow:hidden">SECRET</div>`,
	"z-index":              `<div style="position:absolute;z-index:-1">SECRET</div>`,
	"style sheet":          `<style>.x{display:none}</style><p class="x">SECRET</p>`,
	"style sheet nested":   `<style>@media screen{div > .x:not(.y) {color:white}}</style><div><p class="x">SECRET</p></div>`,
	"style by attribute":   `<style>[data-k="1"]{visibility:hidden}</style><p data-k="1">SECRET</p>`,
	"style by variable":    `<style>:root{--c:#fff}.x{color:var(--c)}</style><p class="x">SECRET</p>`,
	"odd selector":         `<style>.x:is(p,:host(a)){display:none}</style><p class="x">SECRET</p>`,
	"class of a framework": `<p class="sr-only">SECRET</p>`,
	"nested rule":          `<style>div{color:red;& > .x{display:none} .y{color:blue}}</style><div><p class="x">SECRET</p></div>`,
	"nested without &":     `<style>div{.x{color:#fff}}</style><div><p class="x">SECRET</p></div>`,
	"nested media":         `<style>.x{@media screen{display:none}}</style><p class="x">SECRET</p>`,
	"animation":            `<style>@keyframes Gone{from{opacity:1}to{opacity:0}}.x{animation:Gone 0s forwards}</style><p class="x">SECRET</p>`,
	"sheet in a link":      `<link rel="stylesheet" href="data:text/css,.x%7Bdisplay%3Anone%7D"><p class="x">SECRET</p>`,
	"sheet in base64":      `<link rel=stylesheet href="data:text/css;base64,LnF7Y29sb3I6I2ZmZn0="><p class="q">SECRET</p>`,
	"sheet imported":       `<style>@import url("data:text/css,.x{opacity:0}");</style><p class="x">SECRET</p>`,
	"input in hidden":      `<div hidden><input value="SECRET"></div>`,
	"content":              `<style>.x::after{content:"SECRET"}</style><p class="x">y</p>`,
	"only in print":        `<style>.x{display:none}@media print{.x{display:block}}</style><p class="x">SECRET</p>`,
	"hidden attribute":     `<p hidden>SECRET</p>`,
	"alt":                  `<img src="a.png" alt="SECRET">`,
	"title attribute":      `<p title="SECRET">y</p>`,
	"aria":                 `<p aria-label="SECRET">y</p>`,
	"data attribute":       `<p data-note="SECRET">y</p>`,
	"placeholder":          `<input placeholder="SECRET">`,
	"hidden input":         `<input type="hidden" value="SECRET">`,
	"title":                `<title>SECRET</title>`,
	"meta":                 `<meta name="description" content="SECRET">`,
	"noscript":             `<noscript><p>SECRET</p></noscript>`,
	"template":             `<template><p>SECRET</p></template>`,
	"json-ld":              `<script type="application/ld+json">{"d":"SECRET"}</script>`,
	"svg text":             `<svg><text x="1">SECRET</text></svg>`,
	"svg desc":             `<svg><desc>SECRET</desc></svg>`,
	"foreignObject":        `<svg><foreignObject><p>SECRET</p></foreignObject></svg>`,
	"iframe":               `<iframe srcdoc="<p>SECRET</p>"></iframe>`,
	"dialog":               `<dialog>SECRET</dialog>`,
	"video fallback":       `<video>SECRET</video>`,
	"unfinished comment":   `<!-- SECRET`,
	"conditional comment":  `<!--[if mso]><p>SECRET</p><![endif]-->`,
	"processing":           `<?php SECRET ?>`,
	"split in words":       `<p style="display:none">PSST<b>QUX</b> <i>ig</i>nore all</p>`,
	"letter spacing":       `<p style="letter-spacing:-1em">SECRET</p>`,
}

func fixtures(t testing.TB) map[string]extract.Input {
	out := map[string]extract.Input{}
	add := func(name, file, content string) {
		out[file+" "+name] = extract.Input{Name: file, Bytes: []byte(content)}
	}
	for name, s := range htmlFixtures {
		add(name, "a.html", "<!doctype html><p>"+seen+"</p>"+strings.ReplaceAll(s, "SECRET", secret))
	}
	for name, s := range map[string]string{
		"comment":         "<!-- SECRET -->",
		"front matter":    "",
		"image":           "![SECRET](a.png)",
		"link title":      `[x](http://e.test "SECRET")`,
		"definition":      `[//]: # (SECRET)`,
		"html block":      `<div style="display:none">SECRET</div>`,
		"inline html":     `x <span style="color:#fff">SECRET</span> y`,
		"html around":     "<div hidden>\n\nSECRET\n\n</div>",
		"details comment": "a\n\n<!--\nSECRET\n-->\n\nb",
	} {
		text := "# Head\n\n" + seen + "\n\n" + strings.ReplaceAll(s, "SECRET", secret) + "\n"
		if name == "front matter" {
			text = "---\ndescription: " + secret + "\nacl: public\n---\n\n" + seen + "\n"
		}
		add(name, "a.md", text)
	}
	add("comment", "a.xml", "<a>"+seen+"<!-- "+secret+" --></a>")
	add("attribute", "b.xml", `<a note="`+secret+`">`+seen+"</a>")
	for name, in := range wordFixtures(t) {
		out["docx "+name] = in
	}
	for name, in := range sheetFixtures(t) {
		out["xlsx "+name] = in
	}
	for name, in := range slideFixtures(t) {
		out["pptx "+name] = in
	}
	for name, in := range mailFixtures() {
		out["eml "+name] = in
	}
	return out
}

func wordFixtures(t testing.TB) map[string]extract.Input {
	run := func(props, text string) string {
		return `<w:p><w:r><w:rPr>` + props + `</w:rPr><w:t>` + text + `</w:t></w:r></w:p>`
	}
	out := map[string]extract.Input{}
	add := func(name, body string, parts ...string) {
		doc := wordNS + `<w:p><w:r><w:t>` + seen + `</w:t></w:r></w:p>` + body + `</w:body></w:document>`
		all := append([]string{"[Content_Types].xml", "<Types/>", "word/document.xml", doc}, parts...)
		out[name] = extract.Input{Name: "a.docx", Bytes: zipped(t, all...)}
	}
	styles := func(s string) []string {
		return []string{"word/styles.xml", `<w:styles xmlns:w="w">` + s + `</w:styles>`}
	}
	rels := func(kind, target string) string {
		return `<Relationships><Relationship Id="r1" Type="http://x/` + kind + `" Target="` + target + `"/></Relationships>`
	}
	add("vanish", run(`<w:vanish/>`, secret))
	add("vanish by style", run(`<w:rStyle w:val="H"/>`, secret), styles(`<w:style w:styleId="B"><w:rPr><w:vanish/></w:rPr></w:style><w:style w:styleId="H"><w:basedOn w:val="B"/></w:style>`)...)
	add("vanish by paragraph style", `<w:p><w:pPr><w:pStyle w:val="H"/></w:pPr><w:r><w:t>`+secret+`</w:t></w:r></w:p>`, styles(`<w:style w:styleId="H"><w:rPr><w:vanish/></w:rPr></w:style>`)...)
	add("white", run(`<w:color w:val="FFFFFF"/>`, secret))
	add("table style", `<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr><w:tr><w:tc><w:p><w:r><w:t>`+secret+`</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`, styles(`<w:style w:type="table" w:styleId="T"><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:style>`)...)
	add("first row style", `<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr><w:tr><w:tc><w:p><w:r><w:t>`+secret+`</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`, styles(`<w:style w:type="table" w:styleId="T"><w:tblStylePr w:type="firstRow"><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:tblStylePr></w:style>`)...)
	add("in pieces", `<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>PSST</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>QUX ignore</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t xml:space="preserve"> all</w:t></w:r></w:p>`)
	add("white by theme", run(`<w:color w:val="auto" w:themeColor="background1"/>`, secret))
	add("as shading", run(`<w:color w:val="112233"/><w:shd w:fill="112233"/>`, secret))
	add("1 pt", run(`<w:sz w:val="2"/>`, secret))
	add("no fill", run(`<w14:textFill><w14:noFill/></w14:textFill>`, secret))
	add("deletion", `<w:p><w:del><w:r><w:delText>`+secret+`</w:delText></w:r></w:del></w:p>`)
	add("move from", `<w:p><w:moveFrom><w:r><w:t>`+secret+`</w:t></w:r></w:moveFrom></w:p>`)
	add("alt text", `<w:p><w:r><w:drawing><wp:inline><wp:docPr descr="`+secret+`"/></wp:inline></w:drawing></w:r></w:p>`)
	add("field code", `<w:p><w:r><w:instrText>QUOTE "`+secret+`"</w:instrText></w:r></w:p>`)
	add("hidden row", `<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc><w:p><w:r><w:t>`+secret+`</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`)
	add("off page", `<w:p><w:r><w:drawing><wp:anchor><wp:positionH><wp:posOffset>-90000000</wp:posOffset></wp:positionH><wps:txbx><w:txbxContent>`+run("", secret)+`</w:txbxContent></wps:txbx></wp:anchor></w:drawing></w:r></w:p>`)
	add("comment part", "", "word/_rels/document.xml.rels", rels("comments", "comments.xml"), "word/comments.xml", `<w:comments><w:comment><w:p><w:r><w:t>`+secret+`</w:t></w:r></w:p></w:comment></w:comments>`)
	add("custom XML", "", "customXml/item1.xml", `<x>`+secret+`</x>`)
	add("properties", "", "docProps/core.xml", `<cp:coreProperties><dc:description>`+secret+`</dc:description></cp:coreProperties>`)
	add("xml comment", `<!-- `+secret+` -->`)
	return out
}

func sheetFixtures(t testing.TB) map[string]extract.Input {
	out := map[string]extract.Input{}
	add := func(name, sheetAttrs, cols, rows, styles string, parts ...string) {
		book := `<workbook><sheets><sheet name="Main" r:id="r1"/>` + sheetAttrs + `</sheets></workbook>`
		rels := `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="x/worksheet" Target="worksheets/sheet2.xml"/></Relationships>`
		main := `<worksheet>` + cols + `<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>` + seen + `</t></is></c></row>` + rows + `</sheetData></worksheet>`
		all := append([]string{"xl/workbook.xml", book, "xl/_rels/workbook.xml.rels", rels, "xl/worksheets/sheet1.xml", main,
			"xl/styles.xml", `<styleSheet>` + styles + `</styleSheet>`, "xl/sharedStrings.xml", `<sst><si><t>` + secret + `</t></si></sst>`}, parts...)
		out[name] = extract.Input{Name: "a.xlsx", Bytes: zipped(t, all...)}
	}
	cell := `<row r="2"><c r="B2" t="s" s="1"><v>0</v></c></row>`
	style := func(fonts, fills, formats, xf string) string {
		return formats + `<fonts><font/>` + fonts + `</fonts><fills>` + fills + `</fills><cellXfs><xf/>` + xf + `</cellXfs>`
	}
	hidden := `<worksheet><sheetData><row><c t="s"><v>0</v></c></row></sheetData></worksheet>`
	add("hidden sheet", `<sheet name="S" state="hidden" r:id="r2"/>`, "", "", "", "xl/worksheets/sheet2.xml", hidden)
	add("very hidden sheet", `<sheet name="S" state="veryHidden" r:id="r2"/>`, "", "", "", "xl/worksheets/sheet2.xml", hidden)
	add("hidden row", "", "", `<row r="2" hidden="1"><c r="A2" t="s"><v>0</v></c></row>`, "")
	add("row of no height", "", "", `<row r="2" ht="0"><c r="A2" t="s"><v>0</v></c></row>`, "")
	add("hidden column", "", `<cols><col min="2" max="3" hidden="1"/></cols>`, cell, "")
	add("empty format", "", "", cell, style("", "", `<numFmts><numFmt numFmtId="164" formatCode=";;;"/></numFmts>`, `<xf numFmtId="164"/>`))
	add("white", "", "", cell, style(`<font><color rgb="FFFFFFFF"/></font>`, "", "", `<xf fontId="1"/>`))
	add("as fill", "", "", cell, style(`<font><color rgb="FF101010"/></font>`, `<fill><patternFill><fgColor rgb="FF111111"/></patternFill></fill>`, "", `<xf fontId="1" fillId="0"/>`))
	rich := func(fill string) string {
		return `<row r="2"><c r="B2" t="inlineStr" s="` + fill + `"><is><r><rPr><color rgb="FFFFFFFF"/></rPr><t>` + secret + `</t></r></is></c></row>`
	}
	add("white run", "", "", rich("0"), "")
	add("tiny", "", "", cell, style(`<font><sz val="1"/></font>`, "", "", `<xf fontId="1"/>`))
	add("comment", "", "", "", "", "xl/worksheets/_rels/sheet1.xml.rels", `<Relationships><Relationship Id="c" Type="x/comments" Target="../comments1.xml"/></Relationships>`, "xl/comments1.xml", `<comments><comment><text><t>`+secret+`</t></text></comment></comments>`)
	add("validation", "", "", "", "", "xl/worksheets/unused.xml", "<a/>")
	out["validation"] = extract.Input{Name: "a.xlsx", Bytes: zipped(t, "xl/workbook.xml", `<workbook><sheets><sheet name="M" id="r1"/></sheets></workbook>`, "xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row><c t="inlineStr"><is><t>`+seen+`</t></is></c></row></sheetData><dataValidations><dataValidation prompt="`+secret+`"/></dataValidations></worksheet>`)}
	add("formula", "", "", `<row r="2"><c r="A2"><f>IF(1,1,"`+secret+`")</f><v>1</v></c></row>`, "")
	add("format text", "", "", "", style("", "", `<numFmts><numFmt numFmtId="164" formatCode="0&quot;`+secret+`&quot;"/></numFmts>`, ""))
	return out
}

func slideFixtures(t testing.TB) map[string]extract.Input {
	out := map[string]extract.Input{}
	box := func(xfrm, props, text string) string {
		return `<p:sp><p:nvSpPr><p:cNvPr name="x"/></p:nvSpPr><p:spPr>` + xfrm + `</p:spPr><p:txBody><a:p><a:r><a:rPr ` + props + `<a:t>` + text + `</a:t></a:r></a:p></p:txBody></p:sp>`
	}
	add := func(name, slide, second string, parts ...string) {
		pres := `<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r1"/><p:sldId id="257" r:id="r2"/></p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/></p:presentation>`
		rels := `<Relationships><Relationship Id="r1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="r2" Type="x/slide" Target="slides/slide2.xml"/></Relationships>`
		one := `<p:sld><p:cSld><p:spTree>` + box("", "/>", seen) + slide + `</p:spTree></p:cSld></p:sld>`
		if second == "" {
			second = `<p:sld/>`
		}
		all := append([]string{"ppt/presentation.xml", pres, "ppt/_rels/presentation.xml.rels", rels, "ppt/slides/slide1.xml", one, "ppt/slides/slide2.xml", second}, parts...)
		out[name] = extract.Input{Name: "a.pptx", Bytes: zipped(t, all...)}
	}
	add("hidden slide", "", `<p:sld show="0"><p:cSld><p:spTree>`+box("", "/>", secret)+`</p:spTree></p:cSld></p:sld>`)
	add("off slide", box(`<a:xfrm><a:off x="-9000000" y="0"/><a:ext cx="1000000" cy="1000000"/></a:xfrm>`, "/>", secret), "")
	add("off slide by group", `<p:grpSp><p:grpSpPr><a:xfrm><a:off x="9999999" y="0"/><a:ext cx="1000000" cy="1000000"/><a:chOff x="0" y="0"/><a:chExt cx="1000000" cy="1000000"/></a:xfrm></p:grpSpPr>`+box(`<a:xfrm><a:off x="0" y="0"/><a:ext cx="1000000" cy="1000000"/></a:xfrm>`, "/>", secret)+`</p:grpSp>`, "")
	add("hidden shape", `<p:sp><p:nvSpPr><p:cNvPr hidden="1"/></p:nvSpPr><p:txBody><a:p><a:r><a:t>`+secret+`</a:t></a:r></a:p></p:txBody></p:sp>`, "")
	add("tiny", box("", `sz="100"/>`, secret), "")
	add("white", box("", `><a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill></a:rPr>`, secret), "")
	add("transparent", box("", `><a:solidFill><a:srgbClr val="000000"><a:alpha val="0"/></a:srgbClr></a:solidFill></a:rPr>`, secret), "")
	add("alt text", `<p:pic><p:nvPicPr><p:cNvPr descr="`+secret+`"/></p:nvPicPr></p:pic>`, "")
	add("notes", "", "", "ppt/slides/_rels/slide1.xml.rels", `<Relationships><Relationship Id="n" Type="x/notesSlide" Target="../notesSlides/n1.xml"/></Relationships>`, "ppt/notesSlides/n1.xml", `<p:notes><a:t>`+secret+`</a:t></p:notes>`)
	return out
}

func mailFixtures() map[string]extract.Input {
	out := map[string]extract.Input{}
	add := func(name string, lines ...string) {
		out[name] = extract.Input{Name: "a.eml", Bytes: []byte("From: a@x.test\r\nSubject: S\r\n" + strings.Join(lines, "\r\n"))}
	}
	multi := "Content-Type: multipart/alternative; boundary=b"
	add("other alternative", multi, "", "--b", "Content-Type: text/plain", "", secret, "--b", "Content-Type: text/html", "", "<p>"+seen+"</p>", "--b--")
	add("header", "X-Note: "+secret, "", seen)
	add("encoded header", "X-Note: =?utf-8?q?"+strings.ReplaceAll(secret, " ", "_")+"?=", "", seen)
	add("hidden in HTML", "Content-Type: text/html", "", "<p>"+seen+"</p><div style='display:none'>"+secret+"</div>")
	add("preamble of a nested page", multi, "", "--b", "Content-Type: text/html", "", "<p>"+seen+"<!--"+secret+"--></p>", "--b--")
	return out
}

func TestHiddenTextIsReportedAndDropped(t *testing.T) {
	e := reader(t)
	all := fixtures(t)
	if len(all) < 100 {
		t.Errorf("only %d fixtures", len(all))
	}
	for name, in := range all {
		t.Run(name, func(t *testing.T) {
			doc, err := e.Extract(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(doc.Text, "PSSTQUX") || strings.Contains(doc.Title, "PSSTQUX") {
				t.Errorf("hidden text is in the text: %q", doc.Text)
			}
			if !strings.Contains(doc.Text, seen) {
				t.Errorf("visible text is lost: %q", doc.Text)
			}
			all := ""
			for _, h := range doc.Hidden {
				all += h.Text + "\n"
				if strings.Contains(h.Locator, "PSSTQUX") || h.Technique == "" || h.Class == "" || h.Offset < 0 || h.Offset > len(doc.Text) {
					t.Errorf("finding %+v", h)
				}
			}
			if !strings.Contains(all, secret) {
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
