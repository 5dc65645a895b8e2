//go:build linux && amd64

package app_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
)

// syscallFault is one fault at one call.
type syscallFault struct {
	call string
	kind string // EIO, ENOSPC or SIGKILL
	nth  int    // of the process
	rare bool   // not every run makes so many
}

// TestSyscalls has each system call that an ingest makes on its data files fail
// with EIO or ENOSPC, or the process killed there (the idea is Tessera's). Whatever
// happens, nothing acknowledged is lost, nothing unscanned is in the index, a
// failure is not taken for success, and the next run puts all in order. Calls are
// counted over all threads; how many of a kind a run makes differs a little from
// run to run, so a fault at one of the last may not come about and is tried again.
// DOORWARD_SYSCALLS=all tries each (`make syscalls`), a number so many at random;
// DOORWARD_SYSCALLS_PART=k/n tries the k-th of n parts, calls that write first.
func TestSyscalls(t *testing.T) {
	base := newStore(t, 0)
	base.notes(t, map[string]string{"a": "one", "b": "two", "c": "three", "d": "four"}, "team")
	base.with(t, func(a *app.App) { base.ingest(t, a) })
	// Changed, attributes changed, gone, unchanged, new, and one nobody may read.
	changed := map[string]string{"a": "one, changed", "b": "two", "d": "four", "e": "five", "x": "held"}
	s := &syscalls{base: base, changed: changed, outcomes: map[string]int{}, reached: map[string]int{}, tried: map[string]int{}, files: map[string]int{}, idle: make(chan *subject, 2)}
	defer s.end()
	s.calm(t)
	faults := s.enumerate(t)
	total := len(faults)
	var k, n int
	if _, err := fmt.Sscanf(os.Getenv("DOORWARD_SYSCALLS_PART"), "%d/%d", &k, &n); err == nil && n > 0 {
		faults = faults[(k-1)*len(faults)/n : k*len(faults)/n]
	}
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
	for _, name := range slices.Sorted(maps.Keys(s.tried)) {
		t.Logf("%-20s %4d tried, %4d came about", name, s.tried[name], s.reached[name])
	}
	t.Logf("files hit: %v", s.files)
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

	idle chan *subject

	mu             sync.Mutex
	outcomes       map[string]int
	tried, reached map[string]int // by call and kind
	files          map[string]int // that were hit
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
	if l := live(t, c.dir, c.names(), nil, -1, nil); l.err != nil {
		t.Fatalf("%v\n%s", l.err, l.stderr)
	}
	c.with(t, func(a *app.App) { s.want = export(t, a) })
}

// subject is a process that takes folders in, one after the other, and is heard.
// Making one's scanners takes longer than all the rest.
type subject struct {
	*process
	*listener
}

func (s *syscalls) subject(t testing.TB) *subject {
	t.Helper()
	select {
	case u := <-s.idle:
		return u
	default:
	}
	p := prepare(t, s.base.dir, []string{childTells + "=1"})
	return &subject{p, listen(t, p)}
}

// disturbed is one run of the program with a fault. A process that could be used
// once more is kept; one that is killed, hangs or keeps files open ends, as the
// program would.
func (s *syscalls) disturbed(t testing.TB, c *store, f *syscallFault) (l *life, calls map[string]int, hit string) {
	t.Helper()
	u := s.subject(t)
	u.watch(c.cfg.Data, f)
	l, alive := u.once(c.dir)
	calls, hit = u.heard()
	if alive && !u.holds(c.cfg.Data) {
		u.watch("", nil)
		select {
		case s.idle <- u:
			return l, calls, hit
		default:
		}
	}
	u.discard()
	<-u.done
	if !alive { // it ended by itself, or was killed
		l.stderr = strings.TrimSpace(u.stderr.String())
	}
	return l, calls, hit
}

// end ends the processes that wait.
func (s *syscalls) end() {
	for {
		select {
		case u := <-s.idle:
			u.discard()
			<-u.done
		default:
			return
		}
	}
}

var errEnded = errors.New("the process ended")

// once has the process take a folder in. alive: it could take in another.
func (u *subject) once(dir string) (l *life, alive bool) {
	l = &life{}
	timer := time.AfterFunc(limit, func() { l.hung.Store(true); u.end() })
	defer timer.Stop()
	io.WriteString(u.in, dir+"\n")
	for u.out.Scan() {
		part := strings.SplitN(u.out.Text(), " ", 3)
		if len(part) < 3 {
			continue // cut off by the kill
		}
		switch part[0] {
		case "ack":
			l.acks = append(l.acks, [2]string{part[1], part[2]})
		case "end":
			if l.stderr = part[2]; part[1] != "well" {
				l.err = errors.New(l.stderr)
			}
			return l, true
		}
	}
	l.err = errEnded
	return l, false
}

// enumerate lists the calls an undisturbed run makes: the most of three; those that
// not all three made are rare.
func (s *syscalls) enumerate(t testing.TB) (out []syscallFault) {
	t.Helper()
	most, least := map[string]int{}, map[string]int{}
	for i := range 3 {
		l, calls, _ := s.disturbed(t, s.fresh(t), nil)
		if l.err != nil {
			t.Fatal(l.err)
		}
		for call, n := range calls {
			most[call] = max(most[call], n)
			if i == 0 {
				least[call] = n
			}
		}
		for call := range least {
			least[call] = min(least[call], calls[call])
		}
	}
	writes := map[string]bool{}
	for _, c := range fileCalls {
		writes[c.name] = c.writing
	}
	names := slices.Sorted(maps.Keys(most))
	slices.SortStableFunc(names, func(a, b string) int {
		if writes[a] == writes[b] {
			return 0
		} else if writes[a] {
			return -1
		}
		return 1
	})
	for _, call := range names {
		for n := 1; n <= most[call]; n++ {
			kinds := []string{"EIO", "SIGKILL"}
			if writes[call] {
				kinds = append(kinds, "ENOSPC")
			}
			for _, kind := range kinds {
				out = append(out, syscallFault{call, kind, n, n > least[call]})
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("no system calls were seen")
	}
	t.Logf("an undisturbed run makes these calls on its data files: %v at least, %v at most", least, most)
	return out
}

// limit is how long a process with a fault may take.
const limit = 2 * time.Minute

// try has a fault come about, in up to four runs; a rare one has one.
func (s *syscalls) try(t *testing.T, f syscallFault) {
	hit := s.tryOnce(t, f)
	for again := 1; hit == "" && again < 4 && !f.rare && !t.Failed(); again++ {
		hit = s.tryOnce(t, f)
	}
	name := f.call + " " + f.kind
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried[name]++
	if hit != "" {
		s.reached[name]++
		s.files[hit]++
	} else if f.rare {
		s.outcomes["rare, not reached"]++
	} else {
		s.outcomes["not reached"]++
	}
}

func (s *syscalls) tryOnce(t *testing.T, f syscallFault) (hit string) {
	c := s.fresh(t)
	defer os.RemoveAll(c.dir)
	l, _, hit := s.disturbed(t, c, &f)
	if hit == "" && l.err == nil {
		return "" // an undisturbed run
	}
	outcome := "failed"
	switch {
	case l.hung.Load():
		t.Errorf("the process hung")
	case f.kind == "SIGKILL":
		outcome = "killed"
	case l.err == nil:
		outcome = "went on"
	case errors.Is(l.err, errEnded):
		outcome = "crashed"
	}
	if (outcome == "failed" || outcome == "crashed") && l.stderr == "" {
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
		t.Logf("%s at call %d of %s on %s: %s, %v", f.kind, f.nth, f.call, hit, outcome, l.err)
	}
	return hit
}
