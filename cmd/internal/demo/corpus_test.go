package demo

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCorpusIsWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "corpus")
	p, err := write(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(p.secrets), len(p.data))
	if d := os.Getenv("KEEP"); d != "" {
		write(d, time.Now())
	}
}
