package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api/contract"
)

func openapiCommand(*global) *cobra.Command {
	var listener string
	var markdown, problems bool
	cmd := &cobra.Command{
		Use: "openapi", Short: "Print the HTTP API's contract: OpenAPI 3.1, or its reference for people",
		RunE: func(c *cobra.Command, _ []string) error {
			var out string
			var data []byte
			var err error
			switch {
			case markdown:
				out, err = contract.Markdown()
			case problems:
				out, err = contract.ProblemsMarkdown()
			case listener == "":
				data, err = contract.All()
				out = string(data) + "\n"
			case listener == string(contract.Public), listener == string(contract.Operator):
				data, err = contract.JSON(contract.Listener(listener))
				out = string(data) + "\n"
			default:
				return usage("--listener is %q, use public or operator", listener)
			}
			if err == nil {
				_, err = fmt.Fprint(c.OutOrStdout(), out)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&listener, "listener", "", "public or operator (default: both)")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "the reference, as docs/api-reference.md")
	cmd.Flags().BoolVar(&problems, "problems", false, "the problem types, as docs/problems.md")
	cmd.MarkFlagsMutuallyExclusive("listener", "markdown", "problems")
	return cmd
}
