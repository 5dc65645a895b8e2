package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
)

// operate asks doorward.admin whether whoever runs commands on this machine may
// do something, and audits it before it takes effect. Who that is, the operating
// system says; what it counts for, the configuration (review.local).
func operate(c *cobra.Command, a *app.App, operation, tenant string, documents []string, reason string) error {
	local := a.Config.Review.Local
	s := policy.Subject{ID: operatorName(), Tenant: tenant, Roles: local.Roles, Authn: policy.Authn{Issuer: "os", AMR: local.Factors}}
	snapshot, err := a.Policy.Snapshot()
	if err != nil {
		return err
	}
	context := policy.Context{Now: a.Now(), Destination: "internal", Action: operation}
	v, err := snapshot.Decide(c.Context(), policy.PointAdmin, policy.Input{"subject": s.Input(), "context": context.Input(), "operation": operation})
	if err != nil {
		return err
	}
	e := audit.Entry{Event: "admin", Outcome: operation, Tenant: tenant, Subject: s.ID, Documents: documents, Reason: reason, Policy: snapshot.Revision().Hash}
	if !v.Allow {
		e.Outcome = "denied:" + operation
	}
	if err := a.Audit.Append(c.Context(), e); err != nil {
		return err
	}
	if !v.Allow {
		return fmt.Errorf("doorward.admin does not let %s %s: it may want another role or a second factor (review.local in the configuration says what logins to this machine count for; the operator API takes a user's own)", s.ID, operation)
	}
	return nil
}
