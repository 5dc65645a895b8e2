package test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/doorward/doorward"

// layer is one row of the table of import rules.
type layer struct {
	name string
	of   []string // packages; a trailing /* means everything below
	may  []string // what of ours they may import
}

var nouns = []string{"policy", "policy/contain", "policy/recent", "policy/heap", "policy/peer", "sanitize", "sanitize/normalize", "sanitize/match", "sanitize/fingerprint", "retrieval/embed", "retrieval/prompt", "retrieval/ticket", "retrieval/magnet", "ingest/chunk", "ingest/receipt", "ingest/manifest", "ingest/signal"}
var contracts = []string{"policy/audit", "policy/keys", "policy/quota", "retrieval/index", "ingest/catalog"}
var flows = []string{"ingest", "retrieval", "sanitize/output"}

var layers = []layer{
	{"nouns", nouns, []string{"policy", "policy/recent", "policy/heap", "policy/peer", "sanitize"}},
	{"contracts", contracts, nouns},
	{"suites", []string{"sanitize/sanitizetest", "ingest/catalog/catalogtest", "ingest/catalog/postgres/postgrestest", "ingest/extract/extracttest", "retrieval/index/indextest", "policy/quota/quotatest", "policy/keys/kms/kmstest", "ingest/source/sourcetest"}, join(nouns, contracts, []string{"ingest"})},
	{"flows", flows, join(nouns, contracts)},
	{"adapters", []string{"policy/rego/*", "policy/audit/*", "policy/keys/*", "policy/quota/*", "sanitize/secret/*", "sanitize/pii/*", "sanitize/injection/*", "sanitize/egress/*",
		"ingest/extract/*", "ingest/catalog/*", "retrieval/index/*", "retrieval/embed/*"}, join(nouns, contracts)},
	{"catalogs", []string{"ingest/catalog/sqlite", "ingest/catalog/postgres"}, join(nouns, contracts, []string{"ingest/catalog/relational"})}, // two databases, one catalog
	{"queues", []string{"ingest/queue"}, join(nouns, contracts, []string{"ingest", "ingest/catalog/postgres", "ingest/catalog/relational"})},  // they do the flow's work elsewhere
	{"sources", []string{"ingest/source/*"}, join(nouns, contracts, []string{"ingest"})},                                                      // their contract is ingest.Source
	{"edge", []string{"api/*"}, join(nouns, contracts, flows, []string{"api/*"})},
	{"root", []string{"configs"}, nil},
	{"programs", []string{"cmd/internal/*"}, []string{"*"}},
}

// own lists libraries that one package alone may import.
var own = map[string]string{
	"github.com/open-policy-agent/opa": "policy/rego",
	"github.com/zricethezav/gitleaks":  "sanitize/secret",
	"github.com/qdrant/go-client":      "retrieval/index/qdrant",
	"github.com/gin-gonic/gin":         "api",
	"github.com/pkoukk/tiktoken-go":    "retrieval/prompt",
}

func join(lists ...[]string) []string { return slices.Concat(lists...) }

func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, below := strings.CutSuffix(p, "*")
		return p == pkg || below && (strings.HasPrefix(pkg+"/", prefix))
	})
}

func layerOf(pkg string) (layer, bool) {
	for _, l := range layers {
		if slices.Contains(l.of, pkg) {
			return l, true
		}
	}
	for _, l := range layers {
		if matches(l.of, pkg) {
			return l, true
		}
	}
	return layer{}, false
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module+"/")
		if strings.HasPrefix(pkg, "test") || pkg == "cmd/doorward" {
			continue // may use everything: they put the program together or take it apart
		}
		l, ok := layerOf(pkg)
		if !ok {
			t.Errorf("%s has no row in the table of import rules", pkg)
			continue
		}
		for _, i := range p.Imports {
			if ours, ok := strings.CutPrefix(i, module+"/"); ok && !allowed(l, pkg, ours) {
				t.Errorf("%s (%s) imports %s", pkg, l.name, ours)
			}
			for lib, home := range own {
				if strings.HasPrefix(i, lib) && pkg != home && !strings.HasPrefix(pkg, home+"/") {
					t.Errorf("%s imports %s, which is %s's alone", pkg, i, home)
				}
			}
		}
	}
}

// allowed: by the layer's row, or inside one room (an adapter's own parts, or a
// suite for the contract above it).
func allowed(l layer, pkg, ours string) bool {
	if matches(l.may, ours) {
		return true
	}
	switch {
	case pkg == "retrieval/prompt" && ours == "sanitize/normalize", pkg == "ingest/signal" && ours == "sanitize/fingerprint":
		return true
	case strings.HasPrefix(ours, pkg+"/") && l.name != "nouns" && l.name != "contracts" && l.name != "flows":
		return true
	case l.name == "adapters" || l.name == "sources":
		return strings.HasPrefix(pkg, ours+"/") || sameRoom(pkg, ours)
	}
	return false
}

// sameRoom reports whether two packages lie under one adapter's folder.
func sameRoom(a, b string) bool {
	pa, pb := strings.Split(a, "/"), strings.Split(b, "/")
	return len(pa) > 2 && len(pb) > 2 && pa[0] == pb[0] && pa[1] == pb[1] && pa[2] == pb[2]
}
