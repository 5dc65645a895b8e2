package test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shown is a test as the documents name it: package and function.
var shown = regexp.MustCompile("`([a-z0-9/_]+)\\.((?:Test|Fuzz)[A-Z]\\w*)`")

// testFunctions parses the tests of a package's folder.
func testFunctions(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// exist returns the tests a text names, and complains about those that are not
// where it says.
func exist(t *testing.T, where, text string) int {
	t.Helper()
	found := shown.FindAllStringSubmatch(text, -1)
	for _, m := range found {
		if !slices.Contains(testFunctions(t, m[1]), m[2]) {
			t.Errorf("%s: there is no %s in %s", where, m[2], m[1])
		}
	}
	return len(found)
}

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// rows returns the cells of a page's table rows, without heads and rules.
func rows(page string) (list [][]string) {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		head := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|-")
		if !strings.HasPrefix(line, "| ") || head {
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		list = append(list, cells)
	}
	return list
}

// TestThreatModel holds docs/threat-model.md to the code: all threats are there,
// each with known actors and boundaries, a control, a test that exists in the
// package it is said to be in, and what is left.
func TestThreatModel(t *testing.T) {
	page := readPage(t, "threat-model.md")
	seen := map[string]int{}
	for _, cells := range rows(page) {
		id := cells[0]
		seen[id]++
		if !regexp.MustCompile(`^T\d\d$`).MatchString(id) {
			continue
		}
		if len(cells) != 6 {
			t.Errorf("%s has %d cells, not 6", id, len(cells))
			continue
		}
		for i, cell := range cells {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("%s: cell %d is empty", id, i+1)
			}
		}
		for name := range strings.FieldsSeq(cells[2]) {
			if !strings.Contains(page, "\n| "+name+" |") {
				t.Errorf("%s names %s, which the page does not explain", id, name)
			}
		}
		if exist(t, id, cells[4]) == 0 {
			t.Errorf("%s is shown by no test", id)
		}
	}
	for prefix, last := range map[string]int{"T%02d": 37, "A%d": 12, "M%d": 9, "B%d": 7} {
		for n := range last {
			if id := fmt.Sprintf(prefix, n+1); seen[id] != 1 {
				t.Errorf("%s stands there %d times, not once", id, seen[id])
			}
		}
	}
}

// TestComplianceNamesTests holds docs/compliance.md to the code: every row names
// a test that exists, every threat and every OWASP id is in some row.
func TestComplianceNamesTests(t *testing.T) {
	page := readPage(t, "compliance.md")
	list := rows(page)
	if len(list) < 50 {
		t.Fatalf("only %d rows", len(list))
	}
	years, threats := [2]map[string]bool{{}, {}}, map[int]bool{}
	for _, cells := range list {
		if exist(t, cells[0], cells[len(cells)-1]) == 0 {
			t.Errorf("%s is shown by no test", cells[0])
		}
		if strings.HasPrefix(cells[0], "LLM") {
			years[0][cells[0]], years[1][cells[1]] = true, true
			for _, m := range regexp.MustCompile(`T(\d\d)(?: to T(\d\d))?`).FindAllStringSubmatch(cells[3], -1) {
				from, to := integer(m[1]), max(integer(m[1]), integer(m[2]))
				for n := from; n <= to; n++ {
					threats[n] = true
				}
			}
		}
	}
	for n := 1; n <= 10; n++ {
		if id := fmt.Sprintf("LLM%02d", n); !years[0][id] || !years[1][id] {
			t.Errorf("%s: in the list of 2025: %v, of 2026: %v", id, years[0][id], years[1][id])
		}
	}
	for n := 1; n <= 37; n++ {
		if !threats[n] && n != 31 && n != 34 { // the log and the build are nobody's of OWASP's ten
			t.Errorf("T%02d is in no row of OWASP's", n)
		}
	}
}

func integer(digits string) (n int) {
	fmt.Sscan(digits, &n)
	return n
}
