package extract_test

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/extract"
)

// pdfObject is one numbered object of a test file.
type pdfObject struct {
	num  int
	body string
}

// pdfFile writes objects, a cross-reference table and a trailer.
func pdfFile(trailer string, objects ...pdfObject) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := map[int]int{}
	last := 0
	for _, o := range objects {
		offsets[o.num] = b.Len()
		last = max(last, o.num)
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", o.num, o.body)
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

func pdfStream(dict, data string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(data), data)
}

func deflated(data string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(data))
	z.Close()
	return b.String()
}

// onePage is a file of one page with Helvetica as /F1; extra objects may be
// numbered from 10.
func onePage(content, pageExtra, rootExtra string, extra ...pdfObject) []byte {
	objects := append([]pdfObject{
		{1, "<< /Type /Catalog /Pages 2 0 R " + rootExtra + " >>"},
		{2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"},
		{3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R " + pageExtra + " >>"},
		{4, pdfStream("/Filter /FlateDecode", deflated(content))},
		{5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"},
	}, extra...)
	return pdfFile("", objects...)
}

const fontRes = "/Resources << /Font << /F1 5 0 R >> >>"

func TestPDFText(t *testing.T) {
	content := "BT /F1 24 Tf 72 720 Td (Report) Tj ET BT /F1 11 Tf 72 680 Td (First line of the) Tj 0 -13 Td [(te) -20 (xt) -400 (goes on.)] TJ 0 -40 Td (Caf\\351 \\050new\\051 paragraph of the text.) Tj ET"
	doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.pdf", Bytes: onePage(content, fontRes, "")})
	if err != nil {
		t.Fatal(err)
	}
	if want := "Report\n\nFirst line of the\ntext goes on.\n\nCafé (new) paragraph of the text."; doc.Text != want {
		t.Errorf("got %q, want %q", doc.Text, want)
	}
	if doc.Title != "Report" || len(doc.Blocks) != 1 || doc.Blocks[0].Level != 1 {
		t.Errorf("title %q blocks %+v", doc.Title, doc.Blocks)
	}
	if len(doc.Hidden) != 0 {
		t.Errorf("hidden %+v", doc.Hidden)
	}
}

func TestPDFWithoutCrossReferences(t *testing.T) {
	p := onePage("BT /F1 12 Tf 72 720 Td (Still here) Tj ET", fontRes, "")
	broken := bytes.Replace(p, []byte("startxref\n"), []byte("startxref\n9"), 1)
	doc, err := reader(t).Extract(context.Background(), extract.Input{Bytes: broken})
	if err != nil || doc.Text != "Still here" {
		t.Errorf("%q %v", doc.Text, err)
	}
}

func TestPDFObjectStreams(t *testing.T) {
	members := []string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"}
	head, body := "", ""
	for i, m := range members {
		head += fmt.Sprintf("%d %d ", i+1, len(body))
		body += m + " "
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.5\n")
	offsets := map[int]int{}
	add := func(n int, s string) { offsets[n] = b.Len(); fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", n, s) }
	add(4, pdfStream("", "BT /F1 12 Tf 72 720 Td (Packed) Tj ET"))
	add(5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	add(6, pdfStream(fmt.Sprintf("/Type /ObjStm /N 3 /First %d /Filter /FlateDecode", len(head)), deflated(head+body)))
	at := b.Len()
	rows := "\x00\x00\x00\x00"
	for n := 1; n <= 3; n++ {
		rows += string([]byte{2, 0, 6, byte(n - 1)})
	}
	for n := 4; n <= 7; n++ {
		off := offsets[n]
		if n == 7 {
			off = at
		}
		rows += string([]byte{1, byte(off >> 8), byte(off), 0})
	}
	add(7, pdfStream("/Type /XRef /Size 8 /Root 1 0 R /W [1 2 1]", rows))
	fmt.Fprintf(&b, "startxref\n%d\n%%%%EOF", at)
	doc, err := reader(t).Extract(context.Background(), extract.Input{Bytes: b.Bytes()})
	if err != nil || doc.Text != "Packed" {
		t.Errorf("%q %v", doc.Text, err)
	}
}

func TestPDFHidden(t *testing.T) {
	const good = "BT /F1 12 Tf 72 720 Td (Visible words) Tj ET "
	ocg := pdfObject{10, "<< /Type /OCG /Name (L) >>"}
	for name, p := range map[string][]byte{
		"render mode 3":   onePage(good+"BT /F1 12 Tf 3 Tr 72 700 Td (PSST) Tj ET", fontRes, ""),
		"render mode 7":   onePage(good+"BT /F1 12 Tf 7 Tr 72 700 Td (PSST) Tj ET", fontRes, ""),
		"tiny":            onePage(good+"BT /F1 1 Tf 72 700 Td (PSST) Tj ET", fontRes, ""),
		"tiny by matrix":  onePage(good+"q .05 0 0 .05 0 0 cm BT /F1 12 Tf 1440 14000 Td (PSST) Tj ET Q", fontRes, ""),
		"white":           onePage(good+"1 g BT /F1 12 Tf 72 700 Td (PSST) Tj ET", fontRes, ""),
		"white by cmyk":   onePage(good+"0 0 0 0 k BT /F1 12 Tf 72 700 Td (PSST) Tj ET", fontRes, ""),
		"as the box":      onePage(good+"0 0 1 rg 60 690 300 30 re f BT /F1 12 Tf 72 700 Td (PSST) Tj ET", fontRes, ""),
		"off page":        onePage(good+"BT /F1 12 Tf -500 700 Td (PSST) Tj ET", fontRes, ""),
		"crop box":        onePage(good+"BT /F1 12 Tf 72 100 Td (PSST) Tj ET", fontRes+" /CropBox [0 400 612 792]", ""),
		"clipped":         onePage(good+"q 0 0 10 10 re W n BT /F1 12 Tf 72 700 Td (PSST) Tj ET Q", fontRes, ""),
		"covered":         onePage(good+"BT /F1 12 Tf 72 600 Td (PSST) Tj ET 1 g 60 590 200 40 re f", fontRes, ""),
		"alpha":           onePage(good+"/G gs BT /F1 12 Tf 72 700 Td (PSST) Tj ET", "/Resources << /Font << /F1 5 0 R >> /ExtGState << /G << /ca 0 >> >> >>", ""),
		"soft mask":       onePage(good+"/G gs BT /F1 12 Tf 72 700 Td (PSST) Tj ET", "/Resources << /Font << /F1 5 0 R >> /ExtGState << /G << /SMask << /S /Alpha >> >> >> >>", ""),
		"under a shading": onePage(good+"BT /F1 12 Tf 72 600 Td (PSST) Tj ET q 60 590 200 40 re W n /S sh Q", fontRes, ""),
		"kerned":          onePage(good+"BT /F1 12 Tf 3 Tr 72 700 Td [(P) 30 (S) 20 (ST)] TJ ET", fontRes, ""),
		"layer":           onePage(good+"/OC /L BDC BT /F1 12 Tf 72 700 Td (PSST) Tj ET EMC", "/Resources << /Font << /F1 5 0 R >> /Properties << /L 10 0 R >> >>", "/OCProperties << /OCGs [10 0 R] /D << /OFF [10 0 R] >> >>", ocg),
		"annotation":      onePage(good, fontRes+" /Annots [<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (PSST) >>]", ""),
		"form value":      onePage(good, fontRes, "/AcroForm << /Fields [10 0 R] >>", pdfObject{10, "<< /FT /Tx /T (f) /V (PSST) >>"}),
		"info":            onePage(good, fontRes, "", pdfObject{10, "<< /Title (PSST) >>"}),
		"xmp":             onePage(good, fontRes, "/Metadata 10 0 R", pdfObject{10, pdfStream("/Type /Metadata /Subtype /XML", "<x:xmpmeta><dc:description>PSST</dc:description></x:xmpmeta>")}),
		"attachment":      onePage(good, fontRes, "", pdfObject{10, pdfStream("/Type /EmbeddedFile", "PSST")}),
		"script":          onePage(good, fontRes, "/OpenAction << /S /JavaScript /JS (app.alert\\('PSST'\\)) >>"),
		"actual text":     onePage("/Span << /ActualText (PSST) >> BDC "+good+"EMC", fontRes, ""),
		"form layer":      onePage(good+"/X Do", "/Resources << /Font << /F1 5 0 R >> /XObject << /X 11 0 R >> >>", "/OCProperties << /OCGs [10 0 R] /D << /BaseState /OFF >> >>", ocg, pdfObject{11, pdfStream("/Type /XObject /Subtype /Form /BBox [0 0 612 792] /OC 10 0 R /Resources << /Font << /F1 5 0 R >> >>", "BT /F1 12 Tf 72 700 Td (PSST) Tj ET")}),
		"remap": onePage(good, "/Resources << /Font << /F1 10 0 R >> >>", "", pdfObject{10, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 11 0 R >>"},
			pdfObject{11, pdfStream("", "1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <56> <0050005300530054> endbfchar")}),
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := reader(t).Extract(context.Background(), extract.Input{Bytes: p})
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(doc.Text, "PSST") || !strings.Contains(doc.Text, "isible words") {
				t.Errorf("text %q", doc.Text)
			}
			all := ""
			for _, h := range doc.Hidden {
				all += h.Text + "|"
			}
			if !strings.Contains(all, "PSST") {
				t.Errorf("not reported: %+v", doc.Hidden)
			}
		})
	}
}

func TestPDFVisibleTextIsKept(t *testing.T) {
	for name, content := range map[string]string{
		"white on blue":     "0 0 1 rg 60 690 300 30 re f 1 g BT /F1 12 Tf 72 700 Td (Words) Tj ET",
		"outlined":          "1 g 0 G BT /F1 12 Tf 2 Tr 72 700 Td (Words) Tj ET",
		"scaled up":         "q 12 0 0 12 0 0 cm BT /F1 1 Tf 6 58 Td (Words) Tj ET Q",
		"upside down":       "q 1 0 0 -1 0 792 cm BT 1 0 0 -1 0 0 Tm /F1 12 Tf 72 -92 Td (Words) Tj ET Q",
		"box drawn before":  "1 g 0 0 612 792 re f 0 g BT /F1 12 Tf 72 700 Td (Words) Tj ET",
		"clip around":       "q 50 690 200 40 re W n BT /F1 12 Tf 72 700 Td (Words) Tj ET Q",
		"after restored":    "q 3 Tr Q BT /F1 12 Tf 72 700 Td (Words) Tj ET",
		"rotated":           "BT /F1 12 Tf 0 1 -1 0 300 300 Tm (Words) Tj ET",
		"leading and quote": "BT /F1 12 Tf 14 TL 72 700 Td (Words) ' ET",
	} {
		doc, err := reader(t).Extract(context.Background(), extract.Input{Bytes: onePage(content, fontRes, "")})
		if err != nil || doc.Text != "Words" || len(doc.Hidden) != 0 {
			t.Errorf("%s: %q %v %+v", name, doc.Text, err, doc.Hidden)
		}
	}
}

func TestPDFRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		p    []byte
		want error
	}{
		"page tree with a cycle": {pdfFile("", pdfObject{1, "<< /Type /Catalog /Pages 2 0 R >>"}, pdfObject{2, "<< /Type /Pages /Kids [2 0 R] >>"}), extract.ErrMalformed},
		"no pages":               {pdfFile("", pdfObject{1, "<< /Type /Catalog >>"}), extract.ErrMalformed},
		"no text":                {onePage("0 0 1 1 re f", fontRes, ""), extract.ErrEmpty},
		"encrypted":              {pdfFile("/Encrypt << /Filter /Standard /V 1 /R 2 /O (x) /U (y) /P -1 >>", pdfObject{1, "<< /Type /Catalog /Pages 2 0 R >>"}, pdfObject{2, "<< /Type /Pages /Kids [] >>"}), extract.ErrEncrypted},
		"forms within forms":     {onePage("/X Do", "/Resources << /XObject << /X 10 0 R >> >>", "", pdfObject{10, pdfStream("/Subtype /Form /Resources << /XObject << /X 10 0 R >> >>", "/X Do")}), extract.ErrTooLarge},
		"bomb":                   {onePage("", "/Resources << >>", "", pdfObject{10, "null"}), extract.ErrEmpty},
	} {
		if _, err := reader(t).Extract(context.Background(), extract.Input{Bytes: c.p}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPDFEncryption reads files encrypted by another program under each
// revision of the standard handler: with an empty user password, which every
// viewer opens, and with one that is not.
func TestPDFEncryption(t *testing.T) {
	for _, revision := range []string{"r2", "r3", "r4", "r5", "r6"} {
		read := func(kind string) (extract.Document, error) {
			p, err := os.ReadFile(filepath.Join("testdata", kind+"-"+revision+".pdf"))
			if err != nil {
				t.Fatal(err)
			}
			return reader(t).Extract(context.Background(), extract.Input{Bytes: p})
		}
		if doc, err := read("open"); err != nil || doc.Text != "Locked words" {
			t.Errorf("%s: %q %v", revision, doc.Text, err)
		}
		if doc, err := read("locked"); !errors.Is(err, extract.ErrEncrypted) || doc.Text != "" {
			t.Errorf("%s with a password: %q %v", revision, doc.Text, err)
		}
	}
}
