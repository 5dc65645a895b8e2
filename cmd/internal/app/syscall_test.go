package app_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
)

// The calls on data files that are made to fail, and how.
var (
	writing = []string{"openat", "open", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "link", "linkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "mmap", "fchown"}
	reading = []string{"read", "pread64", "stat", "lstat", "fstat", "newfstatat", "unlink", "unlinkat", "fcntl", "flock", "close", "getdents64"}
)

// syscallFault is one fault at one call.
type syscallFault struct {
	call string
	kind string // EIO, ENOSPC or SIGKILL
	nth  int    // of its thread
}

func (f syscallFault) inject() string {
	if f.kind == "SIGKILL" {
		return fmt.Sprintf("inject=%s:signal=SIGKILL:when=%d", f.call, f.nth)
	}
	return fmt.Sprintf("inject=%s:error=%s:when=%d", f.call, f.kind, f.nth)
}

// TestSyscalls has each system call that an ingest makes on its data files fail
// with EIO or ENOSPC, or the process killed there (strace -e inject; the idea is
// Tessera's). Whatever happens, nothing acknowledged is lost, nothing unscanned
// is in the index, a failure is not taken for success, and the next run puts all
// in order. strace counts calls by thread, so that one run may fail the n-th
// call of several threads. DOORWARD_SYSCALLS=all tries each (`make syscalls`), a
// number tries so many at random.
func TestSyscalls(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not here: apt-get install strace")
	}
	base := newStore(t, 0)
	base.notes(t, map[string]string{"a": "one", "b": "two", "c": "three", "d": "four"}, "team")
	base.with(t, func(a *app.App) { base.ingest(t, a) })
	// Changed, attributes changed, gone, unchanged, new, and one nobody may read.
	changed := map[string]string{"a": "one, changed", "b": "two", "d": "four", "e": "five", "x": "held"}
	s := &syscalls{base: base, changed: changed}
	s.calm(t)
	faults := s.enumerate(t)
	total := len(faults)
	if all := os.Getenv("DOORWARD_SYSCALLS"); all != "all" {
		rand.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		faults = faults[:min(len(faults), number("DOORWARD_SYSCALLS", 3))]
	}
	t.Run("fault", func(t *testing.T) {
		for _, f := range faults {
			t.Run(fmt.Sprintf("%s %s %d", f.kind, f.call, f.nth), func(t *testing.T) {
				t.Parallel()
				s.try(t, f)
			})
		}
	})
	t.Logf("%d of %d faults at system calls tried; what the process did: %v", len(faults), total, s.outcomes)
}

// notes writes the corpus of a store made by newStore.
func (s *store) notes(t testing.TB, texts map[string]string, group string) {
	t.Helper()
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(texts)) {
		access := fmt.Sprintf(`{"groups": [%q]}`, group)
		switch id {
		case "x":
			access = `{}`
		case "b":
			access = fmt.Sprintf(`{"groups": [%q, %q]}`, group, texts["a"])
		}
		fmt.Fprintf(&b, "{\"id\": %q, \"title\": \"Note\", \"text\": %q, \"access\": %s}\n", id, texts[id]+": write to someone@example.com", access)
	}
	path := filepath.Join(s.dir, "notes.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(s.dir, "doorward.yaml")
	data, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(data), s.cfg.Sources[0].Path, path, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cfg.Sources[0].Path = path
}

// syscalls is the state of the test.
type syscalls struct {
	base    *store
	changed map[string]string
	want    []string // export of an undisturbed run
	files   []string // below the data directory

	mu       sync.Mutex
	outcomes map[string]int
}

// fresh is the base's data with the changed corpus, in a folder of its own.
func (s *syscalls) fresh(t testing.TB) *store {
	t.Helper()
	c := s.base.sibling(t)
	if err := os.RemoveAll(c.cfg.Data); err != nil {
		t.Fatal(err)
	}
	copyTree(t, s.base.cfg.Data, c.cfg.Data)
	c.notes(t, s.changed, "team")
	return c
}

