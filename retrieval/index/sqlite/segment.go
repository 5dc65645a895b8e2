package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"sort"
	"strings"
	"unsafe"
)

// A segment is a file beside the database that holds what searches need of a run
// of points, mapped into memory, so that an index neither keeps all its points on
// the heap nor files their postings anew when it is opened. It is derived: the
// database lists each with its length and checksum, and one that is missing or
// not as listed is thrown away and made anew from the rows.
//
// The file is sections, each beginning at a multiple of 8 bytes, then a table of
// where they are, then segmentMagic. Numbers are in the machine's byte order; on
// one with another order the magic does not match.
const (
	sectionPostings        = iota // lists as in memory, in ascending order of keys
	sectionKeys                   // []uint32
	sectionStarts                 // []uint64: where each key's list starts, and the end
	sectionPKs                    // []int64, ascending
	sectionRows                   // []uint32
	sectionNameStarts             // []uint64
	sectionNames                  // by slot: ordinal, then id, document, version, receipt
	sectionHasVector              // []uint64: a bit for each slot
	sectionVectors                // []float32, unit length
	sectionAttributeStarts        // []uint64
	sectionAttributes             // by row, in stored form
	sections
)

const (
	segmentMagic = 0x31_6d_67_73_72_6f_6f_64
	footerSize   = sections*16 + 8
)

var errSegment = errors.New("segment is not what the index wrote")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is a segment as the database lists it.
type record struct {
	name, tenant string
	size         int64
	sum          uint32
	tainted      bool
}

// segment is a body on disk.
type segment struct {
	record
	taint     int // erasures that left something in it, see [Index.Shred]
	dimension int
	release   func()

	postings, names, stored          []byte
	keys                             []uint32
	starts, nameStarts, storedStarts []uint64
	vectors                          []float32
}

// openSegment maps a file, with check after comparing all of it with its sum.
func openSegment(path string, r record, dimension int, check bool) (_ *part, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() || fi.Size() != r.size || r.size < footerSize || r.size > math.MaxInt {
		return nil, errSegment
	}
	if check {
		if err := checkSum(f, r.sum); err != nil {
			return nil, err
		}
	}
	data, release, err := mapFile(f, int(r.size))
	if err != nil {
		return nil, err
	}
	p, err := readSegment(data, r, dimension)
	if err != nil {
		release()
		return nil, err
	}
	p.body.(*segment).release = release
	return p, nil
}

// checkFile compares a segment's file with what is listed of it.
func checkFile(path string, r record) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || fi.Size() != r.size {
		return errors.Join(errSegment, err)
	}
	return checkSum(f, r.sum)
}

func checkSum(f *os.File, want uint32) error {
	sum := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(onlyWriter{sum}, onlyReader{f}, make([]byte, 1<<18)); err != nil {
		return err
	}
	if sum.Sum32() != want {
		return errSegment
	}
	return nil
}

// onlyReader and onlyWriter hide what would make io.CopyBuffer ignore its buffer.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }

func readSegment(data []byte, r record, dimension int) (*part, error) {
	table := data[len(data)-footerSize:]
	if binary.NativeEndian.Uint64(table[sections*16:]) != segmentMagic {
		return nil, errSegment
	}
	var at [sections][]byte
	for i := range at {
		from, n := binary.NativeEndian.Uint64(table[16*i:]), binary.NativeEndian.Uint64(table[16*i+8:])
		if from%8 != 0 || from > uint64(len(data)) || n > uint64(len(data))-from {
			return nil, errSegment
		}
		at[i] = data[from : from+n : from+n]
	}
	s := &segment{
		record: r, dimension: dimension,
		postings: at[sectionPostings], names: at[sectionNames], stored: at[sectionAttributes],
		keys: view[uint32](at[sectionKeys]), starts: view[uint64](at[sectionStarts]),
		nameStarts: view[uint64](at[sectionNameStarts]), storedStarts: view[uint64](at[sectionAttributeStarts]),
		vectors: view[float32](at[sectionVectors]),
	}
	if r.tainted {
		s.taint = 1
	}
	p := &part{body: s, pks: view[int64](at[sectionPKs]), rows: view[uint32](at[sectionRows]), vector: view[uint64](at[sectionHasVector]), columns: newColumns()}
	n := len(p.pks)
	p.dead = newBits(n)
	if n == 0 || len(p.rows) != n || len(s.nameStarts) != n+1 || len(s.starts) != len(s.keys)+1 || len(s.storedStarts) == 0 ||
		len(s.vectors) != n*dimension || len(p.vector) != len(p.dead) {
		return nil, errSegment
	}
	for row := range len(s.storedStarts) - 1 {
		// Cloned, because the columns keep it.
		if got, err := p.columns.row(strings.Clone(s.attributes(uint32(row)))); err != nil || got != uint32(row) {
			return nil, fmt.Errorf("%w: attributes", errSegment)
		}
	}
	p.columns.byHash = nil // nothing is added any more
	return p, nil
}

func (s *segment) list(key uint32) (list, bool) {
	i, ok := s.search(key)
	if !ok {
		return list{}, false
	}
	return s.at(i), true
}

// search finds a key's place. Keys are hashes, so that it lies near where an even
// spread would have it.
func (s *segment) search(key uint32) (int, bool) {
	n := len(s.keys)
	guess, step := int(uint64(key)*uint64(n)>>32), 16
	from, to := max(guess-step, 0), min(guess+step, n)
	for from > 0 && s.keys[from] > key {
		step *= 4
		from = max(from-step, 0)
	}
	for to < n && s.keys[to] < key {
		step *= 4
		to = min(to+step, n)
	}
	i := from + sort.Search(min(to+1, n)-from, func(i int) bool { return s.keys[from+i] >= key })
	return i, i < n && s.keys[i] == key
}

func (s *segment) at(i int) list { return list{data: s.postings[s.starts[i]:s.starts[i+1]]} }

func (s *segment) sorted() cursor { return cursor{s.keys, s.at} }

// next takes a string off b without copying it.
func next(b []byte) (string, []byte) {
	n, k := binary.Uvarint(b)
	b = b[k:]
	return unsafe.String(unsafe.SliceData(b), int(n)), b[n:]
}

func (s *segment) name(n uint32) (slot, []byte) {
	b := s.names[s.nameStarts[n]:s.nameStarts[n+1]]
	ordinal, k := binary.Varint(b)
	return slot{ordinal: int(ordinal)}, b[k:]
}

func (s *segment) id(n uint32) string {
	_, b := s.name(n)
	id, _ := next(b)
	return id
}

func (s *segment) document(n uint32) string {
	_, b := s.name(n)
	_, b = next(b)
	document, _ := next(b)
	return document
}

func (s *segment) identity(n uint32) slot {
	out, b := s.name(n)
	for _, to := range []*string{&out.id, &out.document, &out.version, &out.receipt} {
		var v string
		v, b = next(b)
		*to = strings.Clone(v)
	}
	return out
}

func (s *segment) vectorAt(n uint32) []float32 {
	from := int(n) * s.dimension
	return s.vectors[from : from+s.dimension : from+s.dimension]
}

func (s *segment) attributes(row uint32) string {
	b := s.stored[s.storedStarts[row]:s.storedStarts[row+1]]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// holds reports whether a point of the document is in it, dead ones included.
func (s *segment) holds(document string) bool {
	for n := range len(s.nameStarts) - 1 {
		if s.document(uint32(n)) == document {
			return true
		}
	}
	return false
}

// view is a section as numbers.
func view[T any](b []byte) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

// raw is numbers as bytes.
func raw[T any](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}
