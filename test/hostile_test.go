package test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/api"
	pushclient "github.com/doorward/doorward/api/client"
	"github.com/doorward/doorward/ingest/extract/extracttest"
)

// Limits of the promise on hostile input: of the service, and of each child that
// reads a document. That a child is stopped after 20 s is its own tests' business.
const (
	serviceMiB   = 512
	extractorMiB = 256
)

// sizeOf is the scale of hostile files: DOORWARD_HOSTILE=10 makes them as large
// as the limits let through (`make hostile`).
func sizeOf() int {
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_HOSTILE")); err == nil && n > 0 {
		return n
	}
	return 1
}

// smaller are reasons that are right, besides, for hostile files the program takes
// for something else: its limits are wider than those of the extractor's own test,
// and it judges what was read.
var smaller = map[string]string{"a million zip entries": ",unsupported", "one line": ",empty"}

// good is an honest document; n of them differ, in seven formats.
func good(t testing.TB, i int) (name string, data []byte) {
	word := fmt.Sprintf("honest%03d", i)
	f := formats()[i%len(formats())]
	return fmt.Sprintf("good-%03d-%s", i, f.name), f.bytes(word, "unseen"+strconv.Itoa(i))
}

// peaks are the largest resident sizes seen of a process and of its children.
type peaks struct {
	mu                sync.Mutex
	service, children int // KiB
	stop              func()
}

// watchMemory reads /proc every few milliseconds until stop is called.
func watchMemory(pid int) *peaks {
	ctx, cancel := context.WithCancel(context.Background())
	p, done := &peaks{}, make(chan struct{})
	p.stop = func() { cancel(); <-done }
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			p.look(pid)
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return p
}

func (p *peaks) look(pid int) {
	own := highWater(pid)
	most := 0
	var list []byte
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range tasks {
		more, _ := os.ReadFile(f)
		list = append(append(list, ' '), more...)
	}
	for _, id := range strings.Fields(string(list)) {
		// Between fork and exec a child is in its parent's memory.
		if args, _ := os.ReadFile("/proc/" + id + "/cmdline"); strings.Contains(string(args), "__extract") {
			child, _ := strconv.Atoi(id)
			most = max(most, highWater(child))
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.service, p.children = max(p.service, own), max(p.children, most)
}

// mib are the peaks so far, in MiB.
func (p *peaks) mib() (service, children int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.service >> 10, p.children >> 10
}

// highWater is a process's largest resident size in KiB, from its status.
func highWater(pid int) int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if _, rest, ok := strings.Cut(string(data), "VmHWM:"); ok {
		n, _ := strconv.Atoi(strings.Fields(rest)[0])
		return n
	}
	return 0
}

// TestHostileFolder takes in a folder in which hostile files lie between a hundred
// good ones: every good one is indexed, every hostile one is held for a reason
// that is right for it, and neither the program nor the children that read the
// documents take more memory than they may. Besides the files of package
// extracttest there are those that only a folder can hold: a pipe, links to
// elsewhere and in a circle, ten gigabytes of nothing, a file that grows.
func TestHostileFolder(t *testing.T) {
	if testing.Short() {
		t.Skip("reads hostile files in child processes")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(leakConfig+"policy: {dir: policy}\nextract: {timeout: 20s}\n"))
	copyTree(t, filepath.Join("enterprise", "ingestall"), filepath.Join(dir, "policy"))
	must(t, dir, "keys", "init")
	docs := filepath.Join(dir, "documents")
	want := map[string]string{}
	for i := range 100 {
		name, data := good(t, i)
		write(t, filepath.Join(docs, name), data)
		want[name] = ""
	}
	for i, h := range extracttest.Hostile {
		name := fmt.Sprintf("good-%03d-then-%s%s", 2*i, strings.ReplaceAll(h.Name, " ", "-"), filepath.Ext(h.File)) // between good ones
		write(t, filepath.Join(docs, name), h.Make(t, sizeOf()))
		want[name] = h.Reasons + smaller[h.Name]
	}
	folderOnly(t, docs, want)
	stop := grow(t, filepath.Join(docs, "good-050-then-growing.txt"))
	defer stop()
	want["good-050-then-growing.txt"] = "unreadable,"

	cmd := exec.Command(doorward(t), "ingest", "--json")
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	started := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	memory := watchMemory(cmd.Process.Pid)
	got := map[string]event{}
	for in := bufio.NewScanner(out); in.Scan(); {
		var e event
		if json.Unmarshal(in.Bytes(), &e) == nil && e.Document != "" {
			got[e.Document] = e
		}
	}
	err = cmd.Wait()
	memory.stop()
	var code *exec.ExitError
	if !errors.As(err, &code) || code.ExitCode() != 5 && code.ExitCode() != 1 {
		t.Fatalf("ingest: %v\n%s", err, errs.String())
	}
	took := time.Since(started)
	indexed := judged(t, want, got)
	service, children := memory.mib()
	t.Logf("%d hostile files among 100 good ones in %.0f s: %d good indexed; the program took %d MiB at most, the largest child %d MiB",
		len(want)-100, took.Seconds(), indexed, service, children)
	bounded(t, service, children)
	must(t, dir, "fsck", "--deep")
}

// event is a line of `ingest --json`.
type event struct {
	Document string         `json:"document"`
	Outcome  string         `json:"outcome"`
	Reasons  []string       `json:"reasons"`
	Findings map[string]int `json:"findings"`
	Kinds    map[string]int `json:"kinds"`
	Error    string         `json:"error"`
}

// judged holds outcomes against what is right and prints a line for each hostile
// file. It returns how many good documents were indexed.
func judged(t *testing.T, want map[string]string, got map[string]event) (indexed int) {
	t.Helper()
	var names []string
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e, ok := got[name]
		reason := ""
		if len(e.Reasons) > 0 {
			reason = e.Reasons[0]
		}
		switch {
		case !ok:
			t.Errorf("%s: nothing was said of it", name)
		case want[name] == "" && !strings.Contains(name, "-then-"):
			if e.Outcome != "indexed" {
				t.Errorf("%s: a good document is %s %v", name, e.Outcome, e.Reasons)
				continue
			}
			indexed++
		default:
			right(t, name, e.Outcome, reason, want[name])
			t.Logf("%-44s %-12s %s", name, e.Outcome, reason)
		}
	}
	return indexed
}

