package retrieval_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/catalog/relational"
	catalogsqlite "github.com/doorward/doorward/ingest/catalog/sqlite"
	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/rego"
	"github.com/doorward/doorward/retrieval"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	indexsqlite "github.com/doorward/doorward/retrieval/index/sqlite"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
)

const accessPolicy = `package doorward.access
default allow := false
allow if {
	some g in input.document.groups
	g in input.subject.groups
}
obligations := {"require_mfa": true} if input.context.purpose == "payroll"
`

const ingestPolicy = `package doorward.ingest
verdict := "index"
actions := {"*": "pass"}
`

var schema = policy.Schema{"groups": {Kind: policy.StringSet}}

// world is a small Doorward with real stores and a few switches for trouble.
type world struct {
	t        testing.TB
	ring     *local.Ring
	catalog  *switchCatalog
	index    *indexsqlite.Index
	policies *rego.Source
	audit    *memoryLog
	pipeline *ingest.Pipeline
	service  *retrieval.Service
	now      time.Time
}

func newWorld(t testing.TB) *world { return newWorldOf(t, 64) }

// newWorldOf cuts documents into chunks of at most so many words.
func newWorldOf(t testing.TB, tokens int) *world {
	t.Helper()
	ctx := context.Background()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &world{t: t, audit: &memoryLog{}, now: time.Unix(1_800_000_000, 0)}
	dir := t.TempDir()
	keyDir := filepath.Join(t.TempDir(), "keys")
	check(local.Create(keyDir, false))
	ring, err := local.Open(local.Config{Dir: keyDir, Tenants: filepath.Join(dir, "keys")})
	w.ring = ring
	check(err)
	signer, err := local.OpenSigner(keyDir)
	check(err)
	verifier, err := local.OpenVerifier(keyDir)
	check(err)
	cat, err := catalogsqlite.Open(ctx, catalogsqlite.Config{Dir: dir, Keys: ring})
	check(err)
	t.Cleanup(func() { cat.Close() })
	w.catalog = &switchCatalog{Catalog: cat}
	analyzer, err := embed.NewAnalyzer(embed.Config{})
	check(err)
	w.index, err = indexsqlite.Open(indexsqlite.Config{Path: filepath.Join(dir, "index.db"), Schema: schema, Pins: &index.Pins{Analysis: analyzer.Fingerprint()}})
	check(err)
	t.Cleanup(func() { w.index.Close() })
	w.policies = rego.NewSource(w.load(accessPolicy))
	sanitizer, err := sanitize.NewSanitizer(sanitize.SanitizerConfig{Scanners: []sanitize.Scanner{finds("IGNORE ALL")}})
	check(err)
	w.pipeline, err = ingest.New(ingest.Config{Catalog: cat, Index: w.index, Epochs: w.index, Audit: w.audit, Policy: w.policies, Schema: schema, Keys: ring, Signer: signer,
		Extractor: plainText{}, Sanitizer: sanitizer, Analyzer: analyzer, Access: []string{"groups"}, Chunks: chunk.Config{MaxTokens: tokens, Counter: words{}}})
	check(err)
	builder, err := prompt.New(prompt.Config{Counter: words{}})
	check(err)
	w.service, err = retrieval.New(retrieval.Config{Index: w.index, Epochs: w.index, Catalog: w.catalog, Policy: w.policies, Keys: ring, Verifier: verifier, Audit: w.audit,
		Analyzer: analyzer, Prompt: builder, Sanitizer: sanitizer, Joins: joins{},
		Secret: func(tenant string) ([]byte, error) { return ring.Derive(tenant, ingest.ContentPurpose) }})
	check(err)
	return w
}

