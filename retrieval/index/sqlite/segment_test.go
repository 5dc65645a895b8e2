package sqlite_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

func segments(t testing.TB, path string) []string {
	t.Helper()
	files, err := filepath.Glob(path + "-*.seg")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// chunksOf are n chunks of documents of three chunks each.
func chunksOf(r *rand.Rand, from, n int) (out []index.Chunk) {
	for i := from; i < from+n; i++ {
		c := indextest.Chunk(i, indextest.RandomAttributes(r))
		c.Document, c.Ordinal = fmt.Sprint("document-", i/3), i%3
		out = append(out, c)
	}
	return out
}

// answers are what some queries find.
func answers(t testing.TB, x index.Reader) (out []string) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 3))
	for i := range 12 {
		q := index.Query{Tenant: indextest.Tenant, Filter: policy.AllowAll(), Limit: 50,
			Terms: []embed.Term{{Key: 7, Weight: 1}, {Key: uint32(1000 + i), Weight: 2}}, Vector: indextest.Vector(uint64(i))}
		switch i % 4 {
		case 1:
			q.Filter = policy.When(indextest.RandomExpr(r, 2)).At(indextest.Now())
		case 2:
			q.Vector = nil
		case 3:
			q.Terms = nil
		}
		hits, err := x.Search(t.Context(), q)
		if err != nil {
			t.Fatalf("query %d: %v", i, err)
		}
		out = append(out, fmt.Sprint(hits))
	}
	return out
}

// TestSegmentsAnswerAsMemory changes two indexes alike, one with a segment for
// every few points and opened again now and then, one that keeps all in memory.
func TestSegmentsAnswerAsMemory(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		flag.Set("rapid.checks", "10") // each is many commits, and a commit waits for the disk
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "index.db")
		unit := rapid.IntRange(2, 12).Draw(rt, "points a segment")
		many, one := openWith(t, path, unit), openWith(t, filepath.Join(dir, "memory.db"), 0)
		defer func() { many.Close(); one.Close() }()
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
		both := func(do func(x *sqlite.Index) error) {
			for _, x := range []*sqlite.Index{many, one} {
				if err := do(x); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			document := fmt.Sprint("document-", r.IntN(20))
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0, 1, 2, 3:
				chunks := chunksOf(r, r.IntN(50), 1+r.IntN(15))
				both(func(x *sqlite.Index) error { return x.Put(t.Context(), indextest.Tenant, chunks) })
			case 4:
				both(func(x *sqlite.Index) error { return x.Retire(t.Context(), indextest.Tenant, document, "") })
			case 5:
				a := indextest.RandomAttributes(r)
				both(func(x *sqlite.Index) error {
					return x.SetAttributes(t.Context(), indextest.Tenant, document, a, "other")
				})
			case 6:
				both(func(x *sqlite.Index) error { _, err := x.DeclareEpoch(t.Context(), indextest.Tenant); return err })
				both(func(x *sqlite.Index) error { return x.Erase(t.Context(), indextest.Tenant, document) })
				both(func(x *sqlite.Index) error { return x.Shred(t.Context()) })
			case 7:
				many.Close()
				many = openWith(t, path, unit)
			}
			if a, b := answers(t, many), answers(t, one); !slices.Equal(a, b) {
				rt.Fatalf("answers differ:\n%v\n%v", a, b)
			}
			a, _ := many.Statistics(t.Context(), indextest.Tenant)
			b, _ := one.Statistics(t.Context(), indextest.Tenant)
			x, _ := a.MarshalBinary()
			y, _ := b.MarshalBinary()
			if !bytes.Equal(x, y) {
				rt.Fatal("statistics differ")
			}
		}
	})
}

