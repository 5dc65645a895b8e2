package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"github.com/transparency-dev/tessera/storage/posix"
	"k8s.io/klog/v2"
)

// Limits of one round of filling the Merkle log.
const (
	roundEntries = 8192
	publishWait  = 10 * time.Second
	closeWait    = 10 * time.Second
)

const treeDir = "log"

// merkle fills the Merkle log from the journal, in order, in rounds.
type merkle struct {
	c      Config
	driver tessera.Driver
	reader *Reader
	drop   func(size uint64) error // frees the journal below a published size

	mu      sync.Mutex
	first   uint64   // index of waiting[0]
	waiting [][]byte // acknowledged, not in a published checkpoint
	bytes   int
	moved   chan struct{} // closed when first grows
	failed  error         // the log and the journal disagree: nothing more is taken

	kick   chan struct{} // asks for a round now
	cancel context.CancelFunc
	done   chan struct{}
}

var quiet sync.Once

// openMerkle opens the Merkle log and proves that it agrees with the journal.
func openMerkle(ctx context.Context, c Config, t *tail, drop func(uint64) error) (*merkle, error) {
	quiet.Do(func() { klog.SetSlogLogger(slog.New(calm{c.Log.Handler()})) }) // tessera logs through klog, which has one logger for the process
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(c.Dir, treeDir)})
	if err != nil {
		return nil, fmt.Errorf("opening Merkle log: %w", err)
	}
	m := &merkle{c: c, driver: driver, reader: NewReader(c.Dir, c.Origin, c.Verifier), drop: drop,
		moved: make(chan struct{}), kick: make(chan struct{}, 1), done: make(chan struct{})}
	if err := m.agree(ctx, t); err != nil {
		return nil, err
	}
	var run context.Context
	run, m.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go m.run(run)
	return m, nil
}

// agree proves that the journal continues the checkpointed log: every entry both
// have is the same, and none is missing between them.
func (m *merkle) agree(ctx context.Context, t *tail) error {
	checkpoint, err := m.reader.Checkpoint()
	if err != nil {
		return err
	}
	switch {
	case t.next() < checkpoint.Size:
		return fmt.Errorf("%w: the checkpoint covers %d entries, the journal ends at %d", ErrTampered, checkpoint.Size, t.next())
	case t.first > checkpoint.Size:
		return fmt.Errorf("%w: entries %d to %d are in neither journal nor checkpoint", ErrTampered, checkpoint.Size, t.first)
	}
	if err := m.equal(t.first, checkpoint.Size, t.entries); err != nil {
		return err
	}
	if err := m.reader.witnessed(ctx, m.c.Witnesses, checkpoint); err != nil {
		return err
	}
	m.first, m.waiting = checkpoint.Size, t.entries[checkpoint.Size-t.first:]
	for _, e := range m.waiting {
		m.bytes += len(e)
	}
	return nil
}

// equal compares the Merkle log's entries from, up to and without to, with those
// of the journal.
func (m *merkle) equal(from, to uint64, journal [][]byte) error {
	at := from
	return m.reader.integrated(from, to, func(data []byte) error {
		if at-from >= uint64(len(journal)) || !bytes.Equal(data, journal[at-from]) {
			return fmt.Errorf("%w: journal and Merkle log differ at entry %d", ErrTampered, at)
		}
		at++
		return nil
	})
}

// add takes acknowledged entries.
func (m *merkle) add(lists [][][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, list := range lists {
		m.waiting = append(m.waiting, list...)
		for _, e := range list {
			m.bytes += len(e)
		}
	}
}

// room refuses when the Merkle log has fallen too far behind, or is broken.
func (m *merkle) room() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return m.failed
	}
	if m.bytes > m.c.Backlog {
		return fmt.Errorf("the Merkle log is %d entries behind its journal", len(m.waiting))
	}
	return nil
}

// await waits until a published checkpoint covers an entry.
func (m *merkle) await(ctx context.Context, index uint64) error {
	for {
		m.mu.Lock()
		size, moved, failed := m.first, m.moved, m.failed
		m.mu.Unlock()
		if size > index {
			return nil
		}
		if failed != nil {
			return failed
		}
		select {
		case m.kick <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-m.done:
			return errors.New("waiting for a checkpoint: the audit log was closed")
		case <-ctx.Done():
			return fmt.Errorf("waiting for a checkpoint: %w", ctx.Err())
		}
	}
}

func (m *merkle) run(ctx context.Context) {
	defer close(m.done)
	opened := time.Now()
	tick := time.NewTicker(m.c.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if time.Since(opened) > m.c.Every { // a short command leaves it to the journal
				m.rounds(context.Background())
			}
			return
		case <-tick.C:
		case <-m.kick:
		}
		m.rounds(ctx)
	}
}

func (m *merkle) rounds(ctx context.Context) {
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = m.round(); err != nil {
			m.c.Log.Error("filling the audit log's Merkle tree", "error", err)
		}
	}
}

