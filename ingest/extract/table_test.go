package extract_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

// TestExtractionTable holds docs/extraction.md to the fixtures: every technique
// that one of them is reported by stands in it, by name or by its family.
func TestExtractionTable(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "extraction.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := string(data)
	// Techniques that the table words instead of naming.
	worded := map[string]string{
		"html-hidden": "hidden by style", "html-input-hidden": "hidden inputs", "html-noscript": "<noscript>", "html-template": "<template>",
		"office-alt-text": "alt texts", "office-property": "properties", "office-custom-xml": "custom XML", "pdf-attachment": "pdf-attachment",
		"xlsx-hidden-row": "rows, columns, sheets", "xlsx-hidden-column": "rows, columns, sheets", "xlsx-hidden-sheet": "rows, columns, sheets",
		"xlsx-validation": "validation prompts", "xlsx-format-text": "format texts", "front-matter": "front matter", "markdown-definition": "link titles",
		"mail-header": "mail headers", "xml-attribute": "XML attributes",
	}
	seen := map[string]bool{}
	for _, f := range extracttest.Hidden(t) {
		doc, err := reader(t).Extract(context.Background(), extract.Input{Name: f.File, Bytes: f.Bytes})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range doc.Hidden {
			word, ok := worded[h.Technique]
			if !ok {
				word = "`" + h.Technique + "`"
			}
			if !seen[h.Technique] && !strings.Contains(table, word) {
				t.Errorf("docs/extraction.md does not tell of %s", h.Technique)
			}
			seen[h.Technique] = true
		}
	}
}

// TestUndeclaredEncodingsAreRefused: what a text means is not guessed where bytes
// alone do not tell.
func TestUndeclaredEncodingsAreRefused(t *testing.T) {
	for name, in := range map[string]string{
		"koi8-r":       "\xf5\xd7\xc1\xd6\xc1\xc5\xcd\xd9\xc5 \xcb\xcf\xcc\xcc\xc5\xc7\xc9, \xd0\xd2\xcf\xd3\xc9\xcd",
		"windows-1251": "\xd3\xe2\xe0\xe6\xe0\xe5\xec\xfb\xe5 \xea\xee\xeb\xeb\xe5\xe3\xe8, \xef\xf0\xee\xf1\xe8\xec",
		"gb18030":      "\xb8\xf7\xce\xbb\xcd\xac\xca\xc2\xa3\xac\xc7\xeb\xd4\xda\xd4\xc2\xb5\xd7",
	} {
		doc, err := reader(t).Extract(context.Background(), extract.Input{Name: "a.txt", Bytes: []byte(in)})
		if err == nil || doc.Text != "" || extract.Reason(err) != "encoding" {
			t.Errorf("%s: %q, %v", name, doc.Text, err)
		}
	}
}
