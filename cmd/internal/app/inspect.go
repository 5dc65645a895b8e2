package app

import (
	"context"
	"slices"

	"github.com/doorward/doorward/ingest"
)

// Inspect compares catalog and index, and where o names sources those too. After
// a repair it finishes what an interrupted ingest left.
func (a *App) Inspect(ctx context.Context, o ingest.Inspection) (ingest.Inspected, error) {
	x := &ingest.Inspector{Pipeline: a.Pipeline, Catalog: a.Catalog, Index: a.Index, Verifier: a.Verifier}
	r, err := x.Inspect(ctx, o)
	if err != nil || !o.Repair || a.unfinished == nil {
		return r, err
	}
	if err := a.recover(ctx); err != nil {
		return r, err
	}
	a.unfinished = nil
	return r, nil
}

// Unfinished says why interrupted work could not be finished, where Options let
// the data directory open all the same.
func (a *App) Unfinished() error { return a.unfinished }

// unopened is a source that cannot be opened: walking it says why.
type unopened struct {
	name string
	err  error
}

func (u unopened) Name() string                                        { return u.name }
func (u unopened) Walk(context.Context, func(ingest.Item) error) error { return u.err }

// Compared opens configured sources, all or those named, for an inspection. What
// cannot be opened is a fault that it will report, beside the others'.
func (a *App) Compared(ctx context.Context, names []string) ([]ingest.Compared, error) {
	var out []ingest.Compared
	for _, s := range a.Config.Sources {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		if s.Type == "push" {
			continue // nothing to compare with: its documents were brought
		}
		src, err := OpenSource(ctx, s)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			src = Opened{Source: unopened{s.Name, err}}
		}
		a.onClose(src.Close)
		out = append(out, ingest.Compared{Tenant: a.tenantOf(s), Source: src.Source})
	}
	return out, nil
}
