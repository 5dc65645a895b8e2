package embed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// termKeys blinds terms for one tenant: the first 32 bits of HMAC-SHA256 under
// its key. It remembers the keys of a lexicon's terms by number; 0 is
// one not made yet (or, once in four billion, a key, which is then made again).
type termKeys struct {
	mac                   hash.Hash
	sum                   [sha256.Size]byte
	message               []byte
	stems, grams, buckets sparse
	marks                 map[string]uint32
	number                uint32 // among the lexicon's tenants, from 1
}

// sparse is a list of which most entries may never be written.
type sparse struct {
	pages []*[pageSize]uint32
	made  *int // counts the pages of all lists
}

const pageSize = 256

func (s *sparse) at(i uint32) *uint32 {
	n := int(i / pageSize)
	for len(s.pages) <= n {
		s.pages = append(s.pages, nil)
	}
	if s.pages[n] == nil {
		s.pages[n] = new([pageSize]uint32)
		*s.made++
	}
	return &s.pages[n][i%pageSize]
}

// keysOf are a tenant's.
func (x *lexicon) keysOf(tenantKey []byte) *termKeys {
	k := x.tenants[string(tenantKey)]
	if k == nil {
		k = &termKeys{mac: hmac.New(sha256.New, append([]byte(nil), tenantKey...)), marks: map[string]uint32{}, number: uint32(len(x.tenants) + 1)}
		k.stems.made, k.grams.made, k.buckets.made = &x.pages, &x.pages, &x.pages
		if x.tenants == nil {
			x.tenants = map[string]*termKeys{}
		}
		x.tenants[string(tenantKey)] = k
	}
	return k
}

// stem is the key of a word.
func (k *termKeys) stem(s *stem) uint32 {
	if s.tenant == k {
		return s.key
	}
	key := k.stems.at(s.number)
	if *key == 0 {
		*key = k.ofTerm(spaceWord, s.text)
	}
	s.tenant, s.key = k, *key
	return s.key
}

// gram is the key of a gram by its number.
func (x *lexicon) gramKey(k *termKeys, n uint32) uint32 {
	key := k.grams.at(n)
	if *key == 0 {
		*key = k.ofTerm(spaceGram, x.grams[n])
	}
	return *key
}

// mark is the key of a chunk's language.
func (k *termKeys) mark(language string) uint32 {
	key, ok := k.marks[language]
	if !ok {
		key = k.ofTerm(spaceMark, language)
		k.marks[language] = key
	}
	return key
}

func (k *termKeys) ofTerm(space byte, term string) uint32 {
	k.message = append(append(k.message[:0], space), term...)
	return k.of(k.message)
}

func (k *termKeys) of(message []byte) uint32 {
	k.mac.Reset()
	_, _ = k.mac.Write(message)
	return binary.BigEndian.Uint32(k.mac.Sum(k.sum[:0]))
}

// pairBuckets is how many keys a tenant's word pairs share. Most pairs occur
// once, and a posting list for each would cost more memory than the postings; a
// chance meeting of two pairs in a bucket moves a score by little.
const pairBuckets = 1 << 18

// maxRecent is how many pairs' keys a lexicon remembers, 16 bytes each; making one
// anew takes ten times as long as finding it.
const maxRecent = 1 << 17

type pairKeyOf struct {
	words       uint64
	tenant, key uint32
}

// pairKey is the key of a pair of words by their numbers.
func (x *lexicon) pairKey(k *termKeys, words uint64) uint32 {
	if x.recent == nil {
		x.recent = make([]pairKeyOf, maxRecent)
	}
	r := &x.recent[words*0x9e3779b97f4a7c15>>(64-17)]
	if r.words == words && r.tenant == k.number {
		return r.key
	}
	before, word := x.stems[words>>32].text, x.stems[uint32(words)].text
	k.message = append(append(append(append(k.message[:0], spacePair), before...), ' '), word...)
	n := k.of(k.message) % pairBuckets
	bucket := k.buckets.at(n)
	if *bucket == 0 {
		*bucket = k.of(binary.BigEndian.AppendUint32(append(k.message[:0], spacePair, 0), n))
	}
	*r = pairKeyOf{words, k.number, *bucket}
	return r.key
}
