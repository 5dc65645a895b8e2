package app_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/retrieval/index"
)

// childDies is a word: the child ends, as by SIGKILL, when it reads a document that
// has it.
const childDies = "DOORWARD_CHILD_DIES"

// deadly kills its process over some documents.
type deadly struct {
	ingest.Extractor
	word []byte
}

func (d deadly) Extract(ctx context.Context, u ingest.Upload) (ingest.Extracted, error) {
	if bytes.Contains(u.Bytes, d.word) {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return d.Extractor.Extract(ctx, u)
}

// put adds a document to a source of a store made by newStores.
func (s *store) put(t *testing.T, line string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, "s0.jsonl"), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(line + "\n"); err != nil {
		t.Fatal(err)
	}
}

// heard are events by document.
type heard struct {
	mu     sync.Mutex
	events map[string]ingest.Event
}

func (h *heard) ack(e ingest.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events[e.ID] = e
}

// TestDeadlyDocument has a document in the queue that ends every worker that reads
// it. It is held in the end, for that reason, and every other document is indexed.
func TestDeadlyDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("runs several processes")
	}
	c := newShared(t, 60, nil)
	c.reader.put(t, `{"id": "deadly", "title": "Note", "text": "a text with belladonna in it", "access": {"public": true}}`)
	a := c.reader.open(t)
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var deaths atomic.Int64
	group.Go(func() { // one worker after the other
		for ctx.Err() == nil {
			l := prepare(t, c.workers[0].dir, []string{childWorks + "=1", childDies + "=belladonna"}).live(ctx, t, nil, -1, nil)
			if ctx.Err() == nil && l.err != nil {
				deaths.Add(1)
			}
		}
	})
	stop := sync.OnceFunc(func() { cancel(); group.Wait() })
	defer stop()
	h := &heard{events: map[string]ingest.Event{}}
	if err := deliver(t.Context(), a, c.reader.cfg.Sources[0], nil, h.ack); err != nil {
		t.Fatal(err)
	}
	stop()
	settle(t, a)
	if len(h.events) != 7 {
		t.Errorf("%d documents were acknowledged, want 7: %v", len(h.events), h.events)
	}
	for id, e := range h.events {
		want := ingest.Indexed
		if id == "deadly" {
			want = ingest.Quarantined
		}
		if e.Outcome != want {
			t.Errorf("%s: %s %v, want %s", id, e.Outcome, e.Reasons, want)
		}
	}
	held, err := a.Catalog.Arrival(t.Context(), "acme", "deadly")
	if err != nil || held.State != catalog.Held || !slices.Equal(held.Reasons, []string{ingest.WorkerDied}) {
		t.Errorf("it is %s %v (%v)", held.State, held.Reasons, err)
	}
	if n := deaths.Load(); n < 8 { // three with its batch, five by itself
		t.Errorf("%d workers died, want 8", n)
	}
	if r := inspect(t, a, false); len(r.Faults) > 0 {
		t.Errorf("faults: %+v", r.Faults)
	}
}

// endless ends the goroutine that reads a document, as the end of its process would.
type endless struct {
	ingest.Extractor
	word []byte
}

func (e endless) Extract(ctx context.Context, u ingest.Upload) (ingest.Extracted, error) {
	if bytes.Contains(u.Bytes, e.word) {
		runtime.Goexit()
	}
	return e.Extractor.Extract(ctx, u)
}

