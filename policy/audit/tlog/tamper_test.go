package tlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
)

// victim is a closed log, its evidence, and an earlier state of it.
type victim struct {
	*folder
	sound   map[string][]byte // path → content, of every file that is evidence
	earlier map[string][]byte
	rng     *rand.Rand
}

// spare reports files that say nothing about entries: locks, the version mark,
// and what is left of partial writes that full ones replaced may go.
func spare(path string) bool {
	return strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, "version")
}

func contents(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || spare(path) {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		out[rel], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newVictim(t testing.TB) *victim {
	t.Helper()
	f := newFolder(t)
	f.Witnesses = []Witness{FileWitness(filepath.Join(t.TempDir(), "checkpoint"))}
	v := &victim{folder: f, rng: rand.New(rand.NewPCG(7, 7))}
	l := f.open(t)
	for i, n := range []int{3, 200, 90, 300} { // leaves partial tiles behind
		fill(t, l, i*1000, n)
		published(t, l, uint64([]int{2, 202, 292, 592}[i]))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v.earlier = contents(t, f.Dir)
	l = f.open(t)
	fill(t, l, 4000, 70)
	published(t, l, 662)
	fill(t, l, 5000, 30)
	l.merkle.cancel() // these stay in the journal
	<-l.merkle.done
	fill(t, l, 6000, 20)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v.sound = contents(t, f.Dir)
	verify(t, f, 713)
	return v
}

// restore puts the sound state back where a mutation left another.
func (v *victim) restore(t testing.TB, paths ...string) {
	t.Helper()
	for _, p := range paths {
		v.write(t, p, v.sound[p])
	}
}

func (v *victim) write(t testing.TB, path string, data []byte) {
	t.Helper()
	full := filepath.Join(v.Dir, path)
	if data == nil {
		if err := os.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// evidence lists the files that must be as they are. Left-over partial files
// may be missing, not different.
func (v *victim) evidence(mayVanish bool) []string {
	var out []string
	for p := range v.sound {
		if mayVanish || !v.leftOver(p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

func (v *victim) leftOver(path string) bool {
	whole, n, partial := strings.Cut(path, ".p/")
	if !partial {
		return false
	}
	had, _ := strconv.Atoi(n)
	for p := range v.sound {
		w, m, isPartial := strings.Cut(p, ".p/")
		larger, _ := strconv.Atoi(m)
		if w == whole && (!isPartial || larger > had) {
			return true
		}
	}
	return false
}

func (v *victim) any(list []string) string { return list[v.rng.IntN(len(list))] }

// mutation alters the folder and returns what it touched, or nothing when the
// alteration would change nothing.
type mutation func(t testing.TB, v *victim) []string

var mutations = map[string]mutation{
	"flip a bit": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(true))
		data := bytes.Clone(v.sound[p])
		data[v.rng.IntN(len(data))] ^= 1 << v.rng.IntN(8)
		v.write(t, p, data)
		return []string{p}
	},
	"overwrite bytes": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(true))
		data := bytes.Clone(v.sound[p])
		at := v.rng.IntN(len(data))
		for i := at; i < min(len(data), at+1+v.rng.IntN(64)); i++ {
			data[i] = byte(v.rng.Uint32())
		}
		if bytes.Equal(data, v.sound[p]) {
			return nil
		}
		v.write(t, p, data)
		return []string{p}
	},
	"insert bytes": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(true))
		at := v.rng.IntN(len(v.sound[p])) // not behind the end of a journal: such bytes are a write that was cut short
		v.write(t, p, slices.Insert(bytes.Clone(v.sound[p]), at, make([]byte, 1+v.rng.IntN(40))...))
		return []string{p}
	},
	"cut bytes out": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(true))
		at := v.rng.IntN(len(v.sound[p]))
		v.write(t, p, slices.Delete(bytes.Clone(v.sound[p]), at, min(len(v.sound[p]), at+1+v.rng.IntN(300))))
		return []string{p}
	},
	"truncate": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(true))
		v.write(t, p, bytes.Clone(v.sound[p][:v.rng.IntN(len(v.sound[p]))]))
		return []string{p}
	},
	"delete a file": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(false))
		v.write(t, p, nil)
		return []string{p}
	},
	"swap two files": func(t testing.TB, v *victim) []string {
		list := v.evidence(false)
		p, q := v.any(list), v.any(list)
		if p == q || bytes.Equal(v.sound[p], v.sound[q]) {
			return nil
		}
		v.write(t, p, v.sound[q])
		v.write(t, q, v.sound[p])
		return []string{p, q}
	},
	"put one file back to an earlier state": func(t testing.TB, v *victim) []string {
		p := v.any(v.evidence(false))
		old, ok := v.earlier[p]
		// An older head is a lower bound, and hides nothing.
		if !ok || p == filepath.Join(journalDir, headFile) || bytes.Equal(old, v.sound[p]) {
			return nil
		}
		v.write(t, p, old)
		return []string{p}
	},
	"put the whole folder back to an earlier state": func(t testing.TB, v *victim) []string {
		var touched []string
		for p := range v.sound {
			v.write(t, p, v.earlier[p])
			touched = append(touched, p)
		}
		for p := range v.earlier {
			if v.sound[p] == nil {
				v.write(t, p, v.earlier[p])
				touched = append(touched, p)
			}
		}
		return touched
	},
	"rebuild the tree with an entry edited":   rebuilt(func(v *victim, e [][]byte) [][]byte { e[v.rng.IntN(len(e))] = []byte(`{}`); return e }),
	"rebuild the tree with an entry left out": rebuilt(func(v *victim, e [][]byte) [][]byte { at := v.rng.IntN(len(e)); return slices.Delete(e, at, at+1) }),
	"rebuild the tree with an entry put in":   rebuilt(func(v *victim, e [][]byte) [][]byte { return slices.Insert(e, v.rng.IntN(len(e)), []byte(`{}`)) }),
	"rebuild the tree with two entries swapped": rebuilt(func(v *victim, e [][]byte) [][]byte {
		i := v.rng.IntN(len(e) - 1)
		e[i], e[i+1] = e[i+1], e[i]
		return e
	}),
	"rebuild the tree without its last entries": rebuilt(func(v *victim, e [][]byte) [][]byte { return e[:len(e)-1-v.rng.IntN(100)] }),
	"drop, swap or repeat frames of the journal": func(t testing.TB, v *victim) []string {
		p := v.any(v.journal())
		frames, _ := decodeFrames(v.sound[p])
		var parts [][]byte
		for i, f := range frames {
			end := int64(len(v.sound[p]))
			if i+1 < len(frames) {
				end = frames[i+1].at
			}
			parts = append(parts, v.sound[p][f.at:end])
		}
		i, j := v.rng.IntN(len(parts)), v.rng.IntN(len(parts))
		switch v.rng.IntN(3) {
		case 0:
			parts = slices.Delete(parts, i, i+1)
		case 1:
			parts = parts[:i]
		default:
			parts[i], parts[j] = parts[j], parts[i]
		}
		data := bytes.Join(parts, nil)
		if bytes.Equal(data, v.sound[p]) {
			return nil
		}
		v.write(t, p, data)
		return []string{p}
	},
}

