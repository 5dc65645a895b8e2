package embed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// keyrings holds a keyring per tenant key. It is bounded; a dropped ring is
// simply made again.
type keyrings struct {
	mu    sync.Mutex
	rings map[string]*keyring
}

const maxRings = 256

func (k *keyrings) ring(tenantKey []byte) *keyring {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.rings[string(tenantKey)]; r != nil {
		return r
	}
	if k.rings == nil || len(k.rings) >= maxRings {
		k.rings = map[string]*keyring{}
	}
	key := append([]byte(nil), tenantKey...)
	r := &keyring{pool: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
	k.rings[string(tenantKey)] = r
	return r
}

// keyring blinds terms: the first 32 bits of HMAC-SHA256 under the tenant's key.
type keyring struct {
	pool sync.Pool
	memo memo[uint32]
}

func (r *keyring) key(space byte, term string) uint32 {
	if space == spacePair {
		return r.pairKey(term)
	}
	return r.memo.get(string(space)+term, func() uint32 {
		h := r.pool.Get().(hash.Hash)
		defer r.pool.Put(h)
		h.Reset()
		h.Write([]byte{space})
		h.Write([]byte(term))
		var sum [sha256.Size]byte
		return binary.BigEndian.Uint32(h.Sum(sum[:0]))
	})
}

// pairBuckets is how many keys a tenant's word pairs share. Most pairs occur
// once, and a posting list for each would cost more memory than the postings; a
// chance meeting of two pairs in a bucket moves a score by little.
const pairBuckets = 1 << 18

func (r *keyring) pairKey(pair string) uint32 {
	h := r.pool.Get().(hash.Hash)
	defer r.pool.Put(h)
	var sum [sha256.Size]byte
	h.Reset()
	h.Write([]byte{spacePair})
	h.Write([]byte(pair))
	bucket := binary.BigEndian.Uint32(h.Sum(sum[:0])) % pairBuckets
	h.Reset()
	h.Write(binary.BigEndian.AppendUint32([]byte{spacePair, 0}, bucket))
	return binary.BigEndian.Uint32(h.Sum(sum[:0]))
}

// memo is a bounded cache in two generations: when the young one is full it
// becomes the old one, and what is asked for again moves back.
type memo[V any] struct {
	mu         sync.RWMutex
	young, old map[string]V
}

const memoSize = 1 << 16

func (m *memo[V]) get(k string, compute func() V) V {
	m.mu.RLock()
	v, ok := m.young[k]
	m.mu.RUnlock()
	if ok {
		return v
	}
	m.mu.Lock()
	v, ok = m.old[k]
	m.mu.Unlock()
	if !ok {
		v = compute()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.young == nil || len(m.young) >= memoSize {
		m.old, m.young = m.young, make(map[string]V, memoSize/4)
	}
	m.young[k] = v
	return v
}
