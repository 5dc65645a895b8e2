package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/sanitize/injection"
)

func pinsCommand(g *global) *cobra.Command {
	parent := &cobra.Command{
		Use: "pins", Short: "Pin policy, rule and key files by hash, so that a changed one is refused",
		Long: `Pins the files that decide what comes in and goes out (policy folder, further
scanner rules, trusted keys) in the lock file that the configuration names (pins:).
Whatever differs from its pin is then refused: at the start, and when a policy is
loaded anew. The injection model is part of the program, and pinned in it.`,
	}
	parent.AddCommand(&cobra.Command{
		Use: "write", Short: "Pin what is there now", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := pinning(g)
			if err != nil {
				return err
			}
			now, err := cfg.Artefacts()
			if err != nil {
				return err
			}
			if err := now.Write(cfg.Pins); err != nil {
				return err
			}
			return printPins(c, g, now)
		},
	}, &cobra.Command{
		Use: "check", Short: "Compare what is there now with its pins", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := pinning(g)
			if err != nil {
				return err
			}
			if err := cfg.CheckPins(); err != nil {
				return err
			}
			now, err := cfg.Artefacts()
			if err != nil {
				return err
			}
			return printPins(c, g, now)
		},
	})
	return parent
}

func pinning(g *global) (*configs.Config, error) {
	cfg, err := g.load()
	if err == nil && cfg.Pins == "" {
		err = usage("the configuration names no lock file; set, for example, pins: ./doorward.lock")
	}
	return cfg, err
}

func printPins(c *cobra.Command, g *global, p configs.Pins) error {
	model, err := injection.New(injection.Config{})
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(c.OutOrStdout(), map[string]any{"pins": p, "built_in": map[string]string{"injection": model.Revision()}})
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(c.OutOrStdout(), "%-28s %s\n", name, p[name])
	}
	fmt.Fprintf(c.OutOrStdout(), "%-28s %s (part of the program)\n", "injection model", model.Revision())
	return nil
}
