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
	mac            hash.Hash
	sum            [sha256.Size]byte
	message        []byte
	terms, buckets sparse
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
		k = &termKeys{mac: hmac.New(sha256.New, append([]byte(nil), tenantKey...))}
		k.terms.made, k.buckets.made = &x.pages, &x.pages
		if x.tenants == nil {
			x.tenants = map[string]*termKeys{}
		}
		x.tenants[string(tenantKey)] = k
	}
	return k
}

// term is the key of a term by its number.
func (x *lexicon) term(k *termKeys, id uint32) uint32 {
	key := k.terms.at(id)
	if *key == 0 {
		*key = k.of([]byte(x.terms[id]))
	}
	return *key
}

// mark is the key of a chunk's language.
func (k *termKeys) mark(language string) uint32 {
	return k.of(append([]byte{spaceMark}, language...))
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

// maxRecent is how many pairs' keys a lexicon remembers.
const maxRecent = 1 << 15

type pairKeyOf struct {
	words  uint64
	tenant *termKeys
	key    uint32
}

// pairKey is the key of a pair of words by their numbers.
func (x *lexicon) pairKey(k *termKeys, words uint64) uint32 {
	if x.recent == nil {
		x.recent = make([]pairKeyOf, maxRecent)
	}
	r := &x.recent[words*0x9e3779b97f4a7c15>>49]
	if r.words == words && r.tenant == k {
		return r.key
	}
	before, word := x.terms[words>>32][1:], x.terms[uint32(words)][1:]
	k.message = append(append(append(append(k.message[:0], spacePair), before...), ' '), word...)
	n := k.of(k.message) % pairBuckets
	bucket := k.buckets.at(n)
	if *bucket == 0 {
		*bucket = k.of(binary.BigEndian.AppendUint32([]byte{spacePair, 0}, n))
	}
	*r = pairKeyOf{words, k, *bucket}
	return r.key
}
