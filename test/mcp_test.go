package test

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/doorward/doorward/api/auth"
	"github.com/doorward/doorward/policy"
)

const mcpConfig = `
tenant: acme
identity: {backend_signed: true}
listen: {public: "127.0.0.1:0", operator: "127.0.0.1:0"}
sources:
  - name: docs
    type: directory
    path: ./documents
    mapping: [{match: "board/**", set: {groups: [board]}}, {match: "*", set: {groups: [staff]}}]
`

// mcpFolder has one document for everybody and one for the board.
func mcpFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "doorward.yaml"), []byte(mcpConfig))
	write(t, filepath.Join(dir, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	write(t, filepath.Join(dir, "documents", "board", "plan.txt"), []byte("The northern yard and its crane close in March."))
	must(t, dir, "keys", "init")
	must(t, dir, "ingest")
	return dir
}

// bearer adds a token to every request.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func TestMCPOverHTTP(t *testing.T) {
	dir := mcpFolder(t)
	b := register(t, dir, "agent")
	url, stop := serve(t, dir)
	defer stop()
	token, err := auth.Mint(b.assertion, "doorward", policy.Subject{ID: "ann", Tenant: "acme", Groups: []string{"staff"}, Authn: policy.Authn{Backend: "agent"}}, time.Now(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	transport := &sdk.StreamableClientTransport{Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: bearer{token}}, DisableStandaloneSSE: true}
	useTools(t, transport)

	bad := &sdk.StreamableClientTransport{Endpoint: url + "/mcp", HTTPClient: &http.Client{Transport: bearer{token + "x"}}, DisableStandaloneSSE: true}
	if _, err := client().Connect(context.Background(), bad, nil); err == nil {
		t.Error("a forged token was let in")
	}
}

func TestMCPOverStdio(t *testing.T) {
	dir := mcpFolder(t)
	cmd := exec.Command(doorward(t), "mcp", "--user", "ann", "--group", "staff")
	cmd.Dir = dir
	useTools(t, &sdk.CommandTransport{Command: cmd})
}

func client() *sdk.Client {
	return sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
}

// useTools searches and fetches as somebody who may not see the board's plan.
func useTools(t *testing.T, transport sdk.Transport) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := client().Connect(ctx, transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call := func(tool string, args map[string]any) (string, bool) {
		r, err := s.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: args})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, c := range r.Content {
			if tc, ok := c.(*sdk.TextContent); ok {
				text.WriteString(tc.Text)
			}
		}
		return text.String(), r.IsError
	}
	found, failed := call("search", map[string]any{"query": "crane"})
	if failed || !strings.Contains(found, "Tuesdays") || strings.Contains(found, "northern") {
		t.Errorf("search gave %s", found)
	}
	page, failed := call("fetch", map[string]any{"id": "crane.txt"})
	if failed || !strings.Contains(page, "Tuesdays") {
		t.Errorf("fetch gave %s", page)
	}
	forbidden, failed1 := call("fetch", map[string]any{"id": "board:plan.txt"})
	missing, failed2 := call("fetch", map[string]any{"id": "nowhere.txt"})
	if !failed1 || !failed2 || forbidden != missing {
		t.Errorf("forbidden %q and missing %q differ", forbidden, missing)
	}
}
