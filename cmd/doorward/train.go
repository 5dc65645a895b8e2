package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/train"
)

func trainCommand(g *global) *cobra.Command {
	var c train.Config
	var card string
	cmd := &cobra.Command{
		Use: "train", Short: "Train the injection model and judge it on families it has not seen", Args: noArgs,
		Long: `Trains the model that finds embedded instructions, from the files named in its
manifest (source, licence and hash of each) under --from and from grammars of its
own. First each family of attacks is left out in turn, together with a share of
the benign sources, and found by a model that never saw it: that sets the
thresholds and makes the report. Then everything is trained on.

--out writes weights.bin and weights.sha256 to a directory (sanitize/injection to
build them in). Without it nothing is written. Equal data give equal weights.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Logf = func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...) }
			r, err := train.Run(cmd.Context(), c)
			if err != nil {
				return fmt.Errorf("training: %w", err)
			}
			if card != "" {
				if err := writeCard(card, r); err != nil {
					return fmt.Errorf("writing the detector card: %w", err)
				}
			}
			if g.json {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			}
			return r.Report.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&c.Data, "from", "", "directory the manifest's data files lie in (required)")
	cmd.Flags().StringVar(&c.Out, "out", "", "directory to write the weights to")
	cmd.Flags().StringVar(&card, "card", "", "also write the detector card to this file")
	cmd.Flags().Uint64Var(&c.Options.Seed, "seed", 0, "seed; 0 takes the manifest's")
	_ = cmd.MarkFlagRequired("from")
	return cmd
}

func writeCard(path string, r train.Result) error {
	m, err := train.ReadManifest()
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := train.WriteCard(f, r, m, time.Now().UTC()); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
