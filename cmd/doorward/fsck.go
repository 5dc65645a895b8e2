package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/ingest"
)

// maxShown bounds the list of faults for people; --json has them all.
const maxShown = 50

func fsckCommand(g *global) *cobra.Command {
	var export string
	var o ingest.Inspection
	var sources bool
	cmd := &cobra.Command{
		Use: "fsck [--deep] [--repair] [--sources]", Short: "Compare sources, catalog and index, and mend them", Args: noArgs, Annotations: handsOver,
		Long: `Compares what the catalog holds with what the index holds: every live chunk must
be in the index exactly as its receipt says, and nothing else may be there. It
works while the service runs.

--deep    also has the database check itself, opens every sealed text, and holds
          it, its terms and its attributes against the signed receipt
--sources also lists the configured sources and says what they have that the
          catalog does not, or the other way round
--repair  puts the index right from the catalog, finishes interrupted work, and
          withdraws documents that can no longer be read or proved: nothing of
          them is released until they are ingested again. All of it is audited.

--export writes both as sorted JSON lines (ids, versions, attributes and keyed
hashes, no text), the same for the same documents whatever way they came in.

Exits with 1 when something is wrong and was not mended.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c, app.Options{Unfinished: true}, func(a *app.App) error {
				if export != "" {
					if err := writeExport(c, a, g.path(export)); err != nil {
						return err
					}
				}
				if sources {
					var err error
					if o.Sources, err = a.Compared(c.Context(), nil); err != nil {
						return err
					}
				}
				return fsck(c, g, a, o)
			})
		},
	}
	cmd.Flags().StringVar(&export, "export", "", "also write catalog and index to this file")
	cmd.Flags().BoolVar(&o.Deep, "deep", false, "open and prove every stored text")
	cmd.Flags().BoolVar(&o.Repair, "repair", false, "mend what can be mended")
	cmd.Flags().BoolVar(&sources, "sources", false, "compare the configured sources too")
	return cmd
}

func writeExport(c *cobra.Command, a *app.App, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	if err := a.Export(c.Context(), func(line app.ExportLine) error { return e.Encode(line) }); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return f.Sync()
}

func fsck(c *cobra.Command, g *global, a *app.App, o ingest.Inspection) error {
	bar := newBar(c, g, "records")
	o.Progress = bar.set
	started := time.Now()
	r, err := a.Inspect(c.Context(), o)
	bar.done()
	if err != nil {
		return err
	}
	if err := a.Unfinished(); err != nil {
		r.Faults = append(r.Faults, ingest.Fault{Where: ingest.InCatalog, Flaw: "interrupted work cannot be finished", Advice: "run `doorward fsck --deep --repair`"})
	}
	if g.json {
		json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"states": r.States, "chunks": r.Chunks, "opened": r.Opened, "faults": r.Faults,
			"left": r.Left(), "removed": r.Removed, "seconds": time.Since(started).Seconds()})
	} else {
		showInspected(c.OutOrStdout(), r)
	}
	if r.Left() > 0 {
		return &exit{code: exitFailed}
	}
	return nil
}

func showInspected(out io.Writer, r ingest.Inspected) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, state := range slices.Sorted(maps.Keys(r.States)) {
		fmt.Fprintf(w, "%s\t%d\n", state, r.States[state])
	}
	w.Flush()
	if r.Opened > 0 {
		fmt.Fprintf(out, "%d texts opened and proved\n", r.Opened)
	}
	fmt.Fprintf(out, "%d chunks compared, %d faults", r.Chunks, len(r.Faults))
	if n := len(r.Faults) - r.Left(); n > 0 {
		fmt.Fprintf(out, ", %d of them mended", n)
	}
	fmt.Fprintln(out)
	if len(r.Faults) == 0 {
		return
	}
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range r.Faults[:min(len(r.Faults), maxShown)] {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", f.Where, orDash(f.Document), f.Flaw, orDash(f.Mended), f.Advice)
	}
	w.Flush()
	if n := len(r.Faults) - maxShown; n > 0 {
		fmt.Fprintf(out, "  and %d more: --json lists them\n", n)
	}
}

// bar is progress on long work, drawn only where somebody watches.
type bar struct{ bar *progressbar.ProgressBar }

func newBar(c *cobra.Command, g *global, what string) *bar {
	if !g.watched(c) {
		return &bar{}
	}
	return &bar{progressbar.NewOptions(-1, progressbar.OptionSetWriter(c.ErrOrStderr()), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(what), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish())}
}

func (b *bar) set(done, total int) {
	if b.bar == nil {
		return
	}
	b.bar.ChangeMax(total)
	_ = b.bar.Set(done)
}

func (b *bar) done() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
