package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
)

// UnknownError is an order about what nothing here knows: most likely its name is
// mistyped, and the order would stop nothing. It is a [contain.ErrOrder].
type UnknownError struct {
	Scope  contain.Scope
	Target string
	Hint   string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no %s %q here%s", e.Scope, e.Target, e.Hint)
}

// Is implements the interface that [errors.Is] looks for.
func (e *UnknownError) Is(err error) bool { return err == contain.ErrOrder }

// Known refuses an order whose target neither the configuration, the register of
// backends nor the catalog knows, with the name that is nearest, as an
// [UnknownError].
func (a *App) Known(ctx context.Context, o contain.Order) error {
	if o.Scope == contain.Tenant {
		return nil
	}
	live, held, err := a.Catalog.Affected(ctx, o.Tenant, o.Scope, o.Target)
	if err != nil || live+held > 0 {
		return err
	}
	id := ""
	if o.Scope == contain.Batch {
		id = o.Target
	}
	batches, err := a.Catalog.Batches(ctx, o.Tenant, id, catalog.MaxPage)
	if err != nil {
		return err
	}
	names := a.configured(o)
	for _, b := range batches {
		switch {
		case o.Scope == contain.Batch:
			names = append(names, b.ID)
		case o.Scope == contain.Source:
			names = append(names, b.Source)
		case o.Scope == contain.Submitter && b.Submitter != "":
			names = append(names, b.Submitter)
		}
	}
	slices.Sort(names)
	if slices.Contains(names, o.Target) {
		return nil
	}
	return &UnknownError{Scope: o.Scope, Target: o.Target, Hint: hint(o, slices.Compact(names))}
}

// configured are the names that an order of a scope can be about, as configuration
// and register know them.
func (a *App) configured(o contain.Order) []string {
	var names []string
	if o.Scope == contain.Source {
		for _, s := range a.Config.Sources {
			if a.tenantOf(s) == o.Tenant {
				names = append(names, s.Name)
			}
		}
	}
	if o.Scope == contain.Destination {
		names = append(names, "internal")
		for _, u := range a.Config.Gateway.Upstreams {
			names = append(names, u.Destination)
		}
	}
	for _, b := range a.Backends.List() {
		if o.Tenant != "" && b.Tenant != o.Tenant {
			continue
		}
		switch o.Scope {
		case contain.Backend:
			names = append(names, b.ID)
		case contain.Submitter:
			names = append(names, "backend:"+b.ID)
		case contain.Destination:
			names = append(names, b.Destinations...)
		}
	}
	return names
}

// hint names the nearest of the known names, or where they are listed.
func hint(o contain.Order, names []string) string {
	if best := configs.Nearest(o.Target, names); best != "" {
		return fmt.Sprintf("; did you mean %q?", best)
	}
	const most = 20
	switch {
	case o.Scope == contain.Batch:
		return "; `doorward contain batches` lists them"
	case len(names) == 0 || len(names) > most:
		return ""
	}
	return "; known: " + strings.Join(names, ", ")
}
