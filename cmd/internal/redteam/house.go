package redteam

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys/local"
	"github.com/doorward/doorward/retrieval"
)

// house is a whole service in a directory of its own: catalog, index, policy,
// ingest and retrieval, as `doorward serve` puts them together.
type house struct {
	*app.App
	dir string
}

// tenant and group of everybody in the house.
const (
	tenant = "redteam"
	staff  = "staff"
)

// houseConfig keeps one source from filling a prompt, which is what technique
// 118 tries.
const houseConfig = `data: %q
keys: %q
tenant: redteam
schema:
  document: {public: bool, owner: string, groups: set<string>}
  access: [public, owner, groups]
identity: {audience: redteam, backend_signed: true}
prompt: {per_source: 2, diversity: 0.3}
extract: {in_process: true}
quota: {state: "off"}
log: {level: error}
`

// openHouse sets one up in a temporary directory.
func openHouse(ctx context.Context) (_ *house, err error) {
	h := &house{}
	if h.dir, err = os.MkdirTemp("", "doorward-redteam-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(h.dir)
		}
	}()
	keys, file := filepath.Join(h.dir, "keys"), filepath.Join(h.dir, "doorward.yaml")
	if err := local.Create(keys, true); err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, houseConfig, filepath.Join(h.dir, "data"), keys), 0o600); err != nil {
		return nil, err
	}
	c, err := configs.Load(file)
	if err != nil {
		return nil, err
	}
	h.App, err = app.Open(ctx, c, app.Options{AllowDemoKeys: true})
	return h, err
}

// close stops the parts and removes what they wrote.
func (h *house) close() {
	if h.App != nil {
		_ = h.App.Close()
	}
	_ = os.RemoveAll(h.dir)
}

// shelf is a source of a few documents in memory.
type shelf struct {
	name  string
	items []ingest.Item
}

func (s *shelf) Name() string { return s.name }

func (s *shelf) Walk(_ context.Context, fn func(ingest.Item) error) error {
	for _, i := range s.items {
		if err := fn(i); err != nil {
			return err
		}
	}
	return nil
}

// put adds a document for some groups.
func (s *shelf) put(id, name, text string, groups ...string) {
	s.items = append(s.items, ingest.Item{
		ID: id, URI: s.name + "/" + id, Name: name, Size: int64(len(text)), Attributes: map[string]any{"groups": groups},
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil },
	})
}

// take ingests a shelf and returns what became of each document, in order.
func (h *house) take(ctx context.Context, s *shelf) ([]ingest.Event, error) {
	var events []ingest.Event
	_, err := h.Pipeline.Run(ctx, s, ingest.Options{Tenant: tenant, Progress: func(e ingest.Event) { events = append(events, e) }})
	return events, err
}

// ask retrieves for a member of some groups.
func (h *house) ask(ctx context.Context, question string, groups ...string) ([]retrieval.Passage, error) {
	a, err := h.Service.Retrieve(ctx, retrieval.Request{
		ID: "redteam", Question: question, TopK: 8, Budget: 4000,
		Subject: policy.Subject{ID: "eve", Tenant: tenant, Groups: groups, Authn: policy.Authn{Backend: "redteam"}},
		Context: policy.Context{Now: time.Now(), Destination: "internal", Action: "read"},
	})
	return a.Passages, err
}
