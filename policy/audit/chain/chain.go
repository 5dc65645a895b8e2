// Package chain keeps the audit log as JSON lines, each bound to the one before
// by SHA-256, with a signed head so that a truncation shows. Appends from many
// goroutines share one fsync (group commit).
//
// The chain proves that nothing was altered, reordered or removed by someone
// who does not hold the signing key. It has no inclusion proofs.
package chain

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys"
)

// File names in the log's folder.
const (
	LogFile  = "audit.jsonl"
	HeadFile = "head.json"
)

// ErrTampered means the log does not verify; the error says at which line.
var ErrTampered = errors.New("audit log was altered")

// Config says where the log is and who signs its head.
type Config struct {
	Dir    string      // folder, made 0700 when missing; required
	Signer keys.Signer // required
	Now    func() time.Time
}

// record is one line: an entry, its number from 1 and the chain.
type record struct {
	Seq  uint64 `json:"seq"`
	Prev string `json:"prev"` // hash of the line before, "" at the start
	audit.Entry
}

// Head says how far the log reaches. Signature covers "seq\x00hash".
type Head struct {
	Seq       uint64 `json:"seq"`
	Hash      string `json:"hash"`
	KeyID     string `json:"key_id"`
	Signature []byte `json:"signature"`
}

// Log implements [audit.Log].
type Log struct {
	config Config
	file   *os.File
	head   *os.File
	seq    uint64
	prev   string

	mu      sync.Mutex
	pending []*request
	wake    chan struct{}
	done    chan struct{}
	closed  bool
	failed  error // set once; the log takes nothing afterwards
}

type request struct {
	entries []audit.Entry
	result  chan error
}

var _ audit.Log = (*Log)(nil)

// Open opens the log for appending and checks that its end matches the signed
// head. Lines written after the head by a process that was killed are kept: they
// are chained, and were never acknowledged.
func Open(c Config) (*Log, error) {
	if c.Signer == nil {
		return nil, errors.New("opening audit log: no signer")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("making audit folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(c.Dir, LogFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening audit log: %w", err)
	}
	head, err := os.OpenFile(filepath.Join(c.Dir, HeadFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("opening audit head: %w", err)
	}
	l := &Log{config: c, file: file, head: head, wake: make(chan struct{}, 1), done: make(chan struct{})}
	if err := l.recover(); err != nil {
		file.Close()
		head.Close()
		return nil, err
	}
	go l.run()
	return l, nil
}

// recover finds the end of the chain and drops a torn last line, which was
// never acknowledged.
func (l *Log) recover() error {
	var end int64
	err := eachLine(l.file, func(line []byte, seq uint64, prev string) error {
		end += int64(len(line)) + 1
		l.seq, l.prev = seq, hashLine(line)
		return nil
	})
	if err != nil && !errors.Is(err, errTorn) {
		return fmt.Errorf("opening audit log: %w", err)
	}
	if err := l.file.Truncate(end); err != nil {
		return fmt.Errorf("dropping a torn line: %w", err)
	}
	if _, err := l.file.Seek(end, io.SeekStart); err != nil {
		return fmt.Errorf("opening audit log: %w", err)
	}
	head, ok, err := readHead(l.head)
	if err != nil {
		return err
	}
	if ok && head.Seq > l.seq {
		return fmt.Errorf("opening audit log: %w: the signed head reaches entry %d, the log ends at %d", ErrTampered, head.Seq, l.seq)
	}
	return nil
}

// Append implements [audit.Log]: it returns when the entries are on disk.
func (l *Log) Append(ctx context.Context, entries ...audit.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	r := &request{entries: entries, result: make(chan error, 1)}
	l.mu.Lock()
	if l.closed || l.failed != nil {
		l.mu.Unlock()
		return audit.ErrUnavailable
	}
	l.pending = append(l.pending, r)
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-r.result:
		return err
	case <-ctx.Done(): // it may still be written; the caller does not proceed
		return fmt.Errorf("%w: %w", audit.ErrUnavailable, ctx.Err())
	}
}

