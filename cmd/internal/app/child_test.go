package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/ingest/extract"
)

// The fault tests need a process to kill. This test binary is one: with
// childStore set it makes its scanners, says that it is ready, and waits for a line
// on standard input, the sources to take in. Then it opens the parts over that
// folder, as the program does, takes the sources in and says on standard output
// what it acknowledges. Scanners touch no data and take most of the time; so a
// campaign has the next process make them while the one before is being killed.
const (
	childStore   = "DOORWARD_CHILD_STORE"   // folder with doorward.yaml
	childWriters = "DOORWARD_CHILD_WRITERS" // that many at once, each over all of it in an order of its own
	childWorks   = "DOORWARD_CHILD_WORKS"   // read no source: work on the queue
	childTells   = "DOORWARD_CHILD_TELLS"   // have its system calls announced; each line is a folder, of which it takes in all sources
)

// announceCalls has this process's system calls announced where that is possible.
var announceCalls = func() (int, error) { return 0, errors.New("not on this system") }

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == app.ExtractCommand {
		extract.Main()
		return
	}
	if dir := os.Getenv(childStore); dir != "" {
		if err := child(context.Background(), dir); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(postgrestest.Main(m))
}

func child(ctx context.Context, dir string) (err error) {
	cfg, err := configs.Load(filepath.Join(dir, "doorward.yaml"))
	if err != nil {
		return err
	}
	scanners, err := app.OpenScanners(cfg)
	if err != nil {
		return err
	}
	announced := ""
	if os.Getenv(childTells) != "" {
		fd, err := announceCalls()
		if err != nil {
			return fmt.Errorf("announcing system calls: %w", err)
		}
		announced = strconv.Itoa(fd)
	}
	say("ready", "", announced)
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadString('\n')
	if err != nil { // it is not needed
		return nil
	}
	if announced == "" {
		return takeInto(ctx, cfg, scanners, strings.Split(strings.TrimSpace(line), ","))
	}
	for err == nil { // a folder each
		if cfg, err = configs.Load(filepath.Join(strings.TrimSpace(line), "doorward.yaml")); err != nil {
			return err
		}
		if err := takeInto(ctx, cfg, scanners, namesOf(cfg)); err != nil {
			say("end", "failed", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			say("end", "well", "")
		}
		line, err = in.ReadString('\n')
	}
	return nil
}

func namesOf(cfg *configs.Config) (out []string) {
	for _, c := range cfg.Sources {
		out = append(out, c.Name)
	}
	return out
}

// takeInto opens the parts over a folder and takes sources in.
func takeInto(ctx context.Context, cfg *configs.Config, scanners *app.Scanners, names []string) (err error) {
	a, err := app.Open(ctx, cfg, app.Options{Scanners: scanners})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if word := os.Getenv(childDies); word != "" {
		a.Pipeline.Config.Extractor = deadly{a.Pipeline.Config.Extractor, []byte(word)}
	}
	say("open", "", "")
	if os.Getenv(childWorks) != "" {
		return a.Work(ctx)
	}
	writers, _ := strconv.Atoi(os.Getenv(childWriters))
	if writers == 0 {
		return takeIn(ctx, a, cfg, names, nil)
	}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			errs[i] = takeIn(ctx, a, cfg, slices.Clone(names), rand.New(rand.NewPCG(uint64(i), rand.Uint64())))
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

var said sync.Mutex

func say(what, outcome, id string) {
	said.Lock()
	defer said.Unlock()
	os.Stdout.WriteString(what + " " + outcome + " " + id + "\n")
}

func takeIn(ctx context.Context, a *app.App, cfg *configs.Config, names []string, shuffle *rand.Rand) error {
	if shuffle != nil {
		shuffle.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	}
	for _, name := range names {
		for _, s := range cfg.Sources {
			if s.Name != name {
				continue
			}
			o := ingest.Options{Prune: shuffle == nil, Progress: func(e ingest.Event) { say("ack", string(e.Outcome), e.ID) }}
			err := takeOne(ctx, a, s, o, shuffle)
			if err != nil {
				return err
			}
			say("source", "done", name)
		}
	}
	return nil
}

func takeOne(ctx context.Context, a *app.App, s configs.Source, o ingest.Options, shuffle *rand.Rand) error {
	if shuffle == nil {
		_, err := a.Ingest(ctx, s, o)
		return err
	}
	src, err := app.OpenSource(ctx, s)
	if err != nil {
		return err
	}
	defer src.Close()
	o.Tenant, o.Settings = a.Config.Tenant, app.SourceSettings(s)
	_, err = a.Pipeline.Run(ctx, shuffled{src.Source, shuffle}, o)
	return err
}

// shuffled is a source in another order.
type shuffled struct {
	ingest.Source
	by *rand.Rand
}

func (s shuffled) Walk(ctx context.Context, fn func(ingest.Item) error) error {
	var items []ingest.Item
	if err := s.Source.Walk(ctx, func(it ingest.Item) error { items = append(items, it); return nil }); err != nil {
		return err
	}
	s.by.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	for _, it := range items {
		if err := fn(it); err != nil {
			return err
		}
	}
	return nil
}

// life is one run of a child process.
type life struct {
	acks    [][2]string // outcome and document, in order
	sources []string    // taken in completely
	opened  bool
	err     error // of the process; nil: it ended well
	stderr  string
	killed  bool
	took    time.Duration // from start to being open
	hung    atomic.Bool   // it took too long
}

// process is a child that waits for its sources.
type process struct {
	dir    string
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	stderr strings.Builder
	end    func()

	isReady bool
	said    string // with being ready
}

// prepare starts a child over dir.
func prepare(t testing.TB, dir string, env []string) *process {
	t.Helper()
	p := &process{dir: dir, cmd: exec.Command(os.Args[0])}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.end = func() { p.cmd.Process.Kill() }
	p.cmd.Env = append(append(os.Environ(), childStore+"="+dir, "GOGC=400"), env...)
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		p.in, err = p.cmd.StdinPipe()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.out = bufio.NewScanner(out)
	p.cmd.Stderr = &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// ready waits until the child is, and returns what it said with that.
func (p *process) ready() string {
	for !p.isReady && p.out.Scan() {
		if rest, ok := strings.CutPrefix(p.out.Text(), "ready "); ok {
			p.isReady, p.said = true, strings.TrimSpace(rest)
		}
	}
	return p.said
}

// discard ends a child that is not needed.
func (p *process) discard() {
	p.in.Close()
	p.end()
	p.cmd.Wait()
}

// live has a child take sources in and reads what it acknowledges, until it ends,
// or ctx does, or kill says so: it is called when the child says something, and
// returns how long it may still live; a negative time is no limit. first is how
// long it may live at all.
func (p *process) live(ctx context.Context, t testing.TB, sources []string, first time.Duration, kill func(said string) time.Duration) *life {
	t.Helper()
	p.ready()
	acks, err := os.OpenFile(filepath.Join(p.dir, "acknowledged"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer acks.Close()
	l := &life{}
	started := time.Now()
	timer := time.AfterFunc(time.Hour, p.end)
	defer timer.Stop()
	defer context.AfterFunc(ctx, p.end)()
	limit := func(d time.Duration) {
		if d >= 0 {
			timer.Reset(d)
			l.killed = true
		}
	}
	limit(first)
	io.WriteString(p.in, strings.Join(sources, ",")+"\n") // one that is gone shows below
	for p.out.Scan() {
		part := strings.SplitN(p.out.Text(), " ", 3)
		if len(part) < 3 {
			continue // cut off by the kill
		}
		switch part[0] {
		case "open":
			l.opened, l.took = true, time.Since(started)
		case "source":
			l.sources = append(l.sources, part[2])
		case "ack":
			l.acks = append(l.acks, [2]string{part[1], part[2]})
			fmt.Fprintln(acks, p.out.Text())
		}
		if kill != nil && !l.killed {
			limit(kill(part[0]))
		}
	}
	if err := acks.Sync(); err != nil {
		t.Fatal(err)
	}
	l.err = p.cmd.Wait()
	p.in.Close()
	l.stderr = p.stderr.String()
	l.killed = l.killed && l.err != nil
	return l
}

// live is one life of a child.
func live(t testing.TB, dir string, sources, env []string, first time.Duration, kill func(said string) time.Duration) *life {
	t.Helper()
	return prepare(t, dir, env).live(t.Context(), t, sources, first, kill)
}
