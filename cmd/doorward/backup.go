package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
)

func backupCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "backup DIR|FILE.tar", Short: "Copy catalog, index, tenant keys and audit log, while the service runs", Args: exactly(1, "a new folder, or a new file ending in .tar"),
		Annotations: handsOver,
		Long: `Writes a consistent copy of everything in the data directory, with a signed
manifest of what is in it. Text in it stays sealed.

It does not hold the key folder: the master key, the signing key and backends'
keys are backed up apart, once, to another place. Whoever has both can read
everything; whoever has one can read nothing. Policies and the configuration are
files of yours, and not in it either; the manifest names the policy revision.`,
		RunE: func(c *cobra.Command, args []string) error {
			return g.with(c, app.Options{}, func(a *app.App) error {
				started := time.Now()
				bar := newBar(c, g, "files")
				m, err := a.Backup(c.Context(), g.path(args[0]), bar.set)
				bar.done()
				if err != nil {
					return err
				}
				if g.json {
					return json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"backup": args[0], "made": m.Made, "policy": m.Policy, "files": len(m.Files), "bytes": m.Bytes(), "seconds": time.Since(started).Seconds()})
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %d files, %.1f MB in %.1f s; the key folder is not in it, keep a copy of that elsewhere\n", args[0], len(m.Files), float64(m.Bytes())/1e6, time.Since(started).Seconds())
				return nil
			})
		},
	}
}

func restoreCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "restore DIR|FILE.tar", Short: "Put a backup back, verified, into an empty data directory", Args: exactly(1, "a backup"),
		Long: `Verifies a backup's signature and every file in it, puts it where the data
directory is to be, opens every text and proves it, and puts the index right. It
refuses a backup that was altered, is not whole, or was made with other keys, and
never overwrites: move an old data directory away first.

Documents that were deleted, erased or contained after the backup was made are
back after a restore: do so again, the audit log of the time says which. Where the
audit log has witnesses they say that it was put back, as they should: see
"doorward audit".`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			bar := newBar(c, g, "files")
			m, r, err := app.Restore(c.Context(), cfg, args[0], app.Options{Log: quiet(cfg, c.ErrOrStderr()), AllowDemoKeys: true}, bar.set)
			bar.done()
			if err != nil {
				return err
			}
			if g.json {
				if err := json.NewEncoder(c.OutOrStdout()).Encode(map[string]any{"made": m.Made, "policy": m.Policy, "files": len(m.Files), "bytes": m.Bytes(), "states": r.States, "chunks": r.Chunks, "opened": r.Opened, "faults": r.Faults, "left": r.Left()}); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(c.OutOrStdout(), "restored what was backed up at %s\n", m.Made.Format(time.RFC3339))
				showInspected(c.OutOrStdout(), r)
			}
			if r.Left() > 0 {
				return &exit{code: exitFailed}
			}
			return nil
		},
	}
}
