package tlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/doorward/doorward/policy/keys"
)

// The journal is what makes an append durable: one write and one sync for all
// entries that wait. It holds frames, each bound to the one before by SHA-256
// and signed; the Merkle log is filled from it, in order, a little later.
//
//	frame   = length of body (4) body length of key id (1) key id signature (64)
//	body    = "dwj1" first index (8) count (4) link to the frame before (32) entries
//	entry   = length (4) bytes
//
// The signature is over the hash of the body; a link is the hash of that hash and
// of what follows the body. Numbers are big-endian. A segment is a file of frames, named by the index of
// its first entry.
const (
	journalDir   = "journal"
	headFile     = "head"
	segmentEnd   = ".frames"
	frameMagic   = "dwj1"
	bodyHeader   = len(frameMagic) + 8 + 4 + sha256.Size
	signatureLen = 64
	segmentBytes = 8 << 20
	frameBytes   = 4 << 20 // a frame takes no further append beyond this
)

// frame is one decoded frame. Its slices lie in the segment's bytes.
type frame struct {
	first   uint64
	prev    [sha256.Size]byte
	hash    [sha256.Size]byte // of the body
	link    [sha256.Size]byte // what the next frame must name
	entries [][]byte
	keyID   string
	sig     []byte
}

func journalMessage(hash [sha256.Size]byte) []byte {
	return append([]byte("doorward audit journal v1\x00"), hash[:]...)
}

// File is what the journal needs of a file.
type File interface {
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

func openFile(path string, flag int) (File, error) { return os.OpenFile(path, flag, 0o600) }

// journal is the writing end.
type journal struct {
	dir    string
	signer keys.Signer
	open   func(path string, flag int) (File, error)
	head   *os.File

	file  File   // the last segment
	end   int64  // where its last whole frame ends
	next  uint64 // index of the entry to come
	link  [sha256.Size]byte
	dirty bool // a write failed: what stands after end is unknown
}

// append writes frames for a batch of appends and syncs them. After an error
// nothing of the batch counts, and the next append mends the file first.
func (j *journal) append(batch [][][]byte) error {
	if err := j.mend(); err != nil {
		return err
	}
	var buf bytes.Buffer
	next, link := j.next, j.link
	var tail []byte
	var hash [sha256.Size]byte
	for len(batch) > 0 {
		n, size := 0, 0
		for n < len(batch) && (n == 0 || size < frameBytes) {
			for _, e := range batch[n] {
				size += len(e)
			}
			n++
		}
		body := encodeBody(next, link, slices.Concat(batch[:n]...))
		for _, entries := range batch[:n] {
			next += uint64(len(entries))
		}
		hash, batch = sha256.Sum256(body), batch[n:]
		id, sig, err := keys.Sign(j.signer, func(string) []byte { return journalMessage(hash) })
		if err != nil {
			return fmt.Errorf("signing audit journal: %w", err)
		}
		tail = encodeTail(id, sig)
		link = linkOf(hash, tail)
		buf.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body))))
		buf.Write(body)
		buf.Write(tail)
	}
	if err := j.write(buf.Bytes()); err != nil {
		j.dirty = true
		return err
	}
	j.next, j.link = next, link
	return j.writeHead(append(hash[:], tail...))
}

func encodeBody(first uint64, prev [sha256.Size]byte, entries [][]byte) []byte {
	b := append([]byte(nil), frameMagic...)
	b = binary.BigEndian.AppendUint64(b, first)
	b = binary.BigEndian.AppendUint32(b, uint32(len(entries)))
	b = append(b, prev[:]...)
	for _, e := range entries {
		b = binary.BigEndian.AppendUint32(b, uint32(len(e)))
		b = append(b, e...)
	}
	return b
}

func encodeTail(keyID string, sig []byte) []byte {
	return append(append([]byte{byte(len(keyID))}, keyID...), sig...)
}

func linkOf(hash [sha256.Size]byte, tail []byte) [sha256.Size]byte {
	return sha256.Sum256(append(hash[:], tail...))
}

