package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
)

// The crash test runs this test binary again as a writer, kills it, opens what
// it left, and compares with what it had acknowledged. Each of several
// submitters works through changes that follow from its number alone, so that
// the state after n of them can be computed here.
const (
	crashDir    = "DOORWARD_TEST_CRASH_DIR"
	crashFrom   = "DOORWARD_TEST_CRASH_FROM"
	submitters  = 4
	crashPeriod = 60 // documents of one submitter
)

// change is one step of a submitter.
type change struct {
	kind     int // 0 put, 1 retire, 2 attributes
	document string
	chunks   []index.Chunk
	attrs    policy.Attributes
	receipt  string
}

func step(submitter, n int) change {
	r := rand.New(rand.NewPCG(uint64(submitter), uint64(n)))
	c := change{document: fmt.Sprintf("s%d-d%d", submitter, r.IntN(crashPeriod)), receipt: fmt.Sprint("r", n)}
	c.attrs = policy.Attributes{"level": int64(r.IntN(5)), "acl.groups": []any{}}
	switch r.IntN(6) {
	case 0:
		c.kind = 1
	case 1:
		c.kind = 2
	default:
		for o := range 1 + r.IntN(3) {
			c.chunks = append(c.chunks, index.Chunk{ID: indextest.PointID("t", c.document, "v", o), Document: c.document, Version: "v", Ordinal: o,
				Terms: []embed.Term{{Key: 7, Weight: 1}, {Key: uint32(1000 + r.IntN(50)), Weight: 0.3}}, Vector: indextest.Vector(uint64(n)),
				Attributes: c.attrs, Receipt: c.receipt})
		}
	}
	return c
}

func (c change) apply(ctx context.Context, x indextest.Index) error {
	switch c.kind {
	case 1:
		return x.Retire(ctx, "t", c.document, "")
	case 2:
		return x.SetAttributes(ctx, "t", c.document, c.attrs, c.receipt)
	}
	return x.Put(ctx, "t", c.chunks)
}

// model is the state one submitter's steps lead to.
type model map[string]index.Chunk

func (m model) apply(c change) {
	for id, old := range m {
		if old.Document == c.document {
			switch c.kind {
			case 1:
				delete(m, id)
			case 2:
				old.Attributes, old.Receipt = c.attrs, c.receipt
				m[id] = old
			}
		}
	}
	for _, p := range c.chunks {
		m[p.ID] = p
	}
}

func (m model) lines() []string {
	out, err := index.Export(context.Background(), m, "t")
	if err != nil {
		panic(err)
	}
	return out
}

// Scroll makes a model exportable.
func (m model) Scroll(_ context.Context, _ string, yield func(index.Chunk) error) error {
	var ids []string
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := yield(m[id]); err != nil {
			return err
		}
	}
	return nil
}

// TestCrashWriter is the writer, not a test.
func TestCrashWriter(t *testing.T) {
	dir := os.Getenv(crashDir)
	if dir == "" {
		t.Skip("runs only as the child of TestKill")
	}
	x := openWith(t, filepath.Join(dir, "index.db"), 15) // killed while it makes segments, too
	var mu sync.Mutex
	var wg sync.WaitGroup
	for s, from := range strings.Split(os.Getenv(crashFrom), ",") {
		wg.Go(func() {
			n, _ := strconv.Atoi(from)
			for ; ; n++ {
				if err := step(s, n).apply(context.Background(), x); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				fmt.Printf("acked %d %d\n", s, n)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

// TestKill kills the writer again and again; DOORWARD_TEST_KILLS says how often.
func TestKill(t *testing.T) {
	kills, _ := strconv.Atoi(os.Getenv("DOORWARD_TEST_KILLS"))
	if kills == 0 {
		kills = 6
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	states := make([]model, submitters)
	next := make([]int, submitters)
	for s := range states {
		states[s] = model{}
	}
	total := 0
	for kill := range kills {
		acked := runAndKill(t, dir, next, time.Duration(80+r.IntN(250))*time.Millisecond)
		x := openWith(t, filepath.Join(dir, "index.db"), 15) // killed while it makes segments, too
		found, err := index.Export(t.Context(), x, "t")
		if err != nil {
			t.Fatal(err)
		}
		for s := range states {
			for ; next[s] < acked[s]; next[s]++ {
				states[s].apply(step(s, next[s]))
				total++
			}
			if !settle(states[s], &next[s], s, found) {
				t.Fatalf("kill %d: submitter %d's %d acknowledged changes are not what the file holds", kill, s, acked[s])
			}
		}
		compareMemory(t, x, found)
		x.Close()
	}
	t.Logf("%d kills, %d acknowledged changes, none lost", kills, total)
}

// settle finds a submitter's lines among those found; the step in flight may or
// may not have happened.
func settle(m model, next *int, s int, found []string) bool {
	var own []string
	for _, l := range found {
		if strings.Contains(l, fmt.Sprintf(" s%d-d", s)) {
			own = append(own, l)
		}
	}
	if slices.Equal(own, m.lines()) {
		return true
	}
	m.apply(step(s, *next))
	*next++
	return slices.Equal(own, m.lines())
}

// compareMemory searches for what the file lists.
func compareMemory(t *testing.T, x indextest.Index, found []string) {
	t.Helper()
	var ids []string
	for level := range int64(5) {
		hits, err := x.Search(t.Context(), index.Query{Tenant: "t", Terms: []embed.Term{{Key: 7, Weight: 1}}, Limit: index.MaxLimit,
			Filter: policy.When(policy.Compare{Path: "level", Op: policy.Eq, Value: policy.Value{Const: level}})})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			ids = append(ids, fmt.Sprintf("%s %s %s %d %s", h.ID, h.Document, h.Version, h.Ordinal, h.Receipt))
		}
	}
	slices.Sort(ids)
	if len(ids) != len(found) {
		t.Fatalf("memory has %d chunks, the file %d", len(ids), len(found))
	}
	for i, l := range found {
		if !strings.HasPrefix(l, ids[i]) {
			t.Fatalf("memory and file differ at chunk %d", i)
		}
	}
}

// runAndKill lets the writer work for a while and returns, by submitter, the
// number after the last acknowledged change.
func runAndKill(t *testing.T, dir string, from []int, life time.Duration) []int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestCrashWriter$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir, crashFrom+"="+strings.Trim(strings.ReplaceAll(fmt.Sprint(from), " ", ","), "[]"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := slices.Clone(from)
	lines := bufio.NewScanner(out)
	began := false
	for lines.Scan() {
		var s, n int
		if c, _ := fmt.Sscanf(lines.Text(), "acked %d %d", &s, &n); c == 2 {
			acked[s] = n + 1
			if !began {
				began = true
				time.AfterFunc(life, func() { cmd.Process.Kill() })
			}
		}
	}
	if cmd.Wait(); !began {
		t.Fatal("the writer acknowledged nothing")
	}
	return acked
}
