// Package fingerprint cuts texts into words and makes keyed fingerprints of runs
// of words, so that text of a protected document can be recognised in an answer
// by someone who holds the key but not the text.
//
// Fingerprints are chosen by winnowing (Schleimer, Wilkerson, Aiken, "Winnowing:
// Local Algorithms for Document Fingerprinting", SIGMOD 2003): of every Window
// runs of Run words the one with the smallest hash is kept. A document of n words
// keeps about 2n/(Window+1) fingerprints, and every common run of Guarantee words
// shares at least one. It does not see paraphrase or translation.
package fingerprint

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

const (
	// Run is the number of words in one fingerprint.
	Run = 5
	// Window is the number of consecutive runs of which one is kept.
	Window = 4
	// Guarantee is the length, in words, of a run of common text that cannot be
	// missed.
	Guarantee = Run + Window - 1
)

// Print is a keyed fingerprint of Run words. Without the key it says nothing of
// them, and two keys' prints of one text have nothing in common.
type Print uint64

// Form names how prints are made; those of another form are never alike. Whoever
// keeps prints keeps it with them.
const Form = "prints-2"

// Hasher makes the prints of one text, word by word. It is not safe for
// concurrent use.
//
// A print is 64 bits of CBC-MAC under AES-256 of the words' hashes: always three
// blocks, for which it is a pseudorandom function (Bellare, Kilian, Rogaway, "The
// Security of the Cipher Block Chaining Message Authentication Code", JCSS 61(3),
// 2000).
type Hasher struct {
	block cipher.Block
	ring  [Run]uint64
	n     int
	sum   [aes.BlockSize]byte
}

// NewHasher returns a Hasher under a tenant's key of 32 bytes, of which it expands
// its own (HKDF, RFC 5869).
func NewHasher(key []byte) *Hasher {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("doorward fingerprints 2\x01"))
	b, err := aes.NewCipher(m.Sum(nil))
	if err != nil {
		panic(err) // of the length of a key, which is that of a hash
	}
	return &Hasher{block: b}
}

// Word takes the next word, given by its [Hash], and returns the print of the
// run that ends with it; ok is false for the first Run-1 words.
func (h *Hasher) Word(word uint64) (p Print, ok bool) {
	copy(h.ring[:], h.ring[1:])
	h.ring[Run-1] = word
	if h.n++; h.n < Run {
		return 0, false
	}
	binary.LittleEndian.PutUint64(h.sum[:8], h.ring[0])
	binary.LittleEndian.PutUint64(h.sum[8:], h.ring[1])
	h.block.Encrypt(h.sum[:], h.sum[:])
	h.add(h.ring[2], h.ring[3])
	h.add(h.ring[4], 0)
	return Print(binary.LittleEndian.Uint64(h.sum[:8])), true
}

// add takes one more block.
func (h *Hasher) add(low, high uint64) {
	binary.LittleEndian.PutUint64(h.sum[:8], low^binary.LittleEndian.Uint64(h.sum[:8]))
	binary.LittleEndian.PutUint64(h.sum[8:], high^binary.LittleEndian.Uint64(h.sum[8:]))
	h.block.Encrypt(h.sum[:], h.sum[:])
}

// Of returns the kept prints of a text, in order, each once: what a catalog
// stores for a protected document. A text of Run to Guarantee words keeps one;
// a shorter one none.
func Of(key []byte, text string) []Print {
	h := NewHasher(key)
	prints := make([]Print, 0, len(text)/6)
	Each(text, func(w Word) {
		if p, ok := h.Word(w.Hash); ok {
			prints = append(prints, p)
		}
	})
	return winnow(prints)
}

