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
	w := &r.model.grams
	var sum int32
	for i := 0; i+3 <= f.n; i++ {
		x := binary.LittleEndian.Uint64(f.buf[i:])
		sum += int32(w[gram3(x)])
		sum += int32(w[gram4(x)])
		sum += int32(w[gram5(x)])
	}
	u.charN = 3 * max(0, f.n-2)
	u.chars = float64(sum) * r.model.gramScale
	sum = 0
	prev := uint32(1)
	for _, t := range f.tokens {
		sum += int32(w[wordGram(t.hash)]) + int32(w[pairGram(prev, t.hash)])
		prev = t.hash
	}
	u.wordN = 2 * len(f.tokens)
	u.words = float64(sum) * r.model.gramScale
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
