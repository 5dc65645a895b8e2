package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys"
)

// Parts are what the service cannot answer without, for readiness.
func (a *App) Parts() []api.Part {
	parts := []api.Part{
		{Name: "policy", Check: func(context.Context) error { _, err := a.Policy.Snapshot(); return err }},
		{Name: "identity", Check: func(context.Context) error { return a.identities() }},
		{Name: "catalog", Check: func(ctx context.Context) error { _, err := a.Catalog.Tenants(ctx); return err }},
		{Name: "index", Check: func(ctx context.Context) error { _, err := a.Index.Statistics(ctx, a.Config.Tenant); return err }},
		{Name: "audit", Check: func(context.Context) error {
			return errors.Join(a.Metrics.auditTrouble(), a.AuditLog.InPlace(), writable(AuditDir(a.Config)))
		}},
		{Name: "keys", Check: func(context.Context) error { _, err := a.Keys.Derive(a.Config.Tenant, keys.AuditID); return err }},
		{Name: "disk", Check: func(context.Context) error { return free(a.Config.Data, a.Config.Limits.FreeDisk) }},
	}
	if a.Embedder != nil {
		parts = append(parts, api.Part{Name: "embedder", Check: rarely(10*time.Second, func(ctx context.Context) error {
			_, err := a.Embedder.Embed(ctx, []string{"ready"})
			return err
		})})
	}
	return parts
}

// writable writes and syncs a small file, which is what an entry needs.
func writable(dir string) error {
	path := filepath.Join(dir, ".ready")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(path))
}

// free wants space on the disk of a folder.
func free(dir string, least int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("asking for free space: %w", err)
	}
	if have := int64(s.Bavail) * int64(s.Bsize); have < least {
		return fmt.Errorf("%d bytes are free, limits.free_disk asks for %d", have, least)
	}
	return nil
}

// rarely runs a check at most once in a while and repeats its answer.
func rarely(every time.Duration, check func(context.Context) error) func(context.Context) error {
	var mu sync.Mutex
	var at time.Time
	var err error
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if at.IsZero() || time.Since(at) > every {
			err, at = check(ctx), time.Now()
		}
		return err
	}
}

// countsFresh is how long counts of documents are repeated: counting walks them.
const countsFresh = 15 * time.Second

// Waiting counts documents that wait for a reviewer or for their scan, by state.
func (a *App) Waiting() func() map[string]float64 {
	var mu sync.Mutex
	var at time.Time
	counts := map[string]float64{}
	return func() map[string]float64 {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(at) < countsFresh {
			return counts
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		fresh := map[string]float64{string(catalog.Held): 0, string(catalog.Received): 0}
		tenants, err := a.Catalog.Tenants(ctx)
		for _, t := range tenants {
			for state := range fresh {
				err = errors.Join(err, a.Catalog.Arrivals(ctx, t, catalog.State(state), func(catalog.Arrival) error {
					fresh[state]++
					return nil
				}))
			}
		}
		if err != nil {
			return nil // no figure rather than a wrong one
		}
		counts, at = fresh, time.Now()
		return counts
	}
}
