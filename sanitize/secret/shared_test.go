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
