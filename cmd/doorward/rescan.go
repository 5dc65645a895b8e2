package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
)

func rescanCommand(g *global) *cobra.Command {
	var o ingest.RenewOptions
	cmd := &cobra.Command{
		Use: "rescan [--plan] [--rate N] [--all] [--source S]", Short: "Judge what is indexed anew, after rules, model or policy changed", Args: noArgs, Annotations: handsOver,
		Long: `Scans the stored text of every live document whose receipt was made under other
scanner or policy revisions than those in force, and asks the ingest policy again.
What is bad now is out of the index at once and waits in quarantine; what needs
something taken out is replaced; what is good gets a new receipt. Queries and
ingest go on meanwhile; a run that is stopped goes on when it is run again.

The stored text is what was left after the first scan: what was redacted then, and
text its readers could not see, was shredded. To have a loosened rule let more
through, or to look at whole documents again, run "doorward ingest": it reads what
was judged under other revisions from its source anew.

With scan.minimum: current nothing is released that the scanners in force have not
scanned. Exits with 5 when documents were pulled back.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				bar := newBar(c, g, "documents")
				o.Progress = bar.set
				r, err := a.Rescan(c.Context(), o)
				bar.done()
				if err != nil {
					return err
				}
				return showRescan(c, g, a, o, r)
			})
		},
	}
	cmd.Flags().BoolVar(&o.Plan, "plan", false, "say what would be scanned")
	cmd.Flags().BoolVar(&o.All, "all", false, "also what was scanned under the revisions in force")
	cmd.Flags().StringVar(&o.Source, "source", "", "only this source's documents")
	cmd.Flags().Float64Var(&o.Rate, "rate", 0, "documents a second at most (default: no limit)")
	return cmd
}

func showRescan(c *cobra.Command, g *global, a *app.App, o ingest.RenewOptions, r ingest.RenewReport) error {
	seconds := max(r.Elapsed.Seconds(), 0.001)
	scanner := a.Scanners.Sanitizer.Revision()
	out := c.OutOrStdout()
	if g.json {
		err := json.NewEncoder(out).Encode(map[string]any{"plan": o.Plan, "scanner": scanner, "live": r.Live, "stale": r.Stale, "by_source": r.BySource, "outcomes": r.Outcomes,
			"chunks": r.Chunks, "documents": r.Documents, "seconds": seconds, "documents_per_second": float64(r.Stale) / seconds})
		if err != nil {
			return err
		}
	} else {
		which := "were scanned under other revisions"
		if o.All {
			which = "are to be scanned, whatever they were scanned under"
		}
		fmt.Fprintf(out, "scanner revision in force: %s\n%d of %d live documents %s\n", scanner, r.Stale, r.Live, which)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, s := range slices.Sorted(maps.Keys(r.BySource)) {
			fmt.Fprintf(w, "  %s\t%d\n", s, r.BySource[s])
		}
		w.Flush()
		if !o.Plan && r.Stale > 0 {
			fmt.Fprintf(out, "%d chunks scanned in %.1f s (%.0f documents/s)\n", r.Chunks, seconds, float64(r.Stale)/seconds)
			for _, k := range slices.Sorted(maps.Keys(r.Outcomes)) {
				fmt.Fprintf(w, "  %s\t%d\n", k, r.Outcomes[k])
			}
			w.Flush()
		}
		for _, id := range r.Documents {
			fmt.Fprintf(out, "pulled back: %s\n", id)
		}
	}
	if r.Outcomes[ingest.Quarantined]+r.Outcomes[ingest.Rejected] > 0 {
		return &exit{code: exitHeld}
	}
	return nil
}
