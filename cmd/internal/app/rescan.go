package app

import (
	"context"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy"
)

// Rescan judges what is indexed anew, in every tenant.
func (a *App) Rescan(ctx context.Context, o ingest.RenewOptions) (ingest.RenewReport, error) {
	tenants, err := a.Catalog.Tenants(ctx)
	if err != nil {
		return ingest.RenewReport{}, err
	}
	o.Tenants = tenants
	return a.Pipeline.Renew(ctx, a.Catalog, o)
}

// accepts says which scanner revisions may be released; nil: any.
func (a *App) accepts() func(string) bool {
	if a.Config.Scan.Minimum != "current" {
		return nil
	}
	current, accepted := a.Scanners.Sanitizer.Revision(), a.Config.Scan.Accepted
	return func(revision string) bool { return revision == current || slices.Contains(accepted, revision) }
}

// rescanEvery is how often a service looks whether revisions changed.
const rescanEvery = 30 * time.Second

// KeepScanned scans again what was scanned under other revisions than those in
// force, at the configured rate, at first and whenever the policy changes, until
// the context ends. A run that fails is tried again.
func (a *App) KeepScanned(ctx context.Context) {
	rate := a.Config.Scan.Rescan
	if rate <= 0 {
		return
	}
	tick := time.NewTicker(rescanEvery)
	defer tick.Stop()
	var done policy.Revision
	for {
		if s, err := a.Policy.Snapshot(); err == nil && s.Revision().Hash != done.Hash {
			r, err := a.Rescan(ctx, ingest.RenewOptions{Rate: rate})
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				a.Log.ErrorContext(ctx, "scanning again", "error", err)
			default:
				done = s.Revision()
				if r.Stale > 0 {
					a.Log.InfoContext(ctx, "scanned again", "documents", r.Stale, "outcomes", r.Outcomes, "seconds", r.Elapsed.Seconds())
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
