package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/signal"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/contain"
)

// Reviews is what reviewers need.
type Reviews interface {
	Held(context.Context, catalog.HeldQuery) (catalog.HeldPage, error)
	HeldCounts(ctx context.Context, tenant string, now time.Time) (catalog.HeldCounts, error)
	Assign(ctx context.Context, tenant, id, assignee string, n catalog.Note) error
	AddNote(ctx context.Context, tenant, id string, n catalog.Note) error
	Notes(ctx context.Context, tenant, id string) ([]catalog.Note, error)
	Lineage(ctx context.Context, tenant, document string) ([]catalog.Lineage, error)
	LineageOf(ctx context.Context, tenant, version string) ([]catalog.Lineage, error)
	ChunkOwner(ctx context.Context, tenant, chunk string) (catalog.Ref, error)
	contain.Store
}

// Batches is what rolling back needs.
type Batches interface {
	StartBatch(context.Context, catalog.Batch) error
	FinishBatch(ctx context.Context, tenant, id string, counts map[string]int) error
	BeatBatch(ctx context.Context, tenant, id string) error
	InterruptBatch(ctx context.Context, tenant, id string) error
	InterruptBatches(ctx context.Context) error
	Batches(ctx context.Context, tenant, id string, limit int) ([]catalog.Batch, error)
	PlanUndo(ctx context.Context, tenant, batch string) ([]catalog.Undo, error)
	UndoBatch(ctx context.Context, tenant, batch string, limit int) ([]catalog.Undo, bool, error)
	Settle(ctx context.Context, tenant, batch string) error
}

func hold(t *testing.T, s Store, id, source, reason string, received int64) {
	t.Helper()
	must(t, s.Receive(ctx, []catalog.Arrival{{Tenant: tenant, ID: id, Source: source, Bytes: []byte(id), Received: time.Unix(received, 0),
		Provenance: catalog.Provenance{Batch: "b-" + source, Submitter: "ann", Manifest: []byte(`{"a":1}`), Connector: "k", Sequence: 4}}}))
	must(t, s.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: tenant, Document: id}, State: catalog.Held, Reasons: []string{reason}, Signals: &signal.Signals{Batch: 7}}}))
}

