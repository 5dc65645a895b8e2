package main

import (
	"net/http"

	"github.com/spf13/cobra"

	"github.com/doorward/doorward/api"
	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/api/mcp"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/policy"
)

func mcpCommand(g *global) *cobra.Command {
	var s policy.Subject
	cmd := &cobra.Command{
		Use: "mcp --user ID", Short: "Serve the search and fetch tools to one user's agent over standard input and output", Args: noArgs,
		Long: `Speaks the Model Context Protocol on standard input and output, for one user on
the machine that holds the data and its keys: whoever can run this can already
read everything. Agents elsewhere connect to /mcp of a running service with an
OAuth bearer token.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := g.load()
			if err != nil {
				return err
			}
			a, err := app.Open(c.Context(), cfg, app.Options{Log: quiet(cfg, c.ErrOrStderr()), AllowDemoKeys: true})
			if err != nil {
				return err
			}
			defer a.Close()
			tools, err := openMCP(a, nil)
			if err != nil {
				return err
			}
			if s.Tenant == "" {
				s.Tenant = cfg.Tenant
			}
			s.Authn.Backend = "local"
			return tools.Stdio(c.Context(), s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.ID, "user", "", "the user's id")
	f.StringVar(&s.Tenant, "tenant", "", "the tenant (default: the configuration's)")
	f.StringSliceVar(&s.Groups, "group", nil, "a group the user is in; may be repeated")
	f.Int64Var(&s.Clearance, "clearance", 0, "the user's clearance")
	_ = cmd.MarkFlagRequired("user")
	return cmd
}

// openMCP makes the tools; face, if given, proves who calls over HTTP.
func openMCP(a *app.App, face *api.API) (*mcp.Tools, error) {
	c := mcp.Config{Service: a.Service, TopK: a.Config.Prompt.TopK, Budget: a.Config.Prompt.Budget, Version: version()}
	if face != nil {
		c.Typed, c.Refuse = api.JSON, face.Refuse
		c.Authenticate = func(r *http.Request, request string) (policy.Subject, string, error) {
			s, b, err := face.Token(r, request, auth.Retrieve)
			if err != nil {
				return policy.Subject{}, "", err
			}
			purpose, err := face.Purpose(r, request, b)
			return s, purpose, err
		}
	}
	return mcp.New(c)
}
