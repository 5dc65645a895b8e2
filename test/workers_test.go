package test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/retrieval/index/qdrant/qdranttest"
)

// cluster is one catalog and one index that several machines share. Each machine
// is a folder with its own configuration and data; the keys are the same.
type cluster struct {
	url, index string
	corpus     string
	keys       string // folder, copied to every machine; "" until the first made it
	catalog    *pgx.Conn
}

func newCluster(t *testing.T, corpus, keys string) *cluster {
	t.Helper()
	c := &cluster{url: postgrestest.URL(t), corpus: corpus, keys: keys}
	if c.index = os.Getenv("DOORWARD_TEST_QDRANT"); c.index == "" {
		_, c.index = qdranttest.Start(t)
	}
	var err error
	if c.catalog, err = pgx.Connect(t.Context(), c.url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.catalog.Close(context.Background()) })
	return c
}

// machine makes another machine's folder.
func (c *cluster) machine(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	enterpriseConfig(t, dir, c.corpus, "doorward.yaml", "policy")
	more := fmt.Sprintf("\ncatalog:\n  type: postgres\n  postgres: {url_file: %s}\nindex:\n  type: qdrant\n  scrub: 0s\n  qdrant: {address: %q, collection: %q, create: true}\n",
		filepath.Join(dir, "postgres.url"), c.index, "workers"+c.url[strings.LastIndex(c.url, "doorward_"):][:20])
	f, err := os.OpenFile(filepath.Join(dir, "doorward.yaml"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(more); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "postgres.url"), []byte(c.url+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.keys == "" {
		must(t, dir, "keys", "init")
		c.keys = filepath.Join(dir, "keys")
		return dir
	}
	copyTree(t, c.keys, filepath.Join(dir, "keys"))
	return dir
}

// count asks the catalog's database for one number.
func (c *cluster) count(t *testing.T, query string) (n int) {
	t.Helper()
	if err := c.catalog.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// worker starts `doorward ingest --worker` on a machine.
func (c *cluster) worker(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(doorward(t), "ingest", "--worker")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if t.Failed() {
			t.Logf("worker %d: %s", cmd.Process.Pid, log.Bytes())
		}
	})
	return cmd
}

// within polls until a condition holds.
func within(t *testing.T, d time.Duration, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen within %v", what, d)
		}
	}
}

// sameSecrets gives another catalog the tenants' sealed secrets of this one, so
// that keyed hashes are the same in both.
func (c *cluster) sameSecrets(t *testing.T, other *cluster, machine string) {
	t.Helper()
	must(t, machine, "fsck") // makes the tables
	rows, err := c.catalog.Query(t.Context(), `select name, sealed, made from doorward.secrets`)
	if err != nil {
		t.Fatal(err)
	}
	type secret struct {
		Name   string
		Sealed []byte
		Made   int64
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[secret])
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if _, err := other.catalog.Exec(t.Context(), `insert into doorward.secrets (name, sealed, made) values ($1, $2, $3)`, s.Name, s.Sealed, s.Made); err != nil {
			t.Fatal(err)
		}
	}
}