func heldPages(t *testing.T, s Store, _ func() Store) {
	for i := range 7 {
		hold(t, s, fmt.Sprintf("d%d", i), []string{"wiki", "mail"}[i%2], []string{"100%_sure", "many \"instructions\""}[i/4], int64(100+i/2))
	}
	must(t, s.Assign(ctx, tenant, "d3", "ann", catalog.Note{At: time.Unix(200, 0), Who: "bob", Act: "assign"}))
	var ids []string
	q := catalog.HeldQuery{Tenant: tenant, Limit: 3}
	for pages := 0; ; pages++ {
		page, err := s.Held(ctx, q)
		must(t, err)
		for _, a := range page.Held {
			ids = append(ids, a.ID)
			if a.Signals == nil || a.Signals.Batch != 7 || a.Batch == "" {
				t.Errorf("came back as %+v", a)
			}
		}
		if q.After = page.Next; q.After == "" {
			if pages != 2 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
	}
	if strings.Join(ids, " ") != "d0 d1 d2 d3 d4 d5 d6" {
		t.Errorf("paged through %v", ids)
	}
	for _, c := range []struct {
		q    catalog.HeldQuery
		want int
	}{
		{catalog.HeldQuery{Source: "wiki"}, 4}, {catalog.HeldQuery{Reason: "100%"}, 4}, {catalog.HeldQuery{Reason: "00%s"}, 0}, {catalog.HeldQuery{Reason: `y "inst`}, 3},
		{catalog.HeldQuery{Assignee: "ann"}, 1}, {catalog.HeldQuery{Assignee: "-"}, 6}, {catalog.HeldQuery{Batch: "b-mail"}, 3},
		{catalog.HeldQuery{Before: time.Unix(102, 0)}, 4}, {catalog.HeldQuery{Source: "mail", Assignee: "ann"}, 1},
	} {
		c.q.Tenant = tenant
		page, err := s.Held(ctx, c.q)
		must(t, err)
		if len(page.Held) != c.want {
			t.Errorf("%+v: %d held, want %d", c.q, len(page.Held), c.want)
		}
	}
	broughtAgain(t, s)
	if _, err := s.Held(ctx, catalog.HeldQuery{Tenant: tenant, After: "nonsense"}); !errors.Is(err, catalog.ErrCursor) {
		t.Errorf("a made-up cursor: %v", err)
	}
	n, err := s.HeldCounts(ctx, tenant, time.Unix(100, 0).AddDate(0, 0, 3))
	must(t, err)
	if n.Total != 7 || n.Sources["wiki"] != 4 || n.Reasons["100%_sure"] != 4 || n.Assignees["-"] != 6 || n.Ages["week"] != 7 || n.Oldest.Unix() != 100 {
		t.Errorf("counted %+v", n)
	}
	a, err := s.Arrival(ctx, tenant, "d3")
	must(t, err)
	if string(a.Manifest) != `{"a":1}` || a.Connector != "k" || a.Sequence != 4 || a.Submitter != "ann" || a.Assignee != "ann" {
		t.Errorf("came back as %+v", a)
	}
}

// broughtAgain: what is held stays its first batch's until other bytes come.
func broughtAgain(t *testing.T, s Store) {
	t.Helper()
	of := func(batch string) int {
		page, err := s.Held(ctx, catalog.HeldQuery{Tenant: tenant, Batch: batch})
		must(t, err)
		return len(page.Held)
	}
	for _, c := range []struct {
		batch, content string
		first, second  int
	}{{"first", "one", 1, 0}, {"second", "one", 1, 0}, {"third", "one", 1, 0}, {"second", "two", 0, 1}} {
		must(t, s.Receive(ctx, []catalog.Arrival{{Tenant: tenant, ID: "again", Source: "feed", Content: c.content, Bytes: []byte("x"),
			Received: time.Unix(900, 0), Provenance: catalog.Provenance{Batch: c.batch}}}))
		must(t, s.Hold(ctx, []catalog.Judgement{{Ref: catalog.Ref{Tenant: tenant, Document: "again"}, State: catalog.Held, Reasons: []string{"why"}}}))
		if first, second := of("first"), of("second"); first != c.first || second != c.second {
			t.Errorf("%s in %s: %d of the first batch, %d of the second", c.content, c.batch, first, second)
		}
	}
	must(t, s.Discard(ctx, tenant, "again", "no"))
}

func notes(t *testing.T, s Store, _ func() Store) {
	hold(t, s, "d", "wiki", "r", 1)
	must(t, s.AddNote(ctx, tenant, "d", catalog.Note{At: time.Unix(5, 0), Who: "ann", Act: "note", Note: "ask legal"}))
	must(t, s.Assign(ctx, tenant, "d", "bob", catalog.Note{At: time.Unix(6, 0), Who: "ann", Act: "assign", Note: "yours"}))
	if err := s.Assign(ctx, tenant, "other", "bob", catalog.Note{}); !errors.Is(err, catalog.ErrState) {
		t.Errorf("assigning what is not held: %v", err)
	}
	list, err := s.Notes(ctx, tenant, "d")
	must(t, err)
	if len(list) != 2 || list[0].Note != "ask legal" || list[1].Act != "assign" || list[1].At.Unix() != 6 {
		t.Errorf("noted %+v", list)
	}
}

func final(t *testing.T, s Store, _ func() Store) {
	hold(t, s, "d", "wiki", "r", 1)
	must(t, s.Discard(ctx, tenant, "d", "no"))
	known, err := s.Known(ctx, tenant, []string{"d"})
	must(t, err)
	if k := known["d"]; k.State != catalog.Rejected || k.Revision != catalog.Final {
		t.Errorf("known as %+v", k)
	}
}

// in is a version that a batch brings.
func in(batch, document, name, text string) catalog.Version {
	v := version(document, name, text)
	v.Batch, v.Submitter = batch, "ann"
	p, err := signal.NewProfiler([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		panic(err)
	}
	v.Signature = p.Measure(text).Signature.Encode()
	return v
}

func work(t *testing.T, s Store) []catalog.Task {
	t.Helper()
	tasks, seqs, err := s.Tasks(ctx)
	must(t, err)
	must(t, s.Done(ctx, seqs))
	return tasks
}

func rolledBack(t *testing.T, s Store, reopen func() Store) {
	must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: "b1", Source: "dir", Started: time.Unix(10, 0)}))
	must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: "b2", Source: "dir", Started: time.Unix(20, 0)}))
	old, same := in("b1", "old", "v1", "before"), in("b1", "same", "v1", "same")
	put(t, s, old)
	put(t, s, same)
	changed := old
	changed.Attributes = policy.Attributes{"level": int64(5)}
	changed.Receipt.Attributes = "five"
	must(t, s.SetAttributes(ctx, changed)) // in b1 as well
	before, err := s.Documents(ctx, tenant, []string{"old", "same"})
	must(t, err)
	put(t, s, in("b2", "old", "v2", "after"))
	put(t, s, in("b2", "new", "v1", "new"))
	widened := same
	widened.Batch, widened.Attributes, widened.Receipt.Attributes = "b2", policy.Attributes{"public": true}, "wide"
	must(t, s.SetAttributes(ctx, widened))
	must(t, s.FinishBatch(ctx, tenant, "b2", map[string]int{"indexed": 2}))
	work(t, s)
	if _, ok := released(t, s, tenant, old); ok {
		t.Fatal("the replaced version is released")
	}
	s = reopen()
	plan, err := s.PlanUndo(ctx, tenant, "b2")
	must(t, err)
	if len(plan) != 3 {
		t.Fatalf("planned %+v", plan)
	}
	var done []catalog.Undo
	for more := true; more; {
		var some []catalog.Undo
		some, more, err = s.UndoBatch(ctx, tenant, "b2", 2)
		must(t, err)
		done = append(done, some...)
	}
	if !reflect.DeepEqual(plan, done) {
		t.Errorf("planned %+v, did %+v", plan, done)
	}
	after, err := s.Documents(ctx, tenant, []string{"old", "same", "new"})
	must(t, err)
	if !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if text, ok := released(t, s, tenant, old); !ok || text != "before" {
		t.Errorf("the version before gives %q, %v", text, ok)
	}
	ops := map[catalog.Op]int{}
	for _, task := range work(t, s) {
		ops[task.Op]++
	}
	if ops[catalog.PutOp] != 1 || ops[catalog.RetireOp] != 2 || ops[catalog.AttributesOp] != 1 {
		t.Errorf("the index is owed %v", ops)
	}
	list, err := s.Batches(ctx, tenant, "", 10)
	must(t, err)
	if len(list) != 2 || list[0].ID != "b2" || list[0].State != catalog.RolledBack || list[0].Counts["indexed"] != 2 || list[0].Restorable != 0 || list[1].Restorable == 0 {
		t.Errorf("batches %+v", list)
	}
}

