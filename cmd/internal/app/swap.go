package app

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// swap is the index in force. While another is made beside it, every change goes
// to both; searches go to the one in force, until the other takes its place
// between two searches.
type swap struct {
	use     sync.RWMutex // held by searches for reading, and for a moment by the switch
	current Index        // nil: it could not be opened
	why     error        // why not

	changing sync.RWMutex // held by changes for reading, and for writing by whoever must see none
	next     Index        // nil: none is being made
	failing  sync.Mutex
	failed   error // of a change to next: it is not to be used
}

var _ Index = (*swap)(nil)

// in is the index in force; done must be called after its use.
func (s *swap) in() (x Index, done func(), err error) {
	s.use.RLock()
	if s.current == nil {
		s.use.RUnlock()
		return nil, nil, fmt.Errorf("%w: %w", index.ErrUnavailable, s.why)
	}
	return s.current, s.use.RUnlock, nil
}

// change makes a change to the index in force and to the next one.
func (s *swap) change(do func(Index) error) error {
	s.changing.RLock()
	defer s.changing.RUnlock()
	x, done, err := s.in()
	if err != nil {
		return err
	}
	defer done()
	if err := do(x); err != nil {
		return err
	}
	if s.next != nil {
		if err := do(s.next); err != nil {
			s.fail(err)
		}
	}
	return nil
}

func (s *swap) fail(err error) {
	s.failing.Lock()
	defer s.failing.Unlock()
	s.failed = errors.Join(s.failed, err)
}

// begin sends changes to next too.
func (s *swap) begin(next Index) {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.next, s.failed = next, nil
}

// alone runs fn while nothing changes.
func (s *swap) alone(fn func() error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.failed != nil {
		return fmt.Errorf("changing the new index: %w", s.failed)
	}
	return fn()
}

// end puts next in place once commit has made that durable, and returns the one
// before. With a nil commit it only forgets next.
func (s *swap) end(commit func() error) (before Index, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := s.next
	s.next = nil
	if commit == nil {
		return nil, nil
	}
	if s.failed != nil {
		return nil, fmt.Errorf("changing the new index: %w", s.failed)
	}
	if err := commit(); err != nil {
		return nil, err
	}
	s.use.Lock()
	defer s.use.Unlock()
	before, s.current = s.current, next
	return before, nil
}

// Search implements [index.Reader].
func (s *swap) Search(ctx context.Context, q index.Query) ([]index.Hit, error) {
	x, done, err := s.in()
	if err != nil {
		return nil, err
	}
	defer done()
	return x.Search(ctx, q)
}

// Put implements [index.Writer].
func (s *swap) Put(ctx context.Context, tenant string, chunks []index.Chunk) error {
	return s.change(func(x Index) error { return x.Put(ctx, tenant, chunks) })
}

// Retire implements [index.Writer].
func (s *swap) Retire(ctx context.Context, tenant, document, version string) error {
	return s.change(func(x Index) error { return x.Retire(ctx, tenant, document, version) })
}

// SetAttributes implements [index.Writer].
func (s *swap) SetAttributes(ctx context.Context, tenant, document string, a policy.Attributes, receipt string) error {
	return s.change(func(x Index) error { return x.SetAttributes(ctx, tenant, document, a, receipt) })
}

// Erase implements [index.Eraser].
func (s *swap) Erase(ctx context.Context, tenant, document string) error {
	return s.change(func(x Index) error { return x.Erase(ctx, tenant, document) })
}

// Shred implements [index.Eraser].
func (s *swap) Shred(ctx context.Context) error {
	return s.change(func(x Index) error { return x.Shred(ctx) })
}

// Remove implements [index.Mender].
func (s *swap) Remove(ctx context.Context, tenant string, ids []string) error {
	return s.change(func(x Index) error { return x.Remove(ctx, tenant, ids) })
}

// Tenants implements [index.Mender].
func (s *swap) Tenants(ctx context.Context) ([]string, error) {
	x, done, err := s.in()
	if err != nil {
		return nil, err
	}
	defer done()
	return x.Tenants(ctx)
}

// Scroll implements [index.Scroller]. It does not keep a switch waiting: when
// one happens meanwhile, its store is closed and the scroll ends with an error.
func (s *swap) Scroll(ctx context.Context, tenant string, yield func(index.Chunk) error) error {
	x, done, err := s.in()
	if err != nil {
		return err
	}
	done()
	return x.Scroll(ctx, tenant, yield)
}

// Statistics implements [index.Epochs].
func (s *swap) Statistics(ctx context.Context, tenant string) (*embed.Statistics, error) {
	x, done, err := s.in()
	if err != nil {
		return nil, err
	}
	defer done()
	return x.Statistics(ctx, tenant)
}

// DeclareEpoch implements [index.Epochs].
func (s *swap) DeclareEpoch(ctx context.Context, tenant string) (st *embed.Statistics, err error) {
	err = s.change(func(x Index) error {
		made, err := x.DeclareEpoch(ctx, tenant)
		if st == nil {
			st = made
		}
		return err
	})
	return st, err
}

// Snapshot copies the index in force, if its store can be copied.
func (s *swap) Snapshot(ctx context.Context, path string) error {
	x, done, err := s.in()
	if err != nil {
		return err
	}
	defer done()
	if x, ok := x.(snapshotter); ok {
		return x.Snapshot(ctx, path)
	}
	return nil
}

// Purge rewrites the index in force so that nothing retired is left in it, if
// its store can.
func (s *swap) Purge(ctx context.Context) error {
	x, done, err := s.in()
	if err != nil {
		return err
	}
	defer done()
	if x, ok := x.(interface{ Purge(context.Context) error }); ok {
		return x.Purge(ctx)
	}
	return nil
}
