package extract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

// pdfObject is one numbered object of a test file.
type pdfObject = extracttest.Object

var (
	pdfFile   = extracttest.PDF
	pdfStream = extracttest.Stream
	deflated  = extracttest.Deflated
	onePage   = extracttest.OnePage
)

const fontRes = extracttest.FontResources

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
