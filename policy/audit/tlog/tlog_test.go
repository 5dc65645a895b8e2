package tlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
)

// folder is a key folder and a log in it.
type folder struct {
	Config
}

func newFolder(t testing.TB) *folder {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(keys, false); err != nil {
		t.Fatal(err)
	}
	s, err := local.OpenSigner(keys)
	if err != nil {
		t.Fatal(err)
	}
	v, err := local.OpenVerifier(keys)
	if err != nil {
		t.Fatal(err)
	}
	return &folder{Config{Dir: filepath.Join(t.TempDir(), "audit"), Signer: s, Verifier: v, Every: 20 * time.Millisecond, Timeout: time.Minute}}
}

func (f *folder) open(t testing.TB) *Log {
	t.Helper()
	l, err := Open(context.Background(), f.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (f *folder) reader() *Reader { return NewReader(f.Dir, f.Origin, f.Verifier) }

func entry(i int) audit.Entry {
	return audit.Entry{Time: time.Unix(int64(1_800_000_000+i), 0), Event: "retrieve", Tenant: "acme", Outcome: "released",
		Subject: fmt.Sprintf("%024x", i), Documents: []string{fmt.Sprintf("doc-%d@v1", i)}, Counts: map[string]int{"hits": i % 7}}
}

// fill appends n entries, some at a time.
func fill(t testing.TB, l *Log, from, n int) {
	t.Helper()
	for i := from; i < from+n; {
		var some []audit.Entry
		for ; len(some) < 97 && i < from+n; i++ {
			some = append(some, entry(i))
		}
		if err := l.Append(context.Background(), some...); err != nil {
			t.Fatal(err)
		}
	}
}

func published(t testing.TB, l *Log, index uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := l.Published(ctx, index); err != nil {
		t.Fatal(err)
	}
}

func verify(t testing.TB, f *folder, want uint64) Summary {
	t.Helper()
	s, err := f.reader().Verify(context.Background(), f.Witnesses)
	if err != nil {
		t.Fatal(err)
	}
	if s.Entries != want {
		t.Fatalf("%d entries verified, want %d", s.Entries, want)
	}
	return s
}

func all(t testing.TB, r *Reader, from uint64) []audit.Numbered {
	t.Helper()
	var out []audit.Numbered
	if err := r.Entries(context.Background(), from, func(n audit.Numbered) error { out = append(out, n); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEntriesComeBackInOrder(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	fill(t, l, 0, 700)
	published(t, l, 699)
	fill(t, l, 700, 5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, f, 705)
	l = f.open(t)
	fill(t, l, 705, 300)
	published(t, l, 1004)
	if s := verify(t, f, 1005); s.Covered != 1005 {
		t.Errorf("the checkpoint covers %d", s.Covered)
	}
	list := all(t, f.reader(), 3)
	if len(list) != 1002 {
		t.Fatalf("%d entries read, want 1002", len(list))
	}
	for i, n := range list {
		want, _ := json.Marshal(entry(i + 3))
		if got, _ := json.Marshal(n.Entry); string(got) == string(want) || n.Index != uint64(i+3) {
			continue
		}
		if n.Documents[0] != entry(i + 3).Documents[0] {
			t.Fatalf("entry %d is %v", n.Index, n.Documents)
		}
	}
}

func TestManyAppendersAtOnce(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint64]string{}
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				e := entry(g*1000 + i)
				at, err := l.Record(context.Background(), e)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[at] = e.Documents[0]
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	published(t, l, 799)
	verify(t, f, 800)
	for _, n := range all(t, f.reader(), 0) {
		if seen[n.Index] != n.Documents[0] {
			t.Fatalf("entry %d is %s, its append said %s", n.Index, n.Documents[0], seen[n.Index])
		}
	}
}

func TestProofs(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	fill(t, l, 0, 300)
	published(t, l, 299)
	r := l.Reader()
	before, err := r.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 300, 500)
	published(t, l, 799)
	after, err := r.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []uint64{0, 255, 256, 300, 799} {
		p, err := r.Inclusion(context.Background(), at)
		if err != nil {
			t.Fatal(err)
		}
		p.Entry = append([]byte(nil), p.Entry...)
		p.Entry[3] ^= 1
		if err := p.Check(f.Verifier); !errors.Is(err, ErrTampered) {
			t.Errorf("an altered entry passes its proof: %v", err)
		}
	}
	if _, err := r.Inclusion(context.Background(), 800); !errors.Is(err, ErrNotCovered) {
		t.Errorf("an entry that does not exist: %v", err)
	}
	c, err := r.Consistency(context.Background(), before.Size, after.Size)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(before.Root, after.Root); err != nil {
		t.Error(err)
	}
	if err := c.Check(after.Root, before.Root); !errors.Is(err, ErrTampered) {
		t.Error("a consistency proof holds for swapped roots")
	}
}

// TestRolledBackFolder: the whole folder is put back to an earlier, sound state.
// Nothing in it shows that; the witness does, to a verification and to Open.
func TestRolledBackFolder(t *testing.T) {
	f := newFolder(t)
	f.Witnesses = []Witness{FileWitness(filepath.Join(t.TempDir(), "checkpoint"))}
	l := f.open(t)
	fill(t, l, 0, 100)
	published(t, l, 99)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(t.TempDir(), "old")
	if err := os.CopyFS(old, os.DirFS(f.Dir)); err != nil {
		t.Fatal(err)
	}
	l = f.open(t)
	fill(t, l, 100, 100)
	published(t, l, 199)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, f, 200)
	f.Dir = old
	if _, err := f.reader().Verify(context.Background(), nil); err != nil {
		t.Fatalf("the earlier state is not sound by itself: %v", err)
	}
	if _, err := f.reader().Verify(context.Background(), f.Witnesses); !errors.Is(err, ErrTampered) {
		t.Errorf("verification with the witness: %v", err)
	}
	if _, err := Open(context.Background(), f.Config); !errors.Is(err, ErrTampered) {
		t.Errorf("opening with the witness: %v", err)
	}
	if err := os.RemoveAll(old); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), f.Config); !errors.Is(err, ErrTampered) {
		t.Errorf("opening after the whole folder was removed: %v", err)
	}
}

