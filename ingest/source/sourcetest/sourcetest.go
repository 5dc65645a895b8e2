// Package sourcetest is the suite every ingest.Source passes: whole and stable
// walks, valid and distinct ids, bytes that can be read twice, fingerprints
// that change with the bytes and not without, attributes that change without
// touching the bytes, deletions, and a stop on the first error.
package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"testing"

	"github.com/doorward/doorward/ingest"
)

// Store is a document store under test and the source that reads it.
type Store interface {
	Source() ingest.Source
	// Put writes a document under a name of letters, digits, dots, dashes and
	// slashes. team is an attribute "team" the source must map; "" for none.
	Put(t *testing.T, name, body, team string)
	// Delete removes a document.
	Delete(t *testing.T, name string)
}

// Options say what a store cannot do.
type Options struct {
	// NoTeam: the store has no attributes of its own.
	NoTeam bool
	// Wrap is put around a body by the source ("" for none); %s is the body.
	Wrap string
}

var validID = regexp.MustCompile(`^[A-Za-z0-9._~:-]{1,200}$`)

// Run runs the suite on stores that open makes, empty.
func Run(t *testing.T, o Options, open func(t *testing.T) Store) {
	if o.Wrap == "" {
		o.Wrap = "%s"
	}
	s := suite{Options: o, open: open}
	t.Run("walk", s.walk)
	t.Run("changes", s.changes)
	t.Run("stops", s.stops)
	t.Run("empty", func(t *testing.T) {
		if items := collect(t, open(t).Source()); len(items) != 0 {
			t.Errorf("an empty store has %d items", len(items))
		}
	})
	t.Run("follow", s.follow)
}

type suite struct {
	Options
	open func(t *testing.T) Store
}

var names = []string{"a.txt", "b/c.txt", "b/d.txt", "b.txt", "b-1.txt", "z/y/x.txt"}

func (s suite) fill(t *testing.T) Store {
	store := s.open(t)
	for _, n := range names {
		store.Put(t, n, "body of "+n, s.team("red"))
	}
	return store
}

func (s suite) team(name string) string {
	if s.NoTeam {
		return ""
	}
	return name
}

// walk checks one whole walk and a second one.
func (s suite) walk(t *testing.T) {
	store := s.fill(t)
	items := collect(t, store.Source())
	if len(items) != len(names) {
		t.Fatalf("%d items of %d", len(items), len(names))
	}
	again := collect(t, store.Source())
	seen, bodies := map[string]bool{}, map[string]bool{}
	for i, it := range items {
		if it.Err != nil || !validID.MatchString(it.ID) || seen[it.ID] || it.URI == "" || it.Fingerprint == "" {
			t.Errorf("item %d: %+v", i, it)
		}
		seen[it.ID] = true
		if it.ID != again[i].ID || it.Fingerprint != again[i].Fingerprint {
			t.Errorf("item %d is %s, then %s", i, it.ID, again[i].ID)
		}
		first := read(t, it)
		if second := read(t, it); first != second || it.Size >= 0 && it.Size != int64(len(first)) {
			t.Errorf("%s: %q, then %q; size %d", it.ID, first, second, it.Size)
		}
		bodies[first] = true
		if !s.NoTeam && fmt.Sprint(it.Attributes["team"]) != "red" {
			t.Errorf("%s: attributes %v", it.ID, it.Attributes)
		}
	}
	for _, n := range names {
		if !bodies[fmt.Sprintf(s.Wrap, "body of "+n)] {
			t.Errorf("the body of %s is not there", n)
		}
	}
	if store.Source().Name() == "" {
		t.Error("the source has no name")
	}
}

// changes checks what a second walk says after changes.
func (s suite) changes(t *testing.T) {
	store := s.fill(t)
	before := byBody(t, store.Source())
	store.Put(t, "a.txt", "new body", s.team("red"))
	store.Delete(t, "b.txt")
	if !s.NoTeam {
		store.Put(t, "b/c.txt", "body of b/c.txt", "blue")
	}
	after := byBody(t, store.Source())
	wrap := func(b string) string { return fmt.Sprintf(s.Wrap, b) }
	if len(after) != len(before)-1 || after[wrap("body of b.txt")].ID != "" {
		t.Errorf("%d items after a deletion, %d before", len(after), len(before))
	}
	old, now := before[wrap("body of a.txt")], after[wrap("new body")]
	if old.Fingerprint == now.Fingerprint {
		t.Error("the same fingerprint for another body")
	}
	old, now = before[wrap("body of b/c.txt")], after[wrap("body of b/c.txt")]
	if old.ID != now.ID {
		t.Errorf("an unchanged body under another id: %s, %s", old.ID, now.ID)
	}
	if !s.NoTeam && fmt.Sprint(now.Attributes["team"]) != "blue" {
		t.Errorf("an attribute-only change is not seen: %v", now.Attributes)
	}
	if same := after[wrap("body of z/y/x.txt")]; same.Fingerprint != before[wrap("body of z/y/x.txt")].Fingerprint {
		t.Error("another fingerprint for an untouched document")
	}
}

// stops checks that errors and cancellation end a walk.
func (s suite) stops(t *testing.T) {
	src := s.fill(t).Source()
	mine, calls := errors.New("mine"), 0
	err := src.Walk(context.Background(), func(ingest.Item) error { calls++; return mine })
	if !errors.Is(err, mine) || calls != 1 {
		t.Errorf("after an error: %v, %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls = 0
	err = src.Walk(ctx, func(ingest.Item) error { calls++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || calls == len(names) {
		t.Errorf("after cancelling: %v, %d calls", err, calls)
	}
}

// follow checks sources that can tell changes.
func (s suite) follow(t *testing.T) {
	store := s.fill(t)
	f, ok := store.Source().(ingest.Follower)
	if !ok {
		t.Skip("the source does not follow changes")
	}
	take := func(since string) (map[string]ingest.Change, string) {
		got := map[string]ingest.Change{}
		next, err := f.Changes(context.Background(), since, func(c ingest.Change) error { got[c.ID] = c; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return got, next
	}
	all, cursor := take("")
	if len(all) != len(names) {
		t.Fatalf("%d changes from the start, want %d", len(all), len(names))
	}
	if none, same := take(cursor); len(none) != 0 || same != cursor {
		t.Errorf("%d changes without a change", len(none))
	}
	ids := byBody(t, store.Source())
	wrap := func(b string) string { return fmt.Sprintf(s.Wrap, b) }
	store.Put(t, "a.txt", "new body", s.team("red"))
	store.Delete(t, "b.txt")
	got, _ := take(cursor)
	changed, gone := got[ids[wrap("body of a.txt")].ID], got[ids[wrap("body of b.txt")].ID]
	if len(got) != 2 || changed.Deleted || !gone.Deleted || gone.Open != nil || read(t, changed.Item) != wrap("new body") {
		t.Errorf("changes: %+v", got)
	}
}

func collect(t *testing.T, s ingest.Source) []ingest.Item {
	t.Helper()
	var out []ingest.Item
	if err := s.Walk(context.Background(), func(it ingest.Item) error { out = append(out, it); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func byBody(t *testing.T, s ingest.Source) map[string]ingest.Item {
	t.Helper()
	out := map[string]ingest.Item{}
	for _, it := range collect(t, s) {
		out[read(t, it)] = it
	}
	return out
}

func read(t *testing.T, it ingest.Item) string {
	t.Helper()
	if it.Open == nil {
		t.Fatalf("%s cannot be opened: %v", it.ID, it.Err)
	}
	r, err := it.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}
