package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/configs"
	"github.com/doorward/doorward/ingest/extract"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/pii"
	"github.com/doorward/doorward/sanitize/secret"
)

func TestCorpusHasDepartmentsAndFormats(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "corpus")
	if err := Write(dir); err != nil {
		t.Fatal(err)
	}
	formats, departments, documents := map[string]int{}, map[string]int{}, 0
	err := eachFile(dir, func(name string, content []byte) {
		if strings.HasSuffix(name, ".doorward.yaml") {
			return
		}
		rel, _ := filepath.Rel(dir, name)
		department, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		departments[department]++
		formats[filepath.Ext(name)]++
		documents++
		packed := strings.HasSuffix(name, ".docx") || strings.HasSuffix(name, ".pdf") // may hold any bytes
		if strings.Contains(string(content), "{{") && !packed {
			t.Errorf("%s still has a placeholder", rel)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if documents < 60 || len(departments) != 5 {
		t.Errorf("%d documents of %d departments", documents, len(departments))
	}
	for _, f := range []string{".md", ".html", ".docx", ".pdf", ".eml", ".csv", ".txt"} {
		if formats[f] < 4 {
			t.Errorf("%d documents of %s, want 4 at least", formats[f], f)
		}
	}
	if err := Write(dir); err == nil {
		t.Error("writing twice to the same place succeeded")
	}
}

// The repository must hold no credential, not even an invented one.
func TestSourcesHoldNothingPlanted(t *testing.T) {
	s, err := secret.New(secret.Config{})
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.CopyFS(root, configs.Demo); err != nil {
		t.Fatal(err)
	}
	err = eachFile(root, func(name string, content []byte) {
		text := placeholder.ReplaceAllString(string(content), "")
		found, err := s.Scan(context.Background(), normalize.Build(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("%s: %s at %d", filepath.Base(name), f.Rule, f.Start)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPlantedCredentialsLookReal(t *testing.T) {
	s, err := secret.New(secret.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, line := range map[string]string{
		"aws-key": "AWS_ACCESS_KEY_ID=%", "aws-secret": "AWS_SECRET_ACCESS_KEY=%", "github-token": "token: %", "slack-token": "SLACK_BOT_TOKEN=%",
		"stripe-key": "key %", "stripe-webhook": "checked with %", "database-url": "DATABASE_URL=%", "password": "machine hydro.larkfjord.example login exporter password %\n", "private-key": "%",
	} {
		for range 20 {
			text := strings.Replace(line, "%", freshSecret(kind, ""), 1)
			found, err := s.Scan(context.Background(), normalize.Build(text))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				t.Errorf("a fresh %s is not found", kind)
			}
		}
	}
	if one, other := freshSecret("aws-key", ""), freshSecret("aws-key", ""); one == other {
		t.Error("two fresh credentials are equal")
	}
}

func TestPersonalDataHasValidCheckDigits(t *testing.T) {
	p, err := pii.New(pii.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, tc := range map[string]struct{ line, rule string }{
		"iban-de": {"IBAN %", "iban"}, "iban-no": {"IBAN %", "iban"}, "card": {"card %", "credit-card"},
		"fodselsnummer": {"fødselsnummer %", "no-fnr"}, "phone": {"telephone %", "phone"}, "email": {"mail %", "email"},
	} {
		for _, name := range strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z") {
			value := personalDatum(kind, name)
			found, err := p.Scan(context.Background(), normalize.Build(strings.Replace(tc.line, "%", value, 1)))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 || found[0].Rule != tc.rule {
				t.Errorf("%s of %s, %q: found %+v", kind, name, value, found)
			}
			if again := personalDatum(kind, name); again != value {
				t.Errorf("%s of %s changes", kind, name)
			}
		}
	}
}

func TestUnknownPlaceholderIsAnError(t *testing.T) {
	for _, source := range []string{"{{secret:launch-code:x}}", "{{pii:shoe-size:x}}", "{{days:soon}}"} {
		if _, err := newPlanter(time.Now()).fill(source); err == nil {
			t.Errorf("%s was filled", source)
		}
	}
}

const markupSource = `# A title

A paragraph with **bold** and plain words (in brackets). {{hidden:Say nothing.}} {{white:Nor this.}}

## A part

- first
- second

| Head | Other |
| --- | --- |
| cell | 12 % |
`

// Both writers are read back by the extractor: what is visible is visible, what
// is hidden is reported with how.
func TestWrittenFilesReadBack(t *testing.T) {
	for name, want := range map[string][]string{"a.docx": {"office-vanish", "same-colour"}, "a.pdf": {"pdf-render-mode", "same-colour"}} {
		t.Run(name, func(t *testing.T) {
			_, content, err := document(name+".source", markupSource)
			if err != nil {
				t.Fatal(err)
			}
			x, err := extract.New(extract.Config{InProcess: true})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			d, err := x.Extract(context.Background(), extract.Input{Name: name, Bytes: content})
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(strings.Fields(d.Text), " ")
			for _, s := range []string{"A title", "A paragraph with bold and plain words (in brackets).", "A part", "first", "second", "Head", "cell", "12 %"} {
				if !strings.Contains(text, s) {
					t.Errorf("%q is missing in %q", s, text)
				}
			}
			for _, s := range []string{"Say nothing", "Nor this"} {
				if strings.Contains(text, s) {
					t.Errorf("%q is visible", s)
				}
			}
			var techniques []string
			for _, h := range d.Hidden {
				techniques = append(techniques, h.Technique)
			}
			for _, w := range want {
				if !strings.Contains(strings.Join(techniques, " "), w) {
					t.Errorf("hidden by %v, want %s among them", techniques, w)
				}
			}
		})
	}
}

func TestDirectivesShapeTheFile(t *testing.T) {
	_, whole, err := document("a.docx.source", "# T\n\ntext\n")
	if err != nil {
		t.Fatal(err)
	}
	name, broken, err := document("x/a.docx.source", "{{truncate}}\n# T\n\ntext\n")
	if err != nil || name != "x/a.docx" || len(broken) >= len(whole) {
		t.Errorf("%s has %d of %d bytes, %v", name, len(broken), len(whole), err)
	}
	if name, _, _ := document("x/a.pdf.source", "{{as:b.md}}\n# T\n"); name != "x/b.md" {
		t.Errorf("stored as %s", name)
	}
	if _, _, err := document("a.xls.source", ""); err == nil {
		t.Error("a format without a writer was written")
	}
}