// interrupted: a run that ended before it was done, or of which nothing was heard for
// long, is told from one that is alive, and what ended keeps how it ended.
func interrupted(t *testing.T, s Store, _ func() Store) {
	for _, id := range []string{"alive", "failed", "done", "push-crm-20261129T09"} {
		must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: id, Source: "dir", Started: time.Unix(10, 0)}))
	}
	must(t, s.BeatBatch(ctx, tenant, "alive"))
	must(t, s.FinishBatch(ctx, tenant, "done", nil))
	must(t, s.InterruptBatch(ctx, tenant, "failed"))
	must(t, s.InterruptBatch(ctx, tenant, "done"))
	must(t, s.BeatBatch(ctx, tenant, "failed"))
	states := func(want string) {
		t.Helper()
		list, err := s.Batches(ctx, tenant, "", 10)
		must(t, err)
		got := map[string]catalog.BatchState{}
		for _, b := range list {
			got[b.ID] = b.State
			if b.Finished.IsZero() != (b.State == catalog.Running || b.State == catalog.Interrupted) {
				t.Errorf("%s is %s and finished at %s", b.ID, b.State, b.Finished)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("batches are %v, want %s", got, want)
		}
	}
	states("map[alive:running done:finished failed:interrupted push-crm-20261129T09:running]")
	must(t, s.InterruptBatches(ctx))
	states("map[alive:interrupted done:finished failed:interrupted push-crm-20261129T09:finished]")
	must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: "failed", Source: "dir", Started: time.Unix(10, 0)}))
	must(t, s.FinishBatch(ctx, tenant, "failed", nil))
	states("map[alive:interrupted done:finished failed:finished push-crm-20261129T09:finished]")
}

