package tlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/api/layout"

	"github.com/doorward/doorward/policy/audit"
)

// Reader reads a log, also while another process writes it.
type Reader struct {
	dir, origin string
	verifier    Verifier
}

// NewReader reads the log in a folder. origin "" is [DefaultOrigin].
func NewReader(dir, origin string, v Verifier) *Reader {
	if origin == "" {
		origin = DefaultOrigin
	}
	return &Reader{dir, origin, v}
}

// Checkpoint returns the published checkpoint; a log without any has size 0.
func (r *Reader) Checkpoint() (Checkpoint, error) {
	raw, err := os.ReadFile(filepath.Join(r.dir, treeDir, layout.CheckpointPath))
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reading audit checkpoint: %w", err)
	}
	return ParseCheckpoint(raw, r.origin, r.verifier)
}

// integrated calls yield for the Merkle log's entries from, up to and without to.
func (r *Reader) integrated(from, to uint64, yield func(data []byte) error) error {
	if from >= to {
		return nil
	}
	for part := range layout.Range(from, to-from, to) {
		raw, err := r.treeFile(part.Partial, func(p uint8) string { return layout.EntriesPath(part.Index, p) })
		if err != nil {
			return fmt.Errorf("%w: entries from %d on cannot be read: %w", ErrTampered, part.Index*layout.EntryBundleWidth, err)
		}
		var b api.EntryBundle
		if err := b.UnmarshalText(raw); err != nil || uint(len(b.Entries)) < part.First+part.N {
			return fmt.Errorf("%w: entries from %d on are damaged", ErrTampered, part.Index*layout.EntryBundleWidth)
		}
		for _, data := range b.Entries[part.First : part.First+part.N] {
			if err := yield(data); err != nil {
				return err
			}
		}
	}
	return nil
}

// state is what log and journal hold at one moment.
type state struct {
	checkpoint Checkpoint
	journal    *tail
}

func (s *state) size() uint64 { return max(s.checkpoint.Size, s.journal.next()) }

// state reads both. While the log is being written, the journal may lose
// segments between the two reads; then it reads again.
func (r *Reader) state() (*state, error) {
	var s state
	var err error
	for range 5 {
		if s.checkpoint, err = r.Checkpoint(); err != nil {
			return nil, err
		}
		s.journal, err = readJournal(filepath.Join(r.dir, journalDir), r.verifier)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.journal.first <= s.checkpoint.Size {
			return &s, nil
		}
		err = fmt.Errorf("%w: entries %d to %d are in neither journal nor checkpoint", ErrTampered, s.checkpoint.Size, s.journal.first)
	}
	return nil, err
}

// Size is how many entries have been acknowledged.
func (r *Reader) Size() (uint64, error) {
	s, err := r.state()
	if err != nil {
		return 0, err
	}
	return s.size(), nil
}

// Entries calls yield for entries in order, from an index on. It does not verify
// what it reads; [Reader.Verify] does.
func (r *Reader) Entries(ctx context.Context, from uint64, yield func(audit.Numbered) error) error {
	s, err := r.state()
	if err != nil {
		return err
	}
	at := from
	give := func(data []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := audit.Numbered{Index: at}
		if err := json.Unmarshal(data, &n.Entry); err != nil {
			return fmt.Errorf("%w: entry %d is not JSON", ErrTampered, at)
		}
		at++
		return yield(n)
	}
	if err := r.integrated(at, s.checkpoint.Size, give); err != nil {
		return err
	}
	for at < s.journal.next() {
		if err := give(s.journal.entries[at-s.journal.first]); err != nil {
			return err
		}
	}
	return nil
}

// raw returns one entry's bytes out of the Merkle log of a checkpoint.
func (r *Reader) raw(c Checkpoint, index uint64) (data []byte, err error) {
	if index >= c.Size {
		return nil, fmt.Errorf("%w: the checkpoint covers %d entries", ErrNotCovered, c.Size)
	}
	b := index / layout.EntryBundleWidth
	raw, err := r.treeFile(layout.PartialTileSize(0, b, c.Size), func(p uint8) string { return layout.EntriesPath(b, p) })
	if err != nil {
		return nil, fmt.Errorf("reading audit entry: %w", err)
	}
	var bundle api.EntryBundle
	if err := bundle.UnmarshalText(raw); err != nil || uint64(len(bundle.Entries)) <= index%layout.EntryBundleWidth {
		return nil, fmt.Errorf("%w: entry %d is damaged", ErrTampered, index)
	}
	return bundle.Entries[index%layout.EntryBundleWidth], nil
}
