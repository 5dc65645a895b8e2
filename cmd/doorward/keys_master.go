package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/keys/kms"
	"github.com/doorward/doorward/policy/keys/local"
)

// keysRotations are the rotations of keys that belong to no backend. None of them
// stops a running service.
func keysRotations(g *global) []*cobra.Command {
	var retire bool
	master := &cobra.Command{
		Use: "master", Short: "Give the master keyset a new key and seal every tenant's secret anew", Args: noArgs, Annotations: handsOver,
		Long: `Adds a new primary key to the master keyset and seals every tenant's secret under it.
The keys before it still open; --retire deletes them once nothing needs them, after
which backups made before can no longer be opened with this key folder.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error { return rotateMaster(c, a, retire) })
		},
	}
	master.Flags().BoolVar(&retire, "retire", false, "delete the master keys before the new one")
	signing := &cobra.Command{
		Use: "signing", Short: "Make a new key for receipts and the audit log; what the old one signed stays valid", Args: noArgs, Annotations: handsOver,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				if err := keysEvent(c.Context(), a, "signing", "*"); err != nil {
					return err
				}
				id, err := local.RotateSigning(a.Config.Keys)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), "signing with key", id)
				return nil
			})
		},
	}
	tenant := &cobra.Command{
		Use: "tenant [TENANT]", Short: "Give a tenant a new wrapping key for documents and tickets to come", Args: atMostOne, Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				name := a.Config.Tenant
				if len(args) == 1 {
					name = args[0]
				}
				if err := keysEvent(c.Context(), a, "tenant", name); err != nil {
					return err
				}
				if err := a.Keys.RotateTenant(name); err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "tenant %s seals under a new key; what the keys before sealed still opens\n", name)
				return nil
			})
		},
	}
	return []*cobra.Command{master, signing, tenant}
}

// keysEvent audits a change of keys before it takes effect.
func keysEvent(ctx context.Context, a *app.App, what, tenant string) error {
	return a.Audit.Append(ctx, audit.Entry{Event: "keys", Outcome: "rotated", Tenant: tenant, Subject: operatorName(), Reason: what})
}

func rotateMaster(c *cobra.Command, a *app.App, retire bool) error {
	if err := keysEvent(c.Context(), a, "master", "*"); err != nil {
		return err
	}
	cfg, err := a.KeysConfig(c.Context())
	if err != nil {
		return err
	}
	if err := local.RotateMaster(cfg); err != nil {
		return err
	}
	tenants, err := a.Catalog.Tenants(c.Context())
	if err != nil {
		return err
	}
	done, left, err := a.Keys.Rewrap(append(tenants, a.Config.Tenant))
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "the master keyset has a new key; %d tenants' secrets are sealed under it\n", done)
	if left > 0 {
		fmt.Fprintf(c.OutOrStdout(), "%d secrets of tenants without documents stay under the keys before, which therefore stay\n", left)
	}
	if !retire {
		return nil
	}
	if left > 0 {
		return fmt.Errorf("retiring master keys: %d secrets still need them", left)
	}
	if err := local.RetireMaster(cfg); err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), "the master keys before it are deleted")
	return nil
}

// keysSeal puts the master key's file under the configured service, or out of it.
func keysSeal(g *global) *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use: "seal", Short: "Seal the master key's file with the key that kms.uri names", Args: noArgs,
		Long: `Seals the master key's file under the key management service that the configuration
names, so that a copy of the key folder opens nothing by itself. --undo unseals it
again. --make KEY writes a fresh key for kms.uri: file://KEY instead of a service.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			if cfg.KMS.URI == "" {
				return usage("the configuration names no kms.uri")
			}
			kek, err := kms.Open(c.Context(), app.KMS(cfg))
			if err != nil {
				return err
			}
			from, to, said := local.Config{Dir: cfg.Keys}, kek, "sealed"
			if undo {
				from.KEK, to, said = kek, nil, "unsealed; remove kms.uri from the configuration"
			}
			if err := local.Reseal(from, to); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "the master key is", said)
			return nil
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, "unseal it")
	make := &cobra.Command{
		Use: "make FILE", Short: "Write a fresh key for kms.uri: file://FILE", Args: exactly(1, "a file that is not there yet"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := kms.WriteFile(args[0]); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "wrote", args[0])
			return nil
		},
	}
	cmd.AddCommand(make)
	return cmd
}
