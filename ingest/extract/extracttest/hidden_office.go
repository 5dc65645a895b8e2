package extracttest

import (
	"strings"
	"testing"
)

func wordFixtures(t testing.TB) map[string]input {
	run := func(props, text string) string {
		return `<w:p><w:r><w:rPr>` + props + `</w:rPr><w:t>` + text + `</w:t></w:r></w:p>`
	}
	out := map[string]input{}
	add := func(name, body string, parts ...string) {
		doc := Word + `<w:p><w:r><w:t>` + Seen + `</w:t></w:r></w:p>` + body + `</w:body></w:document>`
		all := append([]string{"[Content_Types].xml", "<Types/>", "word/document.xml", doc}, parts...)
		out[name] = input{"a.docx", Zip(t, all...)}
	}
	styles := func(s string) []string {
		return []string{"word/styles.xml", `<w:styles xmlns:w="w">` + s + `</w:styles>`}
	}
	rels := func(kind, target string) string {
		return `<Relationships><Relationship Id="r1" Type="http://x/` + kind + `" Target="` + target + `"/></Relationships>`
	}
	add("vanish", run(`<w:vanish/>`, Secret))
	add("vanish by style", run(`<w:rStyle w:val="H"/>`, Secret), styles(`<w:style w:styleId="B"><w:rPr><w:vanish/></w:rPr></w:style><w:style w:styleId="H"><w:basedOn w:val="B"/></w:style>`)...)
	add("vanish by paragraph style", `<w:p><w:pPr><w:pStyle w:val="H"/></w:pPr><w:r><w:t>`+Secret+`</w:t></w:r></w:p>`, styles(`<w:style w:styleId="H"><w:rPr><w:vanish/></w:rPr></w:style>`)...)
	add("white", run(`<w:color w:val="FFFFFF"/>`, Secret))
	add("table style", `<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr><w:tr><w:tc><w:p><w:r><w:t>`+Secret+`</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`, styles(`<w:style w:type="table" w:styleId="T"><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:style>`)...)
	add("first row style", `<w:tbl><w:tblPr><w:tblStyle w:val="T"/></w:tblPr><w:tr><w:tc><w:p><w:r><w:t>`+Secret+`</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`, styles(`<w:style w:type="table" w:styleId="T"><w:tblStylePr w:type="firstRow"><w:rPr><w:color w:val="FFFFFF"/></w:rPr></w:tblStylePr></w:style>`)...)
	add("in pieces", `<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>PSST</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>QUX ignore</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t xml:space="preserve"> all</w:t></w:r></w:p>`)
	add("white by theme", run(`<w:color w:val="auto" w:themeColor="background1"/>`, Secret))
	add("as shading", run(`<w:color w:val="112233"/><w:shd w:fill="112233"/>`, Secret))
	add("1 pt", run(`<w:sz w:val="2"/>`, Secret))
	add("no fill", run(`<w14:textFill><w14:noFill/></w14:textFill>`, Secret))
	add("deletion", `<w:p><w:del><w:r><w:delText>`+Secret+`</w:delText></w:r></w:del></w:p>`)
	add("move from", `<w:p><w:moveFrom><w:r><w:t>`+Secret+`</w:t></w:r></w:moveFrom></w:p>`)
	add("alt text", `<w:p><w:r><w:drawing><wp:inline><wp:docPr descr="`+Secret+`"/></wp:inline></w:drawing></w:r></w:p>`)
	add("field code", `<w:p><w:r><w:instrText>QUOTE "`+Secret+`"</w:instrText></w:r></w:p>`)
	add("hidden row", `<w:tbl><w:tr><w:trPr><w:hidden/></w:trPr><w:tc><w:p><w:r><w:t>`+Secret+`</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`)
	add("off page", `<w:p><w:r><w:drawing><wp:anchor><wp:positionH><wp:posOffset>-90000000</wp:posOffset></wp:positionH><wps:txbx><w:txbxContent>`+run("", Secret)+`</w:txbxContent></wps:txbx></wp:anchor></w:drawing></w:r></w:p>`)
	add("comment part", "", "word/_rels/document.xml.rels", rels("comments", "comments.xml"), "word/comments.xml", `<w:comments><w:comment><w:p><w:r><w:t>`+Secret+`</w:t></w:r></w:p></w:comment></w:comments>`)
	add("custom XML", "", "customXml/item1.xml", `<x>`+Secret+`</x>`)
	add("properties", "", "docProps/core.xml", `<cp:coreProperties><dc:description>`+Secret+`</dc:description></cp:coreProperties>`)
	add("xml comment", `<!-- `+Secret+` -->`)
	return out
}