func (v *victim) journal() []string {
	var out []string
	for p := range v.sound {
		if strings.HasSuffix(p, segmentEnd) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// rebuilt alters entries as somebody would who knows the format and has
// everything but the key: bundles, tiles and the tree's state all agree again.
func rebuilt(alter func(*victim, [][]byte) [][]byte) mutation {
	return func(t testing.TB, v *victim) []string {
		var entries [][]byte
		c, err := v.reader().Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		err = v.reader().integrated(0, c.Size, func(data []byte) error { entries = append(entries, bytes.Clone(data)); return nil })
		if err != nil {
			t.Fatal(err)
		}
		entries = alter(v, entries)
		files := tree(t, entries)
		var touched []string
		for p, data := range files {
			v.write(t, p, data)
			touched = append(touched, p)
		}
		for p := range v.sound {
			if strings.HasPrefix(p, filepath.Join(treeDir, "tile")) && files[p] == nil {
				v.write(t, p, nil)
				touched = append(touched, p)
			}
		}
		return touched
	}
}

// tree is the files of a Merkle log of these entries.
func tree(t testing.TB, entries [][]byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	size := uint64(len(entries))
	put := func(path string, data []byte) { out[filepath.Join(treeDir, path)] = data }
	var hashes [][]byte
	for i := uint64(0); i*layout.TileWidth < size; i++ {
		var bundle []byte
		for _, e := range entries[i*layout.TileWidth : min(size, (i+1)*layout.TileWidth)] {
			bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(e))), e...)
			hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(e))
		}
		put(layout.EntriesPath(i, layout.PartialTileSize(0, i, size)), bundle)
	}
	all := ranges.NewEmptyRange(0)
	for level := uint64(0); len(hashes) > 0; level++ {
		var above [][]byte
		for i := 0; i < len(hashes); i += layout.TileWidth {
			part := hashes[i:min(len(hashes), i+layout.TileWidth)]
			data, err := api.HashTile{Nodes: part}.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			put(layout.TilePath(level, uint64(i/layout.TileWidth), uint8(len(part)%layout.TileWidth)), data)
			r := ranges.NewEmptyRange(0)
			for _, h := range part {
				if level == 0 {
					_ = all.Append(h, nil)
				}
				_ = r.Append(h, nil)
			}
			if len(part) == layout.TileWidth {
				above = append(above, r.Hashes()[0])
			}
		}
		hashes = above
	}
	root, err := all.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	state, _ := json.Marshal(map[string]any{"root": root, "size": size})
	put(".state/treeState", []byte(fmt.Sprintf(`{"size":%d,"root":%s}`, size, state[bytes.IndexByte(state, ':')+1:bytes.LastIndexByte(state, ',')])))
	return out
}

// TestEveryAlterationIsFound alters a closed log in one random way at a time:
// edits, deletions, insertions, reorderings, truncations and roll-backs, of
// bytes, of files and of entries with the tree rebuilt around them. Every one
// must be found by a verification. DOORWARD_TAMPER sets how many.
func TestEveryAlterationIsFound(t *testing.T) {
	trials := 150
	if n, err := strconv.Atoi(os.Getenv("DOORWARD_TAMPER")); err == nil {
		trials = n
	}
	v := newVictim(t)
	var kinds []string
	for k := range mutations {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	found := map[string]int{}
	for done := 0; done < trials; {
		kind := kinds[done%len(kinds)]
		touched := mutations[kind](t, v)
		if len(touched) == 0 {
			continue
		}
		_, err := v.reader().Verify(context.Background(), v.Witnesses)
		if !errors.Is(err, ErrTampered) {
			t.Fatalf("trial %d, %s of %v: verification says %v", done, kind, touched[:1], err)
		}
		v.restore(t, touched...)
		found[kind]++
		done++
	}
	verify(t, v.folder, 713)
	for _, k := range kinds {
		t.Logf("%5d of %5d found: %s", found[k], found[k], k)
	}
	t.Logf("%d of %d alterations found", trials, trials)
}
