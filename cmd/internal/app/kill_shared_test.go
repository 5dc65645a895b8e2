package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/retrieval/index/qdrant/qdranttest"
)

// shared are machines over one catalog in PostgreSQL and one index in Qdrant: one
// that reads sources, in this process, and workers, which are processes to kill.
type shared struct {
	reader  *store
	workers [2]*store
	url     string
	index   string
}

// newShared makes the machines; keys and secrets are those of other, if not nil, so
// that keyed hashes are the same in both.
func newShared(t *testing.T, documents int, other *shared) *shared {
	t.Helper()
	c := &shared{url: postgrestest.URL(t)}
	if c.index = os.Getenv("DOORWARD_TEST_QDRANT"); c.index == "" {
		_, c.index = qdranttest.Start(t)
	}
	file := filepath.Join(t.TempDir(), "postgres.url")
	if err := os.WriteFile(file, []byte(c.url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	more := fmt.Sprintf("catalog: {type: postgres, postgres: {url_file: %s}}\nindex: {type: qdrant, scrub: 0s, qdrant: {address: %q, collection: %q, create: true}}\nqueue: {lease: 1s}\n",
		file, c.index, "kills"+c.url[strings.LastIndex(c.url, "doorward_"):][:20])
	c.reader = newStores(t, documents, more)
	if other != nil {
		if err := os.RemoveAll(c.reader.cfg.Keys); err != nil {
			t.Fatal(err)
		}
		copyTree(t, other.reader.cfg.Keys, c.reader.cfg.Keys)
		c.reader.with(t, func(*app.App) {}) // makes the tables
		other.giveSecrets(t, c)
	}
	for i := range c.workers {
		c.workers[i] = c.machine(t)
	}
	return c
}

// machine is a folder for another process, with the same keys.
func (c *shared) machine(t *testing.T) *store {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, c.reader.cfg.Keys, filepath.Join(dir, "keys"))
	data, err := os.ReadFile(filepath.Join(c.reader.dir, "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	data = []byte(strings.ReplaceAll(string(data), c.reader.dir, dir))
	if err := os.WriteFile(filepath.Join(dir, "doorward.yaml"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return loadStore(t, dir)
}

// giveSecrets copies the tenants' sealed secrets.
func (c *shared) giveSecrets(t *testing.T, to *shared) {
	t.Helper()
	type secret struct {
		Name   string
		Sealed []byte
		Made   int64
	}
	from, err := pgx.Connect(t.Context(), c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close(context.Background())
	rows, err := from.Query(t.Context(), `select name, sealed, made from doorward.secrets`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[secret])
	if err != nil {
		t.Fatal(err)
	}
	into, err := pgx.Connect(t.Context(), to.url)
	if err != nil {
		t.Fatal(err)
	}
	defer into.Close(context.Background())
	for _, s := range list {
		if _, err := into.Exec(t.Context(), `insert into doorward.secrets (name, sealed, made) values ($1, $2, $3) on conflict (name) do update set sealed = excluded.sealed`, s.Name, s.Sealed, s.Made); err != nil {
			t.Fatal(err)
		}
	}
}

// deliver has workers take a source in, and returns when every batch is done.
func deliver(ctx context.Context, a *app.App, c configs.Source, shuffle *rand.Rand, ack func(ingest.Event)) error {
	src, err := app.OpenSource(ctx, c)
	if err != nil {
		return err
	}
	defer src.Close()
	var from ingest.Source = src.Source
	if shuffle != nil {
		from = shuffled{src.Source, shuffle}
	}
	batches, ended := make(chan int64, 1024), make(chan error, 1)
	o := ingest.Options{Tenant: a.Config.Tenant, Settings: app.SourceSettings(c), Prune: shuffle == nil, Progress: func(e ingest.Event) {
		if e.Outcome != ingest.Queued {
			ack(e)
		}
	}}
	o.Queue = func(ctx context.Context, arrivals []catalog.Arrival) error {
		ids, err := a.Queue.Put(ctx, arrivals)
		for _, id := range ids {
			batches <- id
		}
		return err
	}
	go func() { ended <- a.Queue.Wait(ctx, batches, ack) }()
	_, err = a.Pipeline.Run(ctx, from, o)
	close(batches)
	return errors.Join(err, <-ended)
}

// killer keeps a worker running and kills it, again and again, until it is told to
// stop; then the last one runs until release is closed.
type killer struct {
	t       *testing.T
	s       *store
	rng     *rand.Rand
	left    *atomic.Int64 // kills still to be done, of all killers
	longest int           // milliseconds that a worker lives once it is open
	opening atomic.Int64
	killed  atomic.Int64
	mu      sync.Mutex
	slowest time.Duration
}

func (k *killer) run(ctx context.Context) {
	ready := func() *process { return prepare(k.t, k.s.dir, []string{childWorks + "=1"}) }
	next := ready()
	defer func() { next.discard() }()
	for ctx.Err() == nil {
		first := time.Duration(-1)
		kill := func(said string) time.Duration { return -1 }
		if k.left.Add(-1) >= 0 {
			after := time.Duration(k.rng.IntN(k.longest)) * time.Millisecond
			if k.rng.IntN(5) == 0 {
				first = time.Duration(k.rng.IntN(int(opening)))
			}
			kill = func(string) time.Duration { return after } // it said that it is open
		}
		p := next
		next = ready()
		l := p.live(ctx, k.t, nil, first, kill)
		k.mu.Lock()
		k.slowest = max(k.slowest, l.took)
		k.mu.Unlock()
		switch {
		case ctx.Err() != nil:
		case l.killed:
			k.killed.Add(1)
			if !l.opened {
				k.opening.Add(1)
			}
		case l.err != nil:
			k.t.Errorf("a worker ended by itself: %v\n%s", l.err, l.stderr)
			return
		}
	}
}

// TestKillsShared has two workers take documents in through PostgreSQL, each killed
// with SIGKILL again and again at random moments, while another process looks at all
// points every 50 ms. What was acknowledged, by batch, is there; nothing is in the
// index that no valid receipt covers; in the end everything is as if nobody had
// disturbed it. It needs PostgreSQL; the index is a real Qdrant where
// DOORWARD_TEST_QDRANT names one. DOORWARD_KILLS says how often (`make kills`), and
// DOORWARD_KILL_AFTER, in milliseconds, how long a worker may live: on a busy machine
// that must be longer than a batch takes, or nothing is ever done.
func TestKillsShared(t *testing.T) {
	if testing.Short() {
		t.Skip("runs several processes")
	}
	kills, documents := number("DOORWARD_KILLS", 2), number("DOORWARD_KILL_DOCUMENTS", 24)
	want, calm := calmShared(t, documents)
	rough := newShared(t, documents, calm)
	seed := uint64(number("DOORWARD_SEED", int(time.Now().UnixNano())))
	c := &sharedKilling{t: t, c: rough, documents: documents, acked: map[string]string{}, valid: map[string]string{}}
	c.left.Store(int64(kills))
	started := time.Now()
	a := rough.reader.open(t)
	defer a.Close()
	stop := c.start(t, seed)
	defer stop()
	for c.round = 0; !t.Failed(); c.round++ {
		rough.reader.write(t, documents, c.round)
		c.expect()
		for _, s := range rough.reader.cfg.Sources {
			if err := deliver(t.Context(), a, s, nil, c.ack); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			c.check()
			t.Logf("so far %d kills, %d acknowledgements, round %d", c.killed(), c.acknowledged(), c.round+1)
		}
		if c.left.Load() <= 0 && c.round%2 == 0 && c.round > 0 {
			break
		}
	}
	stop()
	settle(t, a)
	if r := inspect(t, a, false); len(r.Faults) > 0 {
		t.Errorf("fsck --deep after %d kills: %+v", c.killed(), r.Faults)
	}
	sameExport(t, export(t, a), want)
	if t.Failed() {
		t.Logf("seed %d", seed)
	}
	seconds := time.Since(started).Seconds()
	t.Logf("two workers on PostgreSQL: %d kills (%d while opening) over %d documents in %d rounds, %.0f s (%.2f kills/s): %d acknowledgements, 0 may be lost; %d looks at all points from outside, one every %.0f ms; slowest restart %v; %d lines of export as undisturbed",
		c.killed(), c.opening(), documents, c.round+1, seconds, float64(c.killed())/seconds, c.acks, c.looks, 1000*seconds/float64(max(c.looks, 1)), c.slowest().Round(time.Millisecond), len(want))
}

// calmShared is an undisturbed ingest of the same documents.
func calmShared(t *testing.T, documents int) (want []string, c *shared) {
	c = newShared(t, documents, nil)
	c.reader.with(t, func(a *app.App) {
		c.reader.ingest(t, a)
		settle(t, a)
		want = export(t, a)
	})
	return want, c
}

// settle has the index work that is owed done.
func settle(t *testing.T, a *app.App) {
	t.Helper()
	if err := a.Pipeline.Owed(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// sharedKilling is the state of a campaign.
type sharedKilling struct {
	t         *testing.T
	c         *shared
	documents int
	round     int
	left      atomic.Int64
	killers   [2]*killer

	mu    sync.Mutex
	acked map[string]string
	acks  int
	looks int
	valid map[string]string // of the checks
}

func (c *sharedKilling) ack(e ingest.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked[e.ID] = string(e.Outcome)
	c.acks++
}

func (c *sharedKilling) acknowledged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.acks
}

// expect forgets acknowledgements that the new round makes untrue.
func (c *sharedKilling) expect() { forgetRound(c.acked, c.round) }

// start runs workers, their killers and the scroller until stop is called.
func (c *sharedKilling) start(t *testing.T, seed uint64) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range c.killers {
		c.killers[i] = &killer{t: t, s: c.c.workers[i], rng: rand.New(rand.NewPCG(seed, uint64(i))), left: &c.left, longest: number("DOORWARD_KILL_AFTER", 900)}
		group.Go(func() { c.killers[i].run(ctx) })
	}
	look := c.c.reader.look(t, nil)
	group.Go(func() {
		n, bad := look.scroll(ctx, 50*time.Millisecond)
		c.looks += n
		for _, b := range bad {
			t.Error(b)
		}
	})
	return sync.OnceFunc(func() {
		cancel()
		group.Wait()
		look.close()
	})
}

func (c *sharedKilling) check() {
	look := c.c.reader.look(c.t, c.valid)
	defer look.close()
	look.check(c.t, c.acked)
}

func (c *sharedKilling) killed() int64 {
	return c.killers[0].killed.Load() + c.killers[1].killed.Load()
}
func (c *sharedKilling) opening() int64 {
	return c.killers[0].opening.Load() + c.killers[1].opening.Load()
}
func (c *sharedKilling) slowest() time.Duration {
	return max(c.killers[0].slowest, c.killers[1].slowest)
}

// TestSameBatchShared takes one batch in by eight writers at once, each in an order
// of its own, over and over, while the two workers are killed: the points are those
// of one calm ingest. DOORWARD_BATCHES says how often (`make kills`).
func TestSameBatchShared(t *testing.T) {
	if os.Getenv("DOORWARD_BATCHES") == "" {
		t.Skip("a campaign: set DOORWARD_BATCHES to a number of times, or `make kills`")
	}
	times, documents := number("DOORWARD_BATCHES", 2), number("DOORWARD_BATCH_DOCUMENTS", 40)
	want, calm := calmShared(t, documents)
	rough := newShared(t, documents, calm)
	c := &sharedKilling{t: t, c: rough, documents: documents, acked: map[string]string{}, valid: map[string]string{}}
	c.left.Store(int64(2 * times))
	a := rough.reader.open(t)
	defer a.Close()
	stop := c.start(t, rand.Uint64())
	defer stop()
	for range times {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(i), rand.Uint64()))
				list := slices.Clone(rough.reader.cfg.Sources)
				rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
				for _, s := range list {
					if err := deliver(t.Context(), a, s, rng, c.ack); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		group.Wait()
	}
	stop()
	settle(t, a)
	if r := inspect(t, a, false); len(r.Faults) > 0 {
		t.Errorf("faults: %+v", r.Faults)
	}
	sameExport(t, export(t, a), want)
	t.Logf("the same batch %d times by 8 writers through two workers, %d kills: %d lines of export as of one calm ingest", times, c.killed(), len(want))
}
