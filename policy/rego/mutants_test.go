package rego

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

// TestPolicyMutants seeds mistakes into the default policy and the packs, one at
// a time, and counts those that the policies' own tests notice: a policy mistake
// that opens access must not be activated. Every fifth is tried; all of some two
// hundred where DOORWARD_FUZZ is set.
func TestPolicyMutants(t *testing.T) {
	step := 5
	if os.Getenv("DOORWARD_FUZZ") != "" {
		step = 1
	}
	tried, noticed := 0, 0
	dirs, _ := filepath.Glob("../../configs/packs/*/access.rego")
	for _, file := range append(dirs, "../../configs/policies/default/access.rego") {
		dir := filepath.Dir(file)
		document, claims, own, err := ReadSchema(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		if !own {
			document = defaultSchema()
		}
		files := fstest.MapFS{}
		for _, name := range []string{"access.rego", "access_test.rego"} {
			data, err := fs.ReadFile(os.DirFS(dir), name)
			if err != nil {
				t.Fatal(err)
			}
			files[name] = &fstest.MapFile{Data: data}
		}
		r, err := Mutate(context.Background(), Config{Document: document, Claims: claims, Files: files}, step)
		if err != nil {
			t.Fatal(err)
		}
		tried, noticed = tried+r.Tried, noticed+r.Noticed
		for _, m := range r.Missed {
			t.Logf("not noticed: %s: %s:%d: %s", filepath.Base(dir), m.File, m.Line, m.What)
		}
	}
	t.Logf("%d of %d mutants noticed (%.1f %%)", noticed, tried, 100*float64(noticed)/float64(tried))
	if noticed*100 < tried*95 {
		t.Error("fewer than 95 % of the mutants were noticed")
	}
}
