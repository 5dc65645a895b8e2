package tlog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/audit"
)

// TestExportReachesTheSink: every entry arrives at a server that fails now and
// then, in order, at least once, and goes on where it stopped after a restart.
func TestExportReachesTheSink(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	var mu sync.Mutex
	var calls int
	seen := map[uint64]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls%3 == 1 || r.Header.Get("Authorization") != "Bearer word" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		for s := bufio.NewScanner(r.Body); s.Scan(); {
			var n audit.Numbered
			if err := json.Unmarshal(s.Bytes(), &n); err != nil {
				t.Error(err)
			}
			seen[n.Index]++
		}
	}))
	defer server.Close()
	sink, err := OpenSink(server.URL, "word")
	if err != nil {
		t.Fatal(err)
	}
	cursor := filepath.Join(f.Dir, CursorName(server.URL))
	for round := range 3 {
		fill(t, l, round*1500, 1500)
		published(t, l, uint64(round*1500+1499))
		x := NewExporter(ExportConfig{Reader: l.Reader(), Sink: sink, Cursor: cursor})
		for range 5 {
			if _, err := x.Once(context.Background()); err == nil {
				break
			}
		}
	}
	for i := range uint64(4500) {
		if seen[i] == 0 {
			t.Fatalf("entry %d did not arrive", i)
		}
	}
}

func TestExportThatIsBehind(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	fill(t, l, 0, 3)
	published(t, l, 2)
	now := time.Unix(1_800_000_000, 0)
	x := NewExporter(ExportConfig{Reader: l.Reader(), Sink: fileSink(filepath.Join(t.TempDir(), "no", "such", "folder")), Now: func() time.Time { return now }})
	_, err := x.Once(context.Background())
	x.settled(err)
	if err == nil || x.Err() != nil {
		t.Fatalf("at once: %v, %v", err, x.Err())
	}
	now = now.Add(time.Minute)
	if err := x.Err(); !errors.Is(err, ErrBehind) {
		t.Errorf("a minute later: %v", err)
	}
	l.Required = []func() error{x.Err}
	if err := l.Append(context.Background(), entry(4)); !errors.Is(err, audit.ErrUnavailable) {
		t.Errorf("an append while a required export is behind: %v", err)
	}
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	x.Sink = fileSink(file)
	_, err = x.Once(context.Background())
	x.settled(err)
	if err := l.Append(context.Background(), entry(4)); err != nil {
		t.Error(err)
	}
	if data, _ := os.ReadFile(file); len(data) == 0 {
		t.Error("nothing was written")
	}
}
