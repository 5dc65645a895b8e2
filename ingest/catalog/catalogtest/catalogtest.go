// Package catalogtest is the suite every catalog passes.
package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/sanitize"
)

// Store is a whole catalog.
type Store interface {
	catalog.Reader
	Pushes
	Owner
	Receive(context.Context, []catalog.Arrival) error
	Hold(context.Context, []catalog.Judgement) error
	Discard(ctx context.Context, tenant, id, reason string) error
	Risk(ctx context.Context, r catalog.Ref) (lost int, err error)
	Spare(ctx context.Context, r catalog.Ref) error
	Arrival(ctx context.Context, tenant, id string) (catalog.Arrival, error)
	Arrivals(ctx context.Context, tenant string, state catalog.State, yield func(catalog.Arrival) error) error
	Intend(context.Context, []catalog.Version) error
	Commit(context.Context, []catalog.Ref) error
	Retire(context.Context, []catalog.Ref, catalog.State) error
	Prune(ctx context.Context, refs []catalog.Ref, batch string) error
	Withdraw(context.Context, []catalog.Ref) error
	SetAttributes(context.Context, catalog.Version) error
	SetFingerprints(context.Context, []catalog.Arrival) error
	Tasks(context.Context) ([]catalog.Task, []int64, error)
	Done(context.Context, []int64) error
	Intents(context.Context) ([]catalog.Version, error)
	Version(context.Context, catalog.Ref) (catalog.Version, error)
	Known(ctx context.Context, tenant string, ids []string) (map[string]catalog.Known, error)
	Live(ctx context.Context, tenant, source string, yield func(catalog.Document) error) error
	LiveIDs(ctx context.Context, tenant, source string, yield func(id string)) error
	Reviews
	Erasures
	Batches
	Signals
	Vectors
	Records(ctx context.Context, yield func(catalog.Record) error) error
	Sound(context.Context) ([]string, error)
	Abandon(context.Context, []catalog.Ref) error
	Sweep(context.Context) (int, error)
	Resign(context.Context, []catalog.Version) error
	PullBack(context.Context, catalog.Arrival, catalog.Judgement) error
	Analysis(context.Context) (string, error)
	SetAnalysis(ctx context.Context, analysis string) error
}

// Run runs the suite; open makes an empty catalog, reopen opens the same again
// as after a crash (without closing the first).
func Run(t *testing.T, open func(t *testing.T) (s Store, reopen func() Store)) {
	cases := map[string]func(*testing.T, Store, func() Store){
		"nothing is released before commit": beforeCommit,
		"commit releases and replaces":      replaces,
		"arrivals round trip":               arrivals,
		"lives that an arrival cost":        risked,
		"a rejected arrival is shredded":    rejected,
		"a version that returns stays":      returns,
		"what is held is not published":     takenBack,
		"attributes change at once":         attributes,
		"a touched document is told again":  touched,
		"retired documents are gone":        retired,
		"ids of live documents":             liveIDs,
		"no reader sees what was":           fresh,
		"tenants are apart":                 tenants,
		"answers are kept":                  answers,
		"deliveries are kept":               deliveries,
		"prints are found":                  prints,
		"prints that are replaced":          printsReplaced,
		"standings":                         standings,
		"cursors are kept":                  cursors,
		"intents survive a restart":         intents,

		"quarantine is paged and filtered":   heldPages,
		"reviewers' notes are kept":          notes,
		"a reviewer's refusal is final":      final,
		"a batch is rolled back":             rolledBack,
		"an interrupted batch is told":       interrupted,
		"what changed since is left alone":   changedSince,
		"a settled batch keeps nothing":      settled,
		"a retired document keeps nothing":   keepsNothing,
		"what a batch pruned is named":       prunedNamed,
		"lineage outlives versions":          lineage,
		"an erased document keeps no origin": erasedLineage,
		"orders hold until they are lifted":  orders,
		"what was erased is gone for good":   erased,
		"an erasure is carried on":           erasures,
		"legal holds":                        legalHolds,
		"near duplicates are found":          alike,
		"a baseline is kept":                 baseline,
		"a manifest's number only grows":     marks,
		"receipts are signed anew":           resigned,
		"terms are made anew":                analysed,
		"every row can be named":             records,
		"a newer arrival is kept":            newer,
		"vectors change all at once":         vectors,
	}
	for name, run := range cases {
		t.Run(name, func(t *testing.T) {
			s, reopen := open(t)
			run(t, s, reopen)
		})
	}
}

