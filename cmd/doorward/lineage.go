package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
)

func lineageCommand(g *global) *cobra.Command {
	r := &reviewer{g: g}
	cmd := r.command("lineage ID", "Follow a document, version, chunk or request from its source to the answers", exactly(1, "the id of a document, version, chunk or request"),
		func(c *cobra.Command, a *app.App, args []string) error {
			if err := operate(c, a, "lineage", r.tenant, nil, "of "+args[0]); err != nil {
				return err
			}
			t, err := ingest.TraceLineage(c.Context(), a.Catalog, a.AuditEntries, r.tenant, args[0])
			if errors.Is(err, catalog.ErrNotFound) {
				return fmt.Errorf("%s: %w: it is no document, version, stored chunk or request of tenant %s", args[0], err, r.tenant)
			}
			if err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(t)
			}
			printTrace(c.OutOrStdout(), t)
			return nil
		})
	cmd.Flags().StringVar(&r.tenant, "tenant", "", "the tenant (default: the configuration's)")
	return cmd
}

func printTrace(w io.Writer, t ingest.Trace) {
	fmt.Fprintf(w, "%s %s\n", t.Kind, t.ID)
	for _, v := range t.Versions {
		fmt.Fprintf(w, "\n%s@%s  %s\n", v.Document, orDash(v.Version), v.State)
		connector := ""
		if v.Connector != "" {
			connector = fmt.Sprintf("%s, sequence %d", v.Connector, v.Sequence)
		}
		ended := ""
		if !v.Ended.IsZero() {
			ended = v.Ended.Format(time.DateTime)
		}
		findings := ""
		if len(v.Findings) > 0 {
			findings = counted(v.Findings)
		}
		for _, f := range []struct{ name, value string }{{"source", v.Source}, {"from", v.URI}, {"batch", v.Batch}, {"submitter", v.Submitter}, {"connector", connector}, {"content", v.Content},
			{"recorded", v.Recorded.Format(time.DateTime)}, {"ended", ended}, {"verdict", v.Verdict}, {"reasons", strings.Join(v.Reasons, ", ")}, {"findings", findings},
			{"scanner", v.Scanner}, {"policy", v.Policy}, {"receipt", v.Receipt}, {"signed by", v.ReceiptBy}} {
			if f.value != "" {
				fmt.Fprintf(w, "  %-10s %s\n", f.name, f.value)
			}
		}
		for i, p := range v.Points {
			fmt.Fprintf(w, "  point %-4d %s\n", i, p)
		}
	}
	fmt.Fprintf(w, "\n%d answers\n", len(t.Answers)+t.More)
	for _, a := range t.Answers {
		fmt.Fprintf(w, "  %s  %s %s  request %s  entry %d  %s\n", a.Time.Format(time.DateTime), a.Event, a.Outcome, orDash(a.Request), a.Index, strings.Join(a.Documents, " "))
	}
}
