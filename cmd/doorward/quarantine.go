package main

import (
	"encoding/json"
	"fmt"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
)

func quarantineCommand(g *global) *cobra.Command {
	var tenant string
	parent := &cobra.Command{Use: "quarantine", Short: "Review documents that were held"}
	parent.PersistentFlags().StringVar(&tenant, "tenant", "", "the tenant (default: the configuration's)")
	with := func(act func(c *cobra.Command, a *app.App, tenant string, args []string) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			a, err := app.Open(c.Context(), cfg, app.Options{Log: quiet(cfg, c.ErrOrStderr()), AllowDemoKeys: true})
			if err != nil {
				return err
			}
			defer a.Close()
			if tenant == "" {
				tenant = cfg.Tenant
			}
			return act(c, a, tenant, args)
		}
	}
	var reason string
	release := &cobra.Command{Use: "release ID --reason WHY", Short: "Let a held document in; what held it is stripped span by span", Args: exactly(1, "a document id"),
		RunE: with(func(c *cobra.Command, a *app.App, tenant string, args []string) error {
			return releaseHeld(c, a, tenant, args[0], reason)
		})}
	discard := &cobra.Command{Use: "discard ID --reason WHY", Short: "Refuse a held document for good and shred its text", Args: exactly(1, "a document id"),
		RunE: with(func(c *cobra.Command, a *app.App, tenant string, args []string) error {
			return discardHeld(c, a, tenant, args[0], reason)
		})}
	for _, cmd := range []*cobra.Command{release, discard} {
		cmd.Flags().StringVar(&reason, "reason", "", "why; kept in the audit log")
		_ = cmd.MarkFlagRequired("reason")
	}
	parent.AddCommand(release, discard, &cobra.Command{Use: "list", Short: "List held documents", Args: noArgs,
		RunE: with(func(c *cobra.Command, a *app.App, tenant string, _ []string) error { return listHeld(c, g, a, tenant) })})
	return parent
}

func listHeld(c *cobra.Command, g *global, a *app.App, tenant string) error {
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	if !g.json {
		fmt.Fprintln(w, "DOCUMENT\tSOURCE\tSINCE\tREASONS\tFINDINGS")
	}
	err := a.Catalog.Arrivals(c.Context(), tenant, catalog.Held, func(h catalog.Arrival) error {
		if g.json {
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"document": h.ID, "source": h.Source, "received": h.Received, "reasons": orEmpty(h.Reasons), "findings": h.Findings})
		}
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\n", h.ID, h.Source, h.Received.Format(time.DateTime), strings.Join(h.Reasons, ", "), h.Findings)
		return err
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

// admin audits an operator's act before it takes effect. On the machine itself
// the operating system says who that is.
func admin(c *cobra.Command, a *app.App, tenant, id, act, reason string) error {
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return a.Audit.Append(c.Context(), audit.Entry{Event: "admin", Outcome: act, Tenant: tenant, Subject: "os:" + who, Documents: []string{id}, Reason: reason})
}

func releaseHeld(c *cobra.Command, a *app.App, tenant, id, reason string) error {
	if err := admin(c, a, tenant, id, "release", reason); err != nil {
		return err
	}
	e, err := a.Pipeline.Release(c.Context(), tenant, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", id, e.Outcome)
	if e.Outcome != ingest.Indexed {
		fmt.Fprintf(c.OutOrStdout(), "still held: %s\n", strings.Join(e.Reasons, ", "))
		return &exit{code: exitHeld}
	}
	return nil
}

func discardHeld(c *cobra.Command, a *app.App, tenant, id, reason string) error {
	if err := admin(c, a, tenant, id, "discard", reason); err != nil {
		return err
	}
	if err := a.Catalog.Discard(c.Context(), tenant, id, "discarded by a reviewer"); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%s: discarded\n", id)
	return nil
}
