package embed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// termKeys blinds terms for one tenant: the first 32 bits of a pseudorandom
// function of the term, under keys made of the tenant's (the step of expansion of
// HKDF, RFC 5869). The function is AES-256: of one block where a term fits in it,
// and CBC-MAC where not, over messages that begin with their length, so that none
// begins another (Bellare, Kilian, Rogaway, "The Security of the Cipher Block
// Chaining Message Authentication Code", JCSS 61(3), 2000). It takes a tenth of
// the time of HMAC, so that nothing but the last key of a word or gram is kept.
type termKeys struct {
	terms, pairs cipher.Block
	in, out      [aes.BlockSize]byte
	marks        map[string]uint32
	number       uint32 // among the tenants a lexicon met, from 1
}

func newTermKeys(tenantKey []byte, number uint32) *termKeys {
	return &termKeys{terms: blockOf(tenantKey, "doorward terms 2: terms"), pairs: blockOf(tenantKey, "doorward terms 2: pairs"), marks: map[string]uint32{}, number: number}
}

// blockOf is AES-256 under a key for one purpose.
func blockOf(tenantKey []byte, purpose string) cipher.Block {
	m := hmac.New(sha256.New, tenantKey)
	m.Write(append([]byte(purpose), 1))
	b, err := aes.NewCipher(m.Sum(nil))
	if err != nil {
		panic(err) // of the length of a key, which is that of a hash
	}
	return b
}

// keysOf are a tenant's.
func (x *lexicon) keysOf(tenantKey []byte) *termKeys {
	k := x.tenants[string(tenantKey)]
	if k == nil {
		x.met++
		k = newTermKeys(tenantKey, x.met)
		if x.tenants == nil {
			x.tenants = map[string]*termKeys{}
		}
		x.tenants[string(tenantKey)] = k
	}
	return k
}

// stem is the key of a word; its tag is ready then.
func (k *termKeys) stem(s *stem) uint32 {
	if s.tenant != k.number {
		s.key, s.tag = k.of(spaceWord, s.text)
		s.tenant = k.number
	}
	return s.key
}

// gram is the key of a gram by its number.
func (x *lexicon) gramKey(k *termKeys, n uint32) uint32 {
	g := &x.grams[n]
	if g.tenant != k.number {
		g.key, _ = k.of(spaceGram, x.gramTexts[n])
		g.tenant = k.number
	}
	return g.key
}

// mark is the key of a chunk's language.
func (k *termKeys) mark(language string) uint32 {
	key, ok := k.marks[language]
	if !ok {
		key, _ = k.of(spaceMark, language)
		k.marks[language] = key
	}
	return key
}

// of is the key of a term, and 64 bits more to make pairs' keys of.
func (k *termKeys) of(space byte, term string) (key uint32, tag uint64) {
	k.in = [aes.BlockSize]byte{0: space}
	binary.BigEndian.PutUint32(k.in[1:], uint32(len(term)))
	n := copy(k.in[5:], term)
	k.terms.Encrypt(k.out[:], k.in[:])
	for rest := term[n:]; len(rest) > 0; rest = rest[n:] {
		n = min(len(rest), aes.BlockSize)
		for i := range n {
			k.out[i] ^= rest[i]
		}
		k.terms.Encrypt(k.out[:], k.out[:])
	}
	return binary.BigEndian.Uint32(k.out[:4]), binary.BigEndian.Uint64(k.out[8:])
}

// pairBuckets is how many keys a tenant's word pairs share. Most pairs occur
// once, and a posting list for each would cost more memory than the postings; a
// chance meeting of two pairs in a bucket moves a score by little.
const pairBuckets = 1 << 18

// pairKey is the key of a pair of words by their numbers: of the bucket that their
// tags fall into.
func (x *lexicon) pairKey(k *termKeys, words uint64) uint32 {
	before, word := x.stems[words>>32], x.stems[uint32(words)]
	k.stem(before)
	k.stem(word)
	binary.BigEndian.PutUint64(k.in[:8], before.tag)
	binary.BigEndian.PutUint64(k.in[8:], word.tag)
	k.pairs.Encrypt(k.out[:], k.in[:])
	bucket := binary.BigEndian.Uint32(k.out[:4]) % pairBuckets
	k.in = [aes.BlockSize]byte{0: spacePair}
	binary.BigEndian.PutUint32(k.in[5:], bucket)
	k.terms.Encrypt(k.out[:], k.in[:])
	return binary.BigEndian.Uint32(k.out[:4])
}
