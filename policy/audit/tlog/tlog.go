// Package tlog keeps the audit log as a tamper-evident Merkle log: entries are
// leaves of an RFC 6962 tree in the tiled layout of c2sp.org/tlog-tiles, kept by
// transparency-dev/tessera, with signed checkpoints, inclusion and consistency
// proofs, and copies of the checkpoint at witnesses outside the folder.
//
// An append is durable when it is in the journal, a signed hash chain that many
// appends share one write and one sync of (group commit). The Merkle log is
// filled from the journal, in order, about a second later; what the journal
// holds of entries that are already in the log must equal them.
//
// What it shows: nobody without the signing key altered, reordered, inserted or
// removed entries. What it cannot show by itself: that the whole folder was put
// back to an earlier state (witnesses do), or that the newest second, which no
// checkpoint covers yet, was cut from the journal together with its head.
package tlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorward/doorward/policy/audit"
)

// DefaultOrigin names a log in its checkpoints.
const DefaultOrigin = "doorward/audit"

// Defaults of [Config].
const (
	DefaultEvery   = time.Second
	DefaultTimeout = 5 * time.Second
	DefaultBacklog = 64 << 20
)

// maxEntry is the largest entry in bytes; entries with more documents than fit
// are split.
const maxEntry = 60 << 10

// ErrTampered means the log does not verify; the error says where.
var ErrTampered = errors.New("audit log was altered")

// Config says where the log is and who signs it.
type Config struct {
	Dir       string   // folder, made 0700 when missing; required
	Signer    Signer   // required
	Verifier  Verifier // required
	Origin    string   // the log's name in checkpoints; "" is DefaultOrigin
	Witnesses []Witness
	// Every is how often the Merkle log is filled and a checkpoint published;
	// 0 is DefaultEvery.
	Every time.Duration
	// Timeout is how long an append waits for the disk; 0 is DefaultTimeout.
	Timeout time.Duration
	// Backlog is how many bytes of entries the journal may be ahead of the
	// Merkle log; beyond that nothing is taken. 0 is DefaultBacklog.
	Backlog int
	// Required are asked before every append: while one reports an error, such as
	// an export that is behind, nothing is taken.
	Required []func() error
	// OpenFile opens the journal's files; nil is the file system. It is where a
	// failing disk is put under the log.
	OpenFile func(path string, flag int) (File, error)
	Log      *slog.Logger // nil discards
	Now      func() time.Time
}

// Log implements [audit.Log]. One process at a time writes a folder.
type Log struct {
	Config
	journal *journal

	mu      sync.Mutex
	pending []*request
	closed  bool
	wake    chan struct{}
	done    chan struct{} // the writer ended

	merkle *merkle
}

type request struct {
	entries [][]byte
	first   uint64
	result  chan error
}

var _ audit.Log = (*Log)(nil)

