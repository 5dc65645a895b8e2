package catalogtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/signal"
)

// Signals is what poisoning signals are kept in.
type Signals interface {
	Alike(ctx context.Context, tenant string, s signal.Signature) ([]catalog.Alike, error)
	SameContent(ctx context.Context, tenant, content, document string) (int, error)
	Baseline(ctx context.Context, tenant, source string) (*signal.Baseline, error)
	GrowBaseline(ctx context.Context, tenant, source string, g *signal.Growth) error
	Marks(ctx context.Context, tenant, source string, ids []string) (map[string]catalog.Marked, error)
	Mark(ctx context.Context, tenant string, marks []catalog.Marked) error
}

func alike(t *testing.T, s Store, _ func() Store) {
	words := strings.Repeat("the quick brown fox jumps over the lazy dog again and again ", 5)
	a, b := in("b1", "a", "v1", words), in("b1", "b", "v1", "something else entirely")
	put(t, s, a)
	put(t, s, b)
	sig, err := signal.Decode(in("", "c", "v", words+"once more").Signature)
	must(t, err)
	list, err := s.Alike(ctx, tenant, sig)
	must(t, err)
	if len(list) != 1 || list[0].Document != "a" {
		t.Errorf("alike: %+v", list)
	}
	if list, err = s.Alike(ctx, "globex", sig); err != nil || len(list) != 0 {
		t.Errorf("another tenant's: %+v, %v", list, err)
	}
	if n, err := s.SameContent(ctx, tenant, "h-v1", "a"); err != nil || n != 1 {
		t.Errorf("%d with the same content, %v", n, err)
	}
	must(t, s.Retire(ctx, []catalog.Ref{a.Ref}, catalog.Retired))
	if list, err = s.Alike(ctx, tenant, sig); err != nil || len(list) != 0 {
		t.Errorf("retired: %+v, %v", list, err)
	}
}

// baseline: eight processes that began with the same baseline add what they accepted,
// all at once, and none of it is lost.
func baseline(t *testing.T, s Store, reopen func() Store) {
	const processes, documents = 8, 5
	other := reopen()
	var group sync.WaitGroup
	for i := range processes {
		from := []Store{s, other}[i%2]
		b, err := from.Baseline(ctx, tenant, "wiki")
		must(t, err)
		var g signal.Growth
		for range documents {
			b.Accept(signal.Profile{Words: 10, Terms: []uint16{1, 2, 3, 4, uint16(5 + i)}}, time.Unix(int64(i%3)*86400, 0), &g)
		}
		group.Go(func() {
			if err := from.GrowBaseline(ctx, tenant, "wiki", &g); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, err := s.Baseline(ctx, tenant, "wiki")
	must(t, err)
	days := 0
	for _, d := range got.Days {
		days += d.Arrivals
	}
	if got.Documents != processes*documents || got.Held[1] != processes*documents || got.Held[5] != documents || days != processes*documents {
		t.Errorf("%v documents, %d by day", got.Documents, days)
	}
	if other, err := s.Baseline(ctx, tenant, "mail"); err != nil || other.Documents != 0 {
		t.Errorf("another source's: %+v, %v", other, err)
	}
}

func marks(t *testing.T, s Store, _ func() Store) {
	mark := func(sequence int64, id string) error {
		return s.Mark(ctx, tenant, []catalog.Marked{{Source: "wiki", Document: "d", Sequence: sequence, ID: id}})
	}
	must(t, mark(3, "m3"))
	must(t, mark(3, "m3"))
	must(t, mark(5, "m5"))
	for _, err := range []error{mark(5, "other"), mark(4, "m4")} {
		if !errors.Is(err, catalog.ErrState) {
			t.Errorf("a number that does not grow: %v", err)
		}
	}
	got, err := s.Marks(ctx, tenant, "wiki", []string{"d", "e"})
	must(t, err)
	if m := got["d"]; len(got) != 1 || m.Sequence != 5 || m.ID != "m5" || m.Gone {
		t.Errorf("marked %+v", got)
	}
	put(t, s, version("d", "v1", "x"))
	must(t, s.Retire(ctx, []catalog.Ref{{Tenant: tenant, Document: "d"}}, catalog.Retired))
	if got, err = s.Marks(ctx, tenant, "wiki", []string{"d"}); err != nil || !got["d"].Gone {
		t.Errorf("a retired document's mark: %+v, %v", got, err)
	}
}