const tenant = "acme"

var ctx = context.Background()

func version(document, name, text string) catalog.Version {
	ref := catalog.Ref{Tenant: tenant, Document: document, Version: name}
	id := document + "/" + name + "/0"
	return catalog.Version{
		Ref: ref, Source: "dir", URI: "file:///" + document, Title: "T " + document, MediaType: "text/plain",
		Content: "h-" + name, Revision: "r1", Claimed: "c1",
		Attributes: policy.Attributes{"level": int64(3), "groups": []any{"eng", "hr"}, "public": false},
		Findings:   map[string]int{"email": 1},
		Receipt:    receipt.Signed{Receipt: receipt.Receipt{Tenant: tenant, Document: document, Version: name, Chunks: []receipt.Chunk{{ID: id}}}, Signature: []byte("s")},
		Chunks: []catalog.StoredChunk{{
			Chunk: catalog.Chunk{ID: id, Document: document, Version: name, Text: text, Tokens: 2, Headings: []string{"H"},
				Findings: []sanitize.Finding{{Span: sanitize.Span{Start: 0, End: 1}, Kind: sanitize.PII, Rule: "r", Score: .5}},
				Removed:  map[string]int{"email": 1}, Scanner: "s1", Span: sanitize.Span{Start: 0, End: len(text)}},
			Terms: []embed.Term{{Key: 7, Weight: 1.5}}, Vector: []float32{1, 2},
		}},
	}
}

