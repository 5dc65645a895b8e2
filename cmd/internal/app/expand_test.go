package app_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

// expanding reads every document as a text that is far longer, and notes when a
// document is read and when it becomes live.
type expanding struct {
	ingest.Extractor
	ingest.Catalog
	size int

	mu       sync.Mutex
	happened []string // "read ID" or "live ID", in order
}

func (e *expanding) Extract(ctx context.Context, u ingest.Upload) (ingest.Extracted, error) {
	x, err := e.Extractor.Extract(ctx, u)
	id := strings.TrimSpace(x.Text)
	e.note("read", id[strings.LastIndexByte(id, ' ')+1:])
	x.Text += strings.Repeat("and on and on it goes\n", e.size/22)
	return x, err
}

func (e *expanding) Commit(ctx context.Context, refs []catalog.Ref) error {
	for _, r := range refs {
		e.note("live", r.Document)
	}
	return e.Catalog.Commit(ctx, refs)
}

func (e *expanding) note(what, id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.happened = append(e.happened, what+" "+id)
}

// most is how many documents were at most between being read last and being live.
func (e *expanding) most() (most int) {
	last := map[string]int{}
	for i, h := range e.happened {
		if id, ok := strings.CutPrefix(h, "read "); ok {
			last[id] = i
		}
	}
	now := 0
	for i, h := range e.happened {
		if id, ok := strings.CutPrefix(h, "read "); ok && last[id] == i {
			now++
		} else if !ok {
			now--
		}
		most = max(most, now)
	}
	return most
}

// TestSmallFilesThatExpand takes in a batch of small files that each hold far more
// text than their size: they are in hand a few at a time, from a source and pushed,
// and all of them are indexed.
func TestSmallFilesThatExpand(t *testing.T) {
	const n, size, bound = 30, 20_000, 64_000
	s := newStores(t, 0, "")
	for i := range n {
		s.put(t, fmt.Sprintf(`{"id": "d%d", "text": "small file d%d", "access": {"public": true}}`, i, i))
	}
	s.with(t, func(a *app.App) {
		config := a.Pipeline.Config
		e := &expanding{Extractor: config.Extractor, Catalog: config.Catalog, size: size}
		config.Extractor, config.Catalog, config.InHand = e, e, bound
		var err error
		if a.Pipeline, err = ingest.New(config); err != nil {
			t.Fatal(err)
		}
		r, err := a.Ingest(t.Context(), s.cfg.Sources[0], ingest.Options{})
		if err != nil || r.Outcomes[ingest.Indexed] != n {
			t.Fatalf("%v, %v, want %d indexed", r.Outcomes, err, n)
		}
		// What was kept from being measured, and a part in hand.
		if got, most := e.most(), 2*bound/size; got > most {
			t.Errorf("%d documents were in hand at once, want at most %d", got, most)
		}
		e.happened = nil
		var items []ingest.Item
		for i := range n {
			text := fmt.Sprintf("small file p%d", i)
			items = append(items, ingest.Item{ID: fmt.Sprintf("p%d", i), Name: "p.txt", Size: int64(len(text)), Attributes: map[string]any{"public": true},
				Fingerprint: text, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }})
		}
		events, err := a.Pipeline.Push(t.Context(), items, ingest.PushOptions{Tenant: "acme", Source: "s1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Outcome != ingest.Indexed {
				t.Errorf("%s: %s %v", e.ID, e.Outcome, e.Reasons)
			}
		}
		if got, most := e.most(), 2*bound/size; got > most {
			t.Errorf("%d pushed documents were in hand at once, want at most %d", got, most)
		}
	})
}
