package test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/policy"
)

// format is one document of a format: a visible text with a word of its own, and
// a hidden one. Both words are made up, so that finding one is no coincidence.
type format struct {
	name            string
	visible, hidden string
	bytes           func(visible, hidden string) []byte
}

func formats() []format {
	plain := func(pattern string) func(v, h string) []byte {
		return func(v, h string) []byte { return fmt.Appendf(nil, pattern, v, h) }
	}
	return []format{
		{"note.txt", "quorblefant", "", func(v, _ string) []byte { return []byte("The " + v + " is in the cellar.") }},
		{"page.md", "wimpledorn", "snarglewick", plain("# Guide\n\nThe %s is on the roof.\n\n<!-- the %s is secret -->\n")},
		{"page.html", "thrumbolite", "grindlefax", plain(`<html><body><p>The %s is green.</p><p style="display:none">the %s is secret</p></body></html>`)},
		{"table.csv", "plonkeroot", "", func(v, _ string) []byte { return []byte("thing,place\n" + v + ",garden\n") }},
		{"mail.eml", "zanderquill", "morvenplax", plain("From: a@example.com\r\nTo: b@example.com\r\nSubject: News\r\nX-Note: the Y is here\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>The %s has arrived.</p><span style=\"font-size:0\">the %s is secret</span>\r\n--b--\r\n")},
		{"letter.docx", "frimblestone", "dwindlecrop", wordFile},
		{"paper.pdf", "glimmerfold", "shadowbrine", pdfFile},
	}
}

func wordFile(visible, hidden string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name, text string) {
		w, _ := z.Create(name)
		w.Write([]byte(text))
	}
	add("[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)
	add("_rels/.rels", `<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`)
	add("word/document.xml", `<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>The `+visible+` was signed.</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>the `+hidden+` is secret</w:t></w:r></w:p></w:body></w:document>`)
	z.Close()
	return b.Bytes()
}

// pdfFile is one page with a visible line and one in render mode 3.
func pdfFile(visible, hidden string) []byte {
	content := fmt.Sprintf("BT /F1 12 Tf 72 700 Td (The %s was printed.) Tj ET BT 3 Tr /F1 12 Tf 72 600 Td (the %s is secret) Tj ET", visible, hidden)
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var at []int
	for i, o := range objects {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

const leakConfig = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "127.0.0.1:0"}
sources:
  - name: docs
    type: directory
    path: ./documents
    mapping: [{set: {groups: [staff]}}]
`

// TestFormatsAndLeaks takes in one document of each format: what is visible can
// be asked for; what is hidden is reported and is in no passage, prompt or log;
// and no word, secret or personal datum is readable anywhere on disk.
func TestFormatsAndLeaks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(leakConfig))
	for _, f := range formats() {
		write(t, filepath.Join(dir, "documents", f.name), f.bytes(f.visible, f.hidden))
	}
	secret := "AK" + "IA" + "Z7Q2MK4LTX5VW3RP"
	personal := "jean.dupont-" + "7341@example.com"
	write(t, filepath.Join(dir, "documents", "secret.txt"), []byte("The deployment uses aws_access_key_id = "+secret+" and belongs to "+personal+"."))
	must(t, dir, "keys", "init")
	report := must(t, dir, "ingest", "--json")
	b := register(t, dir, "chat")
	var stop func()
	b.url, stop = serve(t, dir)
	ann := policy.Subject{ID: "ann", Groups: []string{"staff"}}
	var shown strings.Builder
	for _, f := range formats() {
		r := b.retrieve(t, ann, api.RetrieveRequest{Question: "where is the " + f.visible, Format: "messages"})
		if len(r.Passages) == 0 || !strings.Contains(r.Passages[0].Text, f.visible) {
			t.Errorf("%s: its visible text is not found", f.name)
		}
		if f.hidden != "" && !strings.Contains(report, `"document":"`+f.name+`","error":"","findings":{"`) {
			t.Errorf("%s: its hidden text is not reported", f.name)
		}
		fmt.Fprintf(&shown, "%+v", r)
		if f.hidden == "" {
			continue
		}
		hidden := b.retrieve(t, ann, api.RetrieveRequest{Question: f.hidden, Format: "messages"})
		for _, p := range hidden.Passages {
			fmt.Fprintf(&shown, "%+v", p)
		}
	}
	stranger := b.retrieve(t, policy.Subject{ID: "eve"}, api.RetrieveRequest{Question: "where is the quorblefant"})
	if len(stranger.Passages) != 0 {
		t.Error("a stranger was shown a passage")
	}
	stop()
	must(t, dir, "fsck")

	words := []string{secret, personal}
	for _, f := range formats() {
		words = append(words, f.visible)
		if f.hidden != "" {
			words = append(words, f.hidden)
			if strings.Contains(shown.String(), f.hidden) {
				t.Errorf("%s: hidden text was shown", f.name)
			}
		}
	}
	if strings.Contains(shown.String(), secret) || strings.Contains(shown.String(), personal) {
		t.Error("a secret or personal datum was shown")
	}
	nowhere(t, filepath.Join(dir, "data"), words)
	nowhere(t, filepath.Join(dir, "keys"), words)
	if containsAny(report, words) {
		t.Error("the ingest report holds document text")
	}
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func containsAny(text string, words []string) bool {
	for _, w := range words {
		if strings.Contains(strings.ToLower(text), strings.ToLower(w)) {
			return true
		}
	}
	return false
}

// nowhere insists that no file below dir holds any of the words, and that every
// file and folder is private.
func nowhere(t testing.TB, dir string, words []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %04o", path, info.Mode().Perm())
		}
		if d.IsDir() {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		lower := bytes.ToLower(data)
		for _, w := range words {
			if bytes.Contains(lower, []byte(strings.ToLower(w))) {
				t.Errorf("%s holds %q", filepath.Base(path), w)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