// TestDeadlyDocumentAlone has a received document, without workers, that ends every
// process which resumes it: the sixth holds it, goes on with the others, and takes no
// look at it again until rules change.
func TestDeadlyDocumentAlone(t *testing.T) {
	s := newStore(t, 3)
	a := s.open(t)
	defer a.Close()
	arrive := func(id, text string) {
		t.Helper()
		arrival := catalog.Arrival{Tenant: "acme", ID: id, Source: s.cfg.Sources[0].Name, Name: id + ".txt", MediaType: "text/plain", Content: "of " + id,
			Claimed: map[string]any{"groups": []any{"team"}}, Bytes: []byte(text), Received: time.Now()}
		if err := a.Catalog.Receive(t.Context(), []catalog.Arrival{arrival}); err != nil {
			t.Fatal(err)
		}
	}
	arrive("deadly", "a text with belladonna in it")
	arrive("other", "a text that harms nobody")
	a.Pipeline.Config.Extractor = endless{a.Pipeline.Config.Extractor, []byte("belladonna")}
	died := 0
	for range ingest.HoldAfter + 1 {
		came := false
		var group sync.WaitGroup
		group.Add(1)
		go func() {
			defer group.Done()
			if err := a.Pipeline.Recover(t.Context()); err != nil {
				t.Errorf("resuming: %v", err)
			}
			came = true
		}()
		if group.Wait(); !came {
			died++
		}
	}
	if died != ingest.HoldAfter {
		t.Errorf("%d lives were lost, want %d", died, ingest.HoldAfter)
	}
	held, err := a.Catalog.Arrival(t.Context(), "acme", "deadly")
	if err != nil || held.State != catalog.Held || !slices.Equal(held.Reasons, []string{ingest.WorkerDied}) {
		t.Errorf("it is %s %v (%v)", held.State, held.Reasons, err)
	}
	if live, err := a.Catalog.Documents(t.Context(), "acme", []string{"other"}); err != nil || live["other"].State != catalog.Live {
		t.Errorf("the other one is %s (%v)", live["other"].State, err)
	}
	known, err := a.Catalog.Known(t.Context(), "acme", []string{"deadly"})
	if err != nil || known["deadly"].Revision == "" || known["deadly"].Claimed == "" {
		t.Errorf("it would be read again with every ingest: %+v (%v)", known["deadly"], err)
	}
}

// refusing is an index that takes nothing, for no reason that time would mend.
type refusing struct {
	index.Writer
	puts atomic.Int64
}

func (r *refusing) Put(context.Context, string, []index.Chunk) error {
	r.puts.Add(1)
	return errors.New("no")
}

// TestBatchThatFails: a batch that fails eight times for a reason that does not pass
// is given up. Its documents are held and acknowledged as that, none is indexed, not
// even later, and other batches go on.
func TestBatchThatFails(t *testing.T) {
	c := newShared(t, 30, nil)
	a := c.reader.open(t)
	defer a.Close()
	good, bad := a.Pipeline.Config.Index, &refusing{Writer: a.Pipeline.Config.Index}
	a.Pipeline.Config.Index = bad
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if err := a.Work(ctx); err != nil {
			t.Error(err)
		}
	})
	group.Go(func() { // nobody needs to wait for the time of the next attempt
		for ctx.Err() == nil {
			a.Postgres.Pool.Exec(ctx, `update river_job set state = 'available', scheduled_at = clock_timestamp() where state = 'retryable'`)
			time.Sleep(20 * time.Millisecond)
		}
	})
	stop := sync.OnceFunc(func() { cancel(); group.Wait() })
	defer stop()
	h := &heard{events: map[string]ingest.Event{}}
	if err := deliver(t.Context(), a, c.reader.cfg.Sources[0], nil, h.ack); err != nil {
		t.Fatal(err)
	}
	stop()
	if n := bad.puts.Load(); n != 8 {
		t.Errorf("%d attempts, want 8", n)
	}
	a.Pipeline.Config.Index = good
	last, err := a.Queue.Sweep(t.Context(), nil)
	if err == nil {
		_, err = a.Queue.Sweep(t.Context(), last)
	}
	if err == nil {
		err = a.Pipeline.Owed(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(h.events) != 3 {
		t.Errorf("%d documents were acknowledged, want 3: %v", len(h.events), h.events)
	}
	for id, e := range h.events {
		held, err := a.Catalog.Arrival(t.Context(), "acme", id)
		if err != nil || e.Outcome != ingest.Quarantined || held.State != catalog.Held || !slices.Equal(held.Reasons, []string{"error"}) || !slices.Equal(e.Reasons, held.Reasons) {
			t.Errorf("%s: acknowledged as %s %v, is %s %v (%v)", id, e.Outcome, e.Reasons, held.State, held.Reasons, err)
		}
	}
	if lines := export(t, a); slices.ContainsFunc(lines, func(l string) bool { return bytes.Contains([]byte(l), []byte(`"point"`)) }) {
		t.Errorf("something is indexed: %v", lines)
	}
	if r := inspect(t, a, false); len(r.Faults) > 0 {
		t.Errorf("faults: %+v", r.Faults)
	}
	h.events = map[string]ingest.Event{}
	works(t, a, func() {
		if err := deliver(t.Context(), a, c.reader.cfg.Sources[1], nil, h.ack); err != nil {
			t.Error(err)
		}
	})
	for id, e := range h.events {
		if e.Outcome != ingest.Indexed {
			t.Errorf("afterwards %s is %s %v", id, e.Outcome, e.Reasons)
		}
	}
}

// works has this process work on the queue while fn runs.
func works(t *testing.T, a *app.App, fn func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Work(ctx) }()
	fn()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
