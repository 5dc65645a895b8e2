package demo

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// The fixed parts of a word processing document (ECMA-376, part 1).
const (
	docxTypes = xml.Header + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/>` +
		`<Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/></Types>`
	docxRels = xml.Header + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`
	docxDocumentRels = xml.Header + `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
		`<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`
	wordSpace  = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	docxStyles = xml.Header + `<w:styles ` + wordSpace + `>` +
		`<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:rPr><w:sz w:val="22"/></w:rPr></w:style>` +
		`<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:rPr><w:b/><w:sz w:val="36"/></w:rPr></w:style>` +
		`<w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/><w:rPr><w:b/><w:sz w:val="28"/></w:rPr></w:style>` +
		`<w:style w:type="paragraph" w:styleId="Heading3"><w:name w:val="heading 3"/><w:rPr><w:b/><w:sz w:val="24"/></w:rPr></w:style></w:styles>`
)

// writeDOCX makes a word processing document that Word and LibreOffice open.
func writeDOCX(blocks []block) ([]byte, error) {
	var body strings.Builder
	body.WriteString(xml.Header + `<w:document ` + wordSpace + `><w:body>`)
	for _, b := range blocks {
		if b.rows != nil {
			docxTable(&body, b.rows)
			continue
		}
		properties := ""
		runs := b.runs
		switch {
		case b.level > 0:
			properties = fmt.Sprintf(`<w:pPr><w:pStyle w:val="Heading%d"/></w:pPr>`, b.level)
		case b.item:
			properties = `<w:pPr><w:ind w:left="360" w:hanging="360"/></w:pPr>`
			runs = append([]run{{text: "• "}}, runs...)
		}
		docxParagraph(&body, properties, runs)
	}
	body.WriteString(`<w:sectPr/></w:body></w:document>`)

	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, part := range [][2]string{
		{"[Content_Types].xml", docxTypes}, {"_rels/.rels", docxRels}, {"word/_rels/document.xml.rels", docxDocumentRels},
		{"word/styles.xml", docxStyles}, {"word/document.xml", body.String()},
	} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: part[0], Method: zip.Deflate, Modified: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(part[1])); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

func docxParagraph(body *strings.Builder, properties string, runs []run) {
	body.WriteString(`<w:p>` + properties)
	for _, r := range runs {
		look := map[ink]string{bold: `<w:rPr><w:b/></w:rPr>`, white: `<w:rPr><w:color w:val="FFFFFF"/></w:rPr>`, unseen: `<w:rPr><w:vanish/></w:rPr>`}[r.ink]
		body.WriteString(`<w:r>` + look + `<w:t xml:space="preserve">`)
		_ = xml.EscapeText(body, []byte(r.text)) // a Builder never fails
		body.WriteString(`</w:t></w:r>`)
	}
	body.WriteString(`</w:p>`)
}

func docxTable(body *strings.Builder, rows [][]string) {
	body.WriteString(`<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/></w:tblPr>`)
	for _, row := range rows {
		body.WriteString(`<w:tr>`)
		for _, cell := range row {
			body.WriteString(`<w:tc>`)
			docxParagraph(body, "", runsOf(cell))
			body.WriteString(`</w:tc>`)
		}
		body.WriteString(`</w:tr>`)
	}
	body.WriteString(`</w:tbl>`)
}
