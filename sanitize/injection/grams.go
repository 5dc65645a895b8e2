package injection

import "encoding/binary"

// grams hashes character 3-5-grams and words 1-2-grams into 2^19 buckets.
func (r *reader) grams(u *unit) {
	f := &r.fold
	if r.collect {
		r.collectGrams(u)
	}
	if r.model == nil {
		return
	}
	if r.sums == nil {
		r.sums = make([]wordSum, manySums)
	}
	w := &r.model.grams
	chars, words := int32(0), int32(0)
	prev, next := uint32(1), 0
	for _, t := range f.tokens {
		words += int32(w[pairGram(prev, t.hash)])
		prev = t.hash
		if !f.apart(t) {
			words += int32(w[wordGram(t.hash)])
			continue
		}
		s := r.sum(t)
		words += s.word
		chars += charGrams(w, f.buf, next, int(t.start)-1) + s.inside + across(w, f.buf, int(t.end))
		next = int(t.end)
	}
	chars += charGrams(w, f.buf, next, f.n-2)
	u.charN, u.wordN = 3*max(0, f.n-2), 2*len(f.tokens)
	u.chars, u.words = float64(chars)*r.model.gramScale, float64(words)*r.model.gramScale
}

// charGrams sums the weights of the character grams that begin at from up to to.
func charGrams(w *[1 << gramBits]int8, buf []byte, from, to int) (sum int32) {
	for i := from; i < to; i++ {
		x := binary.LittleEndian.Uint64(buf[i:])
		sum += int32(w[gram3(x)]) + int32(w[gram4(x)]) + int32(w[gram5(x)])
	}
	return sum
}

// across sums those that begin in a word that ends at end, or with the blank before
// it, and reach behind the blank after it.
func across(w *[1 << gramBits]int8, buf []byte, end int) int32 {
	x, y, z := binary.LittleEndian.Uint64(buf[end-1:]), binary.LittleEndian.Uint64(buf[end-2:]), binary.LittleEndian.Uint64(buf[end-3:])
	return int32(w[gram3(x)]) + int32(w[gram4(x)]) + int32(w[gram5(x)]) + int32(w[gram4(y)]) + int32(w[gram5(y)]) + int32(w[gram5(z)])
}

// wordSum is what a word between blanks adds to the sums of every text it stands in:
// the weights of the character grams within the word and its blanks, and its own.
// Words come again and again, and weights lie all over a table that no near cache
// holds: most of a text costs one look here a word.
type wordSum struct {
	low, high    uint64 // the word, 16 bytes at most
	inside, word int32
}

const (
	manySums   = 1 << 12 // a power of two, of a word each; of two that fall on one place the older goes
	longestSum = 16
)

// apart reports whether a word stands between blanks and has a [wordSum].
func (f *folded) apart(t token) bool {
	n := t.end - t.start
	return n >= 2 && n <= longestSum && f.buf[t.start-1] == ' ' && f.buf[t.end] == ' ' && int(t.end)+2 <= f.n
}

// sum is a word's, remembered or worked out. No word holds a zero byte, so that its
// bytes say how long it is.
func (r *reader) sum(t token) wordSum {
	buf, n := r.fold.buf, t.end-t.start
	var s wordSum
	if n <= 8 {
		s.low = binary.LittleEndian.Uint64(buf[t.start:]) & (1<<(8*n) - 1)
	} else {
		s.low = binary.LittleEndian.Uint64(buf[t.start:])
		s.high = binary.LittleEndian.Uint64(buf[t.start+8:]) & (1<<(8*(n-8)) - 1)
	}
	at := &r.sums[t.hash&uint32(len(r.sums)-1)]
	if at.low == s.low && at.high == s.high {
		return *at
	}
	w := &r.model.grams
	s.word = int32(w[wordGram(t.hash)])
	s.inside = inside(w, buf, int(t.start), int(t.end))
	*at = s
	return s
}

// inside sums the character grams within a word and the blanks around it.
func inside(w *[1 << gramBits]int8, buf []byte, start, end int) (sum int32) {
	for i := start - 1; i < end-1; i++ {
		x := binary.LittleEndian.Uint64(buf[i:])
		sum += int32(w[gram3(x)])
		if i < end-2 {
			sum += int32(w[gram4(x)])
		}
		if i < end-3 {
			sum += int32(w[gram5(x)])
		}
	}
	return sum
}

func (r *reader) collectGrams(u *unit) {
	f := &r.fold
	for i := 0; i+3 <= f.n; i++ {
		x := binary.LittleEndian.Uint64(f.buf[i:])
		u.grams = append(u.grams, gram3(x), gram4(x), gram5(x))
	}
	prev := uint32(1)
	for _, t := range f.tokens {
		u.wordGrams = append(u.wordGrams, wordGram(t.hash), pairGram(prev, t.hash))
		prev = t.hash
	}
	u.charN, u.wordN = len(u.grams), len(u.wordGrams)
}

const gramBits = 19

func gram3(x uint64) uint32 { return uint32(((x & 0xFFFFFF) * mulGram) >> (64 - gramBits)) }
func gram4(x uint64) uint32 { return uint32(((x & 0xFFFFFFFF) * mulWord) >> (64 - gramBits)) }
func gram5(x uint64) uint32 { return uint32(((x & 0xFFFFFFFFFF) * mulPair) >> (64 - gramBits)) }

func wordGram(h uint32) uint32 { return uint32((uint64(h) * mulGram) >> 33 & (1<<gramBits - 1)) }
func pairGram(a, b uint32) uint32 {
	return uint32((uint64(a)<<32 | uint64(b)) * mulWord >> (64 - gramBits))
}
