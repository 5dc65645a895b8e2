package source_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/ingest/source"
)

// TestOneMessage: a file that ends in .eml is one message, also where a line of it
// begins like the separator of a mail box, and has the id it would have in one.
func TestOneMessage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letter.EML")
	text := "From: a@example.com\nMessage-Id: <l1@example.com>\n\nHello.\n\nFrom now on it is spring.\n>From the start.\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	items := walk(t, newMbox(t, source.MboxConfig{Path: path}))
	if len(items) != 1 || items[0].Err != nil || items[0].ID != "l1~40example.com" {
		t.Fatalf("got %+v", items)
	}
	f, err := items[0].Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err != nil || string(got) != text[:len(text)-1] {
		t.Errorf("the message is %q, %v", got, err)
	}
}
