package app_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/source"
)

// TestPushesOneTurnAtATime pushes from many callers with pauses, so that the queue
// runs empty while documents are still being judged: what is pushed then must not
// be judged beside them. The race detector sees it if it is.
func TestPushesOneTurnAtATime(t *testing.T) {
	s := textStore(t, []string{smallText(0)})
	a := s.open(t)
	defer a.Close()
	push, err := source.NewPush(source.PushConfig{Name: "push", Mapping: source.Mapping{Rules: []source.Rule{{Set: map[string]any{"groups": []any{"staff"}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for caller := range 6 {
		group.Go(func() {
			for n := range 5 {
				id := fmt.Sprintf("p%d-%d", caller, n)
				item := push.Item(ingest.Pushed{ID: id, MediaType: "text/plain", Bytes: []byte(smallText(1 + caller*5 + n))})
				events, err := a.Pipeline.Push(t.Context(), []ingest.Item{item}, ingest.PushOptions{Tenant: "acme", Source: "push"})
				if err != nil {
					t.Error(err)
					return
				}
				if events[0].Chunks == 0 && events[0].Outcome == ingest.Indexed {
					t.Errorf("%s is indexed without a chunk", id)
				}
				time.Sleep(time.Duration(caller*3+n) * time.Millisecond)
			}
		})
	}
	group.Wait()
}
