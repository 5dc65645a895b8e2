package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
// childStore set it opens the parts over that folder, as the program does, takes
// in the named sources and says on standard output what it acknowledges.
const (
	childStore   = "DOORWARD_CHILD_STORE"   // folder with doorward.yaml
	childSources = "DOORWARD_CHILD_SOURCES" // names, comma-separated
	childWriters = "DOORWARD_CHILD_WRITERS" // that many at once, each over all of it in an order of its own
	childWorks   = "DOORWARD_CHILD_WORKS"   // read no source: work on the queue
)

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
	a, err := app.Open(ctx, cfg, app.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	say("open", "", "")
	if os.Getenv(childWorks) != "" {
		return a.Work(ctx)
	}
	writers, _ := strconv.Atoi(os.Getenv(childWriters))
	if writers == 0 {
		return takeIn(ctx, a, cfg, nil)
	}
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wg.Go(func() { errs[i] = takeIn(ctx, a, cfg, rand.New(rand.NewPCG(uint64(i), rand.Uint64()))) })
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

func takeIn(ctx context.Context, a *app.App, cfg *configs.Config, shuffle *rand.Rand) error {
	names := strings.Split(os.Getenv(childSources), ",")
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
}

// live starts a child over dir and reads what it acknowledges, until it ends or
// kill says so: it is called when the child says something, and returns how long
// it may still live; a negative time is no limit.
func live(t testing.TB, dir string, sources []string, env []string, wrap []string, first time.Duration, kill func(said string) time.Duration) *life {
	t.Helper()
	return liveUntil(context.Background(), t, dir, append(env, childSources+"="+strings.Join(sources, ",")), wrap, first, kill)
}

// liveUntil is live for a child that ends with ctx, too.
func liveUntil(ctx context.Context, t testing.TB, dir string, env []string, wrap []string, first time.Duration, kill func(said string) time.Duration) *life {
	t.Helper()
	args := append(append([]string{}, wrap...), os.Args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := func() { cmd.Process.Kill() }
	if wrap != nil { // the tracer and what it traces
		end = func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	}
	cmd.Env = append(append(os.Environ(), childStore+"="+dir), env...)
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
	defer context.AfterFunc(ctx, end)()
	l := &life{}
	timer := time.AfterFunc(time.Hour, end)
	defer timer.Stop()
	limit := func(d time.Duration) {
		if d >= 0 {
			timer.Reset(d)
			l.killed = true
		}
	}
	limit(first)
	acks, err := os.OpenFile(filepath.Join(dir, "acknowledged"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer acks.Close()
	for in := bufio.NewScanner(out); in.Scan(); {
		part := strings.SplitN(in.Text(), " ", 3)
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
			fmt.Fprintln(acks, in.Text())
		}
		if kill != nil && !l.killed {
			limit(kill(part[0]))
		}
	}
	if err := acks.Sync(); err != nil {
		t.Fatal(err)
	}
	l.err = cmd.Wait()
	l.stderr = errs.String()
	l.killed = l.killed && l.err != nil
	return l
}
