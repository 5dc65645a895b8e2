package sqlite

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// source is a part to be written, with the slots to leave out.
type source struct {
	*part
	without bits
	moved   []uint32 // new slot plus one
}

// sources sees the parts as they are now; the caller keeps changes away.
func sources(parts []*part) (out []source, points int) {
	for _, p := range parts {
		s := source{part: p, without: append(bits(nil), p.dead...), moved: make([]uint32, len(p.pks))}
		for n := range p.pks {
			if !s.without.has(uint32(n)) {
				points++
				s.moved[n] = uint32(points)
			}
		}
		out = append(out, s)
	}
	return out, points
}

// writeSegment writes the living slots of parts, which are in order, to a new
// file that is on disk when it returns. It holds 12 bytes a term and some 30 a
// slot in memory.
func writeSegment(ctx context.Context, path string, from []source, at func(step string)) (size int64, sum uint32, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, 0, err
	}
	at("made")
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(path)
		}
	}()
	w := &sink{sum: crc32.New(castagnoli)}
	w.out = bufio.NewWriterSize(io.MultiWriter(f, w.sum), 1<<18)
	if err := w.postings(ctx, from); err != nil {
		return 0, 0, err
	}
	at("half written")
	w.slots(from)
	w.vectors(from)
	w.attributes(from)
	if err := w.finish(); err != nil {
		return 0, 0, err
	}
	at("written")
	if err := f.Sync(); err != nil {
		return 0, 0, err
	}
	at("synced")
	return w.n, w.sum.Sum32(), syncFolder(filepath.Dir(path))
}

// syncFolder makes a new file's name survive a crash.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	d.Sync() // not every system syncs folders; a file that is lost is made anew
	return nil
}

// sink writes sections; an error shows when it is finished.
type sink struct {
	out   *bufio.Writer
	sum   hash.Hash32
	n     int64
	table [sections][2]uint64
}

func (w *sink) Write(b []byte) (int, error) {
	n, err := w.out.Write(b)
	w.n += int64(n)
	return n, err
}

// section writes one by write, from a multiple of 8 bytes on.
func (w *sink) section(i int, write func()) {
	w.Write(make([]byte, -w.n&7))
	from := w.n
	write()
	w.table[i] = [2]uint64{uint64(from), uint64(w.n - from)}
}

func (w *sink) bytes(i int, b []byte) { w.section(i, func() { w.Write(b) }) }

func (w *sink) finish() error {
	w.Write(make([]byte, -w.n&7))
	w.Write(raw(w.table[:]))
	w.Write(binary.NativeEndian.AppendUint64(nil, segmentMagic))
	return w.out.Flush()
}

// postings merges the lists of all terms.
func (w *sink) postings(ctx context.Context, from []source) (err error) {
	cursors := make([]cursor, len(from))
	next := make([]int, len(from))
	for i, s := range from {
		cursors[i] = s.sorted()
	}
	var keys []uint32
	var starts []uint64
	total := uint64(0)
	var l list
	w.section(sectionPostings, func() {
		for round := 0; ; round++ {
			if round%4096 == 0 && ctx.Err() != nil {
				err = ctx.Err()
				return
			}
			key, any := uint32(0), false
			for i, c := range cursors {
				if next[i] < len(c.keys) && (!any || c.keys[next[i]] < key) {
					key, any = c.keys[next[i]], true
				}
			}
			if !any {
				break
			}
			l.data, l.next = l.data[:0], 0
			for i, c := range cursors {
				if next[i] == len(c.keys) || c.keys[next[i]] != key {
					continue
				}
				old := c.at(next[i])
				next[i]++
				moved := from[i].moved
				old.each(func(n uint32, weight float32) {
					if moved[n] != 0 {
						l.add(moved[n]-1, weight)
					}
				})
			}
			if len(l.data) > 0 {
				keys, starts = append(keys, key), append(starts, total)
				w.Write(l.data)
				total += uint64(len(l.data))
			}
		}
	})
	w.bytes(sectionKeys, raw(keys))
	w.bytes(sectionStarts, raw(append(starts, total)))
	return err
}

func living(from []source, yield func(s source, n uint32)) {
	for _, s := range from {
		for n := range s.moved {
			if s.moved[n] != 0 {
				yield(s, uint32(n))
			}
		}
	}
}

func (w *sink) slots(from []source) {
	var pks []int64
	living(from, func(s source, n uint32) { pks = append(pks, s.pks[n]) })
	w.bytes(sectionPKs, raw(pks))
	starts := make([]uint64, 0, len(pks)+1)
	w.section(sectionNames, func() {
		began := w.n
		var b []byte
		living(from, func(s source, n uint32) {
			starts = append(starts, uint64(w.n-began))
			x := s.identity(n)
			b = binary.AppendVarint(b[:0], int64(x.ordinal))
			for _, v := range []string{x.id, x.document, x.version, x.receipt} {
				b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
			}
			w.Write(b)
		})
		starts = append(starts, uint64(w.n-began))
	})
	w.bytes(sectionNameStarts, raw(starts))
}

func (w *sink) vectors(from []source) {
	n := uint32(0)
	var has bits
	w.section(sectionVectors, func() {
		living(from, func(s source, old uint32) {
			has = has.grown(int(n) + 1)
			if s.vector.has(old) {
				has.set(n)
			}
			n++
			w.Write(raw(s.vectorAt(old)))
		})
	})
	w.bytes(sectionHasVector, raw(has))
}

// attributes writes those in use once each.
func (w *sink) attributes(from []source) {
	rows := map[string]uint32{}
	var numbers []uint32
	var starts []uint64
	w.section(sectionAttributes, func() {
		began := w.n
		for _, s := range from {
			known := map[uint32]uint32{}
			living([]source{s}, func(s source, n uint32) {
				row, ok := known[s.rows[n]]
				if !ok {
					a := s.attributes(s.rows[n])
					if row, ok = rows[a]; !ok {
						row = uint32(len(rows))
						rows[a] = row
						starts = append(starts, uint64(w.n-began))
						io.WriteString(w, a)
					}
					known[s.rows[n]] = row
				}
				numbers = append(numbers, row)
			})
		}
		starts = append(starts, uint64(w.n-began))
	})
	w.bytes(sectionAttributeStarts, raw(starts))
	w.bytes(sectionRows, raw(numbers))
}
