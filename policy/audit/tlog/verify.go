package tlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"
)

// Summary is what a verification found sound.
type Summary struct {
	Entries   uint64   `json:"entries"`   // acknowledged
	Covered   uint64   `json:"covered"`   // by the signed checkpoint
	Chain     uint64   `json:"chain"`     // in the chain of an earlier version, before them
	Witnesses []string `json:"witnesses"` // that were asked
}

var ranges = compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// Verify reads the whole log and proves that it is what was signed: every entry
// hashes to the checkpoint's root, every stored tile holds the hashes it must,
// the journal is one signed chain that continues the log, and every witness has
// seen a beginning of it. The error says what is wrong and where.
func (r *Reader) Verify(ctx context.Context, witnesses []Witness) (Summary, error) {
	var sum Summary
	seen := map[uint64]Checkpoint{}
	for _, w := range witnesses {
		c, ok, err := r.seen(ctx, w)
		if err != nil {
			return sum, err
		}
		if ok {
			seen[c.Size] = c
		}
		sum.Witnesses = append(sum.Witnesses, w.String())
	}
	s, err := r.state()
	if err != nil {
		return sum, err
	}
	size, root, err := r.treeState(s.checkpoint.Size)
	if err != nil {
		return sum, err
	}
	if s.journal.next() < size {
		return sum, fmt.Errorf("%w: the Merkle log has %d entries, the journal ends at %d", ErrTampered, size, s.journal.next())
	}
	sum.Entries, sum.Covered = s.size(), s.checkpoint.Size
	want := map[uint64][]byte{size: root}
	if size == s.checkpoint.Size && size > 0 && !bytes.Equal(root, s.checkpoint.Root) {
		return sum, fmt.Errorf("%w: the Merkle log's state has another root than its checkpoint", ErrTampered)
	}
	want[s.checkpoint.Size] = s.checkpoint.Root
	for at, c := range seen {
		if at > s.checkpoint.Size {
			return sum, fmt.Errorf("%w: a witness has seen %d entries, the checkpoint covers %d: entries were removed or the folder was put back to an earlier state", ErrTampered, at, s.checkpoint.Size)
		}
		if known, ok := want[at]; ok && !bytes.Equal(known, c.Root) && at > 0 {
			return sum, fmt.Errorf("%w: a witness has seen another log", ErrTampered)
		}
		want[at] = c.Root
	}
	w := &walk{r: r, ctx: ctx, size: size, want: want, journal: s.journal}
	if err := w.leaves(); err != nil {
		return sum, err
	}
	for level := uint64(1); len(w.nodes) > 0; level++ {
		if err := w.level(level); err != nil {
			return sum, err
		}
	}
	sum.Chain, err = r.verifyChain(ctx)
	return sum, err
}