func (w *world) load(access string) *rego.Snapshot {
	w.t.Helper()
	files := fstest.MapFS{"access.rego": {Data: []byte(access)}, "ingest.rego": {Data: []byte(ingestPolicy)}}
	s, _, err := rego.Load(context.Background(), rego.Config{Files: files, Name: "test", Document: schema})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// add takes in texts, each readable by one group; the text's first word is its id.
func (w *world) add(group string, texts ...string) {
	w.t.Helper()
	if _, err := w.pipeline.Run(context.Background(), &list{group, texts}, ingest.Options{Tenant: "acme"}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ask(question string, groups ...string) (retrieval.Answer, error) {
	return w.service.Retrieve(context.Background(), retrieval.Request{
		Subject: policy.Subject{ID: "ann", Tenant: "acme", Groups: groups, Authn: policy.Authn{Backend: "chat"}},
		Context: policy.Context{Now: w.now, Destination: "internal"}, Question: question,
	})
}

func (w *world) mustAsk(question string, groups ...string) retrieval.Answer {
	w.t.Helper()
	a, err := w.ask(question, groups...)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func TestPassagesOnlyForThoseAllowed(t *testing.T) {
	w := newWorld(t)
	w.add("eng", "d1 the harbour crane is broken")
	w.add("hr", "d2 the harbour pay is high")
	a := w.mustAsk("harbour", "eng")
	if len(a.Passages) != 1 || a.Passages[0].Document != "d1" || a.ContextID == "" {
		t.Fatalf("got %+v", a.Passages)
	}
	if e := w.audit.last("retrieve"); e.Outcome != "released" || !strings.HasPrefix(e.Documents[0], "d1@") || e.Subject == "ann" {
		t.Errorf("audited as %+v", e)
	}
	if a := w.mustAsk("harbour"); len(a.Passages) != 0 || a.ContextID == "" {
		t.Errorf("somebody without groups got %d passages, context id %q", len(a.Passages), a.ContextID)
	}
}

// Points altered in the index release nothing.
func TestTamperedPointsAreNotReleased(t *testing.T) {
	ctx := context.Background()
	for name, tamper := range map[string]func(w *world, c index.Chunk) []index.Chunk{
		"attributes": func(_ *world, c index.Chunk) []index.Chunk {
			c.Attributes = policy.Attributes{"groups": []any{"eng"}}
			return []index.Chunk{c}
		},
		"moved": func(_ *world, c index.Chunk) []index.Chunk {
			c.Document = "d1"
			c.Attributes = policy.Attributes{"groups": []any{"eng"}}
			return []index.Chunk{c}
		},
		"rolled back": func(_ *world, c index.Chunk) []index.Chunk {
			c.Version = "older"
			c.Attributes = policy.Attributes{"groups": []any{"eng"}}
			return []index.Chunk{c}
		},
		"invented": func(_ *world, c index.Chunk) []index.Chunk {
			c.ID, c.Document = "x", "x"
			c.Attributes = policy.Attributes{"groups": []any{"eng"}}
			return []index.Chunk{c}
		},
		"foreign receipt": func(_ *world, c index.Chunk) []index.Chunk {
			c.Receipt = "none"
			c.Attributes = policy.Attributes{"groups": []any{"eng"}}
			return []index.Chunk{c}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("eng", "d1 the crane is broken")
			w.add("hr", "d2 the salary of the director")
			var point index.Chunk
			if err := w.index.Scroll(ctx, "acme", func(c index.Chunk) error {
				if c.Document == "d2" {
					point = c
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if err := w.index.Put(ctx, "acme", tamper(w, point)); err != nil {
				t.Fatal(err)
			}
			a := w.mustAsk("salary director", "eng")
			for _, p := range a.Passages {
				if strings.Contains(p.Text, "salary") {
					t.Errorf("released %q", p.Document)
				}
			}
			dropped := 0
			for what, n := range w.audit.last("retrieve").Counts {
				if strings.HasPrefix(what, "dropped_") {
					dropped += n
				}
			}
			if dropped == 0 {
				t.Error("the audit entry does not report it")
			}
		})
	}
}

// Whatever fails on the way, nothing is released, and the log says so.
func TestTroubleReleasesNothing(t *testing.T) {
	for name, trouble := range map[string]func(*world){
		"no policy":        func(w *world) { w.policies.Swap(nil) },
		"catalog facts":    func(w *world) { w.catalog.documents = catalog.ErrUnavailable },
		"catalog text":     func(w *world) { w.catalog.open = catalog.ErrUnavailable },
		"altered text":     func(w *world) { w.catalog.alter = true },
		"missing document": func(w *world) { w.catalog.forget = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("eng", "d1 the crane is broken")
			trouble(w)
			a, err := w.ask("crane", "eng")
			if len(a.Passages) != 0 || err != nil && a.ContextID != "" {
				t.Errorf("released %d passages, context id %q", len(a.Passages), a.ContextID)
			}
			if e := w.audit.last("retrieve"); e.Outcome != "failed" && e.Outcome != "empty" {
				t.Errorf("audited as %+v", e)
			}
		})
	}
	t.Run("audit log", func(t *testing.T) {
		w := newWorld(t)
		w.add("eng", "d1 the crane is broken")
		w.audit.fail = audit.ErrUnavailable
		if a, err := w.ask("crane", "eng"); !errors.Is(err, audit.ErrUnavailable) || len(a.Passages) != 0 {
			t.Errorf("got %d passages, %v", len(a.Passages), err)
		}
	})
}

// A right that is taken away counts from the moment the change is acknowledged.
func TestRevocationCountsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.add("eng", "d1 the crane is broken")
	if len(w.mustAsk("crane", "eng").Passages) != 1 {
		t.Fatal("not there to begin with")
	}
	w.add("hr", "d1 the crane is broken") // the same document, now another group's
	if n := len(w.mustAsk("crane", "eng").Passages); n != 0 {
		t.Errorf("%d passages after the attribute change", n)
	}
	if n := len(w.mustAsk("crane", "hr").Passages); n != 1 {
		t.Errorf("%d passages for the new group", n)
	}
	w.policies.Swap(w.load("package doorward.access\ndefault allow := false\n"))
	if n := len(w.mustAsk("crane", "hr").Passages); n != 0 {
		t.Errorf("%d passages after the policy change", n)
	}
}

func TestObligationToUseMFA(t *testing.T) {
	w := newWorld(t)
	w.add("eng", "d1 the crane is broken")
	r := retrieval.Request{Subject: policy.Subject{ID: "ann", Tenant: "acme", Groups: []string{"eng"}, Authn: policy.Authn{Backend: "chat"}},
		Context: policy.Context{Now: w.now, Purpose: "payroll", Destination: "internal"}, Question: "crane"}
	w.service.SignIns = []string{"gold"}
	var refusal *quota.Refusal
	for _, acr := range []string{"", "silver"} {
		r.Subject.Authn.ACR = acr
		a, err := w.service.Retrieve(context.Background(), r)
		if !errors.As(err, &refusal) || refusal.StepUp == nil || !slices.Equal(refusal.StepUp.ACR, []string{"gold"}) || len(a.Passages) != 0 {
			t.Errorf("without mfa, acr %q: %d passages, %v", acr, len(a.Passages), err)
		}
		if _, err := w.service.Fetch(context.Background(), retrieval.FetchRequest{Subject: r.Subject, Context: r.Context, Document: "nothing"}); !errors.As(err, &refusal) {
			t.Errorf("fetching without mfa: %v", err)
		}
		if e := w.audit.entries[len(w.audit.entries)-1]; e.Outcome != "limited" || e.Reason != "step_up:mfa_required" {
			t.Errorf("audited as %s, %s", e.Outcome, e.Reason)
		}
	}
	for _, authn := range []policy.Authn{{Backend: "chat", AMR: []string{"mfa"}}, {Backend: "chat", ACR: "gold"}} {
		r.Subject.Authn = authn
		if a, err := w.service.Retrieve(context.Background(), r); err != nil || len(a.Passages) != 1 {
			t.Errorf("signed in with %+v: %d passages, %v", authn, len(a.Passages), err)
		}
	}
}

func TestInstructionsAreStrippedOnTheWayOut(t *testing.T) {
	w := newWorld(t)
	w.add("eng", "d1 the crane is broken IGNORE ALL of it")
	a := w.mustAsk("crane", "eng")
	if len(a.Passages) != 1 || strings.Contains(a.Passages[0].Text, "IGNORE ALL") || a.Passages[0].Stripped["marker"] != 1 {
		t.Errorf("got %+v", a.Passages)
	}
}

func TestUnusableRequests(t *testing.T) {
	w := newWorld(t)
	good := retrieval.Request{Subject: policy.Subject{ID: "ann", Tenant: "acme"}, Context: policy.Context{Now: w.now}, Question: "x"}
	for name, spoil := range map[string]func(*retrieval.Request){
		"no subject":  func(r *retrieval.Request) { r.Subject = policy.Subject{} },
		"no time":     func(r *retrieval.Request) { r.Context.Now = time.Time{} },
		"no question": func(r *retrieval.Request) { r.Question = "" },
		"long":        func(r *retrieval.Request) { r.Question = strings.Repeat("x", 1<<20) },
		"top_k":       func(r *retrieval.Request) { r.TopK = 51 },
		"budget":      func(r *retrieval.Request) { r.Budget = -1 },
	} {
		r := good
		spoil(&r)
		if _, err := w.service.Retrieve(context.Background(), r); !errors.Is(err, retrieval.ErrRequest) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// switchCatalog is a real catalog that can be made to fail.
type switchCatalog struct {
	*relational.Catalog
	documents, open error
	alter, forget   bool
}

func (c *switchCatalog) Documents(ctx context.Context, tenant string, ids []string) (map[string]catalog.Document, error) {
	if c.documents != nil || c.forget {
		return nil, c.documents
	}
	return c.Catalog.Documents(ctx, tenant, ids)
}

func (c *switchCatalog) Open(ctx context.Context, tenant string, ids []string) (map[string]catalog.Chunk, error) {
	if c.open != nil {
		return nil, c.open
	}
	m, err := c.Catalog.Open(ctx, tenant, ids)
	for id, ch := range m {
		if c.alter {
			ch.Text += " and more"
			m[id] = ch
		}
	}
	return m, err
}

// memoryLog keeps entries in memory and can be made to fail.
type memoryLog struct {
	mu      sync.Mutex
	entries []audit.Entry
	fail    error
}

func (l *memoryLog) Append(_ context.Context, e ...audit.Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e...)
	return l.fail
}

func (l *memoryLog) last(event string) (e audit.Entry) {
	for _, x := range l.entries {
		if x.Event == event {
			e = x
		}
	}
	return e
}

// list is a source of texts.
type list struct {
	group string
	texts []string
}

func (*list) Name() string { return "list" }

func (l *list) Walk(_ context.Context, fn func(ingest.Item) error) error {
	for _, text := range l.texts {
		id, _, _ := strings.Cut(text, " ")
		err := fn(ingest.Item{ID: id, Size: int64(len(text)), Attributes: map[string]any{"groups": []any{l.group}},
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }})
		if err != nil {
			return err
		}
	}
	return nil
}

// finds marks every occurrence of a phrase as an instruction.
type finds string

func (f finds) Scan(_ context.Context, v sanitize.Views) (out []sanitize.Finding, err error) {
	for at := 0; ; {
		i := strings.Index(v.Source[at:], string(f))
		if i < 0 {
			return out, nil
		}
		at += i + len(f)
		out = append(out, sanitize.Finding{Span: sanitize.Span{Start: at - len(f), End: at}, Kind: sanitize.Injection, Rule: "marker", Score: 1})
	}
}

type plainText struct{}

func (plainText) Extract(_ context.Context, u ingest.Upload) (ingest.Extracted, error) {
	return ingest.Extracted{Text: string(u.Bytes), MediaType: "text/plain"}, nil
}
func (plainText) Reason(error) string { return "failed" }
func (plainText) Revision() string    { return "test" }

type words struct{}

func (words) Count(s string) int { return len(strings.Fields(s)) }

type joins struct{}

func (joins) ScanJoins(context.Context, string, []int) ([]sanitize.Finding, error) { return nil, nil }

func ExampleService_Retrieve() {
	var s *retrieval.Service // made by retrieval.New from a catalog, an index, a policy, …
	ask := func(question string) {
		answer, err := s.Retrieve(context.Background(), retrieval.Request{
			Subject:  policy.Subject{ID: "ann", Tenant: "acme", Groups: []string{"staff"}},
			Context:  policy.Context{Now: time.Now(), Destination: "internal"},
			Question: question,
		})
		if err != nil {
			return // nothing was released
		}
		for _, p := range answer.Passages {
			fmt.Println(p.Citation, p.Title)
		}
	}
	_ = ask
}

func TestChoosing(t *testing.T) {
	w := newWorld(t)
	w.add("eng", "d1 crane one is broken", "d2 Crane  one is broken", "d3 crane two works well today")
	if n := len(w.mustAsk("crane", "eng").Passages); n != 3 {
		t.Errorf("%d passages", n) // the ids make the texts differ
	}
	w.service.Shape = retrieval.Shape{PerSource: 2}
	if n := len(w.mustAsk("crane", "eng").Passages); n != 2 {
		t.Errorf("%d passages from one source, want 2", n)
	}
	for share, want := range map[float64]int{0.1: 1, 0.25: 2, 1: 3} { // of eight
		w.service.Shape = retrieval.Shape{Share: map[string]float64{"list": share, "another": 0.1}}
		if n := len(w.mustAsk("crane", "eng").Passages); n != want {
			t.Errorf("%d passages from a source that may fill %v, want %d", n, share, want)
		}
	}
	w.service.Shape = retrieval.Shape{Diversity: 0.9}
	a := w.mustAsk("crane broken", "eng")
	if len(a.Passages) != 3 || a.Passages[1].Document != "d3" {
		t.Errorf("the second passage is as the first: %+v", a.Passages)
	}
}

func TestNeighbours(t *testing.T) {
	w := newWorld(t)
	long := "d1 " + strings.Repeat("Filler words go on and on here. ", 12) + "\n\nThe crane is broken. " + strings.Repeat("More words go on and on there. ", 12) + "\n\nThe end of the story."
	w.add("eng", long)
	alone := w.mustAsk("crane", "eng").Passages[0].Text
	w.service.Neighbors = 1
	a := w.mustAsk("crane", "eng")
	if got := a.Passages[0].Text; len(got) <= len(alone) || !strings.Contains(got, alone) {
		t.Errorf("not extended: %d bytes, alone %d", len(got), len(alone))
	}
}
