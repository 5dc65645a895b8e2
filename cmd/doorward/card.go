package main

import (
	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/card"
	"github.com/doorward/doorward/cmd/internal/train"
	"github.com/doorward/doorward/policy/rego"
)

func cardCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "card", Short: "Write the data card of the detector or the card of a policy, as Markdown",
		Long: `Cards say what a part was made from and what it decides, for people who judge it.
They are made from the parts themselves. The third one, the detector card, has
measured rates, and is therefore written by "doorward train --card".`}
	parent.AddCommand(cardData(g), cardPolicy(g))
	return parent
}

func cardData(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "data", Short: "Write what the injection model was trained on: origins, licences, hashes", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := train.ReadManifest()
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(c.OutOrStdout(), map[string]any{"manifest": m, "grammars": train.Grammars()})
			}
			return card.Data(c.OutOrStdout(), m)
		},
	}
}

func cardPolicy(g *global) *cobra.Command {
	var mutate bool
	p := &policyFlags{global: g}
	cmd := &cobra.Command{
		Use: "policy [FOLDER]", Short: "Write what a policy decides: rules, inputs, tables of decisions, tests", Args: atMostOne,
		Long: `Loads a policy (FOLDER, or the configured one) and writes what it decides: its rules
and what each becomes inside the search, what they read, tables made by asking it
about documents, answers and operators, and how its own tests fare. --mutants also
seeds mistakes into it and counts those that its tests notice, which takes a while.`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := p.regoConfig(args)
			if err != nil {
				return err
			}
			s, err := p.loadPolicy(c, args)
			if err != nil {
				return err
			}
			var mutants *rego.Mutants
			if mutate {
				m, err := rego.Mutate(c.Context(), cfg, 1)
				if err != nil {
					return err
				}
				mutants = &m
			}
			if g.json {
				in, err := s.Inspect(c.Context())
				if err != nil {
					return err
				}
				return printJSON(c.OutOrStdout(), map[string]any{"inspection": in, "mutants": mutants})
			}
			return card.Policy(c.Context(), c.OutOrStdout(), s, cfg.Name, mutants)
		},
	}
	cmd.Flags().BoolVar(&mutate, "mutants", false, "seed mistakes, and count those its tests notice")
	return cmd
}