func changedSince(t *testing.T, s Store, _ func() Store) {
	put(t, s, in("b1", "d", "v1", "one"))
	put(t, s, in("b2", "d", "v2", "two"))
	put(t, s, in("b3", "d", "v3", "three"))
	done, _, err := s.UndoBatch(ctx, tenant, "b2", 10)
	must(t, err)
	if len(done) != 1 || done[0].Did != "skipped" || done[0].Why != "changed since" {
		t.Errorf("did %+v", done)
	}
	if text, ok := released(t, s, tenant, in("b3", "d", "v3", "")); !ok || text != "three" {
		t.Errorf("gives %q, %v", text, ok)
	}
	if done, _, err = s.UndoBatch(ctx, tenant, "b3", 10); err != nil || len(done) != 1 || done[0].Version != "v2" {
		t.Errorf("did %+v, %v", done, err)
	}
}

func settled(t *testing.T, s Store, _ func() Store) {
	must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: "b2", Source: "dir", Started: time.Unix(20, 0)}))
	old := in("b1", "d", "v1", "one")
	put(t, s, old)
	put(t, s, in("b2", "d", "v2", "two"))
	must(t, s.Settle(ctx, tenant, "b2"))
	if done, _, err := s.UndoBatch(ctx, tenant, "b2", 10); err != nil || len(done) != 0 {
		t.Errorf("a settled batch was rolled back: %+v, %v", done, err)
	}
	if _, err := s.Version(ctx, old.Ref); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("the version before is still stored: %v", err)
	}
	if err := s.Settle(ctx, tenant, "b9"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("settling no batch: %v", err)
	}
}

func keepsNothing(t *testing.T, s Store, _ func() Store) {
	old := in("b1", "d", "v1", "one")
	put(t, s, old)
	put(t, s, in("b2", "d", "v2", "two"))
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}}, catalog.Retired))
	if _, err := s.Version(ctx, old.Ref); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("a kept version outlived its document: %v", err)
	}
	if done, _, err := s.UndoBatch(ctx, tenant, "b2", 10); err != nil || len(done) != 0 {
		t.Errorf("did %+v, %v", done, err)
	}
}

// prunedNamed: a roll-back names what its batch took out, once, and nothing of it
// comes back; what is erased or came again since is not named.
func prunedNamed(t *testing.T, s Store, _ func() Store) {
	for _, d := range []string{"d", "e", "f"} {
		put(t, s, in("b1", d, "v1", "one"))
	}
	must(t, s.StartBatch(ctx, catalog.Batch{Tenant: tenant, ID: "b2", Source: "dir", Started: time.Unix(1, 0)}))
	put(t, s, in("b2", "g", "v1", "new"))
	must(t, s.Prune(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}, {Tenant: tenant, Document: "e"}}, "b2"))
	must(t, s.Prune(ctx, []catalog.Ref{{Tenant: tenant, Document: "f"}}, "b3"))
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "e"}}, catalog.Erased))
	want := []catalog.Undo{{Document: "d", Did: "skipped", Why: catalog.WhyPruned}, {Document: "g", Did: "retired"}}
	plan, err := s.PlanUndo(ctx, tenant, "b2")
	if must(t, err); !slices.Equal(plan, want) {
		t.Errorf("plan %+v, want %+v", plan, want)
	}
	if list, err := s.Batches(ctx, tenant, "b2", 1); err != nil || len(list) != 1 || list[0].Restorable != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	done, _, err := s.UndoBatch(ctx, tenant, "b2", 10)
	if must(t, err); !slices.Equal(done, want) {
		t.Errorf("did %+v, want %+v", done, want)
	}
	if docs, err := s.Documents(ctx, tenant, []string{"d", "e", "f", "g"}); err != nil || len(docs) != 0 {
		t.Errorf("%v, %v", docs, err)
	}
}

