// Package quotatest is the suite every quota store passes.
package quotatest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/quota"
)

// Run puts a store through the suite. open returns stores that share their
// state: as two replicas do, or the same one twice.
func Run(t *testing.T, open func(t *testing.T) [2]quota.Store) {
	t.Run("remembers", func(t *testing.T) { remembers(t, open(t)) })
	t.Run("follows one another", func(t *testing.T) { concurrent(t, open(t)) })
	t.Run("keys in any order", func(t *testing.T) { crossing(t, open(t)) })
	t.Run("one budget", func(t *testing.T) { budget(t, open(t)) })
	t.Run("gone caller", func(t *testing.T) { gone(t, open(t)) })
}

func remembers(t *testing.T, s [2]quota.Store) {
	ctx := context.Background()
	key := t.Name()
	err := s[0].Update(ctx, []string{key}, func(l []*quota.State) {
		if len(l) != 1 || l[0].Day != 0 {
			t.Errorf("a new state is %+v", l[0])
		}
		l[0].Day, l[0].Seen, l[0].Runs = 7, []uint64{1, 1 << 63}, []uint32{5}
		l[0].Leases = nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = s[1].Update(ctx, []string{key + "/other", key}, func(l []*quota.State) {
		if l[0].Day != 0 || l[1].Day != 7 || len(l[1].Seen) != 2 || l[1].Seen[1] != 1<<63 || len(l[1].Runs) != 1 {
			t.Errorf("kept %+v and %+v", l[0], l[1])
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func concurrent(t *testing.T, s [2]quota.Store) {
	const each = 25
	key := t.Name()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range each {
				if err := s[i%2].Update(context.Background(), []string{key}, func(l []*quota.State) { l[0].Strikes++ }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s[0].Update(context.Background(), []string{key}, func(l []*quota.State) {
		if l[0].Strikes != 8*each {
			t.Errorf("%d of %d updates were kept", l[0].Strikes, 8*each)
		}
	}); err != nil {
		t.Fatal(err)
	}
}

// crossing: updates that name the same keys in different orders do not wait for
// one another for ever.
func crossing(t *testing.T, s [2]quota.Store) {
	a, b := t.Name()+"/a", t.Name()+"/b"
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for i, keys := range [][]string{{a, b}, {b, a}, {a, b}, {b, a}} {
		wg.Go(func() {
			for range 20 {
				if err := s[i%2].Update(ctx, keys, func(l []*quota.State) { l[0].Strikes++; l[1].Strikes++ }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	_ = s[0].Update(ctx, []string{a, b}, func(l []*quota.State) {
		if l[0].Strikes != 80 || l[1].Strikes != 80 {
			t.Errorf("%d and %d of 80 kept", l[0].Strikes, l[1].Strikes)
		}
	})
}

// budget: two replicas together give out no more than one would.
func budget(t *testing.T, s [2]quota.Store) {
	const most = 20
	var keepers [2]*quota.Keeper
	for i := range s {
		k, err := quota.New(quota.Config{Store: s[i], User: quota.Limits{Coverage: most}})
		if err != nil {
			t.Fatal(err)
		}
		keepers[i] = k
	}
	var mu sync.Mutex
	given := map[uint64]bool{}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			a := quota.Ask{Caller: quota.Caller{Tenant: "acme", Backend: "chat", User: t.Name()}, Now: time.Unix(1_800_000_000, 0)}
			p, err := keepers[i%2].Enter(context.Background(), a)
			if err != nil {
				if !errors.Is(err, quota.ErrExceeded) {
					t.Error(err)
				}
				return
			}
			defer p.Leave(context.Background())
			chunks := []uint64{uint64(3 * i), uint64(3*i + 1), uint64(3*i + 2)}
			if err := p.Spend(context.Background(), quota.Release{Chunks: chunks}); err != nil {
				if !errors.Is(err, quota.ErrExceeded) {
					t.Error(err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, c := range chunks {
				given[c] = true
			}
		})
	}
	wg.Wait()
	if len(given) > most || len(given) < most-2 {
		t.Errorf("%d chunks were given out, the budget is %d", len(given), most)
	}
}

func gone(t *testing.T, s [2]quota.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s[0].Update(ctx, []string{t.Name()}, func([]*quota.State) {})
	if !errors.Is(err, quota.ErrUnavailable) {
		t.Error(fmt.Errorf("a caller that went away: %w", err))
	}
}
