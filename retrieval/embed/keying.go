package embed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// termKeys blinds terms for one tenant: the first 32 bits of HMAC-SHA256 under
// its key. It remembers the keys of a lexicon's terms and pairs by number; 0 is
// one not made yet (or, once in four billion, a key, which is then made again).
type termKeys struct {
	mac                   hash.Hash
	sum                   [sha256.Size]byte
	terms, pairs, buckets sparse
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
		k.terms.made, k.pairs.made, k.buckets.made = &x.pages, &x.pages, &x.pages
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

func (k *termKeys) of(message ...[]byte) uint32 {
	k.mac.Reset()
	for _, m := range message {
		_, _ = k.mac.Write(m)
	}
	return binary.BigEndian.Uint32(k.mac.Sum(k.sum[:0]))
}

// pairBuckets is how many keys a tenant's word pairs share. Most pairs occur
// once, and a posting list for each would cost more memory than the postings; a
// chance meeting of two pairs in a bucket moves a score by little.
const pairBuckets = 1 << 18

// pairKey is the key of a pair of words by its number.
func (x *lexicon) pairKey(k *termKeys, id uint32) uint32 {
	key := k.pairs.at(id)
	if *key != 0 {
		return *key
	}
	before, word := x.terms[x.parts[id]>>32][1:], x.terms[uint32(x.parts[id])][1:]
	n := k.of([]byte{spacePair}, []byte(before), []byte{' '}, []byte(word)) % pairBuckets
	bucket := k.buckets.at(n)
	if *bucket == 0 {
		*bucket = k.of(binary.BigEndian.AppendUint32([]byte{spacePair, 0}, n))
	}
	*key = *bucket
	return *key
}
