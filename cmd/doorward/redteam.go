package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/redteam"
)

func redteamCommand(g *global) *cobra.Command {
	var c redteam.Config
	var gate bool
	cmd := &cobra.Command{
		Use: "redteam", Short: "Attack the scanners, extractors, prompt builder and output filter", Args: noArgs,
		Long: `Runs the catalogue of 120 bypass techniques as generators, payloads and documents
against the real parts and reports each technique: how many of its mutations were
flagged, neutralised or refused. Class D techniques must hold in every mutation;
the rates of class H techniques are published. Harmless texts in 40 languages are
scanned in the same run.

--gate exits with 6 when a class D technique had a miss or more than 0.5 % of the
harmless texts were flagged.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := redteam.Run(cmd.Context(), c)
			if err != nil {
				return fmt.Errorf("red teaming: %w", err)
			}
			if g.json {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(r)
			} else {
				err = r.Write(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			if err := r.Gate(); gate && err != nil {
				return &exit{exitGate, err}
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&c.Mutations, "mutations", 50, "attacks per technique")
	cmd.Flags().Uint64Var(&c.Seed, "seed", 1, "seed of payloads, carriers and positions")
	cmd.Flags().IntSliceVar(&c.Only, "only", nil, "numbers of the techniques to run (default all)")
	cmd.Flags().BoolVar(&gate, "gate", false, "fail when a promise is not kept")
	return cmd
}
