package embed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sort"
)

// Statistics is one tenant's snapshot of how many chunks hold each term. It
// changes only when a new epoch is declared: within an epoch, adding or removing
// documents, forbidden ones included, moves no ranking. A nil or zero Statistics
// weighs all terms alike.
type Statistics struct {
	Epoch       uint64  // 1 and up; 0 when none was ever declared
	Chunks      int     // chunks counted
	AverageSize float64 // mean number of distinct terms of a chunk
	Analysis    string  // [Analyzer.Fingerprint] the terms were made under

	keys   []uint32 // ascending
	counts []uint32
}

// Frequency is the number of chunks that held the term when the epoch began.
func (s *Statistics) Frequency(key uint32) int {
	i, ok := slices.BinarySearch(s.keys, key)
	if !ok {
		return 0
	}
	return int(s.counts[i])
}

// Outdated says whether a corpus of now chunks has drifted so far (a quarter)
// from the snapshot that a new epoch is worth declaring.
func (s *Statistics) Outdated(now int) bool {
	d := now - s.Chunks
	return s.Epoch == 0 && now > 0 || 4*max(d, -d) > s.Chunks
}

// Tally counts terms towards a new epoch. Use [NewTally].
type Tally struct {
	analysis string
	chunks   int
	terms    int
	df       map[uint32]uint32
}

// NewTally begins a count of chunks analysed under the given fingerprint.
func NewTally(analysis string) *Tally {
	return &Tally{analysis: analysis, df: map[uint32]uint32{}}
}

// Add counts one chunk.
func (t *Tally) Add(terms []Term) {
	t.chunks++
	t.terms += len(terms)
	for _, x := range terms {
		t.df[x.Key]++
	}
}

// Statistics returns the snapshot under the given epoch number.
func (t *Tally) Statistics(epoch uint64) *Statistics {
	s := &Statistics{Epoch: epoch, Chunks: t.chunks, Analysis: t.analysis}
	if t.chunks > 0 {
		s.AverageSize = float64(t.terms) / float64(t.chunks)
	}
	s.keys = make([]uint32, 0, len(t.df))
	for k := range t.df {
		s.keys = append(s.keys, k)
	}
	sort.Slice(s.keys, func(i, j int) bool { return s.keys[i] < s.keys[j] })
	s.counts = make([]uint32, len(s.keys))
	for i, k := range s.keys {
		s.counts[i] = t.df[k]
	}
	return s
}

// SortedTally counts towards a new epoch terms that come in ascending order of
// their keys, each once, as stores keep them. Use [NewSortedTally].
type SortedTally struct{ s Statistics }

// NewSortedTally begins a count of chunks analysed under the given fingerprint.
func NewSortedTally(analysis string) *SortedTally {
	return &SortedTally{Statistics{Analysis: analysis}}
}

// Add counts a term held by n chunks.
func (t *SortedTally) Add(key uint32, n int) {
	t.s.keys, t.s.counts = append(t.s.keys, key), append(t.s.counts, uint32(n))
}

// Statistics returns the snapshot under the given epoch number, of so many chunks
// with terms between them. Nothing is added from then on.
func (t *SortedTally) Statistics(epoch uint64, chunks, terms int) *Statistics {
	s := t.s
	if s.Epoch, s.Chunks = epoch, chunks; chunks > 0 {
		s.AverageSize = float64(terms) / float64(chunks)
	}
	return &s
}

// statisticsMagic begins an encoded snapshot; the digit is its format.
const statisticsMagic = "dwst1"

// ErrStatistics means an encoded snapshot is damaged or of another format;
// declare a new epoch.
var ErrStatistics = errors.New("term statistics unreadable")

// MarshalBinary encodes the snapshot: about four bytes a term, with a checksum.
func (s *Statistics) MarshalBinary() ([]byte, error) {
	b := []byte(statisticsMagic)
	b = binary.AppendUvarint(b, s.Epoch)
	b = binary.AppendUvarint(b, uint64(s.Chunks))
	b = binary.AppendUvarint(b, uint64(s.AverageSize*1000))
	b = binary.AppendUvarint(b, uint64(len(s.Analysis)))
	b = append(b, s.Analysis...)
	b = binary.AppendUvarint(b, uint64(len(s.keys)))
	last := uint32(0)
	for i, k := range s.keys {
		b = binary.AppendUvarint(b, uint64(k-last))
		b = binary.AppendUvarint(b, uint64(s.counts[i]))
		last = k
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b)), nil
}

// UnmarshalBinary decodes what MarshalBinary made, or fails with [ErrStatistics].
func (s *Statistics) UnmarshalBinary(b []byte) error {
	if len(b) < len(statisticsMagic)+4 || string(b[:len(statisticsMagic)]) != statisticsMagic {
		return fmt.Errorf("%w: not a snapshot", ErrStatistics)
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return fmt.Errorf("%w: checksum differs", ErrStatistics)
	}
	r := reader{b: body[len(statisticsMagic):]}
	out := Statistics{Epoch: r.uvarint(), Chunks: int(r.uvarint()), AverageSize: float64(r.uvarint()) / 1000}
	out.Analysis = string(r.bytes(int(r.uvarint())))
	n := int(r.uvarint())
	if r.bad || n < 0 || n > len(r.b) {
		return fmt.Errorf("%w: cut short", ErrStatistics)
	}
	out.keys, out.counts = make([]uint32, n), make([]uint32, n)
	last := uint32(0)
	for i := range n {
		last += uint32(r.uvarint())
		out.keys[i], out.counts[i] = last, uint32(r.uvarint())
	}
	if r.bad || len(r.b) != 0 {
		return fmt.Errorf("%w: cut short", ErrStatistics)
	}
	*s = out
	return nil
}

// reader takes an encoding apart; bad sticks once it ran out.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}
