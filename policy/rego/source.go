package rego

import (
	"sync/atomic"

	"github.com/doorward/doorward/policy"
)

// Source holds the snapshot in force. The zero Source has none.
type Source struct {
	current atomic.Pointer[Snapshot]
}

// NewSource returns a source with a snapshot in force; nil for none yet.
func NewSource(s *Snapshot) *Source {
	src := &Source{}
	src.Swap(s)
	return src
}

// Snapshot returns the snapshot in force, or [policy.ErrUnavailable].
func (s *Source) Snapshot() (policy.Snapshot, error) {
	if cur := s.current.Load(); cur != nil {
		return cur, nil
	}
	return nil, policy.ErrUnavailable
}

// Current is Snapshot with its own type, for the workbench; nil if there is none.
func (s *Source) Current() *Snapshot { return s.current.Load() }

// Swap puts a snapshot in force and returns the one before. Requests that hold
// the old one finish with it; every later one gets the new. A nil snapshot
// closes: nothing is released until another is put in force.
func (s *Source) Swap(next *Snapshot) (previous *Snapshot) { return s.current.Swap(next) }
