package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilledIngest kills an ingest at random moments, starts it again, and in
// the end compares catalog and index with those of an ingest nobody disturbed.
// DOORWARD_KILLS=50 with the labelled data present runs it on the whole
// enterprise corpus (`make kill`); otherwise it kills a few times over a small
// made-up one.
func TestKilledIngest(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("DOORWARD_KILLS"))
	var corpus string
	if kills > 0 {
		corpus = filepath.Join(dataDir(t, "retrieval", "enterprisebench_acl"), "corpus.jsonl.gz")
	} else {
		kills, corpus = 4, madeUpCorpus(t, 900)
	}
	calm := t.TempDir()
	enterpriseConfig(t, calm, corpus, "doorward.yaml", "policy")
	must(t, calm, "keys", "init")
	started := time.Now()
	must(t, calm, "ingest")
	undisturbed := time.Since(started)
	want := export(t, calm)

	// The same keys, so that keyed hashes are the same.
	rough := t.TempDir()
	enterpriseConfig(t, rough, corpus, "doorward.yaml", "policy")
	copyTree(t, filepath.Join(calm, "keys"), filepath.Join(rough, "keys"))
	copyTree(t, filepath.Join(calm, "data", "keys"), filepath.Join(rough, "data", "keys"))

	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	killed := 0
	for range kills {
		cmd := exec.Command(doorward(t), "ingest")
		cmd.Dir = rough
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		// Early kills get the run nowhere; spread them over what a run takes.
		wait := 300*time.Millisecond + time.Duration(rng.Float64()*float64(undisturbed)*2/float64(kills)*3)
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("seed %d: ingest ended by itself: %v", seed, err)
			}
			// Finished: start over from nothing but the keys.
			for _, f := range []string{"catalog.db", "catalog.db-wal", "catalog.db-shm", "index.db", "index.db-wal", "index.db-shm", "index.db.lock"} {
				os.Remove(filepath.Join(rough, "data", f))
			}
		case <-time.After(wait):
			cmd.Process.Kill()
			<-done
			killed++
		}
	}
	must(t, rough, "ingest")
	got := export(t, rough)
	if !bytes.Equal(got, want) {
		t.Errorf("seed %d: after %d kills the export differs: %s", seed, killed, firstDifference(got, want))
	}
	t.Logf("%d kills, %d lines of export equal to an undisturbed run's; audit log: %s", killed, bytes.Count(got, []byte("\n")), strings.TrimSpace(must(t, rough, "audit", "verify")))
}

// export is catalog and index as sorted lines, after fsck found nothing wrong.
func export(t *testing.T, dir string) []byte {
	t.Helper()
	path := filepath.Join(dir, "export.jsonl")
	must(t, dir, "fsck", "--export", path)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	os.Chmod(filepath.Dir(to), 0o700)
}

// madeUpCorpus writes n short records with access attributes.
func madeUpCorpus(t *testing.T, n int) string {
	t.Helper()
	return corpusOf(t, n, 60)
}

// corpusOf is madeUpCorpus with documents of least words and up to 200 more.
func corpusOf(t *testing.T, n, least int) string {
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
		for range least + rng.IntN(200) {
			text.WriteString(words[rng.IntN(len(words))] + " ")
		}
		fmt.Fprintf(&text, "Write to person%d@example.com.", i)
		e.Encode(map[string]any{"_id": fmt.Sprintf("doc-%d", i), "title": "Note", "text": text.String(),
			"metadata": map[string]any{"acl": map[string]any{"public": i%3 == 0, "users": []string{fmt.Sprintf("emp_%d", i%7)}, "departments": []string{"HR"}}}})
	}
	return path
}