func sheetFixtures(t testing.TB) map[string]input {
	out := map[string]input{}
	add := func(name, sheetAttrs, cols, rows, styles string, parts ...string) {
		book := `<workbook><sheets><sheet name="Main" r:id="r1"/>` + sheetAttrs + `</sheets></workbook>`
		rels := `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" Type="x/worksheet" Target="worksheets/sheet2.xml"/></Relationships>`
		main := `<worksheet>` + cols + `<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>` + Seen + `</t></is></c></row>` + rows + `</sheetData></worksheet>`
		all := append([]string{"xl/workbook.xml", book, "xl/_rels/workbook.xml.rels", rels, "xl/worksheets/sheet1.xml", main,
			"xl/styles.xml", `<styleSheet>` + styles + `</styleSheet>`, "xl/sharedStrings.xml", `<sst><si><t>` + Secret + `</t></si></sst>`}, parts...)
		out[name] = input{"a.xlsx", Zip(t, all...)}
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
		return `<row r="2"><c r="B2" t="inlineStr" s="` + fill + `"><is><r><rPr><color rgb="FFFFFFFF"/></rPr><t>` + Secret + `</t></r></is></c></row>`
	}
	add("white run", "", "", rich("0"), "")
	add("tiny", "", "", cell, style(`<font><sz val="1"/></font>`, "", "", `<xf fontId="1"/>`))
	add("comment", "", "", "", "", "xl/worksheets/_rels/sheet1.xml.rels", `<Relationships><Relationship Id="c" Type="x/comments" Target="../comments1.xml"/></Relationships>`, "xl/comments1.xml", `<comments><comment><text><t>`+Secret+`</t></text></comment></comments>`)
	add("validation", "", "", "", "", "xl/worksheets/unused.xml", "<a/>")
	out["validation"] = input{"a.xlsx", Zip(t, "xl/workbook.xml", `<workbook><sheets><sheet name="M" id="r1"/></sheets></workbook>`, "xl/_rels/workbook.xml.rels", `<Relationships><Relationship Id="r1" Type="x/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row><c t="inlineStr"><is><t>`+Seen+`</t></is></c></row></sheetData><dataValidations><dataValidation prompt="`+Secret+`"/></dataValidations></worksheet>`)}
	add("formula", "", "", `<row r="2"><c r="A2"><f>IF(1,1,"`+Secret+`")</f><v>1</v></c></row>`, "")
	add("format text", "", "", "", style("", "", `<numFmts><numFmt numFmtId="164" formatCode="0&quot;`+Secret+`&quot;"/></numFmts>`, ""))
	return out
}

