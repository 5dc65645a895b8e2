package quota

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Sketch is what is kept of a text: keyed hashes of its words, and of a quarter
// of the runs of three words, by which a text is known again when it is quoted.
type Sketch struct {
	Words []uint32 // distinct, at most maxWords
	Runs  []uint32
}

// Bounds of a sketch.
const (
	maxWords  = 32
	runLength = 3
	sampled   = 4 // one run in so many is kept
	maxRuns   = 512
)

// Sketcher hashes under a tenant's key: a pseudorandom function (AES) of an
// ordinary hash (FNV-1a), which is fast enough for every passage.
type Sketcher struct{ block cipher.Block }

// NewSketcher takes a 32-byte key.
func NewSketcher(key []byte) (Sketcher, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return Sketcher{}, fmt.Errorf("making sketches: %w", err)
	}
	return Sketcher{b}, nil
}

// spaces keep hashes of different things apart.
const (
	ofWord = iota + 1
	ofRun
	ofID
)

func (s Sketcher) hash(space, h uint64) uint64 {
	var block [aes.BlockSize]byte
	binary.LittleEndian.PutUint64(block[:], h)
	binary.LittleEndian.PutUint64(block[8:], space)
	s.block.Encrypt(block[:], block[:])
	return binary.LittleEndian.Uint64(block[:])
}

// ID hashes an identifier.
func (s Sketcher) ID(id string) uint64 { return s.hash(ofID, fnv(id)) }

// Text sketches a text.
func (s Sketcher) Text(text string) Sketch {
	var out Sketch
	seen := map[uint64]bool{}
	var last [runLength]uint64
	n := 0
	eachWord(text, func(w uint64, letters int) {
		copy(last[:], last[1:])
		last[runLength-1] = w
		if n++; n >= runLength && len(out.Runs) < maxRuns {
			if run := combine(last); run%sampled == 0 {
				out.Runs = append(out.Runs, uint32(s.hash(ofRun, run)))
			}
		}
		if letters > 3 && !seen[w] && len(seen) < maxWords {
			seen[w] = true
			out.Words = append(out.Words, uint32(s.hash(ofWord, w)))
		}
	})
	return out
}

// Add appends another text's runs.
func (s *Sketch) Add(more Sketch) {
	s.Runs = append(s.Runs, more.Runs...)
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnv(text string) uint64 {
	h := uint64(fnvOffset)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * fnvPrime
	}
	return h
}

func combine(words [runLength]uint64) uint64 {
	h := uint64(fnvOffset)
	for _, w := range words {
		h = (h ^ w) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	return h
}

// eachWord yields hashes of words in lower case: runs of letters and digits, and
// each ideograph by itself, with the number of letters.
func eachWord(text string, yield func(hash uint64, letters int)) {
	h, n := uint64(fnvOffset), 0
	flush := func() {
		if n > 0 {
			yield(h, n)
		}
		h, n = fnvOffset, 0
	}
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9'):
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r >= utf8.RuneSelf && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			flush()
			yield((fnvOffset^uint64(r))*fnvPrime, 4)
			continue
		case r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			r = unicode.ToLower(r)
		default:
			flush()
			continue
		}
		h = (h ^ uint64(r)) * fnvPrime
		n++
	}
	flush()
}
