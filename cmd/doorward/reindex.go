package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
)

func reindexCommand(g *global) *cobra.Command {
	var rollback bool
	cmd := &cobra.Command{
		Use: "reindex [--rollback]", Short: "Make the index anew from the catalog and switch to it, while the service runs", Args: noArgs, Annotations: handsOver,
		Long: `Makes another index from the catalog beside the one in force: a new file, or with
Qdrant a new collection. Every point of it is compared with the catalog; then it
takes the other's place between two searches (with Qdrant an alias is switched, and
index.qdrant.collection must name one). Documents that come in meanwhile go to both.

When the embedder or its dimension changed in the configuration, all text that the
catalog holds is embedded again first, as far as policy lets it go there; stop the
service for that. An interrupted change goes on when the command is run again.

A new version of this program may make terms or fingerprints in another way than the
one before; it then refuses to serve and asks for this command, which makes them anew
from the catalog's text. Batches taken in before cannot be rolled back afterwards.

The previous index is kept until the next reindex. --rollback puts it in force
again, after it caught up with all changes since; one made with another model than
is configured is refused: put the configuration back first. The vectors before are
kept too, so that only what came since is embedded.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return g.with(c, app.Options{Unfinished: true, NoIndex: true}, func(a *app.App) error {
				bar := newBar(c, g, "documents")
				var r app.Reindexed
				var err error
				if rollback {
					r, err = a.Rollback(c.Context())
				} else {
					r, err = a.Reindex(c.Context(), bar.set)
				}
				bar.done()
				if err != nil {
					return err
				}
				if g.json {
					return json.NewEncoder(c.OutOrStdout()).Encode(r)
				}
				fmt.Fprintf(c.OutOrStdout(), "%s is in force after %.1f s: %d chunks compared with the catalog, %d put right, %d embedded anew, %d documents analysed anew; %s is kept for --rollback\n", r.Current, r.Seconds, r.Chunks, r.Mended, r.Embedded, r.Analysed, r.Previous)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&rollback, "rollback", false, "go back to the previous index")
	return cmd
}