// TestDamagedSegments: what is not as it was written is made anew, and what
// nobody listed is removed.
func TestDamagedSegments(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, path string){
		"missing":   func(t *testing.T, path string) { os.Remove(path) },
		"empty":     func(t *testing.T, path string) { os.WriteFile(path, nil, 0o600) },
		"truncated": func(t *testing.T, path string) { os.Truncate(path, 100) },
		"longer": func(t *testing.T, path string) {
			b, _ := os.ReadFile(path)
			os.WriteFile(path, append(b, 0), 0o600)
		},
		"flipped": func(t *testing.T, path string) {
			b, _ := os.ReadFile(path)
			b[len(b)/3] ^= 4
			os.WriteFile(path, b, 0o600)
		},
		"another's": func(t *testing.T, path string) {
			files := segments(t, filepath.Join(filepath.Dir(path), "index.db"))
			os.Remove(path)
			os.Link(files[len(files)-1], path)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "index.db")
			x := openWith(t, path, 20)
			for i := range 5 {
				if err := x.Put(t.Context(), indextest.Tenant, chunksOf(rand.New(rand.NewPCG(1, 1)), 21*i, 21)); err != nil {
					t.Fatal(err)
				}
			}
			want := answers(t, x)
			x.Close()
			files := segments(t, path)
			if len(files) == 0 {
				t.Fatal("there are no segments")
			}
			damage(t, files[0])
			left := path + "-00000000000000000000000000000000.seg"
			if err := os.WriteFile(left, []byte("left over"), 0o600); err != nil {
				t.Fatal(err)
			}
			x = openWith(t, path, 20)
			if got := answers(t, x); !slices.Equal(got, want) {
				t.Errorf("answers differ:\n%v\n%v", got, want)
			}
			if _, err := os.Stat(left); err == nil {
				t.Error("a file nobody listed is still there")
			}
			x.Close()
			x = openWith(t, path, 20)
			if got := answers(t, x); !slices.Equal(got, want) {
				t.Errorf("opened once more, answers differ:\n%v\n%v", got, want)
			}
		})
	}
}

// TestEraseLeavesNoSegment: after Shred nothing of an erased document, of a
// version retired before either, is in any file; so also when the process ended
// between Erase and Shred.
func TestEraseLeavesNoSegment(t *testing.T) {
	for _, again := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "index.db")
		x := openWith(t, path, 10)
		secret := "a-document-to-be-forgotten"
		for i := range 4 {
			chunks := chunksOf(rand.New(rand.NewPCG(1, 1)), 12*i, 12)
			for j := range chunks {
				if j < 3 {
					chunks[j].Document = secret
				}
			}
			if err := x.Put(t.Context(), indextest.Tenant, chunks); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Retire(t.Context(), indextest.Tenant, secret, ""); err != nil {
			t.Fatal(err)
		}
		if !anyHolds(t, dir, secret) {
			t.Fatal("the document was never in a file")
		}
		if err := x.Erase(t.Context(), indextest.Tenant, secret); err != nil {
			t.Fatal(err)
		}
		if again {
			x.Close()
			x = openWith(t, path, 10)
		}
		want := answers(t, x)
		if err := x.Shred(t.Context()); err != nil {
			t.Fatal(err)
		}
		if anyHolds(t, dir, secret) {
			t.Errorf("opened again %v: the erased document is still in a file", again)
		}
		if got := answers(t, x); !slices.Equal(got, want) {
			t.Error("answers changed")
		}
		x.Close()
	}
}

func anyHolds(t *testing.T, dir, what string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // merged away meanwhile
		}
		if bytes.Contains(b, []byte(what)) {
			return true
		}
	}
	return false
}

// TestShredSaysWhatStays: while an old segment cannot be removed, nobody is told
// that what was erased is gone.
func TestShredSaysWhatStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	x := openWith(t, path, 10)
	chunks := chunksOf(rand.New(rand.NewPCG(1, 1)), 0, 12)
	if err := x.Put(t.Context(), indextest.Tenant, chunks); err != nil {
		t.Fatal(err)
	}
	var file string
	for range 500 { // it is made after the change is acknowledged, before the next one is
		if err := x.Retire(t.Context(), indextest.Tenant, "nobody's", ""); err != nil {
			t.Fatal(err)
		}
		if files := segments(t, path); len(files) == 1 {
			file = files[0]
			break
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(file, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := x.Erase(t.Context(), indextest.Tenant, chunks[0].Document); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := x.Shred(t.Context()); !errors.Is(err, index.ErrUnavailable) {
			t.Fatalf("shred with an old segment that stays: %v", err)
		}
	}
	if err := os.Remove(filepath.Join(file, "in the way")); err != nil {
		t.Fatal(err)
	}
	if err := x.Shred(t.Context()); err != nil {
		t.Error(err)
	}
}
