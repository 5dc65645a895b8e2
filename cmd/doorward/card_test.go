package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/card"
	"github.com/doorward/doorward/cmd/internal/train"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/policy/rego"
)

// TestCardsAreCurrent holds docs/data-card.md and docs/policy-card.md to what the
// commands write now. DOORWARD_UPDATE=1 (`make cards`) writes them anew, with
// mistakes seeded into the policy, which takes longer and is left out otherwise.
func TestCardsAreCurrent(t *testing.T) {
	update := os.Getenv("DOORWARD_UPDATE") != ""
	m, err := train.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	var data, own bytes.Buffer
	if err := card.Data(&data, m); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.PolicyConfig(configs.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := rego.Load(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var mutants *rego.Mutants
	if update {
		tried, err := rego.Mutate(t.Context(), cfg, 1)
		if err != nil {
			t.Fatal(err)
		}
		mutants = &tried
	}
	if err := card.Policy(t.Context(), &own, s, cfg.Name, mutants); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"data-card.md": data.String(), "policy-card.md": own.String()} {
		path := filepath.Join("..", "..", "docs", name)
		if update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if page, _, _ := strings.Cut(string(have), "\nMistakes seeded"); page != want {
			t.Errorf("docs/%s is not what the command writes now; run `make cards`", name)
		}
	}
}
