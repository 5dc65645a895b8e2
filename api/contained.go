package api

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/contain"
)

// orders reads the containment orders in force and refuses a request that one of
// them stops. Orders that cannot be read stop it too.
func (a *API) orders(ctx context.Context, s policy.Subject, destination string) (*contain.Set, error) {
	if a.Contained == nil {
		return contain.NewSet(nil), nil
	}
	set, err := a.Contained(ctx)
	if err != nil {
		return nil, fmt.Errorf("answering: %w", err)
	}
	if err := set.Request(s.Tenant, s.Authn.Backend, destination); err != nil {
		return nil, fmt.Errorf("answering: %w", err)
	}
	return set, nil
}
