package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy/keys/local"
)

// number is a whole number from the environment, or otherwise.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// sourcesOf is how many sources a big corpus is split into, so that a run that
// was killed need not list everything before it gets to where it was.
const sourcesOf = 10

// newStores makes a store of n documents in several sources, and its files. more is
// added to its configuration.
func newStores(t testing.TB, n int, more string) *store {
	t.Helper()
	dir := t.TempDir()
	var text strings.Builder
	fmt.Fprintf(&text, "data: %s/data\nkeys: %s/keys\ntenant: acme\n", dir, dir)
	text.WriteString(more)
	text.WriteString("sources:\n")
	for i := range sourcesOf {
		fmt.Fprintf(&text, "  - {name: s%d, type: jsonl, path: %s/s%d.jsonl, fields: {attributes: access}}\n", i, dir, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := local.Create(filepath.Join(dir, "keys"), false); err != nil {
		t.Fatal(err)
	}
	s := loadStore(t, dir)
	s.write(t, n, 0)
	return s
}

// write puts a round's corpus where the sources are. Odd rounds change half of
// the texts, a quarter of the access attributes, and leave some documents out.
func (s *store) write(t testing.TB, n, round int) {
	t.Helper()
	words := strings.Fields("budget printer holiday contract invoice server meeting harbour forest engine bridge letter garden policy window")
	rng := rand.New(rand.NewPCG(7, 7))
	for f := range sourcesOf {
		path := filepath.Join(s.dir, fmt.Sprintf("s%d.jsonl", f))
		file, err := os.Create(path + ".new")
		if err != nil {
			t.Fatal(err)
		}
		e := json.NewEncoder(file)
		for i := f; i < n; i += sourcesOf {
			var text strings.Builder
			for range 40 + rng.IntN(60) {
				text.WriteString(words[rng.IntN(len(words))] + " ")
			}
			fmt.Fprintf(&text, "Write to person%d@example.com.", i)
			groups := []string{fmt.Sprintf("team-%d", i%7)}
			if round%2 == 1 {
				switch draw := i / sourcesOf % 20; {
				case gone(i):
					continue
				case draw < 10:
					text.WriteString(" Changed since.")
				case draw < 15:
					groups = append(groups, "everybody")
				}
			}
			access := map[string]any{"public": i%3 == 0, "groups": groups}
			if i%50 == 49 {
				access = map[string]any{} // held: nobody could ever read it
			}
			e.Encode(map[string]any{"id": fmt.Sprintf("doc-%d", i), "title": "Note", "text": text.String(), "access": access})
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

// gone: odd rounds lack the document.
func gone(i int) bool { draw := i / sourcesOf % 20; return draw == 15 || draw == 16 }

func (s *store) names() []string { return namesOf(s.cfg) }

// sibling is a store with the same keys, configuration and corpus, and no data.
func (s *store) sibling(t testing.TB) *store {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, filepath.Join(s.dir, "keys"), filepath.Join(dir, "keys"))
	copyTree(t, filepath.Join(s.cfg.Data, "keys"), filepath.Join(dir, "data", "keys"))
	if err := os.Chmod(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, filepath.Join(s.dir, "doorward.yaml")) {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		data = []byte(strings.ReplaceAll(string(data), s.dir, dir))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return loadStore(t, dir)
}

// export is catalog and index as lines, the same for the same contents.
func export(t testing.TB, a *app.App) []string {
	t.Helper()
	var out []string
	err := a.Export(t.Context(), func(l app.ExportLine) error {
		data, err := json.Marshal(l)
		out = append(out, string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func sameExport(t testing.TB, got, want []string) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("line %d of the export:\n got %s\nwant %s", i+1, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d lines of export, want %d", len(got), len(want))
	}
}

// TestKills kills an ingest with SIGKILL at random moments: while it opens, while
// it works, while it changes, retires and holds. After every life what it
// acknowledged is held against catalog and index; meanwhile another process looks
// at all points every 50 ms; in the end everything is as if nobody had disturbed
// it. DOORWARD_KILLS says how often (`make kills`: 1,000 over 10,000 documents).
func TestKills(t *testing.T) {
	kills, documents := number("DOORWARD_KILLS", 4), number("DOORWARD_KILL_DOCUMENTS", 200)
	calm := newStores(t, documents, "")
	var want []string
	calm.with(t, func(a *app.App) {
		calm.ingest(t, a)
		want = export(t, a)
	})
	rough := calm.sibling(t)
	seed := uint64(number("DOORWARD_SEED", int(time.Now().UnixNano())))
	k := &killing{t: t, s: rough, documents: documents, rng: rand.New(rand.NewPCG(seed, 1)), acked: map[string]string{}, valid: map[string]string{}, todo: rough.names()}
	defer func() { k.next.discard() }()
	started := time.Now()
	for k.killed < kills && !t.Failed() {
		k.live()
		if k.lives%50 == 0 {
			k.inspect()
			t.Logf("so far %d kills, %d acknowledgements, %d looks, round %d, slowest restart %v", k.killed, k.acks, k.looks, k.round+1, k.slowest.Round(time.Millisecond))
		}
	}
	for k.round%2 == 1 || len(k.todo) > 0 { // to the end of an even round
		k.finish()
	}
	k.inspect()
	rough.with(t, func(a *app.App) { sameExport(t, export(t, a), want) })
	if t.Failed() {
		t.Logf("seed %d", seed)
	}
	seconds := time.Since(started).Seconds()
	t.Logf("%d kills (%d while opening) over %d documents in %d rounds, %.0f s (%.2f kills/s): %d acknowledgements, 0 may be lost; %d looks at all points from outside; slowest restart %v; %d lines of export as undisturbed",
		k.killed, k.opening, documents, k.round+1, seconds, float64(k.killed)/seconds, k.acks, k.looks, k.slowest.Round(time.Millisecond), len(want))
}

// opening is about how long a process opens its parts, once it has its scanners.
const opening = 600 * time.Millisecond

// killing is the state of a campaign.
type killing struct {
	t         *testing.T
	s         *store
	documents int
	rng       *rand.Rand
	acked     map[string]string // document → what was acknowledged last
	todo      []string          // sources of this round
	valid     map[string]string // receipts found good
	next      *process          // made ready
	round     int

	opened                              bool // by an earlier life: the index's file is there
	lives, killed, opening, acks, looks int
	slowest                             time.Duration
}

// live starts a process and kills it: one in five while it opens, the others a
// little after they acknowledged something.
func (k *killing) live() {
	first, after := time.Duration(-1), time.Duration(k.rng.IntN(300))*time.Millisecond
	if k.rng.IntN(5) == 0 {
		first = time.Duration(k.rng.IntN(int(opening)))
	}
	kill := func(said string) time.Duration {
		if said == "ack" {
			return after
		}
		return -1
	}
	k.run(first, kill)
}

func (k *killing) finish() { k.run(-1, nil) }

func (k *killing) run(first time.Duration, kill func(string) time.Duration) {
	k.t.Helper()
	k.lives++
	ctx, cancel := context.WithCancel(k.t.Context())
	looked := make(chan struct{})
	go func() { // in every second life: otherwise nobody holds the files open
		defer close(looked)
		if k.lives%2 == 0 && k.opened {
			k.scroll(ctx)
		}
	}()
	p := k.next
	if p == nil {
		p = prepare(k.t, k.s.dir, nil)
	}
	k.next = prepare(k.t, k.s.dir, nil)
	l := p.live(k.t.Context(), k.t, k.todo, first, kill)
	cancel()
	<-looked
	if l.err != nil && !l.killed {
		k.t.Fatalf("the process ended by itself: %v\n%s", l.err, l.stderr)
	}
	if l.killed {
		k.killed++
		if !l.opened {
			k.opening++
		}
	}
	k.opened = k.opened || l.opened
	k.slowest = max(k.slowest, l.took)
	for _, a := range l.acks {
		k.acked[a[1]] = a[0]
	}
	k.acks += len(l.acks)
	if k.lives%2 == 1 && k.acks > 0 {
		look := k.s.look(k.t, k.valid)
		look.check(k.t, k.acked)
		look.close()
	}
	for len(l.sources) > 0 && len(k.todo) > 0 && l.sources[0] == k.todo[0] {
		l.sources, k.todo = l.sources[1:], k.todo[1:]
	}
	if len(k.todo) == 0 && (kill != nil || k.round%2 == 1) {
		k.round++
		k.todo = k.s.names()
		k.s.write(k.t, k.documents, k.round)
		k.expect()
	}
}

// expect forgets acknowledgements of documents that the new round takes out or
// brings back: either may have happened before it is acknowledged.
func (k *killing) expect() { forgetRound(k.acked, k.round) }

func forgetRound(acked map[string]string, round int) {
	for id, outcome := range acked {
		n, _ := strconv.Atoi(strings.TrimPrefix(id, "doc-"))
		if round%2 == 1 && gone(n) || outcome == "retired" {
			delete(acked, id)
		}
	}
}

func (k *killing) scroll(ctx context.Context) {
	look := k.s.look(k.t, k.valid)
	defer look.close()
	n, bad := look.scroll(ctx, 50*time.Millisecond)
	k.looks += n
	for _, b := range bad {
		k.t.Error(b)
	}
}

// inspect opens the store in this process: it must recover and be whole.
func (k *killing) inspect() {
	k.t.Helper()
	started := time.Now()
	a := k.s.open(k.t)
	k.slowest = max(k.slowest, time.Since(started))
	defer a.Close()
	if err := a.Unfinished(); err != nil {
		k.t.Error(err)
	}
	if r := inspect(k.t, a, false); len(r.Faults) > 0 {
		k.t.Errorf("fsck --deep after %d kills: %+v", k.killed, r.Faults)
	}
}

// TestSameBatch takes one batch in by eight writers at once, each in an order of
// its own, ten times over, killed in between: the points are those of one calm
// ingest, byte by byte.
func TestSameBatch(t *testing.T) {
	times, documents := number("DOORWARD_BATCHES", 2), number("DOORWARD_BATCH_DOCUMENTS", 40)
	calm := newStores(t, documents, "")
	var want []string
	calm.with(t, func(a *app.App) {
		calm.ingest(t, a)
		want = export(t, a)
	})
	rough := calm.sibling(t)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	killed := 0
	for i := range times {
		kill := func(said string) time.Duration {
			if said == "ack" && i < times-1 {
				return time.Duration(rng.IntN(400)) * time.Millisecond
			}
			return -1
		}
		l := live(t, rough.dir, rough.names(), []string{childWriters + "=8"}, -1, kill)
		if l.killed {
			killed++
		} else if l.err != nil {
			t.Fatalf("the process ended by itself: %v\n%s", l.err, l.stderr)
		}
	}
	rough.with(t, func(a *app.App) {
		if r := inspect(t, a, false); len(r.Faults) > 0 {
			t.Errorf("faults: %+v", r.Faults)
		}
		sameExport(t, export(t, a), want)
	})
	t.Logf("the same batch %d times, 8 writers, %d kills: %d lines of export as of one calm ingest", times, killed, len(want))
}
