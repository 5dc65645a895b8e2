package catalogtest

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
)

// fresh: what a change that is acknowledged did away with is not read any more,
// however often it was read before and by however many at once.
func fresh(t *testing.T, s Store, _ func() Store) {
	v := version("d", "v1", "text")
	v.Attributes = policy.Attributes{"level": int64(0)}
	put(t, s, v)
	var level atomic.Int64 // acknowledged; -1: gone
	var stop atomic.Bool
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for !stop.Load() {
				least := level.Load()
				docs, err := s.Documents(ctx, tenant, []string{"d", "never"})
				if err != nil {
					t.Error(err)
					return
				}
				chunks, err := s.Open(ctx, tenant, []string{"d/v1/0"})
				if err != nil {
					t.Error(err)
					return
				}
				d, found := docs["d"]
				if least < 0 && (found || len(chunks) > 0) {
					t.Error("a retired document is read")
					return
				}
				if found && d.Attributes["level"].(int64) < least {
					t.Errorf("level %v is read after %d was acknowledged", d.Attributes["level"], least)
					return
				}
			}
		})
	}
	for i := range int64(12) {
		v.Attributes = policy.Attributes{"level": i}
		must(t, s.SetAttributes(ctx, v))
		level.Store(i)
		docs, err := s.Documents(ctx, tenant, []string{"d"})
		must(t, err)
		if docs["d"].Attributes["level"] != i {
			t.Errorf("level %v after %d was set", docs["d"].Attributes["level"], i)
		}
	}
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}}, catalog.Retired))
	level.Store(-1)
	for range 20 {
		if _, ok := released(t, s, tenant, v); ok {
			t.Error("a retired document was released")
		}
	}
	stop.Store(true)
	group.Wait()
	again := version("d", "v2", "other")
	put(t, s, again)
	if text, ok := released(t, s, tenant, again); !ok || text != "other" {
		t.Errorf("the new version reads %q, %v", text, ok)
	}
	_, err := s.Erase(ctx, tenant, []string{"d"}, false)
	must(t, err)
	if text, ok := released(t, s, tenant, again); ok || text != "" {
		t.Error("an erased document was released")
	}
}
