package memory

import (
	"context"
	"testing"
	"time"

	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/quota/quotatest"
)

func TestStore(t *testing.T) {
	quotatest.Run(t, func(*testing.T) [2]quota.Store {
		s := &Store{}
		return [2]quota.Store{s, s}
	})
}

func TestForgetsWhoIsGone(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	s := &Store{now: func() time.Time { return now }}
	touch := func(key string) {
		if err := s.Update(context.Background(), []string{key}, func([]*quota.State) {}); err != nil {
			t.Fatal(err)
		}
	}
	touch("old")
	now = now.Add(kept)
	touch("new")
	now = now.Add(2 * time.Hour)
	touch("new")
	if len(s.states) != 1 {
		t.Errorf("%d states are kept", len(s.states))
	}
}
