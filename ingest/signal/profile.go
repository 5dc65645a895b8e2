// Package signal measures what marks poisoned documents as a crowd, where no
// single one looks wrong: near duplicates, floods, drift away from what a source
// usually sends, texts made to be found. It only measures; policy decides.
//
// All it keeps is made under a tenant's key: without it, signatures and usual
// terms say nothing of the texts they were made from.
package signal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Sizes of a signature. With 8 bands of 5 rows a pair of documents with Jaccard
// likeness 0.8 meets in some band with probability 0.96, one with 0.5 with 0.22
// and one with 0.3 with 0.02 (Leskovec, Rajaraman, Ullman, "Mining of Massive
// Datasets", 3.4).
const (
	Bands = 8
	rows  = 5
	size  = Bands * rows

	shingle  = 3       // words
	maxWords = 200_000 // of a document; the rest does not change what it is like
	buckets  = 1 << 13 // of words, for a source's usual terms
)

// Signature is a MinHash of a document's word shingles (Broder 1997), keyed.
type Signature [size]uint32

// Likeness estimates the Jaccard likeness of two documents, 0 to 1.
func (s Signature) Likeness(t Signature) float64 {
	same := 0
	for i := range s {
		if s[i] == t[i] {
			same++
		}
	}
	return float64(same) / size
}

// Near is the likeness from which two documents count as near duplicates.
const Near = 0.75

// Bands returns the bucket a signature falls into in each band; near duplicates
// share one at least, nearly always.
func (s Signature) Bands() [Bands]int64 {
	var out [Bands]int64
	for b := range out {
		h := uint64(14695981039346656037) ^ uint64(b)
		for _, v := range s[b*rows : (b+1)*rows] {
			h = mix(h ^ uint64(v))
		}
		out[b] = int64(h)
	}
	return out
}

// Encode is a signature's stored form; Decode reads it.
func (s Signature) Encode() []byte {
	b := make([]byte, 0, 4*size)
	for _, v := range s {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// ErrSignature means stored bytes that are not a signature.
var ErrSignature = errors.New("not a signature")

// Decode reads what Encode wrote.
func Decode(b []byte) (s Signature, err error) {
	if len(b) != 4*size {
		return s, ErrSignature
	}
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return s, nil
}

// Profile is what is measured of one document by itself.
type Profile struct {
	Words     int
	Signature Signature
	Terms     []uint16 // buckets of its distinct words, ascending
	// Repetition is how much of the text its most frequent longer word makes up,
	// 0 to 1: keyword stuffing.
	Repetition float64
	// Query is how far the text looks like a question put before its answer so
	// that the question finds it, 0 to 1.
	Query float64
}

// Profiler measures documents of one tenant. It is safe for concurrent use.
type Profiler struct {
	shingles, words cipher.Block
	room            sync.Pool // of *[]fingerprint.Word
}

// maxRoom is the most words of which the room is kept for the next document.
const maxRoom = 1 << 15

// NewProfiler takes the tenant's key of 32 bytes for this purpose.
func NewProfiler(key []byte) (*Profiler, error) {
	sum := sha256.Sum256(append([]byte("signal\x00"), key...))
	s, err := aes.NewCipher(sum[:16])
	if err != nil {
		return nil, err
	}
	w, err := aes.NewCipher(sum[16:])
	return &Profiler{shingles: s, words: w, room: sync.Pool{New: func() any { return new([]fingerprint.Word) }}}, err
}

// prf is a pseudorandom function of hashes, with room to work in.
type prf struct {
	block   cipher.Block
	in, out [16]byte
}

func (f *prf) of(h uint64) uint64 {
	binary.LittleEndian.PutUint64(f.in[:], h)
	f.block.Encrypt(f.out[:], f.in[:])
	return binary.LittleEndian.Uint64(f.out[:])
}

// Measure profiles a text.
func (p *Profiler) Measure(text string) Profile {
	room := p.room.Get().(*[]fingerprint.Word)
	words := slices.Grow((*room)[:0], min(len(text)/5, maxWords))
	fingerprint.Each(text, func(w fingerprint.Word) {
		if len(words) < maxWords {
			words = append(words, w)
		}
	})
	out := Profile{Words: len(words), Signature: p.signature(words), Query: query(text, words)}
	out.Terms, out.Repetition = p.terms(words)
	if *room = words; cap(words) <= maxRoom {
		p.room.Put(room)
	}
	return out
}

// steps are what one, two, three … steps of Knuth's MMIX generator come to.
var steps = func() (t [size]struct{ times, plus uint64 }) {
	times, plus := uint64(1), uint64(0)
	for i := range t {
		times, plus = times*6364136223846793005, plus*6364136223846793005+1442695040888963407
		t[i].times, t[i].plus = times, plus
	}
	return t
}()

func (p *Profiler) signature(words []fingerprint.Word) Signature {
	var s Signature
	for i := range s {
		s[i] = math.MaxUint32
	}
	f := prf{block: p.shingles}
	add := func(h uint64) {
		x := f.of(h) // pseudorandom already
		for i, step := range &steps {
			s[i] = min(s[i], uint32((x*step.times+step.plus)>>32))
		}
	}
	if len(words) < shingle {
		h := uint64(len(words))
		for _, w := range words {
			h = mix(h ^ w.Hash)
		}
		add(h)
		return s
	}
	for i := 0; i+shingle <= len(words); i++ {
		h := uint64(shingle)
		for _, w := range words[i : i+shingle] {
			h = mix(h ^ w.Hash)
		}
		add(h)
	}
	return s
}

// terms returns the buckets of the distinct words, and how much of the longer
// words the most frequent one makes up.
func (p *Profiler) terms(words []fingerprint.Word) ([]uint16, float64) {
	f := prf{block: p.words}
	var count [buckets]uint32 // of longer words
	var seen [buckets]bool
	all, most := 0, uint32(0)
	var out []uint16
	for _, w := range words {
		b := f.of(w.Hash) % buckets
		if !seen[b] {
			seen[b] = true
			out = append(out, uint16(b))
		}
		if w.End-w.Start >= longer {
			all++
			count[b]++
			most = max(most, count[b])
		}
	}
	slices.Sort(out)
	if all < 20 {
		return out, 0
	}
	return out, float64(most) / float64(all)
}

const longer = 5 // bytes of a word that is not mere grammar

// query scores the shape "question, then text that repeats it": what
// PoisonedRAG (2402.07867) prepends so that the retriever finds the text. It is
// the share of the first question's longer words that come again in the next
// sentences, weighted by how short the whole is; frequently asked questions have
// the same shape, so that it is a reason to look, not a proof.
func query(text string, words []fingerprint.Word) float64 {
	end := strings.IndexByte(text[:min(len(text), 400)], '?')
	if end < 0 {
		return 0
	}
	question := map[uint64]bool{}
	first := 0
	for ; first < len(words) && words[first].End <= end; first++ {
		if w := words[first]; w.End-w.Start >= longer {
			question[w.Hash] = false
		}
	}
	if first < 3 || first > 40 || len(question) == 0 || strings.ContainsAny(strings.TrimRight(text[:end], " "), ".!\n") {
		return 0
	}
	again := 0
	for _, w := range words[first:min(len(words), first+100)] {
		if came, asked := question[w.Hash]; asked && !came {
			question[w.Hash] = true
			again++
		}
	}
	short := min(1, 150/float64(len(words)))
	return (0.5 + 0.5*float64(again)/float64(len(question))) * short
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