// right: a hostile file was refused for one of the reasons that are right for it,
// or taken in where that is among them.
func right(t *testing.T, name, outcome, reason, reasons string) {
	t.Helper()
	word := strings.TrimPrefix(reason, "extract:")
	if outcome == "indexed" {
		word = ""
	}
	if (outcome == "quarantined" || outcome == "failed") && word == "" {
		t.Errorf("%s: %s without a reason", name, outcome)
	}
	if !slices.Contains(strings.Split(reasons, ","), word) {
		t.Errorf("%s: %s %q, want one of %q", name, outcome, reason, reasons)
	}
}

func bounded(t *testing.T, service, children int) {
	t.Helper()
	if service == 0 || children == 0 {
		t.Error("the memory was not measured")
	}
	if service > serviceMiB {
		t.Errorf("the program took %d MiB, the limit is %d", service, serviceMiB)
	}
	if children > extractorMiB {
		t.Errorf("a child took %d MiB, the limit is %d", children, extractorMiB)
	}
}

// folderOnly makes what a folder alone can hold.
func folderOnly(t *testing.T, docs string, want map[string]string) {
	t.Helper()
	make := func(name, reasons string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want[name] = reasons
	}
	at := func(name string) string { return filepath.Join(docs, name) }
	make("good-040-then-pipe.txt", "not_regular", syscall.Mkfifo(at("good-040-then-pipe.txt"), 0o600))
	make("good-041-then-link.txt", "not_regular", os.Symlink("/etc/hostname", at("good-041-then-link.txt")))
	make("good-042-then-circle.txt", "unreadable", os.Symlink("good-042-then-circle.txt", at("good-042-then-circle.txt")))
	make("good-043-then-device.txt", "not_regular", os.Symlink("/dev/zero", at("good-043-then-device.txt")))
	f, err := os.Create(at("good-044-then-endless.txt"))
	if err == nil {
		err = errors.Join(f.Truncate(10<<30), f.Close())
	}
	make("good-044-then-endless.txt", "too_large", err)
}

