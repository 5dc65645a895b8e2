package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
)

func fsckCommand(g *global) *cobra.Command {
	var export string
	cmd := &cobra.Command{
		Use: "fsck", Short: "Compare catalog and index", Args: noArgs,
		Long: `Compares what the catalog holds with what the index holds: every live chunk must
be in the index exactly as its receipt says, and nothing else may be there.

--export writes both as sorted JSON lines (ids, versions, attributes and keyed
hashes, no text), the same for the same documents whatever way they came in.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			a, err := app.Open(c.Context(), cfg, app.Options{Log: quiet(cfg, c.ErrOrStderr()), AllowDemoKeys: true})
			if err != nil {
				return err
			}
			defer a.Close()
			if export != "" {
				if err := writeExport(c, a, export); err != nil {
					return err
				}
			}
			return fsck(c, g, a)
		},
	}
	cmd.Flags().StringVar(&export, "export", "", "also write catalog and index to this file")
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

func fsck(c *cobra.Command, g *global, a *app.App) error {
	r, err := a.Compare(c.Context())
	if err != nil {
		return err
	}
	if g.json {
		json.NewEncoder(c.OutOrStdout()).Encode(r)
	} else {
		fmt.Fprintf(c.OutOrStdout(), "%d chunks compared, %d faults\n", r.Chunks, len(r.Faults))
		for _, f := range r.Faults {
			fmt.Fprintf(c.OutOrStdout(), "  %s  %s of %s\n", f.Flaw, f.ID, f.Document)
		}
	}
	if !r.Clean() {
		return &exit{code: exitFailed}
	}
	return nil
}
