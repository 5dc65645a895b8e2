package app

import (
	"context"
	"time"
)

// Tidy discards what was held too long and gives up replaced versions that are
// kept no longer, again and again until the context ends. It releases nothing.
func (a *App) Tidy(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := a.TidyOnce(ctx); err != nil && ctx.Err() == nil {
			a.Log.ErrorContext(ctx, "discarding what was held or kept too long", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// TidyOnce does what [App.Tidy] does, once. Where several processes share a
// catalog one of them does it.
func (a *App) TidyOnce(ctx context.Context) error {
	_, err := a.Catalog.Exclusively(ctx, "tidy", func() error {
		if _, err := a.Catalog.Purge(ctx); err != nil {
			return err
		}
		older := a.Config.Review.Expire
		if older <= 0 {
			return nil
		}
		tenants, err := a.Catalog.Tenants(ctx)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			gone, err := a.Pipeline.Expire(ctx, tenant, a.now().Add(-older), false)
			if len(gone) > 0 {
				a.Log.InfoContext(ctx, "discarded what was held too long", "tenant", tenant, "documents", len(gone))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
