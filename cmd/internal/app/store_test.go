package app_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "modernc.org/sqlite" // to look into, and to damage, what the program stores

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy/keys/local"
)

// scannersOf makes the detectors once for all tests that open parts in this
// process.
var scannersOf = sync.OnceValues(func() (*app.Scanners, error) { return app.OpenScanners(&configs.Config{}) })

// store is a data directory that this process opens itself.
type store struct {
	dir string
	cfg *configs.Config
}

// newStore makes a configuration, keys and a corpus of n made-up documents.
func newStore(t testing.TB, n int) *store {
	t.Helper()
	dir := t.TempDir()
	text := "data: " + dir + "/data\nkeys: " + dir + "/keys\ntenant: acme\nsources: [{name: notes, type: jsonl, path: " + corpus(t, n) + ", fields: {attributes: access}}]\n"
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := local.Create(filepath.Join(dir, "keys"), false); err != nil {
		t.Fatal(err)
	}
	return loadStore(t, dir)
}

// corpus writes n short records with access attributes and something to redact.
func corpus(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "corpus.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	words := strings.Fields("budget printer holiday contract invoice server meeting harbour forest engine bridge letter garden policy window")
	rng := rand.New(rand.NewPCG(7, 7))
	e := json.NewEncoder(f)
	for i := range n {
		var text strings.Builder
		for range 40 + rng.IntN(100) {
			text.WriteString(words[rng.IntN(len(words))] + " ")
		}
		fmt.Fprintf(&text, "Write to person%d@example.com.", i)
		e.Encode(map[string]any{"id": fmt.Sprintf("doc-%d", i), "title": "Note", "text": text.String(),
			"access": map[string]any{"public": i%3 == 0, "groups": []string{fmt.Sprintf("team-%d", i%7)}}})
	}
	return path
}

func loadStore(t testing.TB, dir string) *store {
	t.Helper()
	cfg, err := configs.Load(filepath.Join(dir, "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return &store{dir, cfg}
}

// copied is the same data and configuration elsewhere.
func (s *store) copied(t testing.TB) *store {
	t.Helper()
	dir := t.TempDir()
	cfg := *s.cfg
	cfg.Data = filepath.Join(dir, "data")
	copyTree(t, s.cfg.Data, cfg.Data)
	return &store{dir, &cfg}
}

// open opens the parts; close them with Close.
func (s *store) open(t testing.TB) *app.App {
	t.Helper()
	scanners, err := scannersOf()
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), s.cfg, app.Options{Scanners: scanners, Unfinished: true})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// with opens the parts for fn.
func (s *store) with(t testing.TB, fn func(a *app.App)) {
	t.Helper()
	a := s.open(t)
	defer a.Close()
	fn(a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}

// ingest takes in every configured source.
func (s *store) ingest(t testing.TB, a *app.App) ingest.Report {
	t.Helper()
	var last ingest.Report
	for _, c := range s.cfg.Sources {
		var err error
		if last, err = a.Ingest(t.Context(), c, ingest.Options{Prune: true}); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// inspect inspects in depth.
func inspect(t testing.TB, a *app.App, repair bool) ingest.Inspected {
	t.Helper()
	out, err := a.Inspect(t.Context(), ingest.Inspection{Deep: true, Repair: repair})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// db opens one of the store's files to look into it or to damage it.
func (s *store) db(t testing.TB, file string, readOnly bool) *sql.DB {
	t.Helper()
	mode := ""
	if readOnly {
		mode = "?mode=ro&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.cfg.Data, file)+mode)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
