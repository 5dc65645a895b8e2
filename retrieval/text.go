package retrieval

import (
	"crypto/sha256"
	"hash/maphash"
	"strings"

	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/recent"
)

// texts remembers, by a hash of a text, what the same text gives every time it is
// found. It holds keyed hashes, no text.
type texts struct {
	likeness *recent.Map[[sha256.Size]byte, uint64]
	sketches *recent.Map[sketchOf, quota.Sketch]
}

type sketchOf struct {
	tenant string // whose key it was made with
	sum    [sha256.Size]byte
}

// Bounds of what is remembered: entries, and hashes in them.
const (
	mostLikenesses = 1 << 13
	mostSketched   = 1 << 18
)

func newTexts() texts {
	return texts{recent.New[[sha256.Size]byte, uint64](mostLikenesses), recent.New[sketchOf, quota.Sketch](mostSketched)}
}

var seed = maphash.MakeSeed()

// like is the same for texts that differ in case and blanks only.
func (m texts) like(text string) uint64 {
	k := recent.Sum(text)
	h, ok := m.likeness.Get(k)
	if !ok {
		h = maphash.String(seed, strings.Join(strings.Fields(strings.ToLower(text)), " "))
		m.likeness.Put(k, h, 1)
	}
	return h
}

// sketch sketches a passage for the quota.
func (m texts) sketch(tenant string, by quota.Sketcher, text string) quota.Sketch {
	k := sketchOf{tenant, recent.Sum(text)}
	s, ok := m.sketches.Get(k)
	if !ok {
		s = by.Text(text)
		m.sketches.Put(k, s, len(s.Words)+len(s.Runs)+8)
	}
	return s
}
