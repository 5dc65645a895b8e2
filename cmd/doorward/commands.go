package main

import "github.com/spf13/cobra"

// commands is the whole list, one to a line; cobra sorts them for its help.
func commands(g *global) []*cobra.Command {
	return []*cobra.Command{
		auditCommand(g),
		backupCommand(g),
		cardCommand(g),
		configCommand(g),
		containCommand(g),
		demoCommand(g),
		eraseCommand(g),
		evalCommand(g),
		evidenceCommand(g),
		filterCommand(g),
		fsckCommand(g),
		holdCommand(g),
		ingestCommand(g),
		initCommand(g),
		keysCommand(g),
		lineageCommand(g),
		manifestCommand(g),
		mcpCommand(g),
		openapiCommand(g),
		pinsCommand(g),
		policyCommand(g),
		quarantineCommand(g),
		quotaCommand(g),
		readyCommand(g),
		redteamCommand(g),
		reindexCommand(g),
		rescanCommand(g),
		restoreCommand(g),
		scanCommand(g),
		serveCommand(g),
		trainCommand(g),
		versionCommand(g),
	}
}
