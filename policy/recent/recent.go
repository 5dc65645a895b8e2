// Package recent remembers what was computed from the same input before: decoded
// rows, counted and hashed texts. It is for pure functions only, keyed by all
// that they depend on, so that forgetting or remembering never changes a result.
package recent

import "sync"

// Map remembers values by key within a bound. It has two halves: when the newer
// one is full, the older one is forgotten; what is asked for moves to the newer.
// It is safe for concurrent use; values are shared and must not be changed.
type Map[K comparable, V any] struct {
	half int

	mu       sync.Mutex
	size     int // of now
	now, old map[K]entry[V]
}

type entry[V any] struct {
	value V
	size  int
}

// New makes a map that holds values of at most size together, in whatever unit
// [Map.Put] is told.
func New[K comparable, V any](size int) *Map[K, V] {
	return &Map[K, V]{half: max(1, size/2), now: map[K]entry[V]{}}
}

// Get returns the value, if it is remembered.
func (m *Map[K, V]) Get(k K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.now[k]
	if !ok {
		if e, ok = m.old[k]; ok {
			delete(m.old, k)
			m.put(k, e)
		}
	}
	return e.value, ok
}

// Put remembers a value of that size. One that is larger than half the map is
// not remembered.
func (m *Map[K, V]) Put(k K, v V, size int) {
	if size > m.half {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k, entry[V]{v, size})
}

func (m *Map[K, V]) put(k K, e entry[V]) {
	if was, ok := m.now[k]; ok {
		m.size -= was.size
	}
	if m.size+e.size > m.half {
		m.now, m.old, m.size = map[K]entry[V]{}, m.now, 0
	}
	m.now[k] = e
	m.size += e.size
}

// Forget forgets everything.
func (m *Map[K, V]) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now, m.old, m.size = map[K]entry[V]{}, nil, 0
}
