package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/eval"
	"github.com/doorward/doorward/configs"
)

func evalExtraction(g *global) *cobra.Command {
	var o eval.ExtractionOptions
	cmd := &cobra.Command{
		Use: "extraction [DIR]", Short: "Measure how much of a collection walkers get, and whom the quotas trouble", Args: cobra.MaximumNArgs(1),
		Long: `Lets three simulated walkers and a thousand ordinary users ask a collection
through the real search and the real quotas: a dictionary sweep, a walk from
passage to passage (after RAG-Thief) and a walk from topic to topic with harmless
questions (after IKEA). Prints the share of the chunks that each gets without
quotas, with them in a day and over days; how many ordinary sessions are refused or
slowed; and both for other settings. DIR is a data set in BEIR's layout; without
it the collection is made up. The limits are the defaults, or those of --config
where that file exists.`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg := configs.Defaults()
			if c.Flags().Changed("config") {
				var err error
				if cfg, err = g.load(); err != nil {
					return err
				}
			}
			if len(args) == 1 {
				o.Corpus = args[0]
			}
			o.Quota = app.QuotaConfig(cfg.Quota, nil)
			if !g.json && isTerminal(c.ErrOrStderr()) {
				o.Progress = func(what string) { fmt.Fprintf(c.ErrOrStderr(), "… %s\n", what) }
			}
			r, err := eval.Extraction(c.Context(), o)
			if err != nil {
				return err
			}
			if g.json {
				return json.NewEncoder(c.OutOrStdout()).Encode(r)
			}
			return r.Print(c.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Documents, "documents", 10_000, "documents of the made-up collection")
	f.IntVar(&o.Sessions, "sessions", 1000, "ordinary sessions")
	f.IntVar(&o.Users, "users", 200, "ordinary users who are followed for all days")
	f.IntVar(&o.Questions, "questions", 2000, "questions of each walker in a day")
	f.IntVar(&o.Days, "for", 7, "days that patient walkers go on")
	f.Uint64Var(&o.Seed, "seed", 1, "of everything that is drawn")
	return cmd
}