func (s *syscalls) calm(t testing.TB) {
	t.Helper()
	c := s.fresh(t)
	if l := live(t, c.dir, c.names(), nil, nil, -1, nil); l.err != nil {
		t.Fatalf("%v\n%s", l.err, l.stderr)
	}
	err := filepath.WalkDir(c.cfg.Data, func(path string, _ fs.DirEntry, err error) error {
		name, _ := filepath.Rel(c.cfg.Data, path)
		s.files = append(s.files, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, db := range []string{"catalog.db", "index.db"} {
		s.files = append(s.files, db+"-wal", db+"-shm")
	}
	c.with(t, func(a *app.App) { s.want = export(t, a) })
	s.outcomes = map[string]int{}
}

// traced is the command line that runs a program under strace, which looks at
// calls on data files only.
func (s *syscalls) traced(c *store, out string, more ...string) []string {
	args := append([]string{"strace", "-f", "--seccomp-bpf", "-qq", "-o", out}, more...)
	for _, f := range s.files {
		args = append(args, "-P", filepath.Join(c.cfg.Data, f))
	}
	return args
}

var tracedCall = regexp.MustCompile(`^(\d+) +([a-z0-9]+)\(`)

// enumerate lists the calls an undisturbed run makes.
func (s *syscalls) enumerate(t testing.TB) (out []syscallFault) {
	t.Helper()
	c := s.fresh(t)
	trace := filepath.Join(t.TempDir(), "trace")
	all := strings.Join(append(slices.Clone(writing), reading...), ",")
	if l := live(t, c.dir, c.names(), nil, s.traced(c, trace, "-e", "trace="+all), -1, nil); l.err != nil {
		t.Skipf("strace does not work here: %v: %s", l.err, l.stderr)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	byThread, most := map[[2]string]int{}, map[string]int{}
	for in := bufio.NewScanner(f); in.Scan(); {
		if m := tracedCall.FindStringSubmatch(in.Text()); m != nil {
			k := [2]string{m[1], m[2]}
			byThread[k]++
			most[m[2]] = max(most[m[2]], byThread[k])
		}
	}
	for _, call := range slices.Sorted(maps.Keys(most)) {
		for n := 1; n <= most[call]+1; n++ { // threads share work differently each time
			kinds := []string{"EIO", "SIGKILL"}
			if slices.Contains(writing, call) {
				kinds = append(kinds, "ENOSPC")
			}
			for _, kind := range kinds {
				out = append(out, syscallFault{call, kind, n})
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("no system calls were seen")
	}
	return out
}

// limit is how long a process with a fault may take.
const limit = 2 * time.Minute

func (s *syscalls) try(t *testing.T, f syscallFault) {
	c := s.fresh(t)
	trace := filepath.Join(c.dir, "trace")
	started := time.Now()
	l := live(t, c.dir, c.names(), nil, s.traced(c, trace, "-e", "trace="+f.call, "-e", f.inject()), limit, nil)
	said, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	hit := strings.Contains(string(said), "INJECTED") || strings.Contains(string(said), "SIGKILL")
	outcome := "failed"
	switch {
	case time.Since(started) > limit:
		t.Errorf("the process hung")
	case !hit:
		outcome = "not reached"
	case f.kind == "SIGKILL":
		outcome = "killed"
	case l.err == nil:
		outcome = "went on"
	case l.stderr == "":
		t.Errorf("the process failed and did not say why")
	}
	s.mu.Lock()
	s.outcomes[outcome]++
	s.mu.Unlock()
	acked := map[string]string{}
	for _, a := range l.acks {
		acked[a[1]] = a[0]
	}
	look := c.look(t, nil)
	look.check(t, acked)
	look.close()
	a := c.open(t)
	defer a.Close()
	if err := a.Unfinished(); err != nil {
		t.Errorf("recovery: %v", err)
	}
	if r := inspect(t, a, false); len(r.Faults) > 0 {
		t.Errorf("after recovery: %+v", r.Faults)
	}
	if l.err == nil {
		sameExport(t, export(t, a), s.want) // a success must be one
	}
	c.ingest(t, a)
	sameExport(t, export(t, a), s.want)
	if t.Failed() {
		t.Logf("%s: %s, exit %v\n%s", f.inject(), outcome, l.err, l.stderr)
	}
}
