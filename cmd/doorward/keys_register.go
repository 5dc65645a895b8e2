package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/local"
)

// registration is the register of backends, open for one audited change.
type registration struct {
	cfg  *configs.Config
	list *auth.Backends
}

// tenant is the backend's, or the configuration's where it is not registered.
func (r *registration) tenant(id string) string {
	for _, b := range r.list.List() {
		if b.ID == id {
			return b.Tenant
		}
	}
	return r.cfg.Tenant
}

// register makes one change of the register. The entry that says so is in the
// audit log before the change takes effect, and no change is made without it,
// save one: ending a key does not wait for a log that takes no entries.
func (g *global) register(c *cobra.Command, id, outcome string, change func(r *registration) error) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	if g.owner != nil {
		return g.changeRegister(c, cfg, g.owner.app.Audit, id, outcome, change)
	}
	began := false
	err = app.WithLog(c.Context(), cfg, func(log audit.Log) error {
		began = true
		return g.changeRegister(c, cfg, log, id, outcome, change)
	})
	switch {
	case errors.Is(err, catalog.ErrLocked):
		return g.handOver(c, cfg.Data, err)
	case err != nil && !began && outcome == revoked:
		return g.changeRegister(c, cfg, nil, id, outcome, change)
	}
	return err
}

// revoked is the outcome of ending a key.
const revoked = "revoked"

func (g *global) changeRegister(c *cobra.Command, cfg *configs.Config, log audit.Log, id, outcome string, change func(r *registration) error) error {
	if err := local.Private(cfg.Keys); err != nil && outcome != revoked { // what is stolen is ended at once
		return err
	}
	list, err := auth.OpenBackends(cfg.Keys)
	if err != nil {
		return err
	}
	r := &registration{cfg, list}
	e := audit.Entry{Event: "keys", Outcome: outcome, Tenant: r.tenant(id), Backend: id, Subject: operatorName(), Reason: "register of backends"}
	list.Before(func() error {
		err := audit.ErrUnavailable
		if log != nil {
			err = log.Append(c.Context(), e)
		}
		if err != nil && outcome == revoked {
			fmt.Fprintf(c.ErrOrStderr(), "doorward: %v; %s is ended all the same, without an entry\n", err, id)
			return nil
		}
		return err
	})
	if err := change(r); errors.Is(err, auth.ErrBackend) {
		return &exit{exitUsage, err} // what the caller can mend
	} else if err != nil {
		return err
	}
	return nil
}
