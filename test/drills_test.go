package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDrills runs the runbook: each section's commands, as they stand, on a copy
// of a small Doorward. Each must succeed.
func TestDrills(t *testing.T) {
	page, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	small := t.TempDir()
	write(t, filepath.Join(small, "doorward.yaml"), []byte(leakConfig))
	write(t, filepath.Join(small, "documents", "salaries.txt"), []byte("The salaries are paid on the first day of the month."))
	write(t, filepath.Join(small, "documents", "crane.txt"), []byte("The harbour crane is repaired on Tuesdays."))
	must(t, small, "keys", "init")
	must(t, small, "keys", "backend", "chatbot")
	must(t, small, "ingest")
	sections := strings.Split(string(page), "\n## ")[1:]
	for _, section := range sections {
		name, _, _ := strings.Cut(section, "\n")
		t.Run(name, func(t *testing.T) {
			block := regexp.MustCompile("(?s)```console\n(.*?)```").FindStringSubmatch(section)
			if block == nil {
				t.Fatal("it has no commands")
			}
			dir := filepath.Join(t.TempDir(), "copy")
			if out, err := exec.Command("cp", "-a", small, dir).CombinedOutput(); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			for line := range strings.Lines(block[1]) {
				cmd := exec.Command("bash", "-c", strings.TrimPrefix(strings.TrimSpace(line), "$ "))
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(doorward(t))+":"+os.Getenv("PATH"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", strings.TrimSpace(line), err, out)
				}
			}
		})
	}
	alerts, err := os.ReadFile("../configs/monitoring/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`runbook\.md#([a-z-]+)`).FindAllStringSubmatch(string(alerts), -1) {
		found := false
		for _, section := range sections {
			title, _, _ := strings.Cut(section, "\n")
			found = found || regexp.MustCompile(`[^a-z -]`).ReplaceAllString(strings.ReplaceAll(strings.ToLower(title), " ", "-"), "") == m[1]
		}
		if !found {
			t.Errorf("an alert points to the runbook's #%s, which is not there", m[1])
		}
	}
}

// TestNamedTestsExist holds the tests that documents name to the code.
func TestNamedTestsExist(t *testing.T) {
	have := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(source), -1) {
			have[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../SECURITY.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(string(text), -1) {
			if !have[m[1]] {
				t.Errorf("%s names %s, which does not exist", filepath.Base(page), m[1])
			}
		}
	}
}
