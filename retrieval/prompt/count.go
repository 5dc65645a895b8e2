package prompt

import (
	"crypto/sha256"
	"sync"
)

// A prompt is counted in parts that are counted once: counting every passage of
// every answer anew would be most of what building a prompt costs. The parts are
// cut where no token can reach across: before a blank that follows a letter or a
// digit, and before what is neither.
//
//	<<passage | LABEL | NONCE | how and mark >> body << end | LABEL | NONCE | >>

// bodies remembers counts by a hash of what was counted. It holds no text. When
// half of it is full, the older half is forgotten.
type bodies struct {
	mu       sync.Mutex
	new, old map[[sha256.Size]byte]int32
}

const halfBodies = 1 << 15 // entries; 36 bytes each, and what a map adds

func (m *bodies) count(s string, count func(string) int) int {
	k := sha256.Sum256([]byte(s))
	m.mu.Lock()
	n, ok := m.new[k]
	if !ok {
		n, ok = m.old[k]
	}
	m.mu.Unlock()
	if ok {
		return int(n)
	}
	n = int32(count(s))
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.new == nil || len(m.new) >= halfBodies {
		m.old, m.new = m.new, map[[sha256.Size]byte]int32{}
	}
	m.new[k] = n
	return int(n)
}

// Parts of every segment.
const (
	openMark = "<<passage"
	endMark  = ">>\n"
)

// tokens counts a segment: what its label and the nonce take is known.
func (b *Builder) tokens(s rendered, label, nonce int) int {
	return b.Counter.Count(openMark) + 2*label + 2*nonce + b.bodies.count(s.core(), b.Counter.Count) + b.Counter.Count(endMark)
}

// core is what of a segment depends on the passage alone.
func (s rendered) core() string { return s.how + endMark + s.body + "\n<<end" }

// after counts what follows the envelope. A line break there belongs to the token
// that the last marker ends with.
func (b *Builder) after(envelope bool, tail string) int {
	if !envelope {
		return b.Counter.Count(tail)
	}
	return b.Counter.Count(endMark+tail) - b.Counter.Count(endMark)
}
