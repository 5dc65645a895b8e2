package tlog

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/tessera/api/layout"
)

// TestKilledBeforePublishing: a process was killed after entries were added to
// the Merkle log and before a checkpoint covered them; the next one acknowledges
// more before it gets to them.
func TestKilledBeforePublishing(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	fill(t, l, 0, 10)
	published(t, l, 9)
	path := filepath.Join(f.Dir, treeDir, layout.CheckpointPath)
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 10, 5)
	published(t, l, 14)
	l.Close()
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Every = time.Hour // only when asked for
	l = f.open(t)
	fill(t, l, 15, 20)
	published(t, l, 34)
	l.Close()
	verify(t, f, 35)
}
