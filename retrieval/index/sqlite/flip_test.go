package sqlite_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
)

// TestFlippedBitsOfSegments turns bits of segments' files, each by itself. A bit that
// turned while the index was closed must be found when it is opened: the segment is
// made anew, and answers are as before. One that turns while it is open must be
// found by a look at the files ([sqlite.Index.Sound], which fsck asks and the index
// itself every hour), and by opening again. DOORWARD_BITFLIPS is how many, here
// spread over all of a file; `make bitflips` has 10,000.
func TestFlippedBitsOfSegments(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("DOORWARD_BITFLIPS"))
	if n <= 0 {
		n = 12
	}
	path := filepath.Join(t.TempDir(), "index.db")
	x := openUnmerged(t, path, 30)
	for i := range 3 {
		if err := x.Put(t.Context(), indextest.Tenant, chunksOf(rand.New(rand.NewPCG(1, 1)), 33*i, 33)); err != nil {
			t.Fatal(err)
		}
	}
	want := answers(t, x)
	x.Close()
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	rebuilt, seen := 0, 0
	for i := range n {
		files := segments(t, path)
		if len(files) == 0 {
			t.Fatal("there are no segments")
		}
		file := files[r.IntN(len(files))]
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bit := (i*len(good)/n*8 + r.IntN(8*(len(good)/n+1))) % (8 * len(good))
		flip := func() {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte{good[bit/8] ^ 1<<(bit%8)}, int64(bit/8)); err != nil {
				t.Fatal(err)
			}
		}
		if i%2 == 1 { // while it is open
			x = openUnmerged(t, path, 30)
			flip()
			flaws, err := x.Sound(t.Context())
			if err != nil || len(flaws) != 1 || !strings.Contains(flaws[0], "restart to make it anew") {
				t.Fatalf("seed %d, bit %d of %d: %q, %v", seed, bit, 8*len(good), flaws, err)
			}
			seen++
			x.Close()
		} else {
			flip()
		}
		x = openUnmerged(t, path, 30)
		if got := answers(t, x); !slices.Equal(got, want) {
			t.Fatalf("seed %d, bit %d of %d: answers differ:\n%v\n%v", seed, bit, 8*len(good), got, want)
		}
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("seed %d, bit %d of %d: the damaged segment is still there", seed, bit, 8*len(good))
		}
		rebuilt++
		if flaws, err := x.Sound(t.Context()); err != nil || len(flaws) > 0 {
			t.Fatalf("seed %d, bit %d: made anew, but %q, %v", seed, bit, flaws, err)
		}
		x.Close()
	}
	t.Logf("seed %d: %d bits turned, %d of them while the index was open and seen there, %d segments made anew", seed, n, seen, rebuilt)
}

// TestMendedSegmentStaysInOrder damages each of several segments and merges all
// after the damaged one was made anew: every point must still be found by its row,
// so that it can be removed.
func TestMendedSegmentStaysInOrder(t *testing.T) {
	const unit, n = 30, 9
	for damaged := range n {
		path := filepath.Join(t.TempDir(), "index.db")
		damagedSegments(t, path, unit, n, damaged)
		x := openUnmerged(t, path, unit)
		want := answers(t, x)
		x.Merge()
		if got := answers(t, x); !slices.Equal(got, want) {
			t.Fatalf("answers differ:\n%v\n%v", got, want)
		}
		x.Close()
		after := segments(t, path)
		x = openUnmerged(t, path, unit) // nothing overlaps, so all of it is as it was
		if again := segments(t, path); !slices.Equal(again, after) {
			t.Errorf("segment %d: opened again, segments are made anew: %d, were %d", damaged, len(again), len(after))
		}
		x.Close()
	}
}

// TestMendedSegmentIsSearchedByRow is the same within one opening: what is removed
// after the merge is found by its row and buried.
func TestMendedSegmentIsSearchedByRow(t *testing.T) {
	const unit, n = 30, 9
	for damaged := range n {
		path := filepath.Join(t.TempDir(), "index.db")
		chunks := damagedSegments(t, path, unit, n, damaged)
		x := openUnmerged(t, path, unit)
		x.Merge()
		var ids []string
		for _, c := range chunks {
			ids = append(ids, c.ID)
		}
		if err := x.Remove(t.Context(), indextest.Tenant, ids); err != nil {
			t.Fatal(err)
		}
		if got := x.Living(indextest.Tenant); got != 0 {
			t.Errorf("segment %d: %d removed points are still found", damaged, got)
		}
		x.Close()
	}
}

// damagedSegments makes an index of n segments, of which one is cut short.
func damagedSegments(t testing.TB, path string, unit, n, damaged int) []index.Chunk {
	t.Helper()
	x := openUnmerged(t, path, unit)
	chunks := chunksOf(rand.New(rand.NewPCG(1, 1)), 0, (unit+3)*n)
	var files []string
	for part := range slices.Chunk(chunks, unit+3) {
		if err := x.Put(t.Context(), indextest.Tenant, part); err != nil {
			t.Fatal(err)
		}
		if err := x.Remove(t.Context(), indextest.Tenant, []string{"none"}); err != nil { // behind the segment's making
			t.Fatal(err)
		}
		for _, f := range segments(t, path) {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	x.Close()
	if len(files) != n {
		t.Fatalf("%d segments", len(files))
	}
	if err := os.Truncate(files[damaged], 100); err != nil {
		t.Fatal(err)
	}
	return chunks
}
