package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// qdrantServer starts the server at DOORWARD_TEST_QDRANT_BIN, whose files the test
// can read, or skips.
func qdrantServer(t *testing.T) (address, files string) {
	t.Helper()
	bin := os.Getenv("DOORWARD_TEST_QDRANT_BIN")
	if bin == "" {
		t.Skip("set DOORWARD_TEST_QDRANT_BIN to a qdrant executable (the image qdrant/qdrant holds one) to look into its files after an erasure")
	}
	files = t.TempDir()
	ports := [2]string{}
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
		l.Close()
	}
	cmd := exec.Command(bin, "--disable-telemetry")
	cmd.Dir = files
	cmd.Env = append(os.Environ(), "QDRANT__SERVICE__HOST=127.0.0.1", "QDRANT__SERVICE__HTTP_PORT="+ports[0], "QDRANT__SERVICE__GRPC_PORT="+ports[1], "QDRANT__LOG_LEVEL=WARN",
		"QDRANT__STORAGE__STORAGE_PATH="+filepath.Join(files, "storage"), "QDRANT__STORAGE__SNAPSHOTS_PATH="+filepath.Join(files, "snapshots"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if r, err := http.Get("http://127.0.0.1:" + ports[0] + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return "127.0.0.1:" + ports[1], files
			}
		}
	}
	t.Fatal("the server did not become ready")
	return "", ""
}

// segments counts the files of Qdrant's segments that hold one of the patterns.
func segments(t *testing.T, files string, patterns [][]byte) int {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(files, "storage", "collections", "*", "*", "segments"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no segments below the server's folder: %v", err)
	}
	n := 0
	for _, dir := range dirs {
		n += onDisk(t, dir, patterns)
	}
	return n
}

// TestErasedFromQdrant erases a person's hundred documents where the index is a
// real Qdrant. From the answer on nothing finds them. Their text was never there;
// their vectors leave the segments when Qdrant has vacuumed them. Its log of
// changes, which only the server turns over, is counted apart.
func TestErasedFromQdrant(t *testing.T) {
	address, files := qdrantServer(t)
	a, data := erasureService(t, func(c *configs.Config) {
		c.Index.Type, c.Index.Qdrant.Address, c.Index.Qdrant.Collection, c.Index.Qdrant.Create = "qdrant", address, "doorward", true
	})
	texts, vectors := patterns()
	texts = texts[:3]
	named := append(vectors[:3], []byte("ann-0")) // the files are large
	held := 0
	for began := time.Now(); held == 0 && time.Since(began) < 30*time.Second; time.Sleep(200 * time.Millisecond) {
		held = segments(t, files, named) // Qdrant writes them a little later
	}
	before := 0
	for i := range 100 {
		p, h := probe(t, a, i)
		before += min(p, h)
	}
	if before < 100 || held == 0 {
		t.Fatalf("the probes find %d passages before, %d files of segments name them: the test looks in the wrong place", before, held)
	}
	e, err := a.Eraser.Erase(context.Background(), ingest.ErasureRequest{Tenant: "default", Scope: catalog.BySubject, Target: "ann", Reason: "she asked", By: "os:test", Key: "once"})
	if err != nil {
		t.Fatal(err)
	}
	passages, hits := 0, 0
	for i := range 100 {
		p, h := probe(t, a, i)
		passages, hits = passages+p, hits+h
	}
	inText := onDisk(t, data, texts) + onDisk(t, files, texts)
	left, began := segments(t, files, named), time.Now()
	for left > 0 && time.Since(began) < 90*time.Second {
		time.Sleep(time.Second)
		left = segments(t, files, named)
	}
	t.Logf("after erasing 100 documents: 100 probes find %d passages and %d points; %d files hold their text; %d files of segments (%d before) hold their names or vectors after %s, %d files of all (Qdrant's log of changes among them)",
		passages, hits, inText, left, held, time.Since(began).Round(time.Second), onDisk(t, files, named))
	if passages+hits+inText+left > 0 {
		t.Error("something is left")
	}
	if len(e.Receipt) == 0 {
		t.Error("no receipt")
	}
}