func slideFixtures(t testing.TB) map[string]input {
	out := map[string]input{}
	box := func(xfrm, props, text string) string {
		return `<p:sp><p:nvSpPr><p:cNvPr name="x"/></p:nvSpPr><p:spPr>` + xfrm + `</p:spPr><p:txBody><a:p><a:r><a:rPr ` + props + `<a:t>` + text + `</a:t></a:r></a:p></p:txBody></p:sp>`
	}
	add := func(name, slide, second string, parts ...string) {
		pres := `<p:presentation><p:sldIdLst><p:sldId id="256" r:id="r1"/><p:sldId id="257" r:id="r2"/></p:sldIdLst><p:sldSz cx="9144000" cy="6858000"/></p:presentation>`
		rels := `<Relationships><Relationship Id="r1" Type="x/slide" Target="slides/slide1.xml"/><Relationship Id="r2" Type="x/slide" Target="slides/slide2.xml"/></Relationships>`
		one := `<p:sld><p:cSld><p:spTree>` + box("", "/>", Seen) + slide + `</p:spTree></p:cSld></p:sld>`
		if second == "" {
			second = `<p:sld/>`
		}
		all := append([]string{"ppt/presentation.xml", pres, "ppt/_rels/presentation.xml.rels", rels, "ppt/slides/slide1.xml", one, "ppt/slides/slide2.xml", second}, parts...)
		out[name] = input{"a.pptx", Zip(t, all...)}
	}
	add("hidden slide", "", `<p:sld show="0"><p:cSld><p:spTree>`+box("", "/>", Secret)+`</p:spTree></p:cSld></p:sld>`)
	add("off slide", box(`<a:xfrm><a:off x="-9000000" y="0"/><a:ext cx="1000000" cy="1000000"/></a:xfrm>`, "/>", Secret), "")
	add("off slide by group", `<p:grpSp><p:grpSpPr><a:xfrm><a:off x="9999999" y="0"/><a:ext cx="1000000" cy="1000000"/><a:chOff x="0" y="0"/><a:chExt cx="1000000" cy="1000000"/></a:xfrm></p:grpSpPr>`+box(`<a:xfrm><a:off x="0" y="0"/><a:ext cx="1000000" cy="1000000"/></a:xfrm>`, "/>", Secret)+`</p:grpSp>`, "")
	add("hidden shape", `<p:sp><p:nvSpPr><p:cNvPr hidden="1"/></p:nvSpPr><p:txBody><a:p><a:r><a:t>`+Secret+`</a:t></a:r></a:p></p:txBody></p:sp>`, "")
	add("tiny", box("", `sz="100"/>`, Secret), "")
	add("white", box("", `><a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill></a:rPr>`, Secret), "")
	add("transparent", box("", `><a:solidFill><a:srgbClr val="000000"><a:alpha val="0"/></a:srgbClr></a:solidFill></a:rPr>`, Secret), "")
	add("alt text", `<p:pic><p:nvPicPr><p:cNvPr descr="`+Secret+`"/></p:nvPicPr></p:pic>`, "")
	add("notes", "", "", "ppt/slides/_rels/slide1.xml.rels", `<Relationships><Relationship Id="n" Type="x/notesSlide" Target="../notesSlides/n1.xml"/></Relationships>`, "ppt/notesSlides/n1.xml", `<p:notes><a:t>`+Secret+`</a:t></p:notes>`)
	return out
}

func mailFixtures() map[string]input {
	out := map[string]input{}
	add := func(name string, lines ...string) {
		out[name] = input{"a.eml", []byte("From: a@x.test\r\nSubject: S\r\n" + strings.Join(lines, "\r\n"))}
	}
	multi := "Content-Type: multipart/alternative; boundary=b"
	add("other alternative", multi, "", "--b", "Content-Type: text/plain", "", Secret, "--b", "Content-Type: text/html", "", "<p>"+Seen+"</p>", "--b--")
	add("header", "X-Note: "+Secret, "", Seen)
	add("encoded header", "X-Note: =?utf-8?q?"+strings.ReplaceAll(Secret, " ", "_")+"?=", "", Seen)
	add("hidden in HTML", "Content-Type: text/html", "", "<p>"+Seen+"</p><div style='display:none'>"+Secret+"</div>")
	add("preamble of a nested page", multi, "", "--b", "Content-Type: text/html", "", "<p>"+Seen+"<!--"+Secret+"--></p>", "--b--")
	return out
}