func put(t *testing.T, s Store, v catalog.Version) {
	t.Helper()
	must(t, s.Intend(ctx, []catalog.Version{v}))
	must(t, s.Commit(ctx, []catalog.Ref{v.Ref}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func released(t *testing.T, s Store, tenant string, v catalog.Version) (string, bool) {
	t.Helper()
	docs, err := s.Documents(ctx, tenant, []string{v.Document})
	must(t, err)
	chunks, err := s.Open(ctx, tenant, []string{v.Chunks[0].ID})
	must(t, err)
	d, ok := docs[v.Document]
	c, there := chunks[v.Chunks[0].ID]
	return c.Text, ok && there && d.Version == v.Version
}

func beforeCommit(t *testing.T, s Store, _ func() Store) {
	v := version("d", "v1", "hello")
	must(t, s.Intend(ctx, []catalog.Version{v}))
	if _, ok := released(t, s, tenant, v); ok {
		t.Error("an intended version was released")
	}
	must(t, s.Commit(ctx, []catalog.Ref{v.Ref}))
	if text, ok := released(t, s, tenant, v); !ok || text != "hello" {
		t.Errorf("got %q, %v", text, ok)
	}
}

func replaces(t *testing.T, s Store, _ func() Store) {
	v1, v2 := version("d", "v1", "one"), version("d", "v2", "two")
	put(t, s, v1)
	put(t, s, v2)
	if _, ok := released(t, s, tenant, v1); ok {
		t.Error("the replaced version is still released")
	}
	if text, _ := released(t, s, tenant, v2); text != "two" {
		t.Errorf("got %q", text)
	}
	tasks, seqs, err := s.Tasks(ctx)
	must(t, err)
	if len(tasks) != 1 || tasks[0].Op != catalog.RetireOp || tasks[0].Version != "v1" {
		t.Fatalf("owed %+v", tasks)
	}
	must(t, s.Done(ctx, seqs))
	if tasks, _, _ = s.Tasks(ctx); len(tasks) != 0 {
		t.Errorf("still owed %+v", tasks)
	}
	docs, err := s.Documents(ctx, tenant, []string{"d"})
	must(t, err)
	d := docs["d"]
	if d.URI != "file:///d" || d.Attributes["level"] != int64(3) || d.Findings["email"] != 1 || string(d.Receipt.Signature) != "s" {
		t.Errorf("document came back as %+v", d)
	}
}

// returns: a version is stored again while the index is owed its removal, which may
// already be under way. It is put there anew once it is live, and not before.
func returns(t *testing.T, s Store, _ func() Store) {
	v1, v2 := version("d", "v1", "one"), version("d", "v2", "two")
	put(t, s, v1)
	put(t, s, v2)
	must(t, s.Intend(ctx, []catalog.Version{v1}))
	if tasks, _, err := s.Tasks(ctx); err != nil || len(tasks) != 0 {
		t.Errorf("owed while it is only stored: %+v %v", tasks, err)
	}
	must(t, s.Commit(ctx, []catalog.Ref{v1.Ref}))
	tasks, _, err := s.Tasks(ctx)
	must(t, err)
	owed := map[string]catalog.Op{}
	for _, task := range tasks {
		owed[task.Version] = task.Op
	}
	if len(tasks) != 2 || owed["v1"] != catalog.PutOp || owed["v2"] != catalog.RetireOp {
		t.Errorf("owed %+v", tasks)
	}
}

func arrivals(t *testing.T, s Store, _ func() Store) {
	a := catalog.Arrival{Tenant: tenant, ID: "d", Source: "dir", Name: "d.txt", URI: "u", Content: "h-v1", Fingerprint: "f",
		Claimed: map[string]any{"groups": []any{"eng"}}, Bytes: []byte("bytes"), Received: time.Unix(5, 0)}
	must(t, s.Receive(ctx, []catalog.Arrival{a}))
	got, err := s.Arrival(ctx, tenant, "d")
	must(t, err)
	if string(got.Bytes) != "bytes" || got.Name != "d.txt" || fmt.Sprint(got.Claimed) != fmt.Sprint(a.Claimed) {
		t.Errorf("came back as %+v", got)
	}
	must(t, s.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: tenant, Document: "d"}, State: catalog.Held, Revision: "r1", Reasons: []string{"why"}, Findings: map[string]int{"x": 2}}}))
	var held []catalog.Arrival
	must(t, s.Arrivals(ctx, tenant, catalog.Held, func(a catalog.Arrival) error { held = append(held, a); return nil }))
	if len(held) != 1 || held[0].Reasons[0] != "why" || held[0].Findings["x"] != 2 {
		t.Fatalf("held %+v", held)
	}
	known, err := s.Known(ctx, tenant, []string{"d"})
	must(t, err)
	if k := known["d"]; k.State != catalog.Held || k.Content != "h-v1" || k.Revision != "r1" {
		t.Errorf("known as %+v", k)
	}
	put(t, s, version("d", "v1", "x"))
	if _, err := s.Arrival(ctx, tenant, "d"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("after commit the arrival gives %v", err)
	}
}

// risked: what is noted outlives the process, and ends with the bytes.
func risked(t *testing.T, s Store, reopen func() Store) {
	a := catalog.Arrival{Tenant: tenant, ID: "d", Source: "dir", Content: "h1", Bytes: []byte("bytes"), Received: time.Unix(5, 0)}
	ref := catalog.Ref{Tenant: tenant, Document: "d"}
	must(t, s.Receive(ctx, []catalog.Arrival{a}))
	risk := func(want int) {
		t.Helper()
		if lost, err := s.Risk(ctx, ref); err != nil || lost != want {
			t.Errorf("it cost %d lives, want %d (%v)", lost, want, err)
		}
	}
	risk(0)
	must(t, s.Spare(ctx, ref))
	risk(0)
	s = reopen()
	risk(1)
	risk(2)
	must(t, s.Receive(ctx, []catalog.Arrival{a}))
	risk(0)
	must(t, s.Hold(ctx, []catalog.Judgement{{Ref: ref, State: catalog.Held}}))
	if _, err := s.Risk(ctx, ref); !errors.Is(err, catalog.ErrState) {
		t.Errorf("of what is held: %v", err)
	}
	must(t, s.Spare(ctx, ref))
}

