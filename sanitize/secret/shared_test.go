package secret

import (
	"sync"
	"testing"
)

// builtIn is the scanner of the built-in rules, compiled once for all tests.
func builtIn(t testing.TB) *Scanner {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var shared = sync.OnceValues(func() (*Scanner, error) { return New(Config{}) })

// Every rule's expression compiles, though a scanner compiles it only when a text
// asks for it.
func TestRulesAreReady(t *testing.T) {
	s, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.rules {
		if err := r.ready(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{}); err != nil {
			b.Fatal(err)
		}
	}
}
