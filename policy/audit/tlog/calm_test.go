package tlog

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// TestAFirstStartIsCalm: a log that begins has no checkpoint, and says nothing of it;
// one that cannot be read is a warning, and everything else is passed on.
func TestAFirstStartIsCalm(t *testing.T) {
	var said bytes.Buffer
	log := slog.New(calm{slog.NewTextHandler(&said, nil)}).With("part", "audit")
	for message, want := range map[string]string{
		noCheckpoint + ": open /data/audit/tree/checkpoint: no such file or directory\n": "",
		noCheckpoint + ": file does not exist":                                           "",
		noCheckpoint + ": open /data/audit/tree/checkpoint: permission denied":           "level=WARN",
		"Failed to integrate: no such file or directory":                                 "level=INFO",
	} {
		said.Reset()
		log.Info(message)
		if got := said.String(); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q became %q, want %q", message, got, want)
		}
	}
}

// TestTesseraBeginsCalmly opens a log in an empty folder and has its first checkpoint
// published: what the library says of it is not heard. It does so in a process of its
// own, because a process has one logger for the library, whoever was first.
func TestTesseraBeginsCalmly(t *testing.T) {
	if alone := "DOORWARD_TEST_CALM"; os.Getenv(alone) == "" {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTesseraBeginsCalmly$")
		child.Env = append(os.Environ(), alone+"=1")
		if out, err := child.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	var said heard
	f := newFolder(t)
	f.Log = slog.New(slog.NewTextHandler(&said, nil))
	l := f.open(t)
	fill(t, l, 0, 3)
	published(t, l, 2)
	if text := said.String(); strings.Contains(text, noCheckpoint) {
		t.Errorf("a first start says %s", text)
	}
}

// heard is what was logged, for whoever reads while others write.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}
