package sqlite_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
	"github.com/doorward/doorward/retrieval/index/indextest"
	"github.com/doorward/doorward/retrieval/index/sqlite"
)

// TestEveryStepOfSegments ends the index's process, as far as the disk can tell,
// after each step of making, merging, dropping and shredding segments: the folder is
// copied there and then. Whatever is opened from such a copy must hold what was
// acknowledged, and what was in flight or not, no more; find what a search found;
// have nothing of an erased document left once it is shredded; and the same once
// more when the process ends after any step of that opening, too (of one copy in
// sixty-four; of all with DOORWARD_TEST_STEPS=all). Where a segment's
// file is not known to be on disk yet, copies with half of it, with zeros and
// without it stand for what a power failure leaves.
func TestEveryStepOfSegments(t *testing.T) {
	h := &history{t: t, dir: t.TempDir(), seen: map[string]int{}, every: 64}
	if os.Getenv("DOORWARD_TEST_STEPS") != "" {
		h.every = 1
	}
	x := h.open(h.dir, h.step)
	r := rand.New(rand.NewPCG(9, 9))
	do := func(fn func() error) {
		t.Helper()
		h.before = h.after
		if err := fn(); err != nil {
			t.Fatal(err)
		}
		// Acknowledged before tails are settled; the next change comes after that.
		if err := x.Retire(t.Context(), indextest.Tenant, "nobody's", ""); err != nil {
			t.Fatal(err)
		}
		h.after = exported(t, x)
		h.check()
		x.Merge()
	}
	put := func(from, n int) {
		do(func() error { return x.Put(t.Context(), indextest.Tenant, chunksOf(r, from, n)) })
	}
	for i := range 9 {
		put(6*i, 6)
	}
	put(3, 5) // replaces
	do(func() error { return x.Retire(t.Context(), indextest.Tenant, "document-1", "") })
	do(func() error {
		return x.SetAttributes(t.Context(), indextest.Tenant, "document-2", indextest.RandomAttributes(r), "other")
	})
	put(60, 13)
	do(func() error { return x.Erase(t.Context(), indextest.Tenant, "document-4") })
	h.erased = "document-4" // from here on shredding must leave nothing
	do(func() error { return x.Shred(t.Context()) })
	put(90, 6)
	put(96, 6)
	h.before = h.after
	h.check()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d ends of a process after %v, %d of them in opening what the first had left", h.ends, h.seen, h.second)
	for _, step := range []string{"made", "half written", "written", "synced", "listed", "committed", "removed"} {
		if h.seen[step] == 0 {
			t.Errorf("never ended after %q", step)
		}
	}
}

// history follows an index.
type history struct {
	t             *testing.T
	dir           string
	before, after []string // what it held before the change in flight, and after
	images        []image  // not looked at yet
	erased        string   // a document of which nothing may be left
	seen          map[string]int
	ends, second  int
	every         int // of how many copies the opening is followed step by step
}

// image is a folder as a process left it.
type image struct{ dir, step string }

func (h *history) open(dir string, step func(string)) *sqlite.Index {
	h.t.Helper()
	pins := indextest.Pins()
	x, err := sqlite.Open(sqlite.Config{Path: filepath.Join(dir, "index.db"), Schema: indextest.Schema(), Pins: &pins}.WithTailSlots(6).WithSteps(step))
	if err != nil {
		h.t.Fatal(err)
	}
	return x
}

// step keeps what a process that ends now leaves.
func (h *history) step(name string) {
	h.seen[name]++
	h.images = append(h.images, images(h.t, h.dir, name)...)
}