// treeState is how far the Merkle log reaches, which may be beyond the published
// checkpoint when a process was stopped in between. The file is tessera's own.
func (r *Reader) treeState(published uint64) (uint64, []byte, error) {
	data, err := os.ReadFile(filepath.Join(r.dir, treeDir, ".state", "treeState"))
	if errors.Is(err, fs.ErrNotExist) && published == 0 {
		return 0, rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	var state struct {
		Size uint64 `json:"size"`
		Root []byte `json:"root"`
	}
	if err == nil {
		err = json.Unmarshal(data, &state)
	}
	if written, _ := json.Marshal(state); err == nil && !bytes.Equal(written, data) {
		err = errors.New("it is not written as tessera does")
	}
	if err != nil || state.Size < published {
		return 0, nil, errors.Join(fmt.Errorf("%w: the Merkle log's state does not reach its checkpoint", ErrTampered), err)
	}
	return state.Size, state.Root, nil
}

// walk recomputes the tree from its entries.
type walk struct {
	r       *Reader
	ctx     context.Context
	size    uint64
	want    map[uint64][]byte // size → root
	journal *tail
	nodes   [][]byte // of the level to come: roots of the full tiles below
}

// leaves hashes every entry, compares the tiles of the lowest level, and the
// root at every size that somebody signed for.
func (w *walk) leaves() error {
	all := ranges.NewEmptyRange(0)
	for from := uint64(0); from < w.size; from += layout.TileWidth {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		n := min(w.size-from, layout.TileWidth)
		hashes, err := w.bundle(from, n)
		if err != nil {
			return err
		}
		part := ranges.NewEmptyRange(from)
		for i, h := range hashes {
			if err := part.Append(h, nil); err != nil {
				return fmt.Errorf("hashing: %w", err)
			}
			if at := from + uint64(i) + 1; w.want[at] != nil {
				if err := w.root(all, part, at); err != nil {
					return err
				}
			}
		}
		if err := w.tile(0, from/layout.TileWidth, hashes); err != nil {
			return err
		}
		if n == layout.TileWidth {
			w.nodes = append(w.nodes, part.Hashes()[0])
		}
		if err := all.AppendRange(part, nil); err != nil {
			return fmt.Errorf("hashing: %w", err)
		}
	}
	return nil
}

// root compares the tree's root at a size inside the present bundle.
func (w *walk) root(all, part *compact.Range, at uint64) error {
	whole, err := ranges.NewRange(0, all.End(), append([][]byte(nil), all.Hashes()...))
	if err == nil {
		err = whole.AppendRange(part, nil)
	}
	if err != nil {
		return fmt.Errorf("hashing: %w", err)
	}
	got, err := whole.GetRootHash(nil)
	if err != nil {
		return fmt.Errorf("hashing: %w", err)
	}
	if !bytes.Equal(got, w.want[at]) {
		return fmt.Errorf("%w: the entries up to %d do not hash to the root that was signed", ErrTampered, at)
	}
	return nil
}

// bundle reads the entries from, n of them, and hashes them.
func (w *walk) bundle(from, n uint64) ([][]byte, error) {
	index := from / layout.TileWidth
	path := func(p uint8) string { return layout.EntriesPath(index, p) }
	what := fmt.Sprintf("entries from %d on", from)
	raw, err := w.file(0, index, n, path, what)
	if err != nil {
		return nil, err
	}
	list, ok := entriesOf(raw)
	if !ok || uint64(len(list)) < n {
		return nil, fmt.Errorf("%w: %s are damaged", ErrTampered, what)
	}
	hashes := make([][]byte, n)
	for i, e := range list[:n] {
		at := from + uint64(i)
		if at >= w.journal.first && !bytes.Equal(e, w.journal.entries[at-w.journal.first]) {
			return nil, fmt.Errorf("%w: journal and Merkle log differ at entry %d", ErrTampered, at)
		}
		hashes[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return hashes, w.older(path(0), raw, n, func(b []byte) int { l, _ := entriesOf(b); return len(l) }, what)
}

func entriesOf(raw []byte) ([][]byte, bool) {
	var b api.EntryBundle
	err := b.UnmarshalText(raw)
	return b.Entries, err == nil && len(b.Entries) <= layout.TileWidth
}

// tile compares a stored tile with the hashes it must hold.
func (w *walk) tile(level, index uint64, hashes [][]byte) error {
	path := func(p uint8) string { return layout.TilePath(level, index, p) }
	what := fmt.Sprintf("tile %d of level %d", index, level)
	raw, err := w.file(level, index, uint64(len(hashes)), path, what)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(raw, bytes.Join(hashes, nil)) {
		return fmt.Errorf("%w: %s holds other hashes than its entries have", ErrTampered, what)
	}
	return w.older(path(0), raw, uint64(len(hashes)), hashCount, what)
}

// hashCount is how many hashes a tile holds, or -1.
func hashCount(raw []byte) int {
	if len(raw)%sha256.Size != 0 {
		return -1
	}
	return len(raw) / sha256.Size
}

// file reads a tile or bundle of n. A full one may have replaced a partial one
// since the size was read, but only if the log has grown so far.
func (w *walk) file(level, index, n uint64, path func(uint8) string, what string) ([]byte, error) {
	read := func(p uint8) ([]byte, error) { return os.ReadFile(filepath.Join(w.r.dir, treeDir, path(p))) }
	raw, err := read(uint8(n % layout.TileWidth))
	if n < layout.TileWidth && errors.Is(err, fs.ErrNotExist) {
		size, _, serr := w.r.treeState(0)
		if serr == nil && (index+1)<<(layout.TileHeight*(level+1)) <= size {
			raw, err = read(0)
			n = layout.TileWidth
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s cannot be read: %w", ErrTampered, what, err)
	}
	count := hashCount(raw)
	if path(0) == layout.EntriesPath(index, 0) {
		list, _ := entriesOf(raw)
		count = len(list)
	}
	if uint64(count) != n {
		return nil, fmt.Errorf("%w: %s: %d stand where %d must", ErrTampered, what, count, n)
	}
	return raw, nil
}

// level compares the tiles above those done.
func (w *walk) level(level uint64) error {
	var next [][]byte
	for i := 0; i < len(w.nodes); i += layout.TileWidth {
		hashes := w.nodes[i:min(i+layout.TileWidth, len(w.nodes))]
		if err := w.tile(level, uint64(i/layout.TileWidth), hashes); err != nil {
			return err
		}
		if len(hashes) < layout.TileWidth {
			break
		}
		part := ranges.NewEmptyRange(0)
		for _, h := range hashes {
			if err := part.Append(h, nil); err != nil {
				return fmt.Errorf("hashing: %w", err)
			}
		}
		next = append(next, part.Hashes()[0])
	}
	w.nodes = next
	return nil
}

// older compares what is left of earlier, partial writes of a file: n of it must
// be there, and be its beginning.
func (w *walk) older(path string, whole []byte, n uint64, count func([]byte) int, what string) error {
	dir := filepath.Join(w.r.dir, treeDir, path+".p")
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil // there are none, or they are being removed
	}
	for _, e := range list {
		had, err := strconv.ParseUint(e.Name(), 10, 8)
		if err != nil || had > n {
			continue // a temporary file of a process that was stopped, or newer than this verification
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err == nil && (uint64(count(data)) != had || !bytes.HasPrefix(whole, data)) {
			return fmt.Errorf("%w: an older copy of %s differs", ErrTampered, what)
		}
	}
	return nil
}
