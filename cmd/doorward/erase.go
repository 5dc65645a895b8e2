package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys/local"
)

func eraseCommand(g *global) *cobra.Command {
	var document, source, subject, tenant, reason, out string
	var expired, plan, skipHeld, allowReturn bool
	var within time.Duration
	cmd := &cobra.Command{
		Use: "erase", Short: "Erase documents for good, by document, source, person or retention, with a receipt",
		Long: `Erases everything of the documents: keys and texts, index points, fingerprints,
waiting and quarantined copies, notes and lineage. What remains is a keyed hash of
their ids, so that they do not come back, and a signed receipt that the audit log
proves. A legal hold wins.

--subject erases the documents whose attributes (erasure.subjects) name the person.
--allow-return lets the documents be taken in again; without a document to erase it
only does that, for one that was erased before.
--plan shows what would be erased. What was erased is summed up; --out and --json give
the receipt itself, also later by "doorward erase receipt ID".`,
		Args: noArgs, Annotations: handsOver,
		RunE: func(c *cobra.Command, _ []string) error {
			r := ingest.ErasureRequest{Tenant: tenant, Reason: reason, Within: within, SkipHeld: skipHeld, Return: allowReturn}
			asked := 0
			for _, s := range []struct {
				on     bool
				scope  catalog.Scope
				target string
			}{{document != "", catalog.ByDocument, document}, {source != "", catalog.BySource, source}, {subject != "", catalog.BySubject, subject}, {expired, catalog.ByExpiry, ""}} {
				if s.on {
					asked++
					r.Scope, r.Target = s.scope, s.target
				}
			}
			if asked != 1 {
				return usage("`%s` needs one of --document, --source, --subject and --expired", c.CommandPath())
			}
			if within != 0 && !(expired && plan) {
				return usage("`%s --within` shows what will expire, with --expired --plan", c.CommandPath())
			}
			return g.with(c, app.Options{}, func(a *app.App) error { return erase(c, g, a, r, plan, out) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&document, "document", "", "erase this document")
	f.StringVar(&source, "source", "", "erase everything from this source")
	f.StringVar(&subject, "subject", "", "erase what is about this person")
	f.BoolVar(&expired, "expired", false, "erase what is past its retention")
	f.DurationVar(&within, "within", 0, "with --expired --plan: also what expires so soon, for example 720h")
	f.StringVar(&tenant, "tenant", "", "the tenant (default: the source's, or the configuration's)")
	f.StringVar(&reason, "reason", "", "why; kept sealed until the erasure is done")
	f.BoolVar(&plan, "plan", false, "show what would be erased, and erase nothing")
	f.BoolVar(&skipHeld, "skip-held", false, "leave documents on legal hold instead of refusing")
	f.BoolVar(&allowReturn, "allow-return", false, "let the documents be taken in again")
	f.StringVarP(&out, "out", "o", "", "write the receipt to this file")
	cmd.AddCommand(eraseVerify(g), eraseReceipt(g))
	return cmd
}

func erase(c *cobra.Command, g *global, a *app.App, r ingest.ErasureRequest, plan bool, out string) error {
	if r.Tenant == "" {
		r.Tenant = tenantMeant(a.Config, r)
	}
	r.By = operatorName()
	p, err := a.Eraser.Plan(c.Context(), r)
	if err != nil {
		return err
	}
	if plan {
		if g.json {
			return json.NewEncoder(c.OutOrStdout()).Encode(p)
		}
		for _, id := range p.Documents {
			fmt.Fprintln(c.OutOrStdout(), "would erase ", id)
		}
		for _, id := range p.Held {
			fmt.Fprintln(c.OutOrStdout(), "legal hold  ", id)
		}
		fmt.Fprintf(c.OutOrStdout(), "%d documents of tenant %s would be erased, %d are on legal hold\n", len(p.Documents), r.Tenant, len(p.Held))
		return nil
	}
	if len(p.Documents)+len(p.Held) == 0 && r.Scope != catalog.BySubject {
		if r.Return && r.Scope == catalog.ByDocument {
			return allowReturn(c, a, r)
		}
		return fmt.Errorf("%w: no document of tenant %s matches; --tenant names another", ingest.ErrNothing, r.Tenant)
	}
	e, err := a.Eraser.Erase(c.Context(), r)
	if errors.Is(err, catalog.ErrLegalHold) {
		return fmt.Errorf("%w: --plan lists them, --skip-held leaves them out", err)
	}
	if err != nil {
		return err
	}
	if out != "" {
		if err := os.WriteFile(g.path(out), append(e.Receipt, '\n'), 0o600); err != nil {
			return fmt.Errorf("writing the receipt: %w", err)
		}
	}
	if g.json {
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", e.Receipt)
		return err
	}
	return eraseSummary(c.OutOrStdout(), e, len(p.Held), out)
}

// tenantMeant is the tenant of the configured source that is to be erased, or else
// the configuration's.
func tenantMeant(c *configs.Config, r ingest.ErasureRequest) string {
	for _, s := range c.Sources {
		if r.Scope == catalog.BySource && s.Name == r.Target && s.Tenant != "" {
			return s.Tenant
		}
	}
	return c.Tenant
}

// eraseSummary says for people what a receipt says for machines.
func eraseSummary(w io.Writer, e catalog.Erasure, held int, out string) error {
	var signed ingest.SignedErasure
	var r ingest.ErasureReceipt
	err := json.Unmarshal(e.Receipt, &signed)
	if err == nil {
		err = json.Unmarshal(signed.Receipt, &r)
	}
	if err != nil {
		return fmt.Errorf("reading the receipt of erasure %s: %w", e.ID, err)
	}
	fmt.Fprintf(w, "%d documents erased, by %s\n", len(r.Documents), r.Scope)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range []struct {
		what string
		n    int
	}{{"live documents", r.Gone.Documents}, {"versions and their keys", r.Gone.Versions}, {"chunks", r.Gone.Chunks}, {"waiting or held copies", r.Gone.Arrivals},
		{"fingerprints", r.Gone.Prints}, {"notes, lineage and other records", r.Gone.Others}, {"left alone, on legal hold", held}} {
		if row.n > 0 {
			fmt.Fprintf(table, "  %s\t%d\n", row.what, row.n)
		}
	}
	table.Flush()
	if !r.IndexShredded && len(r.Documents) > 0 {
		fmt.Fprintln(w, "The index was told to remove them and did not say that it overwrote them.")
	}
	switch {
	case len(r.Documents) == 0 && held == 0: // only for a person this gives a receipt
		fmt.Fprintf(w, "No document of tenant %s names this person in its attributes (erasure.subjects); text is not searched, and --tenant names another tenant.\n", r.Tenant)
	case len(r.Documents) == 0:
	case r.MayReturn:
		fmt.Fprintln(w, "They may be taken in again.")
	default:
		fmt.Fprintln(w, "They do not come back, unless --allow-return lets them.")
	}
	if out != "" {
		fmt.Fprintf(w, "The signed receipt is in %s\n", out)
	} else {
		fmt.Fprintf(w, "The signed receipt: doorward erase receipt %s\n", e.ID)
	}
	return nil
}

// eraseReceipt gives a receipt again, which the catalog keeps.
func eraseReceipt(g *global) *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use: "receipt ID", Short: "Print the signed receipt of an erasure", Args: exactly(1, "the erasure's id, which erase printed"), Annotations: handsOver,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				if tenant == "" {
					tenant = a.Config.Tenant
				}
				e, err := a.Eraser.Status(c.Context(), tenant, args[0])
				if errors.Is(err, catalog.ErrNotFound) {
					return fmt.Errorf("there is no erasure %q; `doorward audit show --event erase` lists them", args[0])
				}
				if err == nil && len(e.Receipt) == 0 {
					err = fmt.Errorf("erasure %s is not done yet; it is carried on when the service, or a command, starts", e.ID)
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", e.Receipt)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "the tenant (default: the configuration's)")
	return cmd
}

func allowReturn(c *cobra.Command, a *app.App, r ingest.ErasureRequest) error {
	if err := a.Eraser.AllowReturn(c.Context(), r.Tenant, r.Target, r.By); err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), "the document may be taken in again")
	return nil
}

// operatorName is who runs a command, as the audit log says it.
func operatorName() string {
	if u, err := user.Current(); err == nil {
		return "os:" + u.Username
	}
	return "os:unknown"
}

func eraseVerify(g *global) *cobra.Command {
	var document string
	cmd := &cobra.Command{
		Use: "verify RECEIPT", Short: "Check a receipt of erasure: its signature, and that the audit log holds it",
		Args: exactly(1, "the receipt's file"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return fmt.Errorf("reading receipt of erasure: %w", err)
			}
			v, err := local.OpenVerifier(cfg.Keys)
			if err != nil {
				return err
			}
			r, at, err := app.CheckErasure(data, v)
			if err != nil {
				return err
			}
			if document != "" {
				if err := listed(cfg, r, document); err != nil {
					return err
				}
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"valid": true, "receipt": r, "audit_entry": at})
			}
			fmt.Fprintf(c.OutOrStdout(), "the receipt is sound: %d documents by %s, erased %s; audit entry %d\n", len(r.Documents), r.Scope, time.Unix(r.Erased, 0).UTC().Format(time.RFC3339), at)
			return nil
		},
	}
	cmd.Flags().StringVar(&document, "document", "", "also check that this document is among those erased (needs the tenant's keys)")
	return cmd
}

var errNotListed = errors.New("the receipt does not list this document")
