// Package postgres keeps quotas, and which assertions were used, in a PostgreSQL
// database that replicas share. A database that does not answer denies.
package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/doorward/doorward/policy/quota"
)

// Store implements [quota.Store] and remembers assertions. It does not own its
// connections.
type Store struct {
	pool  *pgxpool.Pool
	mu    sync.Mutex
	swept time.Time
}

// tables live in the schema the connections search first.
const tables = `
create table if not exists quota_states (
	key   text collate "C" primary key,
	state jsonb not null,
	used  timestamptz not null default now()
);
create table if not exists used_assertions (
	id     text collate "C" primary key,
	expire timestamptz not null
);
create index if not exists used_assertions_expire on used_assertions (expire);`

const (
	// answer is the longest that anybody waits for the database.
	answer = 5 * time.Second
	// kept is how long an unused state is remembered, forgotten how long an
	// assertion is after its end: longer than clocks are set back.
	kept      = "30 days"
	forgotten = "15 minutes"
)

// Open makes the tables where they are missing.
func Open(ctx context.Context, pool *pgxpool.Pool) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := pgx.BeginFunc(ctx, pool, func(t pgx.Tx) error {
		// Two replicas that start at once must not make them at once.
		if _, err := t.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('doorward quotas', 0))`); err != nil {
			return err
		}
		_, err := t.Exec(ctx, tables)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening quotas: %w", err)
	}
	return &Store{pool: pool}, nil
}

// Update implements [quota.Store]. Rows are locked in the order of their keys,
// so that updates do not wait for one another in a circle.
func (s *Store) Update(ctx context.Context, keys []string, change func([]*quota.State)) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	s.sweep(ctx)
	err := pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		states, err := lock(ctx, t, keys)
		if err != nil {
			return err
		}
		list := make([]*quota.State, len(keys))
		for i, k := range keys {
			list[i] = states[k]
		}
		change(list)
		b := &pgx.Batch{}
		for k, x := range states {
			data, err := json.Marshal(x)
			if err != nil {
				return err
			}
			b.Queue(`update quota_states set state = $2, used = now() where key = $1`, k, data)
		}
		return t.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return fmt.Errorf("%w: %w", quota.ErrUnavailable, err)
	}
	return nil
}

// lock reads the states for change. What a crash of the database may lose of
// them is less than a second's counting, which is not worth a flush per request.
func lock(ctx context.Context, t pgx.Tx, keys []string) (map[string]*quota.State, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(keys)))
	b := &pgx.Batch{}
	b.Queue(`set local synchronous_commit = off`)
	b.Queue(`insert into quota_states (key, state) select k, '{}' from unnest($1::text[]) k order by k on conflict do nothing`, sorted)
	out := map[string]*quota.State{}
	b.Queue(`select key, state from quota_states where key = any($1) order by key for update`, sorted).Query(func(rows pgx.Rows) error {
		var key string
		var state []byte
		_, err := pgx.ForEachRow(rows, []any{&key, &state}, func() error {
			x := &quota.State{}
			out[key] = x
			return json.Unmarshal(state, x)
		})
		return err
	})
	if err := t.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	if len(out) != len(sorted) {
		return nil, fmt.Errorf("%d of %d states were found", len(out), len(sorted))
	}
	return out, nil
}

// First reports whether an assertion was never seen by any replica, and
// remembers it. The database's clock says when it can be forgotten.
func (s *Store) First(ctx context.Context, id string, until, _ time.Time) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	s.sweep(ctx)
	tag, err := s.pool.Exec(ctx, `insert into used_assertions (id, expire) values ($1, $2) on conflict do nothing`, id, until)
	if err != nil {
		return false, fmt.Errorf("remembering an assertion: %w", err)
	}
	return tag.RowsAffected() == 1, nil
}

// sweep forgets, now and then, what is over. Nothing depends on its success.
func (s *Store) sweep(ctx context.Context) {
	s.mu.Lock()
	due := time.Since(s.swept) > 10*time.Minute
	if due {
		s.swept = time.Now()
	}
	s.mu.Unlock()
	if due {
		_, _ = s.pool.Exec(ctx, `delete from used_assertions where expire < now() - interval '`+forgotten+`'`)
		_, _ = s.pool.Exec(ctx, `delete from quota_states where used < now() - interval '`+kept+`'`)
	}
}
