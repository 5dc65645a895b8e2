package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
)

func configCommand(g *global) *cobra.Command {
	parent := &cobra.Command{Use: "config", Short: "Check the configuration"}
	parent.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Explain what is wrong with the configuration and its policy",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return checkConfig(c, g) },
	})
	return parent
}

func checkConfig(c *cobra.Command, g *global) error {
	cfg, err := g.load()
	var broken *configs.Error
	if errors.As(err, &broken) {
		return report(c, g, broken.File, broken.Problems, nil, exitUsage)
	}
	if err != nil {
		return err
	}
	unsafe := cfg.Serving()
	if _, _, err := app.LoadPolicy(c.Context(), cfg); err != nil {
		return report(c, g, g.config, []string{err.Error()}, unsafe, exitPolicy)
	}
	for _, s := range cfg.Sources {
		if s.Type == "push" {
			continue
		}
		o, err := app.OpenSource(c.Context(), s)
		if err == nil {
			err = o.Close()
		}
		if err != nil {
			return report(c, g, g.config, []string{err.Error()}, unsafe, exitUsage)
		}
	}
	if _, err := app.PushSources(cfg); err != nil {
		return report(c, g, g.config, []string{err.Error()}, unsafe, exitUsage)
	}
	return report(c, g, g.config, nil, unsafe, exitDone)
}

// report prints problems and the settings serve would refuse.
func report(c *cobra.Command, g *global, file string, problems, unsafe []string, code int) error {
	out := c.OutOrStdout()
	if g.json {
		json.NewEncoder(out).Encode(map[string]any{"file": file, "problems": orEmpty(problems), "unsafe_to_serve": orEmpty(unsafe)})
	} else {
		for _, p := range problems {
			fmt.Fprintf(out, "%s: %s\n", file, p)
		}
		for _, u := range unsafe {
			fmt.Fprintf(out, "%s: `serve` will refuse: %s\n", file, u)
		}
		if len(problems) == 0 && len(unsafe) == 0 {
			fmt.Fprintf(out, "%s: the configuration and its policy are fine\n", file)
		}
	}
	if code != exitDone {
		return &exit{code: code}
	}
	return nil
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
