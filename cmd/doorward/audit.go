package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy/audit/chain"
	"github.com/doorward/doorward/policy/keys/local"
)

func auditCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "audit", Short: "Read and verify the audit log"}
	var last int
	show := &cobra.Command{
		Use: "show", Short: "Print audit entries", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return showAudit(c, g, last) },
	}
	show.Flags().IntVarP(&last, "last", "n", 50, "only the last N entries; 0 prints all")
	parent.AddCommand(show, &cobra.Command{
		Use: "verify", Short: "Check that no entry was altered, removed or reordered", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return verifyAudit(c, g) },
	})
	return parent
}

func showAudit(c *cobra.Command, g *global, last int) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	var list []chain.Numbered
	err = chain.Show(app.AuditDir(cfg), func(n chain.Numbered) error {
		if list = append(list, n); last > 0 && len(list) > last {
			list = list[1:]
		}
		return nil
	})
	if err != nil {
		return err
	}
	if g.json {
		e := json.NewEncoder(c.OutOrStdout())
		for _, n := range list {
			if err := e.Encode(n); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "#\tTIME\tEVENT\tOUTCOME\tWHO\tDOCUMENTS\tDETAIL")
	for _, n := range list {
		who := strings.Trim(n.Backend+"/"+n.Subject, "/")
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Seq, n.Time.Format(time.DateTime), n.Event, n.Outcome, who, documents(n.Documents), detail(n))
	}
	return w.Flush()
}

func documents(list []string) string {
	if len(list) > 2 {
		return fmt.Sprintf("%s and %d more", list[0], len(list)-1)
	}
	return strings.Join(list, " ")
}

func detail(n chain.Numbered) string {
	parts := []string{}
	if n.Reason != "" {
		parts = append(parts, n.Reason)
	}
	for k, v := range n.Counts {
		parts = append(parts, fmt.Sprintf("%s=%d", k, v))
	}
	return strings.Join(parts, " ")
}

func verifyAudit(c *cobra.Command, g *global) error {
	cfg, err := g.load()
	if err != nil {
		return err
	}
	v, err := local.OpenVerifier(cfg.Keys)
	if err != nil {
		return err
	}
	started := time.Now()
	n, err := chain.Verify(app.AuditDir(cfg), v)
	if g.json {
		out := map[string]any{"entries": n, "intact": err == nil}
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
	fmt.Fprintf(c.OutOrStdout(), "%d entries, intact, in %v\n", n, time.Since(started).Round(time.Millisecond))
	return nil
}