func lineage(t *testing.T, s Store, _ func() Store) {
	v := in("b1", "d", "v1", "one")
	v.Manifest, v.Connector, v.Sequence = []byte(`{"sequence":4}`), "k1", 4
	v.Receipt.Verdict, v.Receipt.Scanner, v.Receipt.Policy = "index", "s1", "p1"
	put(t, s, v)
	put(t, s, in("b2", "d", "v2", "two"))
	list, err := s.Lineage(ctx, tenant, "d")
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("lineage %+v", list)
	}
	for _, l := range list {
		if l.Version == "v1" && (l.State != catalog.Retired || l.URI != "file:///d" || string(l.Manifest) != `{"sequence":4}` || l.Connector != "k1" || l.Sequence != 4 ||
			l.Batch != "b1" || l.Submitter != "ann" || l.Scanner != "s1" || l.Policy != "p1" || l.Chunks != 1 || l.Receipt != v.Receipt.ID() || l.Findings["email"] != 1) {
			t.Errorf("v1 is %+v", l)
		}
		if l.Version == "v2" && l.State != catalog.Live {
			t.Errorf("v2 is %+v", l)
		}
	}
	// New attributes are a new receipt, and the lineage names the one that covers.
	v2 := in("b3", "d", "v2", "two")
	v2.Receipt.Attributes, v2.Receipt.Policy = "other", "p2"
	must(t, s.SetAttributes(ctx, v2))
	if list, err = s.LineageOf(ctx, tenant, "v2"); err != nil || len(list) != 1 || list[0].Receipt != v2.Receipt.ID() || list[0].Policy != "p2" || list[0].Batch != "b2" {
		t.Errorf("after a change of attributes: %+v, %v", list, err)
	}
	if list, err = s.LineageOf(ctx, tenant, "v2"); err != nil || len(list) != 1 || list[0].Document != "d" {
		t.Errorf("by version: %+v, %v", list, err)
	}
	if r, err := s.ChunkOwner(ctx, tenant, "d/v2/0"); err != nil || r.Version != "v2" {
		t.Errorf("by chunk: %+v, %v", r, err)
	}
	if _, err := s.ChunkOwner(ctx, tenant, "none"); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("no chunk: %v", err)
	}
}

func erasedLineage(t *testing.T, s Store, _ func() Store) {
	v := in("b1", "d", "v1", "one")
	v.Manifest = []byte(`{}`)
	put(t, s, v)
	must(t, s.AddNote(ctx, tenant, "d", catalog.Note{Who: "ann", Note: "about a person"}))
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}}, catalog.Erased))
	list, err := s.Lineage(ctx, tenant, "d")
	must(t, err)
	if len(list) != 1 || list[0].State != catalog.Erased || list[0].URI != "" || list[0].Manifest != nil || list[0].Findings != nil || list[0].Submitter != "" || list[0].Content == "" {
		t.Errorf("erased: %+v", list)
	}
	if n, err := s.Notes(ctx, tenant, "d"); err != nil || len(n) != 0 {
		t.Errorf("notes of an erased document: %+v, %v", n, err)
	}
}

func orders(t *testing.T, s Store, reopen func() Store) {
	o := contain.Order{ID: "o1", Tenant: tenant, Scope: contain.Source, Target: "wiki", Reason: "poisoned", By: "ann", Created: time.Unix(5, 0).UTC()}
	must(t, s.Contain(ctx, o))
	must(t, s.Contain(ctx, contain.Order{ID: "o2", Scope: contain.Destination, Target: "openai", Reason: "r", By: "ann", Created: time.Unix(6, 0)}))
	list, err := reopen().Orders(ctx)
	must(t, err)
	if len(list) != 2 || !reflect.DeepEqual(list[1], o) {
		t.Fatalf("orders %+v", list)
	}
	if err := s.Lift(ctx, "globex", "o1", "eve", "mine", time.Unix(7, 0)); !errors.Is(err, catalog.ErrState) {
		t.Errorf("another tenant lifted it: %v", err)
	}
	must(t, s.Lift(ctx, tenant, "o1", "ann", "clean", time.Unix(7, 0)))
	if err := s.Lift(ctx, tenant, "o1", "ann", "clean", time.Unix(7, 0)); !errors.Is(err, catalog.ErrState) {
		t.Errorf("lifted twice: %v", err)
	}
	if list, err = s.Orders(ctx); err != nil || len(list) != 1 {
		t.Errorf("orders %+v, %v", list, err)
	}
}
