package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCommandsAreCarriedOut(t *testing.T) {
	for name, dir := range map[string]string{"short path": t.TempDir(), "long path": filepath.Join(t.TempDir(), strings.Repeat("long", 40))} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := Send(t.Context(), dir, Request{}, io.Discard, io.Discard); !errors.Is(err, ErrNobody) {
				t.Fatalf("nobody listens: %v", err)
			}
			stop, err := Listen(t.Context(), dir, func(_ context.Context, r Request, out, errs io.Writer) int {
				fmt.Fprintf(out, "%s in %s", r.Args, r.Dir)
				fmt.Fprint(errs, "careful")
				return 5
			})
			if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(filepath.Join(dir, Socket)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the socket: %v, %v", info, err)
			}
			var out, errs bytes.Buffer
			code, err := Send(t.Context(), dir, Request{Args: []string{"fsck"}, Dir: "/x"}, &out, &errs)
			if code != 5 || err != nil || out.String() != "[fsck] in /x" || errs.String() != "careful" {
				t.Errorf("exit %d, %v, %q, %q", code, err, &out, &errs)
			}
			stop()
			if _, err := Send(t.Context(), dir, Request{}, io.Discard, io.Discard); !errors.Is(err, ErrNobody) {
				t.Errorf("after the end: %v", err)
			}
			if _, err := Listen(t.Context(), dir, nil); err != nil {
				t.Errorf("listening again: %v", err)
			}
		})
	}
}

func TestLeavingCancels(t *testing.T) {
	dir := t.TempDir()
	started, ended := make(chan struct{}), make(chan struct{})
	stop, err := Listen(t.Context(), dir, func(ctx context.Context, _ Request, _, _ io.Writer) int {
		close(started)
		<-ctx.Done()
		close(ended)
		return 1
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := Send(ctx, dir, Request{}, io.Discard, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the command went on")
	}
}
