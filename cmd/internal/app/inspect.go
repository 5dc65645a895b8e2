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

// Compared opens configured sources, all or those named, for an inspection.
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
		if err != nil {
			return nil, err
		}
		a.onClose(src.Close)
		out = append(out, ingest.Compared{Tenant: a.tenantOf(s), Source: src.Source})
	}
	return out, nil
}