func rejected(t *testing.T, s Store, _ func() Store) {
	a := catalog.Arrival{Tenant: tenant, ID: "d", Bytes: []byte("bytes")}
	must(t, s.Receive(ctx, []catalog.Arrival{a}))
	if err := s.Discard(ctx, tenant, "d", "no"); !errors.Is(err, catalog.ErrState) {
		t.Errorf("discarding what is not held: %v", err)
	}
	must(t, s.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: tenant, Document: "d"}, State: catalog.Held}}))
	must(t, s.Discard(ctx, tenant, "d", "no"))
	got, err := s.Arrival(ctx, tenant, "d")
	must(t, err)
	if got.State != catalog.Rejected || len(got.Bytes) != 0 {
		t.Errorf("came back as %+v", got)
	}
}

// takenBack: a version was stored, and its document is held before that is live.
func takenBack(t *testing.T, s Store, _ func() Store) {
	ctx := t.Context()
	put(t, s, version("d", "v1", "x"))
	must(t, s.Receive(ctx, []catalog.Arrival{{Tenant: tenant, ID: "d", Source: "src", Content: "h2", Bytes: []byte("newer"), Received: time.Unix(6, 0)}}))
	must(t, s.Intend(ctx, []catalog.Version{version("d", "v2", "y")}))
	must(t, s.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: tenant, Document: "d"}, State: catalog.Held, Reasons: []string{"error"}}}))
	intents, err := s.Intents(ctx)
	must(t, err)
	if len(intents) != 0 {
		t.Errorf("still intended: %v", intents)
	}
	tasks, _, err := s.Tasks(ctx)
	must(t, err)
	if !slices.ContainsFunc(tasks, func(k catalog.Task) bool { return k.Op == catalog.RetireOp && k.Document == "d" && k.Version == "v2" }) {
		t.Errorf("the index is not told to forget it: %+v", tasks)
	}
	docs, err := s.Documents(ctx, tenant, []string{"d"})
	must(t, err)
	if docs["d"].Version != "v1" {
		t.Errorf("live is %q, want the version before", docs["d"].Version)
	}
}

func attributes(t *testing.T, s Store, _ func() Store) {
	v := version("d", "v1", "x")
	put(t, s, v)
	v.Attributes = policy.Attributes{"level": int64(9)}
	must(t, s.SetAttributes(ctx, v))
	docs, err := s.Documents(ctx, tenant, []string{"d"})
	must(t, err)
	if docs["d"].Attributes["level"] != int64(9) {
		t.Errorf("attributes are %v", docs["d"].Attributes)
	}
	tasks, _, err := s.Tasks(ctx)
	must(t, err)
	if len(tasks) != 1 || tasks[0].Op != catalog.AttributesOp || tasks[0].Attributes["level"] != int64(9) {
		t.Errorf("owed %+v", tasks)
	}
	v.Version = "v0"
	if err := s.SetAttributes(ctx, v); !errors.Is(err, catalog.ErrState) {
		t.Errorf("attributes of a version that is not live: %v", err)
	}
}

// touched: what was read and found as it was is told by its new fingerprint, what
// has changed meanwhile is not.
func touched(t *testing.T, s Store, _ func() Store) {
	v := version("d", "v1", "x")
	v.Content, v.Fingerprint = "c1", "f1"
	put(t, s, v)
	for _, c := range []struct{ content, want string }{{"c0", "f1"}, {"c1", "f2"}} {
		must(t, s.SetFingerprints(ctx, []catalog.Arrival{{Tenant: tenant, ID: "d", Content: c.content, Fingerprint: "f2"}}))
		known, err := s.Known(ctx, tenant, []string{"d"})
		must(t, err)
		if known["d"].Fingerprint != c.want {
			t.Errorf("content %s: %+v", c.content, known["d"])
		}
	}
}

