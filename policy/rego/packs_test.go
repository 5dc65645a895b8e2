package rego

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestPacks loads every pack with its own schema and demands that its tests, by
// evaluation and by plan, cover all of it.
func TestPacks(t *testing.T) {
	dirs, err := filepath.Glob("../../configs/packs/*/schema.json")
	if err != nil || len(dirs) < 6 {
		t.Fatalf("%d packs, %v", len(dirs), err)
	}
	for _, d := range dirs {
		dir := filepath.Dir(d)
		document, claims, ok, err := ReadSchema(os.DirFS(dir))
		if err != nil || !ok {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		s, diags, err := Load(context.Background(), Config{Files: os.DirFS(dir), Name: filepath.Base(dir), Document: document, Claims: claims})
		if err != nil {
			t.Errorf("%s: %v\n%s", dir, err, diags)
			continue
		}
		for _, d := range diags {
			t.Errorf("%s: %s", dir, d)
		}
		report, err := s.Test(context.Background())
		if err != nil || !report.Passed() || report.Plans < 8 || report.Coverage < 100 {
			t.Errorf("%s: %v, %d plans, coverage %.1f, uncovered %v, %v", dir, err, report.Plans, report.Coverage, report.Uncovered, report.Disagreements)
		}
		if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
			t.Error(err)
		}
	}
}
