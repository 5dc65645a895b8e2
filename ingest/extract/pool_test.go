package extract_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/extract"
)

// TestMain runs the extraction child when the tests start themselves as one,
// and stand-ins for children that misbehave.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "__extract":
			os.Exit(extract.Main())
		case "__hang":
			select {}
		case "__lie":
			os.Stdin.Read(make([]byte, 1<<16))
			os.Stdout.WriteString("\xff\xff\xff\xffgarbage that claims to be four gigabytes")
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// sandboxed returns an extractor that reads in children.
func sandboxed(t testing.TB, c extract.Config) *extract.Extractor {
	t.Helper()
	if c.Command == nil {
		c.Command = []string{self(t), "__extract"}
	}
	if raceDetector {
		c.Memory = -1
	}
	e, err := extract.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestChildrenReadAsThisProcessDoes(t *testing.T) {
	e := sandboxed(t, extract.Config{Workers: 2, Reuse: 3})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			in := extract.Input{Name: "a.html", Bytes: []byte("<h1>T</h1><p>visible <span style='display:none'>PSST</span></p>" + strings.Repeat("<p>x</p>", i))}
			want, err1 := reader(t).Extract(context.Background(), in)
			got, err2 := e.Extract(context.Background(), in)
			if err1 != nil || err2 != nil || got.Text != want.Text || len(got.Hidden) != len(want.Hidden) || len(got.Blocks) != len(want.Blocks) {
				t.Errorf("got %q %v, want %q %v", got.Text, err2, want.Text, err1)
			}
		}()
	}
	wg.Wait()
	_, err := e.Extract(context.Background(), extract.Input{Name: "a.json", Bytes: []byte(`{"a":`)})
	if !errors.Is(err, extract.ErrMalformed) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("typed error through the child: %v", err)
	}
}

func TestChildrenThatMisbehave(t *testing.T) {
	in := extract.Input{Name: "a.html", Bytes: []byte("<p>x</p>")}
	for mode, want := range map[string]error{"__hang": extract.ErrTimeout, "__lie": extract.ErrFailed} {
		e := sandboxed(t, extract.Config{Command: []string{self(t), mode}, Timeout: 300 * time.Millisecond})
		doc, err := e.Extract(context.Background(), in)
		if !errors.Is(err, want) || doc.Text != "" {
			t.Errorf("%s: %v", mode, err)
		}
	}
	e := sandboxed(t, extract.Config{Command: []string{"/nonexistent"}})
	if _, err := e.Extract(context.Background(), in); !errors.Is(err, extract.ErrFailed) {
		t.Errorf("no program: %v", err)
	}
	if doc, err := e.Extract(context.Background(), extract.Input{Name: "a.txt", Bytes: []byte("plain")}); err != nil || doc.Text != "plain" {
		t.Errorf("plain text needs no child: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Extract(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMemoryOfAChildIsBounded(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector needs more memory than any limit")
	}
	e := sandboxed(t, extract.Config{Memory: 128 << 20, MaxText: 1 << 30})
	in := extract.Input{Name: "a.html", Bytes: []byte(strings.Repeat("<b>x", 100) + strings.Repeat("<p>some words", 3<<20))}
	if _, err := e.Extract(context.Background(), in); !errors.Is(err, extract.ErrFailed) && !errors.Is(err, extract.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if doc, err := e.Extract(context.Background(), extract.Input{Name: "b.html", Bytes: []byte("<p>next")}); err != nil || doc.Text != "next" {
		t.Errorf("the document after it: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]extract.Config{"zero": {}, "both": {InProcess: true, Command: []string{"x"}}, "negative": {InProcess: true, MaxDepth: -1}} {
		if _, err := extract.New(c); err == nil {
			t.Errorf("%s settings were taken", name)
		}
	}
}