// round integrates what waits, publishes a checkpoint, tells the witnesses and
// frees the journal. It reports whether more waits. Nothing interrupts a round.
func (m *merkle) round() (more bool, err error) {
	m.mu.Lock()
	first, list, failed := m.first, m.waiting, m.failed
	m.mu.Unlock()
	if len(list) == 0 || failed != nil {
		return false, failed
	}
	if more = len(list) > roundEntries; more {
		list = list[:roundEntries]
	}
	ctx, cancel := context.WithTimeout(context.Background(), publishWait)
	defer cancel()
	checkpoint, n, err := m.integrate(ctx, first, list)
	list, more = list[:n], more || n < len(list)
	if errors.Is(err, ErrTampered) {
		m.mu.Lock()
		m.failed = err
		m.mu.Unlock()
	}
	if err != nil {
		return false, err
	}
	for _, w := range m.c.Witnesses {
		if err := w.Put(ctx, checkpoint.Raw); err != nil {
			m.c.Log.Error("a witness did not take the audit checkpoint", "witness", w.String(), "error", err)
		}
	}
	m.mu.Lock()
	m.first += uint64(len(list))
	m.waiting = m.waiting[len(list):]
	for _, e := range list {
		m.bytes -= len(e)
	}
	close(m.moved)
	m.moved = make(chan struct{})
	m.mu.Unlock()
	return more, errors.Join(m.clean(first, m.first), m.drop(m.first))
}

// integrate adds a list of entries to the Merkle log and returns a checkpoint
// that covers the first n of them. The appender lives for this one list and takes
// it as one batch, so that it is added as a whole or not at all, in order. What a
// round before added without publishing a checkpoint, because it was killed, is
// compared and published first, alone: since then more may be waiting.
func (m *merkle) integrate(ctx context.Context, first uint64, list [][]byte) (c Checkpoint, n int, err error) {
	run, cancel := context.WithCancel(context.Background())
	defer cancel()
	options := tessera.NewAppendOptions().
		WithCheckpointSigner(noteSigner{fixed(m.c.Signer), m.c.Origin}).
		WithBatching(uint(len(list)), time.Hour).
		WithCheckpointInterval(100 * time.Millisecond). // the least there is; rounds set the pace
		WithCheckpointRepublishInterval(0).
		WithGarbageCollectionInterval(0)
	appender, shutdown, state, err := tessera.NewAppender(run, m.driver, options)
	if err != nil {
		return c, 0, fmt.Errorf("opening Merkle log: %w", err)
	}
	size, err := state.IntegratedSize(ctx)
	if err != nil {
		return c, 0, fmt.Errorf("reading Merkle log: %w", err)
	}
	end := first + uint64(len(list))
	switch {
	case size < first || size > end:
		return c, 0, fmt.Errorf("%w: the Merkle log has %d entries where %d to %d are due", ErrTampered, size, first, end)
	case size > first:
		if err := m.equal(first, size, list); err != nil {
			return c, 0, err
		}
		end = size
	default:
		if err := addAll(ctx, appender, first, list); err != nil {
			return c, 0, err
		}
	}
	c, err = m.awaitCheckpoint(ctx, end)
	if err = errors.Join(err, shutdown(ctx)); err != nil {
		return c, 0, err
	}
	return c, int(end - first), nil
}

func addAll(ctx context.Context, appender *tessera.Appender, first uint64, list [][]byte) error {
	futures := make([]tessera.IndexFuture, 0, len(list))
	for _, e := range list {
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(e)))
	}
	for i, f := range futures {
		at, err := f()
		if err != nil {
			return fmt.Errorf("filling Merkle log: %w", err)
		}
		if at.Index != first+uint64(i) {
			return fmt.Errorf("%w: entry %d became number %d of the Merkle log", ErrTampered, first+uint64(i), at.Index)
		}
	}
	return nil
}

// awaitCheckpoint waits until the published checkpoint covers size.
func (m *merkle) awaitCheckpoint(ctx context.Context, size uint64) (Checkpoint, error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := m.reader.Checkpoint()
		if err != nil || c.Size >= size {
			return c, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return c, fmt.Errorf("publishing a checkpoint: %w", ctx.Err())
		}
	}
}

// clean removes partial tiles and bundles that full ones have replaced.
func (m *merkle) clean(from, to uint64) error {
	var errs []error
	remove := func(path string) {
		errs = append(errs, os.RemoveAll(filepath.Join(m.c.Dir, treeDir, path+".p")))
	}
	for level, width := uint64(0), uint64(layout.TileWidth); from/width != to/width; level, width = level+1, width*layout.TileWidth {
		for i := from / width; i < to/width; i++ {
			if level == 0 {
				remove(layout.EntriesPath(i, 0))
			}
			remove(layout.TilePath(level, i, 0))
		}
	}
	return errors.Join(errs...)
}

// close lets a round that is under way end.
func (m *merkle) close() error {
	m.cancel()
	select {
	case <-m.done:
		return nil
	case <-time.After(closeWait):
		return errors.New("closing Merkle log: a round does not end")
	}
}

// treeFile reads a file below the Merkle log's folder; a missing partial one may
// have been replaced by the full one.
func (r *Reader) treeFile(partial uint8, path func(p uint8) string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(r.dir, treeDir, path(partial)))
	if partial > 0 && errors.Is(err, fs.ErrNotExist) {
		return os.ReadFile(filepath.Join(r.dir, treeDir, path(0)))
	}
	return data, err
}

func (r *Reader) readTile(_ context.Context, level, index uint64, p uint8) ([]byte, error) {
	return r.treeFile(p, func(p uint8) string { return layout.TilePath(level, index, p) })
}