// Close writes what is pending and closes the files.
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
	return errors.Join(l.file.Close(), l.head.Close())
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
	err := l.failed
	l.mu.Unlock()
	if len(batch) == 0 {
		return
	}
	if err == nil {
		err = l.write(batch)
	}
	if err != nil {
		// After a failed write the file's end is unknown: take nothing more.
		l.mu.Lock()
		l.failed = err
		l.mu.Unlock()
		err = fmt.Errorf("%w: %w", audit.ErrUnavailable, err)
	}
	for _, r := range batch {
		r.result <- err
	}
}

func (l *Log) write(batch []*request) error {
	var buf bytes.Buffer
	seq, prev := l.seq, l.prev
	for _, r := range batch {
		for _, e := range r.entries {
			if e.Time.IsZero() {
				e.Time = l.config.Now()
			}
			e.Time = e.Time.UTC()
			seq++
			line, err := json.Marshal(record{Seq: seq, Prev: prev, Entry: e})
			if err != nil {
				return fmt.Errorf("encoding audit entry: %w", err)
			}
			buf.Write(line)
			buf.WriteByte('\n')
			prev = hashLine(line)
		}
	}
	if _, err := l.file.Write(buf.Bytes()); err != nil {
		return fmt.Errorf("writing audit log: %w", err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("syncing audit log: %w", err)
	}
	l.seq, l.prev = seq, prev
	return l.writeHead()
}

// writeHead replaces the head in place. It is not synced: after a crash an
// older head is still a valid lower bound.
func (l *Log) writeHead() error {
	sig, err := l.config.Signer.Sign(headMessage(l.seq, l.prev))
	if err != nil {
		return fmt.Errorf("signing audit head: %w", err)
	}
	data, err := json.Marshal(Head{Seq: l.seq, Hash: l.prev, KeyID: l.config.Signer.KeyID(), Signature: sig})
	if err != nil {
		return fmt.Errorf("encoding audit head: %w", err)
	}
	data = append(data, '\n')
	if _, err := l.head.WriteAt(data, 0); err != nil {
		return fmt.Errorf("writing audit head: %w", err)
	}
	return l.head.Truncate(int64(len(data)))
}

func headMessage(seq uint64, hash string) []byte {
	return fmt.Appendf(nil, "doorward audit head\x00%d\x00%s", seq, hash)
}

func hashLine(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

func readHead(r io.ReadSeeker) (h Head, ok bool, err error) {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return h, false, fmt.Errorf("reading audit head: %w", err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return h, false, fmt.Errorf("reading audit head: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return h, false, nil
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, false, fmt.Errorf("reading audit head: %w: it is not JSON", ErrTampered)
	}
	return h, true, nil
}

var errTorn = errors.New("last line is incomplete")

// eachLine walks the chain, checking numbers and hashes.
func eachLine(r io.ReadSeeker, yield func(line []byte, seq uint64, prev string) error) error {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return err
	}
	br := bufio.NewReaderSize(r, 1<<16)
	var seq uint64
	var prev string
	for {
		line, err := br.ReadBytes('\n')
		if err == io.EOF {
			if len(line) > 0 {
				return errTorn
			}
			return nil
		}
		if err != nil {
			return err
		}
		line = line[:len(line)-1]
		var rec struct {
			Seq  uint64 `json:"seq"`
			Prev string `json:"prev"`
		}
		if err := json.Unmarshal(line, &rec); err != nil || rec.Seq != seq+1 || rec.Prev != prev {
			return fmt.Errorf("%w at entry %d", ErrTampered, seq+1)
		}
		seq, prev = rec.Seq, hashLine(line)
		if err := yield(line, seq, rec.Prev); err != nil {
			return err
		}
	}
}