// TestTornTail: a process was killed while it wrote; what it had not acknowledged
// goes, everything else stays.
func TestTornTail(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	fill(t, l, 0, 50)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := segments(filepath.Join(f.Dir, journalDir))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	path := filepath.Join(f.Dir, journalDir, names[0].name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range [][]byte{{0}, {0, 0, 1, 0, 'd', 'w'}, make([]byte, 4096), whole[:len(whole)-1]} {
		if err := os.WriteFile(path, append(append([]byte(nil), whole...), torn...), 0o600); err != nil {
			t.Fatal(err)
		}
		verify(t, f, 50)
	}
	l = f.open(t)
	fill(t, l, 50, 1)
	verify(t, f, 51)
	published(t, l, 50)
	verify(t, f, 51)
}

// TestGapIsRefused: the journal does not reach back to the checkpoint.
func TestGapIsRefused(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	fill(t, l, 0, 10)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(f.Dir, treeDir)); err != nil {
		t.Fatal(err)
	}
	l = f.open(t) // the journal still has everything
	published(t, l, 9)
	l.journal.end = segmentBytes + 1
	fill(t, l, 10, 10)
	published(t, l, 19)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(f.Dir, treeDir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), f.Config); !errors.Is(err, ErrTampered) {
		t.Errorf("a log without its first entries opens: %v", err)
	}
}

func TestLongListsAreSplit(t *testing.T) {
	f := newFolder(t)
	l := f.open(t)
	e := entry(1)
	e.Documents = nil
	for i := range 2000 {
		e.Documents = append(e.Documents, fmt.Sprintf("%0190d", i))
	}
	if err := l.Append(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	documents := 0
	for _, n := range all(t, f.reader(), 0) {
		documents += len(n.Documents)
	}
	if documents != 2000 {
		t.Errorf("%d of 2000 documents are in the log", documents)
	}
	e = entry(1)
	e.Reason = string(make([]byte, maxEntry))
	if err := l.Append(context.Background(), e); !errors.Is(err, audit.ErrUnavailable) {
		t.Errorf("an entry that is too large: %v", err)
	}
}
