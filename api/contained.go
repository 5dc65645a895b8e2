package api

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
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

// uncontained refuses whatever a stopped backend sends; the refusal is audited.
func (a *API) uncontained(ctx context.Context, request string, b auth.Backend) error {
	if a.Contained == nil {
		return nil
	}
	set, err := a.Contained(ctx)
	if err == nil {
		err = set.Backend(b.Tenant, b.ID)
	}
	if err == nil {
		return nil
	}
	e := audit.Entry{Event: "ingest", Outcome: "denied", Tenant: b.Tenant, Backend: b.ID, Reason: "contained", Request: request}
	if aerr := a.Audit.Append(context.WithoutCancel(ctx), e); aerr != nil {
		return aerr
	}
	return fmt.Errorf("pushing: %w", err)
}