// images are copies of a folder, and of what a power failure may have left of files
// that were not synced.
func images(t *testing.T, from, step string) (out []image) {
	damages := []func([]byte) []byte{nil}
	if step == "made" || step == "half written" || step == "written" {
		damages = append(damages, func(b []byte) []byte { return b[:len(b)/2] }, func([]byte) []byte { return nil })
		if os.Getenv("DOORWARD_TEST_STEPS") != "" {
			damages = append(damages, func(b []byte) []byte { return make([]byte, len(b)) })
		}
	}
	for _, damage := range damages {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(filepath.Join(from, "*"))
		newest := newestSegment(files)
		for _, f := range files {
			if strings.HasSuffix(f, ".lock") || strings.HasSuffix(f, "-shm") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if damage != nil && f == newest {
				if b = damage(b); b == nil {
					continue
				}
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, image{dir, step})
	}
	return out
}

// newestSegment is the one that was made last.
func newestSegment(files []string) (newest string) {
	var at int64
	for _, f := range files {
		if fi, err := os.Stat(f); err == nil && strings.HasSuffix(f, ".seg") && fi.ModTime().UnixNano() >= at {
			newest, at = f, fi.ModTime().UnixNano()
		}
	}
	return newest
}

// check looks at what was kept since the last time.
func (h *history) check() {
	h.t.Helper()
	for _, i := range h.images {
		var again []image
		h.judge(i, func(step string) {
			if h.ends%h.every == 0 {
				again = append(again, images(h.t, i.dir, step)...)
			}
		})
		h.ends++
		for _, j := range again {
			h.second++
			h.judge(image{j.dir, i.step + ", then " + j.step}, nil)
		}
		os.RemoveAll(i.dir)
	}
	h.images = nil
}

// judge opens an image and compares it.
func (h *history) judge(i image, step func(string)) {
	h.t.Helper()
	x := h.open(i.dir, step)
	defer x.Close()
	found := exported(h.t, x)
	if !slices.Equal(found, h.before) && !slices.Equal(found, h.after) {
		h.t.Fatalf("ended after %q: %d points, not the %d of before or the %d of after", i.step, len(found), len(h.before), len(h.after))
	}
	for range 2 { // from memory as it was opened, and filed
		if got := searched(h.t, x); !slices.Equal(got, names(found)) {
			h.t.Fatalf("ended after %q: a search finds %d points, the file has %d", i.step, len(got), len(found))
		}
	}
	if flaws, err := x.Sound(h.t.Context()); err != nil || len(flaws) > 0 {
		h.t.Fatalf("ended after %q: %v, %v", i.step, flaws, err)
	}
	if h.erased == "" {
		return
	}
	if err := x.Shred(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(i.dir, "*"))
	for _, f := range files {
		if b, _ := os.ReadFile(f); bytes.Contains(b, []byte(h.erased)) {
			h.t.Fatalf("ended after %q: %s holds what was erased", i.step, filepath.Base(f))
		}
	}
}

func exported(t *testing.T, x *sqlite.Index) []string {
	t.Helper()
	list, err := index.Export(t.Context(), x, indextest.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// names are the points of an export, in order.
func names(list []string) (out []string) {
	for _, l := range list {
		id, _, _ := strings.Cut(l, " ")
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// searched are the points that any term finds.
func searched(t *testing.T, x *sqlite.Index) (out []string) {
	t.Helper()
	hits, err := x.Search(t.Context(), index.Query{Tenant: indextest.Tenant, Terms: []embed.Term{{Key: 7, Weight: 1}}, Filter: policy.AllowAll(), Limit: index.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		out = append(out, h.ID)
	}
	slices.Sort(out)
	return out
}

// TestTailsOfManyTenants: however many tenants there are, their tails stay within
// bounds together, and so does the number of files.
func TestTailsOfManyTenants(t *testing.T) {
	path := filepath.Join(t.TempDir(), "index.db")
	pins := indextest.Pins()
	const most = 60_000
	x, err := sqlite.Open(sqlite.Config{Path: path, Pins: &pins}.WithTailBytes(most).WithSteps(nil))
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	r := rand.New(rand.NewPCG(2, 2))
	const tenants, each = 12, 40
	for i := range each {
		for n := range tenants {
			if err := x.Put(t.Context(), fmt.Sprint("tenant-", n), chunksOf(r, 3*i, 3)); err != nil {
				t.Fatal(err)
			}
		}
		x.Merge()
	}
	if err := x.Put(t.Context(), "last", chunksOf(r, 0, 1)); err != nil { // the writer has settled what was before
		t.Fatal(err)
	}
	if err := x.Retire(t.Context(), "last", "nobody's", ""); err != nil {
		t.Fatal(err)
	}
	if x.Tails() > most+20_000 || x.Tails() == 0 {
		t.Errorf("tails take %d bytes, more than %d", x.Tails(), most)
	}
	if n := len(segments(t, path)); n == 0 || n > 9*tenants {
		t.Errorf("%d segments of %d tenants", n, tenants)
	}
	for n := range tenants {
		hits, err := x.Search(t.Context(), index.Query{Tenant: fmt.Sprint("tenant-", n), Terms: []embed.Term{{Key: 7, Weight: 1}}, Filter: policy.AllowAll(), Limit: index.MaxLimit})
		if err != nil || len(hits) != 3*each {
			t.Errorf("tenant %d: %d hits, %v", n, len(hits), err)
		}
	}
}
