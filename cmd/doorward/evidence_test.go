package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/cmd/internal/app"
	"github.com/doorward/doorward/cmd/internal/evidence"
	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/keys/local"
)

// inside runs a command within the process that has the data directory open.
func inside(t *testing.T, a *app.App, args ...string) (out string, code int) {
	t.Helper()
	var o bytes.Buffer
	code = execute(t.Context(), &global{args: args, owner: &owner{app: a, dir: t.TempDir()}}, strings.NewReader(""), &o, &o)
	return o.String(), code
}

// repacked is a copy of a tar file with its files changed; nil data leaves one out.
func repacked(t *testing.T, file string, change func(name string, data []byte) []byte) string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	to := filepath.Join(t.TempDir(), "altered.tar")
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := tar.NewWriter(out)
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		data, _ := io.ReadAll(r)
		if h.Typeflag == tar.TypeReg {
			if data = change(h.Name, data); data == nil {
				continue
			}
			h.Size = int64(len(data))
		}
		if err != nil || w.WriteHeader(h) != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestEvidence collects evidence about everything, a person and a document,
// proves it with the public keys alone, and finds nothing readable in it. What
// was altered, left out or signed with other keys is refused.
func TestEvidence(t *testing.T) {
	a, _ := erasureService(t, func(c *configs.Config) {
		c.Review.Local.Factors = []string{"mfa"}
	})
	for i := range 3 {
		probe(t, a, i)
	}
	for _, args := range [][]string{
		{"erase", "--document", "ann-005.txt", "--reason", "she asked"},
		{"contain", "hold", "--ahead", "--destination", "elsewhere", "--reason", "an incident"}} {
		if out, code := inside(t, a, args...); code != 0 {
			t.Fatalf("%v: %s", args, out)
		}
	}
	if err := a.Catalog.AddNote(t.Context(), "default", "ann-000.txt", catalog.Note{At: a.Now(), Who: "os:test", Act: "note", Note: "looked at"}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	collect := func(name string, args ...string) (string, evidence.Verified) {
		t.Helper()
		file := filepath.Join(dir, name)
		if out, code := inside(t, a, append([]string{"evidence", file, "--reason", "a review"}, args...)...); code != 0 {
			t.Fatalf("%v: %s", args, out)
		}
		public := filepath.Join(dir, name+".keys") // what a reviewer has
		if err := os.Mkdir(public, 0o700); err != nil {
			t.Fatal(err)
		}
		data, _ := os.ReadFile(filepath.Join(a.Config.Keys, local.PublicFile))
		if err := os.WriteFile(filepath.Join(public, local.PublicFile), data, 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if code := Main([]string{"evidence", "verify", file, "--keys", public, "--json"}, nil, &out, &errs); code != 0 {
			t.Fatalf("verifying %s: %s", name, errs.String())
		}
		var v evidence.Verified
		if err := json.Unmarshal(out.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		return file, v
	}
	all, v := collect("all.tar", "--since", "1h")
	if v.Proofs < 300 || v.Receipts != 299 || v.Erasures != 1 || v.Manifest.Documents != 300 || !v.Manifest.Log.Intact {
		t.Errorf("everything: %d proofs, %d receipts, %d erasures, %+v", v.Proofs, v.Receipts, v.Erasures, v.Manifest.Log)
	}
	_, v = collect("person.tar", "--subject", "user-1")
	if v.Proofs != 1 || v.Manifest.Documents == 0 || v.Manifest.Selection.Subject == "" {
		t.Errorf("a person who asked once: %d proofs, %d documents", v.Proofs, v.Manifest.Documents)
	}
	_, v = collect("owner.tar", "--subject", "ann")
	if v.Proofs != 0 || v.Manifest.Documents != 99 {
		t.Errorf("a person named by documents: %d proofs, %d documents", v.Proofs, v.Manifest.Documents)
	}
	one, of := collect("document.tar", "--document", "ann-005.txt")
	if of.Proofs < 3 || of.Erasures != 1 || of.Manifest.Documents < 1 {
		t.Errorf("an erased document: %d proofs, %d erasures", of.Proofs, of.Erasures)
	}
	if _, err := local.RotateSigning(a.Config.Keys); err != nil {
		t.Fatal(err)
	}
	collect("rotated.tar")

	texts, _ := patterns()
	private, _ := os.ReadFile(filepath.Join(a.Config.Keys, local.SigningFile))
	data, _ := os.ReadFile(all)
	for _, p := range append(texts, private[len(private)/3:2*len(private)/3], []byte("user-1")) {
		if bytes.Contains(data, p) {
			t.Fatal("text, a key or a user's name is readable in the file")
		}
	}
	for _, want := range []string{"looked at", "elsewhere", "she asked"} {
		if !bytes.Contains(data, []byte(want)) && want != "she asked" { // the erasure's reason is sealed
			t.Errorf("%q is not in it", want)
		}
	}
	refusals(t, a, one)
}

// refusals alters a file of evidence in every place.
func refusals(t *testing.T, a *app.App, file string) {
	t.Helper()
	verify := func(file, keys string) error { return verifyEvidence(t, file, keys) }
	var names []string
	repacked(t, file, func(name string, data []byte) []byte { names = append(names, name); return data })
	for _, target := range names {
		if err := verify(repacked(t, file, func(name string, data []byte) []byte {
			if name == target {
				data = bytes.Clone(data)
				data[len(data)/2] ^= 1
			}
			return data
		}), a.Config.Keys); err == nil {
			t.Errorf("a changed %s was not noticed", target)
		}
		if err := verify(repacked(t, file, func(name string, data []byte) []byte {
			if name == target {
				return nil
			}
			return data
		}), a.Config.Keys); err == nil {
			t.Errorf("%s left out was not noticed", target)
		}
	}
	if err := verify(repacked(t, file, func(_ string, data []byte) []byte { return data }), a.Config.Keys); err != nil {
		t.Errorf("unaltered: %v", err)
	}
	other := filepath.Join(t.TempDir(), "keys")
	if err := local.Create(other, false); err != nil {
		t.Fatal(err)
	}
	if err := verify(file, other); err == nil {
		t.Error("other keys accepted it")
	}
}

func verifyEvidence(t *testing.T, file, keys string) error {
	t.Helper()
	v, err := local.OpenVerifier(keys)
	if err != nil {
		t.Fatal(err)
	}
	_, err = evidence.Verify(t.Context(), file, v, nil)
	return err
}
