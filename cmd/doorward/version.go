package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand(*global) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			version := info.Main.Version
			if version == "" {
				version = "(devel)"
			}
			fmt.Fprintf(c.OutOrStdout(), "doorward %s %s\n", version, info.GoVersion)
			return nil
		},
	}
}
