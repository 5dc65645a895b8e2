package secret

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// corpus reads up to megabytes of real documents from this machine: prose,
// change logs, source and configuration of the module cache, and /usr/share/doc.
// Every stride-th file is taken.
func corpus(t testing.TB, megabytes int) []string {
	t.Helper()
	if v := os.Getenv("DOORWARD_CORPUS_MB"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		megabytes = n
	}
	left := megabytes << 20
	var docs []string
	home, _ := os.UserHomeDir()
	for _, c := range []struct {
		root   string
		stride int
	}{{filepath.Join(home, "go", "pkg", "mod"), 37}, {"/usr/share/doc", 5}} {
		n := 0
		filepath.WalkDir(c.root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || left <= 0 || d.IsDir() || !wanted(path) {
				return nil
			}
			if n++; n%c.stride != 0 && megabytes < 30 {
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil || len(b) > 1<<20 || len(b) == 0 || !utf8.Valid(b) {
				return nil
			}
			docs, left = append(docs, string(b)), left-len(b)
			return nil
		})
	}
	if len(docs) == 0 {
		t.Skip("no documents in the module cache or /usr/share/doc")
	}
	return docs
}

func wanted(path string) bool {
	if strings.HasPrefix(path, "/usr/share/doc") {
		return !strings.HasSuffix(path, ".gz")
	}
	switch filepath.Ext(path) {
	case ".md", ".go", ".yaml", ".yml", ".json", ".txt", ".toml", ".rst":
		return true
	}
	return false
}