func (j *journal) write(data []byte) error {
	if j.file == nil || j.end > segmentBytes {
		if err := j.rotate(); err != nil {
			return err
		}
	}
	if _, err := j.file.WriteAt(data, j.end); err != nil {
		return fmt.Errorf("writing audit journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("syncing audit journal: %w", err)
	}
	j.end += int64(len(data))
	return nil
}

// rotate begins a new segment.
func (j *journal) rotate() error {
	f, err := j.open(filepath.Join(j.dir, segmentName(j.next)), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return fmt.Errorf("opening audit journal: %w", err)
	}
	if err := syncDir(j.dir); err != nil {
		f.Close()
		return err
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.end = f, 0
	return nil
}

// mend cuts off what a failed write may have left. Entries in it were refused.
func (j *journal) mend() error {
	if !j.dirty {
		return nil
	}
	if j.file != nil {
		if err := errors.Join(j.file.Truncate(j.end), j.file.Sync()); err != nil {
			return fmt.Errorf("mending audit journal: %w", err)
		}
	}
	j.dirty = false
	return nil
}

// writeHead says how far the journal reaches. It is not synced: an older head
// is still a valid lower bound.
func (j *journal) writeHead(data []byte) error {
	if _, err := j.head.WriteAt(data, 0); err != nil {
		return fmt.Errorf("writing audit journal head: %w", err)
	}
	return j.head.Truncate(int64(len(data)))
}

// drop removes segments whose entries are all below size.
func (j *journal) drop(size uint64) error {
	names, err := segments(j.dir)
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(names); i++ {
		if names[i+1].first > size {
			break
		}
		if err := os.Remove(filepath.Join(j.dir, names[i].name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("dropping audit journal: %w", err)
		}
	}
	return nil
}

func (j *journal) close() error {
	var errs []error
	if j.file != nil {
		errs = append(errs, j.file.Close())
	}
	return errors.Join(append(errs, j.head.Close())...)
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentEnd) }

type segment struct {
	first uint64
	name  string
}

func segments(dir string) ([]segment, error) {
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing audit journal: %w", err)
	}
	var out []segment
	for _, e := range list {
		number, ok := strings.CutSuffix(e.Name(), segmentEnd)
		if !ok {
			continue
		}
		first, err := strconv.ParseUint(number, 10, 64)
		if err != nil || e.Name() != segmentName(first) {
			return nil, fmt.Errorf("%w: the journal holds a segment of no known name", ErrTampered)
		}
		out = append(out, segment{first, e.Name()})
	}
	slices.SortFunc(out, func(a, b segment) int { return int(int64(a.first) - int64(b.first)) })
	return out, nil
}

// tail is what the journal holds, read and proved.
type tail struct {
	first   uint64   // index of entries[0]
	entries [][]byte // of all segments
	link    [sha256.Size]byte
	name    string // the last segment's, "" if there is none
	end     int64  // where its last whole frame ends
}

func (t *tail) next() uint64 { return t.first + uint64(len(t.entries)) }

// readJournal reads all segments and proves that they are one unbroken, signed
// chain that reaches the head at least. A last frame that is incomplete, or not
// signed, and that the head does not vouch for was being written when the
// process stopped: it was never acknowledged, and is left out.
func readJournal(dir string, v keys.Verifier) (*tail, error) {
	headHash, headed, err := readHead(filepath.Join(dir, headFile), v)
	if err != nil {
		return nil, err
	}
	names, err := segments(dir)
	if err != nil {
		return nil, err
	}
	t := &tail{}
	reached := !headed
	for i, s := range names {
		data, err := os.ReadFile(filepath.Join(dir, s.name))
		if err != nil {
			return nil, fmt.Errorf("reading audit journal: %w", err)
		}
		frames, end := decodeFrames(data)
		last := i == len(names)-1
		if n := len(frames); last && n > 0 && v.Verify(frames[n-1].keyID, journalMessage(frames[n-1].hash), frames[n-1].sig) != nil {
			frames, end = frames[:n-1], frames[n-1].at
		}
		if !last && (len(frames) == 0 || end != int64(len(data))) {
			return nil, fmt.Errorf("%w: the journal's segment %d is damaged", ErrTampered, s.first)
		}
		if err := t.take(s, i == 0, frames); err != nil {
			return nil, err
		}
		for _, f := range frames {
			reached = reached || f.hash == headHash
		}
		t.name, t.end = s.name, end
	}
	if !reached {
		return nil, fmt.Errorf("%w: the journal ends at entry %d, before its signed head", ErrTampered, t.next())
	}
	if !headed && len(t.entries) > 0 {
		return nil, fmt.Errorf("%w: the journal's signed head is missing", ErrTampered)
	}
	return t, nil
}

// take adds one segment's frames, checking numbers and hashes.
func (t *tail) take(s segment, first bool, frames []placed) error {
	if first {
		t.first = s.first
	}
	for i, f := range frames {
		begins := first && i == 0
		switch {
		case begins && (f.first != s.first || s.first == 0 && f.prev != [sha256.Size]byte{}):
			return fmt.Errorf("%w: the journal does not begin at entry %d", ErrTampered, s.first)
		case !begins && (f.first != t.next() || f.prev != t.link):
			return fmt.Errorf("%w: the journal is broken at entry %d", ErrTampered, t.next())
		}
		t.entries, t.link = append(t.entries, f.entries...), f.link
	}
	if !first && len(frames) > 0 && frames[0].first != s.first {
		return fmt.Errorf("%w: the journal's segment %d begins elsewhere", ErrTampered, s.first)
	}
	return nil
}

// placed is a frame and where in its segment it stands.
type placed struct {
	frame
	at int64
}

// decodeFrames reads whole frames and says where the last one ends.
func decodeFrames(data []byte) ([]placed, int64) {
	var out []placed
	at := 0
	for {
		f, n, ok := decodeFrame(data[at:])
		if !ok {
			return out, int64(at)
		}
		out = append(out, placed{f, int64(at)})
		at += n
	}
}

func decodeFrame(data []byte) (f frame, n int, ok bool) {
	if len(data) < 4 {
		return f, 0, false
	}
	size := int(binary.BigEndian.Uint32(data))
	if size < bodyHeader || size > len(data)-5 {
		return f, 0, false
	}
	body, rest := data[4:4+size], data[4+size:]
	named := int(rest[0])
	if len(rest) < 1+named+signatureLen || string(body[:4]) != frameMagic {
		return f, 0, false
	}
	f.keyID, f.sig = string(rest[1:1+named]), rest[1+named:1+named+signatureLen]
	f.first, f.hash = binary.BigEndian.Uint64(body[4:]), sha256.Sum256(body)
	f.link = linkOf(f.hash, rest[:1+named+signatureLen])
	count := int(binary.BigEndian.Uint32(body[12:]))
	copy(f.prev[:], body[16:])
	for body = body[bodyHeader:]; len(body) >= 4; {
		size := int(binary.BigEndian.Uint32(body))
		if size > len(body)-4 {
			return f, 0, false
		}
		f.entries, body = append(f.entries, body[4:4+size]), body[4+size:]
	}
	return f, 4 + size + 1 + named + signatureLen, len(body) == 0 && len(f.entries) == count && count > 0
}

func readHead(path string, v keys.Verifier) (hash [sha256.Size]byte, ok bool, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return hash, false, nil
	}
	if err != nil {
		return hash, false, fmt.Errorf("reading audit journal head: %w", err)
	}
	if len(data) <= sha256.Size || len(data) != sha256.Size+1+int(data[sha256.Size])+signatureLen {
		return hash, false, fmt.Errorf("%w: the journal's head is damaged", ErrTampered)
	}
	copy(hash[:], data)
	keyID, sig := data[sha256.Size+1:len(data)-signatureLen], data[len(data)-signatureLen:]
	if v.Verify(string(keyID), journalMessage(hash), sig) != nil {
		return hash, false, fmt.Errorf("%w: the journal's head is not signed by a known key: is this the key folder it was made with?", ErrTampered)
	}
	return hash, true, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing audit folder: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("syncing audit folder: %w", err)
	}
	return nil
}