// winnow keeps the smallest of every Window prints, the rightmost of equals.
func winnow(prints []Print) []Print {
	if len(prints) == 0 {
		return nil
	}
	kept := make([]Print, 0, 2*len(prints)/(Window+1)+1)
	seen := newSet(len(prints))
	last := -1
	for i := range prints {
		if i+1 < Window && i+1 < len(prints) {
			continue
		}
		if first := max(0, i-Window+1); last < first { // it left the window, or there was none
			last = first
			for j := first + 1; j <= i; j++ {
				if prints[j] <= prints[last] {
					last = j
				}
			}
		} else if prints[i] <= prints[last] {
			last = i
		} else {
			continue
		}
		if seen.add(prints[last]) {
			kept = append(kept, prints[last])
		}
	}
	return kept
}

// set is a set of prints, which are spread evenly: their lower bits are places,
// open addressing.
type set struct {
	places []Print
	zero   bool // it has 0, which marks a free place
}

// newSet has room for n.
func newSet(n int) *set { return &set{places: make([]Print, 1<<bits.Len(uint(n)))} }

// add is false for a print that is there.
func (s *set) add(p Print) bool {
	if p == 0 {
		was := s.zero
		s.zero = true
		return !was
	}
	mask := len(s.places) - 1
	for i := int(p) & mask; ; i = (i + 1) & mask {
		switch s.places[i] {
		case 0:
			s.places[i] = p
			return true
		case p:
			return false
		}
	}
}

// Word is a word of a text: letters and digits without what stands between. In
// scripts that put no blanks between words every character is one.
type Word struct {
	Start, End int    // byte offsets in the text
	Hash       uint64 // of the word in lower case
}

// Each calls found for every word of a text, in order.
func Each(text string, found func(Word)) {
	var c Cutter
	c.Write([]byte(text), found)
	c.Close(found)
}

const (
	hashStart = 14695981039346656037 // FNV-1a
	hashPrime = 1099511628211
)

// Cutter cuts a stream into words. The zero value is ready.
type Cutter struct {
	at      int // stream offset of the next byte
	start   int // of the word being read
	open    bool
	hash    uint64
	partial []byte
}

// Write takes the next bytes, split anywhere, and calls found for every word
// that has ended.
func (c *Cutter) Write(p []byte, found func(Word)) {
	if len(c.partial) > 0 {
		p = append(c.partial, p...)
		c.partial = nil
	}
	for i := 0; i < len(p); {
		if b := p[i]; b < utf8.RuneSelf {
			if lower := lowerASCII[b]; lower != 0 {
				c.letter(uint64(lower))
			} else {
				c.end(found)
			}
			i++
			c.at++
			continue
		}
		if !utf8.FullRune(p[i:]) {
			c.partial = append(c.partial, p[i:]...)
			return
		}
		r, size := utf8.DecodeRune(p[i:])
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
			c.end(found)
			c.letter(uint64(r))
			c.at += size
			c.end(found)
			i += size
			continue
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			c.letter(uint64(unicode.ToLower(r)))
		case unicode.IsMark(r): // part of the letter before, however it is encoded
		default:
			c.end(found)
		}
		i += size
		c.at += size
	}
}

// Open is the stream offset where the word being read began; ok is false between
// words.
func (c *Cutter) Open() (start int, ok bool) { return c.start, c.open }

// Close ends the stream.
func (c *Cutter) Close(found func(Word)) { c.end(found) }

func (c *Cutter) letter(r uint64) {
	if !c.open {
		c.open, c.start, c.hash = true, c.at, hashStart
	}
	c.hash = (c.hash ^ r) * hashPrime
}

func (c *Cutter) end(found func(Word)) {
	if c.open {
		c.open = false
		found(Word{Start: c.start, End: c.at, Hash: c.hash})
	}
}

// lowerASCII maps letters and digits to lower case and the rest to 0.
var lowerASCII = func() (t [utf8.RuneSelf]byte) {
	for b := byte('0'); b <= '9'; b++ {
		t[b] = b
	}
	for b := byte('a'); b <= 'z'; b++ {
		t[b], t[b-'a'+'A'] = b, b
	}
	return t
}()
