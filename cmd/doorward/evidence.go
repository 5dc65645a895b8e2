package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/evidence"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval"
)

func evidenceCommand(g *global) *cobra.Command {
	r := &reviewer{g: g}
	var s evidence.Selection
	var from, to string
	var since time.Duration
	cmd := r.because(r.command("evidence FILE.tar --reason WHY", "Collect what a reviewer needs into one signed file", exactly(1, "a new file"), func(c *cobra.Command, a *app.App, args []string) (err error) {
		s.Tenant = r.tenant
		if s.From, s.To, err = span(a.Now(), since, from, to); err != nil {
			return err
		}
		if s.Person != "" {
			if s.Subject, err = retrieval.SubjectID(a.Keys, policy.Subject{ID: s.Person, Tenant: s.Tenant}); err != nil {
				return err
			}
		}
		if err := operate(c, a, "evidence", r.tenant, nil, r.reason); err != nil {
			return err
		}
		bar := newBar(c, g, "documents")
		m, err := evidence.Collect(c.Context(), a, evidence.Request{Selection: s, To: g.path(args[0]), By: operatorName(), Reason: r.reason, Program: version(), Progress: bar.set})
		bar.done()
		if err != nil {
			return err
		}
		if m.LeftOff > 0 && !g.json {
			fmt.Fprintf(c.ErrOrStderr(), "%d documents are left off; narrow the selection to have them\n", m.LeftOff)
		}
		return r.say(c, map[string]any{"evidence": args[0], "manifest": m}, "%s: %d audit entries with proofs, %d documents, %d receipts of erasure\n", args[0], m.Log.Entries, m.Documents, m.Erasures)
	}))
	cmd.Long = `Collects audit entries with proofs against one signed checkpoint and, for each
document they name, its origin, receipt and reviewers' decisions; policies, pins,
a digest of the configuration, containment orders, receipts of erasure. The file
holds no text of documents, questions or answers and no secret. Collecting asks
doorward.admin about the operation "evidence" and is audited itself.

"evidence verify" proves such a file on any machine, with public keys alone.`
	f := cmd.Flags()
	f.StringVar(&r.tenant, "tenant", "", "the tenant (default: the configuration's)")
	f.DurationVar(&since, "since", 0, "the last, for example, 24h")
	f.StringVar(&from, "from", "", "from this time on: 2026-11-28 or 2026-11-28T10:00:00Z")
	f.StringVar(&to, "to", "", "up to this time")
	f.StringVar(&s.Document, "document", "", "about this document")
	f.StringVar(&s.Person, "subject", "", "about the person with this id: what they asked for, and documents whose attributes name them")
	f.StringVar(&s.Backend, "backend", "", "requests of this backend")
	cmd.AddCommand(evidenceVerify(g))
	return cmd
}

// span is the time that flags ask for; zero times do not bound it.
func span(now time.Time, since time.Duration, from, to string) (a, b time.Time, err error) {
	if since > 0 && from != "" {
		return a, b, usage("use --since or --from, not both")
	}
	if since > 0 {
		a = now.Add(-since).UTC()
	}
	for _, f := range []struct {
		name, text string
		into       *time.Time
	}{{"--from", from, &a}, {"--to", to, &b}} {
		if f.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, f.text)
		if err != nil {
			t, err = time.Parse(time.DateOnly, f.text)
		}
		if err != nil {
			return a, b, usage("%s %q: use a date as 2026-11-28, or a time as 2026-11-28T10:00:00Z", f.name, f.text)
		}
		*f.into = t.UTC()
	}
	if !a.IsZero() && !b.IsZero() && !a.Before(b) {
		return a, b, usage("the time asked for ends before it begins")
	}
	return a, b, nil
}

func evidenceVerify(g *global) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use: "verify FILE.tar", Short: "Prove a file of evidence with public keys alone", Args: exactly(1, "a file of evidence"),
		Long: `Proves that the file is whole and signed by a key you trust, that every audit entry
in it is in the log its checkpoint signs for, and that every receipt holds. It
needs the public keys (receipt.pub) only: no data, no service, no network.`,
		RunE: func(c *cobra.Command, args []string) error {
			if folder == "" {
				cfg, err := configs.Load(g.config)
				if err != nil {
					return usage("name the folder with the public keys, receipt.pub, that you were given by somebody you trust: --keys FOLDER (or run this where the configuration is)")
				}
				folder = cfg.Keys
			}
			v, err := local.OpenVerifier(folder)
			if err != nil {
				return err
			}
			bar := newBar(c, g, "files")
			r, err := evidence.Verify(c.Context(), args[0], v, bar.set)
			bar.done()
			if err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(r)
			}
			m := r.Manifest
			fmt.Fprintf(c.OutOrStdout(), "whole, and signed with key %s at %s by %s: %s\n", r.Key, m.Made.Format(time.RFC3339), m.By, m.Reason)
			fmt.Fprintf(c.OutOrStdout(), "%d audit entries proved, %d receipts of documents, %d of erasure\n", r.Proofs, r.Receipts, r.Erasures)
			if !m.Log.Intact {
				fmt.Fprintf(c.OutOrStdout(), "the log as a whole was NOT intact when this was made: %s\n", m.Log.Fault)
			}
			if m.LeftOff > 0 {
				fmt.Fprintf(c.OutOrStdout(), "%d further documents were left off\n", m.LeftOff)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&folder, "keys", "", "folder with receipt.pub (default: the configuration's)")
	return cmd
}
