package app

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy/quota"
	"github.com/doorward/doorward/policy/quota/memory"
	quotapostgres "github.com/doorward/doorward/policy/quota/postgres"
)

// openQuota makes what bounds how much may be taken; nil is no bound.
// Beside it goes the memory of used assertions: with the catalog in PostgreSQL
// replicas share both, unless the configuration keeps the counts to themselves.
func (a *App) openQuota(ctx context.Context) (*quota.Keeper, error) {
	c := a.Config.Quota
	var store quota.Store = &memory.Store{}
	if a.Postgres != nil {
		shared, err := quotapostgres.Open(ctx, a.Postgres.Pool)
		if err != nil {
			return nil, err
		}
		a.replays = shared
		if c.State != "memory" {
			store = shared
		}
	} else if c.State == "postgres" {
		return nil, fmt.Errorf("opening quotas: %w: quota.state: postgres needs catalog.type: postgres", ErrShared)
	}
	if c.State == "off" {
		return nil, nil
	}
	return quota.New(QuotaConfig(c, store))
}

// QuotaConfig reads the limits of a configuration.
func QuotaConfig(c configs.Quota, store quota.Store) quota.Config {
	out := quota.Config{Store: store, User: quotaLimits(c.User), Backend: quotaLimits(c.Backend), SlowBy: c.Patterns.SlowBy}
	out.User.Coverage = c.Coverage
	p := c.Patterns
	out.Patterns = quota.Patterns{Shrink: p.Shrink, At: p.At, Alarm: p.Responds("alert"), Slow: p.Responds("slow"), Deny: p.Responds("deny")}
	if p.Responds("step_up") {
		out.Patterns.StepUp = &quota.StepUp{ACR: p.ACR, MaxAge: p.MaxAge}
	}
	return out
}

func quotaLimits(l configs.QuotaLimits) quota.Limits {
	rate := func(perMinute int) quota.Rate { return quota.Rate{PerMinute: float64(perMinute)} }
	out := quota.Limits{Requests: rate(l.Requests), Passages: rate(l.Passages), Tokens: rate(l.Tokens), Concurrent: l.Concurrent}
	out.Requests.Burst = float64(l.Burst)
	return out
}
