package main

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys/local"
)

func holdCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "hold", Short: "Put documents on legal hold, and lift it"}
	parent.AddCommand(holdAdd(g), holdLift(g), holdList(g))
	return parent
}

func holdAdd(g *global) *cobra.Command {
	var h catalog.LegalHold
	var document, source, subject string
	cmd := &cobra.Command{
		Use: "add", Short: "Keep documents from being erased, retired or replaced, whatever is asked for", Args: noArgs, Annotations: handsOver,
		RunE: func(c *cobra.Command, _ []string) error {
			asked := 0
			for scope, target := range map[catalog.Scope]string{catalog.ByDocument: document, catalog.BySource: source, catalog.BySubject: subject} {
				if target != "" {
					asked++
					h.Scope, h.Target = scope, target
				}
			}
			if asked != 1 || h.Reason == "" {
				return usage("`%s` needs one of --document, --source and --subject, and a --reason", c.CommandPath())
			}
			return g.with(c, app.Options{}, func(a *app.App) error {
				if h.Tenant == "" {
					h.Tenant = a.Config.Tenant
				}
				h.By = operatorName()
				made, err := a.Holds.Add(c.Context(), h)
				if err != nil {
					return err
				}
				if g.json {
					return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"hold": made.ID})
				}
				fmt.Fprintln(c.OutOrStdout(), "added", made.ID)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&document, "document", "", "this document")
	f.StringVar(&source, "source", "", "everything from this source")
	f.StringVar(&subject, "subject", "", "everything about this person")
	f.StringVar(&h.Tenant, "tenant", "", "the tenant (default: the configuration's)")
	f.StringVar(&h.Reason, "reason", "", "why; kept sealed")
	return cmd
}

func holdLift(g *global) *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use: "lift HOLD", Short: "End a legal hold", Args: exactly(1, "the hold's id (see hold list)"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				if tenant == "" {
					tenant = a.Config.Tenant
				}
				if err := a.Holds.Lift(c.Context(), tenant, args[0], operatorName()); err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), "lifted", args[0])
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant (default: the configuration's)")
	return cmd
}

func holdList(g *global) *cobra.Command {
	var tenant string
	var all bool
	cmd := &cobra.Command{
		Use: "list", Short: "List legal holds", Args: noArgs, Annotations: handsOver,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				if tenant == "" {
					tenant = a.Config.Tenant
				}
				list, err := a.Catalog.LegalHolds(c.Context(), tenant, all)
				if err != nil {
					return err
				}
				if g.json {
					return json.NewEncoder(c.OutOrStdout()).Encode(list)
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "HOLD\tSCOPE\tTARGET\tADDED\tLIFTED\tREASON")
				for _, h := range list {
					lifted := ""
					if !h.Lifted.IsZero() {
						lifted = h.Lifted.Format(time.DateOnly)
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", h.ID, h.Scope, h.Target, h.Added.Format(time.DateOnly), lifted, h.Reason)
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant (default: the configuration's)")
	cmd.Flags().BoolVar(&all, "all", false, "lifted ones too")
	return cmd
}

// listed checks that a receipt names a document.
func listed(cfg *configs.Config, r ingest.ErasureReceipt, document string) error {
	return app.WithRing(cfg, func(ring *local.Ring) error {
		ok, err := r.Lists(ring, document)
		if err == nil && !ok {
			err = errNotListed
		}
		return err
	})
}
