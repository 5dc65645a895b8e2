package main

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/configs"
)

// opened is an initialised, empty Doorward.
func opened(t *testing.T) *app.App {
	t.Helper()
	dir := t.TempDir()
	var out bytes.Buffer
	if code := Main([]string{"init", dir}, strings.NewReader(""), &out, &out); code != 0 {
		t.Fatal(out.String())
	}
	cfg, err := configs.Load(filepath.Join(dir, "doorward.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sources = append(cfg.Sources, configs.Source{Name: "pushed", Type: "push"}) // without one, nothing takes documents
	a, err := app.Open(context.Background(), cfg, app.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// TestEveryRouteIsDescribed holds both listeners to the contract, both ways.
func TestEveryRouteIsDescribed(t *testing.T) {
	f, err := openFaces(opened(t))
	if err != nil {
		t.Fatal(err)
	}
	for l, have := range map[contract.Listener][]contract.Route{contract.Public: f.publicRoutes, contract.Operator: f.operatorRoutes} {
		described, err := contract.Routes(l)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range have {
			if !slices.Contains(described, r) {
				t.Errorf("%s listener: %s %s is answered and not described in api/contract/*.yaml", l, r.Method, r.Path)
			}
		}
		for _, r := range described {
			if !slices.Contains(have, r) {
				t.Errorf("%s listener: %s %s is described and not answered", l, r.Method, r.Path)
			}
		}
	}
}
