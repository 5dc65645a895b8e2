package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/audit"
	"github.com/doorward/doorward/policy/audit/tlog"
	"github.com/doorward/doorward/policy/keys/local"
)

func auditCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "audit", Short: "Read, verify, prove and export the audit log"}
	parent.AddCommand(auditShow(g), auditVerify(g), auditProve(g), auditCheckpoint(g), auditExport(g))
	return parent
}

// selection says which entries are meant; empty fields mean any.
type selection struct {
	last                           int
	event, outcome, document, user string
	tenant, subject                string // the user's keyed hash
	since                          time.Duration
}

func (s *selection) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.event, "event", "", "only entries of this event: ingest, retrieve, output, admin, alarm, policy, auth, …")
	f.StringVar(&s.outcome, "outcome", "", "only entries of this outcome, for example denied")
	f.StringVar(&s.document, "document", "", "only entries about this document")
	f.StringVar(&s.user, "subject", "", "only entries of the user with this id; the log names users by a keyed hash, which this makes")
	f.StringVar(&s.tenant, "tenant", "", "the tenant of that user (default: the configuration's)")
	f.DurationVar(&s.since, "since", 0, "only entries of the last, for example, 24h")
}

func (s *selection) matches(n audit.Numbered, now time.Time) bool {
	return (s.event == "" || n.Event == s.event) && (s.outcome == "" || n.Outcome == s.outcome) &&
		(s.subject == "" || n.Subject == s.subject) && (s.since == 0 || now.Sub(n.Time) <= s.since) && (s.document == "" || names(n.Documents, s.document))
}

func names(documents []string, id string) bool {
	for _, d := range documents {
		if name, _, _ := strings.Cut(d, "@"); name == id {
			return true
		}
	}
	return false
}

func auditShow(g *global) *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use: "show", Short: "Print audit entries", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return showAudit(c, g, s) },
	}
	cmd.Flags().IntVarP(&s.last, "last", "n", 50, "only the last N entries; 0 prints all")
	s.flags(cmd)
	return cmd
}

func showAudit(c *cobra.Command, g *global, s selection) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	r, _, err := app.AuditReader(cfg)
	if err != nil {
		return err
	}
	if s.user != "" {
		if s.subject, err = app.AuditSubject(cfg, s.tenant, s.user); err != nil {
			return err
		}
	}
	var list []audit.Numbered
	now := time.Now()
	keep := func(n audit.Numbered) error {
		if !s.matches(n, now) {
			return nil
		}
		if list = append(list, n); s.last > 0 && len(list) > s.last {
			list = list[1:]
		}
		return nil
	}
	if err := errors.Join(r.Chain(keep), r.Entries(c.Context(), 0, keep)); err != nil {
		return err
	}
	return printEntries(c.OutOrStdout(), list, g.json)
}

func printEntries(out io.Writer, list []audit.Numbered, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(out)
		for _, n := range list {
			if err := e.Encode(n); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "#\tTIME\tEVENT\tOUTCOME\tWHO\tDOCUMENTS\tDETAIL")
	for _, n := range list {
		who := strings.Trim(n.Backend+"/"+n.Subject, "/")
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Index, n.Time.Format(time.DateTime), n.Event, n.Outcome, who, documents(n.Documents), detail(n))
	}
	return w.Flush()
}

func documents(list []string) string {
	if len(list) > 2 {
		return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
	}
	return strings.Join(list, " ")
}

func detail(n audit.Numbered) string {
	parts := []string{}
	if n.Reason != "" {
		parts = append(parts, n.Reason)
	}
	for _, k := range slices.Sorted(maps.Keys(n.Counts)) {
		parts = append(parts, fmt.Sprintf("%s=%d", k, n.Counts[k]))
	}
	if n.Request != "" { // by which answers, erasures and holds are asked for
		parts = append(parts, "request="+n.Request)
	}
	return strings.Join(parts, " ")
}

func auditVerify(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Check that no entry was altered, removed or reordered", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return verifyAudit(c, g) },
	}
}

func verifyAudit(c *cobra.Command, g *global) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	r, _, err := app.AuditReader(cfg)
	if err != nil {
		return err
	}
	witnesses, err := app.AuditWitnesses(cfg)
	if err != nil {
		return err
	}
	started := time.Now()
	sum, err := r.Verify(c.Context(), witnesses)
	took := time.Since(started)
	if g.json {
		out := map[string]any{"entries": sum.Entries, "covered": sum.Covered, "chain": sum.Chain, "witnesses": sum.Witnesses, "intact": err == nil, "seconds": took.Seconds()}
		if err != nil {
			out["error"] = err.Error()
		}
		json.NewEncoder(c.OutOrStdout()).Encode(out)
		if err != nil {
			return &exit{code: exitFailed}
		}
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "%d entries, intact, in %v; the signed checkpoint covers %d, the signed journal the rest\n", sum.Entries, took.Round(time.Millisecond), sum.Covered)
	if sum.Chain > 0 {
		fmt.Fprintf(c.OutOrStdout(), "before them %d entries of an earlier version's chain, intact\n", sum.Chain)
	}
	if len(sum.Witnesses) == 0 {
		fmt.Fprintln(c.OutOrStdout(), "no witness is configured (audit.witness): a log that was put back to an earlier state as a whole would not show")
	}
	return nil
}

