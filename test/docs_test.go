package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestRecipesAreTheFilesThatRun holds docs/recipes.md to the files that
// `make clients` runs.
func TestRecipesAreTheFilesThatRun(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "recipes.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)`(test/clients/[^`]+)`\n\n```[a-z]*\n(.*?)\n```\n").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 5 {
		t.Fatalf("only %d recipes", len(blocks))
	}
	for _, b := range blocks {
		file, err := os.ReadFile(filepath.Join("..", b[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		if strings.TrimRight(string(file), "\n") != b[2] {
			t.Errorf("the block for %s differs from the file", b[1])
		}
	}
}

// TestLinksOfTheDocuments follows every relative link of the README and docs.
func TestLinksOfTheDocuments(t *testing.T) {
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../README.md", "../SECURITY.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(page), m[1])
			}
		}
	}
}