// grow writes to a file for as long as the test runs.
func grow(t *testing.T, path string) (stop func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer f.Close()
		for ctx.Err() == nil {
			f.WriteString("more and more words\n")
			time.Sleep(time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}

// refusals are answers to a push that is no document, too large or empty, or was not
// judged in time for its answer; such a one is judged later.
var refusals = []string{strconv.Itoa(http.StatusRequestEntityTooLarge), strconv.Itoa(http.StatusUnprocessableEntity), strconv.Itoa(http.StatusGatewayTimeout)}

const hostileConfig = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "127.0.0.1:0"}
quota: {state: off}
policy: {dir: policy}
sources:
  - name: inbox
    type: push
    mapping: [{match: "**", set: {groups: [staff]}}]
`

// TestHostilePushes sends hostile files to a running service, a good one after
// each, while somebody asks questions. Each answer comes in time, the service
// stays the same process, and its memory and its children's stay bounded.
// DOORWARD_HOSTILE runs it (`make hostile`).
func TestHostilePushes(t *testing.T) {
	if os.Getenv("DOORWARD_HOSTILE") == "" {
		t.Skip("a campaign: set DOORWARD_HOSTILE to a scale of files, or `make hostile`")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(hostileConfig))
	copyTree(t, filepath.Join("enterprise", "ingestall"), filepath.Join(dir, "policy"))
	must(t, dir, "keys", "init")
	key := register(t, dir, "sync", "--scope", "ingest", "--source", "inbox").key
	ask := register(t, dir, "chat")
	var stop func()
	ask.url, stop = serve(t, dir)
	pid := owner(t, dir)
	memory := watchMemory(pid)
	push, err := pushclient.New(pushclient.Config{URL: ask.url, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	put := func(id, name string, data []byte) (event, time.Duration) {
		began := time.Now()
		r, err := push.PutDocument(t.Context(), id, pushclient.Document{Content: base64.StdEncoding.EncodeToString(data), Name: name}, pushclient.PushOptions{})
		var no *pushclient.Problem
		if errors.As(err, &no) { // refused before it is a document
			r = pushclient.Result{Outcome: "refused", Reasons: []string{strconv.Itoa(no.Status)}}
		} else if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		return event{Document: id, Outcome: r.Outcome, Reasons: r.Reasons}, time.Since(began)
	}
	slowest := time.Duration(0)
	t.Logf("%-44s %-12s %-24s %8s %s", "file", "outcome", "reason", "seconds", "largest child so far")
	for i, h := range extracttest.Hostile {
		e, took := put("hostile-"+strconv.Itoa(i), h.File, h.Make(t, sizeOf()))
		reason := strings.Join(e.Reasons, " ")
		if e.Outcome != "refused" || !slices.Contains(refusals, reason) {
			right(t, h.Name, e.Outcome, reason, h.Reasons+smaller[h.Name])
		}
		slowest = max(slowest, took)
		_, child := memory.mib()
		t.Logf("%-44s %-12s %-24s %8.2f %d MiB", h.Name, e.Outcome, reason, took.Seconds(), child)
		name, data := good(t, i)
		if e, _ := put(name, name, data); e.Outcome != "indexed" {
			t.Errorf("the good document after %s is %s %v", h.Name, e.Outcome, e.Reasons)
		}
		word := fmt.Sprintf("honest%03d", i)
		if r := ask.retrieve(t, ann, api.RetrieveRequest{Question: word, TopK: 3}); len(r.Passages) == 0 || !strings.Contains(r.Passages[0].Text, word) {
			t.Errorf("after %s a good document is not found", h.Name)
		}
	}
	memory.stop()
	service, children := memory.mib()
	if now := owner(t, dir); now != pid || highWater(pid) == 0 {
		t.Errorf("the service was process %d and is %d", pid, now)
	}
	t.Logf("%d hostile files pushed, a good one after each: the service took %d MiB at most, the largest child %d MiB, the slowest answer %.1f s; no restart", len(extracttest.Hostile), service, children, slowest.Seconds())
	bounded(t, service, children)
	stop()
	must(t, dir, "fsck", "--deep")
}

// owner is the process that holds a data directory's lock.
func owner(t *testing.T, dir string) int {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "data", "LOCK"))
	if err != nil {
		t.Fatal(err)
	}
	inode := strconv.FormatUint(info.Sys().(*syscall.Stat_t).Ino, 10)
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(locks)) {
		if f := strings.Fields(line); len(f) > 5 && f[1] == "FLOCK" && strings.HasSuffix(f[5], ":"+inode) {
			pid, _ := strconv.Atoi(f[4])
			return pid
		}
	}
	t.Fatal("nobody holds the data directory's lock")
	return 0
}