func retired(t *testing.T, s Store, _ func() Store) {
	v := version("d", "v1", "x")
	put(t, s, v)
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}}, catalog.Retired))
	if _, ok := released(t, s, tenant, v); ok {
		t.Error("a retired document was released")
	}
	if tasks, _, _ := s.Tasks(ctx); len(tasks) != 1 || tasks[0].Op != catalog.RetireOp {
		t.Errorf("owed %+v", tasks)
	}
	n := 0
	must(t, s.Live(ctx, tenant, "", func(catalog.Document) error { n++; return nil }))
	must(t, s.LiveIDs(ctx, tenant, "", func(string) { n++ }))
	if n != 0 {
		t.Errorf("%d live documents", n)
	}
}

// liveIDs are those of live documents of the tenant and source, as Live has them.
func liveIDs(t *testing.T, s Store, _ func() Store) {
	for _, id := range []string{"a", "b", "c"} {
		put(t, s, version(id, "v1", "x"))
	}
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "b"}}, catalog.Retired))
	for _, source := range []string{"", "dir", "another"} {
		var whole, ids []string
		must(t, s.Live(ctx, tenant, source, func(d catalog.Document) error { whole = append(whole, d.ID); return nil }))
		must(t, s.LiveIDs(ctx, tenant, source, func(id string) { ids = append(ids, id) }))
		if slices.Sort(ids); !slices.Equal(ids, whole) || (len(ids) == 2) == (source == "another") {
			t.Errorf("source %q: %v, not %v", source, ids, whole)
		}
	}
	must(t, s.LiveIDs(ctx, "globex", "", func(id string) { t.Error("another tenant's", id) }))
}

func tenants(t *testing.T, s Store, _ func() Store) {
	v := version("d", "v1", "x")
	put(t, s, v)
	if _, ok := released(t, s, "globex", v); ok {
		t.Error("another tenant was given the document")
	}
}

func intents(t *testing.T, s Store, reopen func() Store) {
	v := version("d", "v1", "x")
	must(t, s.Intend(ctx, []catalog.Version{v}))
	s = reopen()
	list, err := s.Intents(ctx)
	must(t, err)
	if len(list) != 1 || list[0].Ref != v.Ref || len(list[0].Chunks) != 1 {
		t.Fatalf("intents %+v", list)
	}
	c := list[0].Chunks[0]
	if c.Text != "x" || c.Terms[0] != (embed.Term{Key: 7, Weight: 1.5}) || c.Vector[1] != 2 {
		t.Errorf("chunk came back as %+v", c)
	}
	must(t, s.Intend(ctx, []catalog.Version{v})) // doing it again changes nothing
	must(t, s.Commit(ctx, []catalog.Ref{v.Ref}))
	if list, _ = s.Intents(ctx); len(list) != 0 {
		t.Errorf("intents left: %+v", list)
	}
	if _, ok := released(t, s, tenant, v); !ok {
		t.Error("not released after recovery")
	}
}

// newer: what arrived while its predecessor was judged is still to be judged.
func newer(t *testing.T, s Store, _ func() Store) {
	receive := func(content string) {
		t.Helper()
		must(t, s.Receive(ctx, []catalog.Arrival{{Tenant: tenant, ID: "d", Source: "dir", Content: content, Bytes: []byte(content)}}))
	}
	v := version("d", "v1", "x")
	receive("h-v1")
	must(t, s.Intend(ctx, []catalog.Version{v}))
	receive("h-v2")
	must(t, s.Commit(ctx, []catalog.Ref{v.Ref}))
	a, err := s.Arrival(ctx, tenant, "d")
	must(t, err)
	if string(a.Bytes) != "h-v2" {
		t.Errorf("kept %q", a.Bytes)
	}
	if _, ok := released(t, s, tenant, v); !ok {
		t.Error("the judged version is not released")
	}
}
