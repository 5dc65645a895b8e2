package contract_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/api/contract"
	"github.com/doorward/doorward/api/contract/contracttest"
)

// TestContractIsOpenAPI validates the documents of both listeners.
func TestContractIsOpenAPI(t *testing.T) {
	for _, l := range []contract.Listener{contract.Public, contract.Operator, ""} {
		if d := contracttest.Document(t, l); d.OpenAPI != "3.1.0" || d.Paths.Len() < 3 {
			t.Errorf("listener %q: version %s, %d paths", l, d.OpenAPI, d.Paths.Len())
		}
	}
}

// TestReferenceIsCurrent holds docs/ to what the contract says.
func TestReferenceIsCurrent(t *testing.T) {
	for file, make := range map[string]func() (string, error){"api-reference.md": contract.Markdown, "problems.md": contract.ProblemsMarkdown} {
		want, err := make()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "docs", file)
		if os.Getenv("DOORWARD_UPDATE") != "" {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("docs/%s is not current (%v): run `make reference`", file, err)
		}
	}
}

// TestProblemsAreListedOnce: two rows of one problem contradict each other in time.
func TestProblemsAreListedOnce(t *testing.T) {
	list, err := contract.Problems()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range list {
		if seen[p.Type] {
			t.Errorf("%s is listed twice", p.Type)
		}
		seen[p.Type] = true
	}
}
