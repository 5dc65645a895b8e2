package postgres

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorward/doorward/ingest/catalog/postgres/postgrestest"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/quota/quotatest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Main(m)) }

// replicas are two stores with connections of their own to one database.
func replicas(t *testing.T) (out [2]*Store, pools [2]*pgxpool.Pool) {
	t.Helper()
	url := postgrestest.URL(t)
	for i := range out {
		pool, err := pgxpool.New(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		if out[i], err = Open(context.Background(), pool); err != nil {
			t.Fatal(err)
		}
		pools[i] = pool
	}
	return out, pools
}

func TestStore(t *testing.T) {
	quotatest.Run(t, func(t *testing.T) [2]quota.Store {
		s, _ := replicas(t)
		return [2]quota.Store{s[0], s[1]}
	})
}

// An assertion is good once, whichever replica it comes to.
func TestAssertionIsGoodOnceAcrossReplicas(t *testing.T) {
	s, _ := replicas(t)
	until := time.Now().Add(time.Minute)
	var firsts atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			ok, err := s[i%2].First(context.Background(), "assertion", until, time.Now())
			if err != nil {
				t.Error(err)
			}
			if ok {
				firsts.Add(1)
			}
		})
	}
	wg.Wait()
	if n := firsts.Load(); n != 1 {
		t.Errorf("%d replicas took it for the first", n)
	}
}

func TestSweepForgetsWhatIsOver(t *testing.T) {
	s, pools := replicas(t)
	ctx := context.Background()
	for id, ago := range map[string]time.Duration{"over": time.Hour, "just over": time.Minute, "good": -time.Minute} {
		if _, err := s[0].First(ctx, id, time.Now().Add(-ago), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	s[1].sweep(ctx)
	var n int
	if err := pools[0].QueryRow(ctx, `select count(*) from used_assertions`).Scan(&n); err != nil || n != 2 {
		t.Errorf("%d are kept, %v", n, err)
	}
}

func TestDatabaseGoneDenies(t *testing.T) {
	s, pools := replicas(t)
	pools[0].Close()
	if err := s[0].Update(context.Background(), []string{"u"}, func([]*quota.State) {}); !errors.Is(err, quota.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if ok, err := s[0].First(context.Background(), "x", time.Now(), time.Now()); ok || err == nil {
		t.Errorf("first %v, %v", ok, err)
	}
}