// Three machines share an ingest; one is killed in the middle. Every document is
// there exactly once, as after an undisturbed run. DOORWARD_WORKERS says how many
// documents.
func TestWorkers(t *testing.T) {
	if testing.Short() {
		t.Skip("runs several processes")
	}
	n := 800
	if v := os.Getenv("DOORWARD_WORKERS"); v != "" {
		n, _ = strconv.Atoi(v)
	}
	corpus := madeUpCorpus(t, n)
	calm := newCluster(t, corpus, "")
	alone := calm.machine(t)
	t.Log(firstLine(must(t, alone, "ingest")))
	want := export(t, alone)

	rough := newCluster(t, corpus, calm.keys)
	reader := rough.machine(t)
	calm.sameSecrets(t, rough, reader)
	doomed, other := rough.worker(t, rough.machine(t)), rough.worker(t, rough.machine(t))
	ended := make(chan string, 1)
	go func() { ended <- must(t, reader, "ingest") }()
	inHand := fmt.Sprintf(`select count(*) from doorward.river_job where state = 'running' and attempted_by[array_upper(attempted_by, 1)] like '%%-%d-%%'`, doomed.Process.Pid)
	within(t, time.Minute, "a batch in the worker's hand", func() bool {
		return rough.count(t, `select count(*) from doorward.documents`) > n/10 && rough.count(t, inHand) > 0
	})
	if err := doomed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	doomed.Wait()
	select {
	case out := <-ended:
		t.Logf("%.1f s from the kill to the end: %s", time.Since(killed).Seconds(), firstLine(out))
	case <-time.After(2 * time.Minute):
		t.Fatal("the ingest did not end")
	}
	again := rough.count(t, `select count(*) from doorward.river_job where attempt > 1`)
	workers := rough.count(t, `select count(distinct attempted_by[array_upper(attempted_by, 1)]) from doorward.river_job`)
	t.Logf("%d batches by %d processes, %d of them taken over", rough.count(t, `select count(*) from doorward.river_job`), workers, again)
	if again == 0 {
		t.Error("no batch was taken over: the kill came at no use")
	}
	if waiting := rough.count(t, `select count(*) from doorward.arrivals where state = 'received'`); waiting > 0 {
		t.Errorf("%d documents were received and never judged", waiting)
	}
	if got := export(t, reader); !bytes.Equal(got, want) {
		t.Errorf("the export differs from an undisturbed run's: %s", firstDifference(got, want))
	}
	if err := other.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err != nil {
		t.Errorf("stopped worker: %v", err)
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// Throughput of one and of two workers, each on one processor (GOMAXPROCS=1), over
// the same queued documents, short ones and ten times longer ones; from the first
// batch taken to the last one done. It judges nothing, and says how busy the machine
// was: where PostgreSQL, the index and the workers share few processors, two workers
// cannot be twice one.
func TestWorkersThroughput(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_WORKERS"))
	if n == 0 {
		t.Skip("a measurement: set DOORWARD_WORKERS to a number of documents, or `make workers`")
	}
	for _, least := range []int{60, 1500} {
		corpus := corpusOf(t, n, least)
		keys := ""
		var rate [3]float64
		for _, workers := range []int{1, 2} {
			c := newCluster(t, corpus, keys)
			rate[workers] = c.rate(t, workers, n)
			keys = c.keys
		}
		t.Logf("two workers are %.2f times as fast as one over documents of %d to %d words", rate[2]/rate[1], least, least+200)
	}
}

// rate is how many of n documents a second so many workers ingest.
func (c *cluster) rate(t *testing.T, workers, n int) float64 {
	t.Helper()
	must(t, c.machine(t), "ingest", "--enqueue")
	var running []*exec.Cmd
	for range workers {
		running = append(running, c.worker(t, c.machine(t)))
	}
	before := busy(t)
	within(t, 10*time.Minute, "the end of the queue", func() bool {
		return c.count(t, `select count(*) from doorward.river_job where state <> 'completed'`) == 0
	})
	spent := busy(t) - before
	var seconds float64
	err := c.catalog.QueryRow(t.Context(), `select extract(epoch from max(finalized_at) - min(attempted_at))::float8 from doorward.river_job`).Scan(&seconds)
	if err != nil {
		t.Fatal(err)
	}
	by := c.count(t, `select count(distinct attempted_by[1]) from doorward.river_job`)
	t.Logf("%d workers (%d had a batch): %d documents in %.2f s, %.0f documents/s; the machine's %d processors spent %.1f s, others' work included",
		workers, by, n, seconds, float64(n)/seconds, runtime.NumCPU(), spent)
	for _, w := range running { // idle ones would ask for work beside the next
		if err := w.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := w.Wait(); err != nil {
			t.Errorf("stopped worker: %v", err)
		}
	}
	return float64(n) / seconds
}

// busy is how many seconds this machine's processors have worked.
func busy(t *testing.T) float64 {
	t.Helper()
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	var user, nice, system float64
	if _, err := fmt.Sscanf(string(data), "cpu %f %f %f", &user, &nice, &system); err != nil {
		t.Fatal(err)
	}
	return (user + nice + system) / 100
}
