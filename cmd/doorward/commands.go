package main

import "github.com/spf13/cobra"

// commands is the whole list, in the order help shows nothing of: cobra sorts.
func commands(g *global) []*cobra.Command {
	return []*cobra.Command{
		auditCommand(g), configCommand(g), demoCommand(g), evalCommand(g), filterCommand(g), fsckCommand(g), ingestCommand(g), initCommand(g), keysCommand(g), mcpCommand(g),
		policyCommand(g), quarantineCommand(g), redteamCommand(g), scanCommand(g), serveCommand(g), trainCommand(g), versionCommand(g),
	}
}