// Open opens the log for appending. It proves that journal, Merkle log, signed
// checkpoint and witnesses agree, and refuses otherwise. A chain that an earlier
// version of this program kept in the same folder is closed: its verified head
// becomes the first entry.
func Open(ctx context.Context, c Config) (*Log, error) {
	if c.Signer == nil || c.Verifier == nil || c.Dir == "" {
		return nil, errors.New("opening audit log: folder, signer and verifier are needed")
	}
	c.defaults()
	if err := os.MkdirAll(filepath.Join(c.Dir, journalDir), 0o700); err != nil {
		return nil, fmt.Errorf("making audit folder: %w", err)
	}
	l := &Log{Config: c, wake: make(chan struct{}, 1), done: make(chan struct{})}
	t, err := l.openJournal()
	if err != nil {
		return nil, fmt.Errorf("opening audit log: %w", err)
	}
	if l.merkle, err = openMerkle(ctx, c, t, l.journal.drop); err != nil {
		return nil, errors.Join(fmt.Errorf("opening audit log: %w", err), l.journal.close())
	}
	go l.run()
	if t.next() == 0 {
		err = l.continueChain(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening audit log: %w", err), l.Close())
	}
	return l, nil
}

func (c *Config) defaults() {
	if c.Origin == "" {
		c.Origin = DefaultOrigin
	}
	if c.Every <= 0 {
		c.Every = DefaultEvery
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Backlog <= 0 {
		c.Backlog = DefaultBacklog
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OpenFile == nil {
		c.OpenFile = openFile
	}
}

// openJournal proves the journal and opens it where it ends.
func (l *Log) openJournal() (*tail, error) {
	dir := filepath.Join(l.Dir, journalDir)
	t, err := readJournal(dir, l.Verifier)
	if err != nil {
		return nil, err
	}
	j := &journal{dir: dir, signer: l.Signer, open: l.OpenFile, next: t.next(), link: t.link}
	if j.head, err = os.OpenFile(filepath.Join(dir, headFile), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("opening audit journal head: %w", err)
	}
	if t.name != "" {
		if j.file, err = l.OpenFile(filepath.Join(dir, t.name), os.O_RDWR); err != nil {
			return nil, errors.Join(fmt.Errorf("opening audit journal: %w", err), j.head.Close())
		}
		j.end, j.dirty = t.end, true // a torn frame is cut off before the next append
	}
	l.journal = j
	return t, nil
}

// Append implements [audit.Log]: it returns when the entries are on disk.
func (l *Log) Append(ctx context.Context, entries ...audit.Entry) error {
	_, err := l.Record(ctx, entries...)
	return err
}

// Record appends entries and returns the index of the first.
func (l *Log) Record(ctx context.Context, entries ...audit.Entry) (uint64, error) {
	if len(entries) == 0 {
		return 0, nil
	}
	r := &request{result: make(chan error, 1)}
	for _, e := range entries {
		if e.Time.IsZero() {
			e.Time = l.Now()
		}
		e.Time = e.Time.UTC()
		if err := r.encode(e); err != nil {
			return 0, err
		}
	}
	for _, ready := range append([]func() error{l.merkle.room}, l.Required...) {
		if err := ready(); err != nil {
			return 0, fmt.Errorf("%w: %w", audit.ErrUnavailable, err)
		}
	}
	if !l.enqueue(r) {
		return 0, fmt.Errorf("%w: it was closed", audit.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	select {
	case err := <-r.result:
		return r.first, err
	case <-ctx.Done(): // it may still be written; the caller does not proceed
		return 0, fmt.Errorf("%w: %w", audit.ErrUnavailable, ctx.Err())
	}
}

func (l *Log) enqueue(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.pending = append(l.pending, r)
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return true
}

// encode adds an entry, split where it names too many documents.
func (r *request) encode(e audit.Entry) error {
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding audit entry: %w", err)
	}
	if len(data) <= maxEntry {
		r.entries = append(r.entries, data)
		return nil
	}
	if len(e.Documents) < 2 {
		return fmt.Errorf("encoding audit entry: %w: it has %d bytes, the limit is %d", audit.ErrUnavailable, len(data), maxEntry)
	}
	rest := e
	half := len(e.Documents) / 2
	e.Documents, rest.Documents, rest.Counts = e.Documents[:half], e.Documents[half:], nil
	return errors.Join(r.encode(e), r.encode(rest))
}

// run is the only writer: it takes everything waiting, writes it, syncs once
// and answers everyone.
func (l *Log) run() {
	defer close(l.done)
	for range l.wake {
		l.flush()
	}
	l.flush()
}

func (l *Log) flush() {
	l.mu.Lock()
	batch := l.pending
	l.pending = nil
	l.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	lists := make([][][]byte, len(batch))
	first := l.journal.next
	for i, r := range batch {
		lists[i], r.first = r.entries, first
		first += uint64(len(r.entries))
	}
	err := l.InPlace()
	if err == nil {
		err = l.journal.append(lists)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", audit.ErrUnavailable, err)
		l.Log.Error("the audit log takes no entries; nothing is released", "error", err)
	} else {
		l.merkle.add(lists)
	}
	for _, r := range batch {
		r.result <- err
	}
}

// InPlace reports an error if the folder no longer holds the journal this log
// writes: it was moved, removed or put back from a copy, and entries would go
// where no reader looks.
func (l *Log) InPlace() error {
	held, err := l.journal.head.Stat()
	if err != nil {
		return fmt.Errorf("looking at the audit journal: %w", err)
	}
	found, err := os.Stat(filepath.Join(l.Dir, journalDir, headFile))
	if err != nil {
		return fmt.Errorf("the audit journal is no longer in its folder: %w", err)
	}
	if !os.SameFile(held, found) {
		return errors.New("the audit folder holds another journal than the one being written: put it back, or restart")
	}
	return nil
}

// Published waits until a checkpoint covers an entry.
func (l *Log) Published(ctx context.Context, index uint64) error { return l.merkle.await(ctx, index) }

// Reader reads the same log.
func (l *Log) Reader() *Reader {
	return NewReader(l.Dir, l.Origin, l.Verifier)
}

// Close writes what is pending and stops. What the Merkle log does not have yet
// the journal keeps until the next Open.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.wake)
	<-l.done
	return errors.Join(l.merkle.close(), l.journal.close())
}