func auditProve(g *global) *cobra.Command {
	var check, with string
	var from uint64
	cmd := &cobra.Command{
		Use: "prove [NUMBER]", Short: "Prove that an entry is in the log, for someone who has only the public key",
		Long: `Prints the entry of a number (see audit show) with its inclusion proof and the signed
checkpoint, as JSON. --check verifies such a file with the public keys alone.
--from SIZE proves instead that the log of that many entries is the beginning of
the log as it is now; to check it, --with gives the checkpoint of that size that was
kept (audit checkpoint).`,
		Args: atMostOne,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			switch {
			case check != "":
				return checkProof(c, cfg, check, with)
			case c.Flags().Changed("from"):
				return proveConsistency(c, cfg, from)
			case len(args) == 1:
				return proveEntry(c, cfg, args[0])
			}
			return usage("`%s` needs an entry's number, --from or --check", c.CommandPath())
		},
	}
	cmd.Flags().StringVar(&check, "check", "", "verify a proof in a file (- reads standard input)")
	cmd.Flags().StringVar(&with, "with", "", "with --check of a proof --from a size: the file of that size's checkpoint")
	cmd.Flags().Uint64Var(&from, "from", 0, "prove consistency from this size")
	return cmd
}

func proveEntry(c *cobra.Command, cfg *configs.Config, number string) error {
	var index uint64
	if _, err := fmt.Sscanf(number, "%d", &index); err != nil {
		return usage("%q is not an entry's number", number)
	}
	r, _, err := app.AuditReader(cfg)
	if err != nil {
		return err
	}
	p, err := r.Inclusion(c.Context(), index)
	if errors.Is(err, tlog.ErrNotCovered) {
		if err := publish(c.Context(), cfg, r, index); err != nil {
			return err
		}
		p, err = r.Inclusion(c.Context(), index)
	}
	if err != nil {
		return err
	}
	return printJSON(c.OutOrStdout(), p)
}

// publish has a checkpoint made that covers an entry.
func publish(ctx context.Context, cfg *configs.Config, r *tlog.Reader, index uint64) error {
	size, err := r.Size()
	if err != nil {
		return err
	}
	if index >= size {
		return usage("there is no entry %d; the log has %d", index, size)
	}
	err = app.PublishAudit(ctx, cfg, index)
	if errors.Is(err, catalog.ErrLocked) {
		return fmt.Errorf("%w: the running process publishes a checkpoint within %v; try again then", tlog.ErrNotCovered, cfg.Audit.Every)
	}
	return err
}

func proveConsistency(c *cobra.Command, cfg *configs.Config, from uint64) error {
	r, _, err := app.AuditReader(cfg)
	if err != nil {
		return err
	}
	now, err := r.Checkpoint()
	if err != nil {
		return err
	}
	p, err := r.Consistency(c.Context(), from, now.Size)
	if err != nil {
		return err
	}
	return printJSON(c.OutOrStdout(), map[string]any{"from": p.From, "to": p.To, "hashes": p.Hashes, "checkpoint": now.Raw})
}

// checkConsistency checks a proof from a size on against the checkpoint of that size
// that somebody kept.
func checkConsistency(c *cobra.Command, cfg *configs.Config, p tlog.Consistency, to []byte, with string, v tlog.Verifier) error {
	if with == "" {
		return usage("this proves that the log of %d entries is the beginning of the one of %d; --with FILE names the checkpoint of %d entries that was kept", p.From, p.To, p.From)
	}
	kept, err := os.ReadFile(with)
	if err != nil {
		return fmt.Errorf("reading checkpoint: %w", err)
	}
	if err := p.CheckCheckpoints(cfg.Audit.Origin, kept, to, v); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "the log of %d entries is the beginning of the log of %d\n", p.From, p.To)
	return nil
}

func checkProof(c *cobra.Command, cfg *configs.Config, path, with string) error {
	var in io.Reader = c.InOrStdin()
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("reading proof: %w", err)
		}
		defer f.Close()
		in = f
	}
	v, err := local.OpenVerifier(cfg.Keys)
	if err != nil {
		return err
	}
	var p struct {
		tlog.Inclusion
		From *uint64 `json:"from"`
		To   uint64  `json:"to"`
	}
	if err := json.NewDecoder(in).Decode(&p); err != nil {
		return usage("the proof is not JSON as `doorward audit prove` prints it")
	}
	if p.From != nil {
		return checkConsistency(c, cfg, tlog.Consistency{From: *p.From, To: p.To, Hashes: p.Hashes}, p.Checkpoint, with, v)
	}
	if err := p.Check(v); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "entry %d is in the log:\n%s\n", p.Index, p.Entry)
	return nil
}

func auditCheckpoint(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "checkpoint", Short: "Print the signed checkpoint, for a witness to keep", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			r, _, err := app.AuditReader(cfg)
			if err != nil {
				return err
			}
			p, err := r.Checkpoint()
			if err != nil {
				return err
			}
			if p.Raw == nil {
				return fmt.Errorf("%w: no checkpoint has been published yet", tlog.ErrNotCovered)
			}
			_, err = c.OutOrStdout().Write(p.Raw)
			return err
		},
	}
}

func printJSON(out io.Writer, v any) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
