// Package card writes the cards that say what a detector was made from and what a
// policy decides, from the parts themselves, so that they cannot say otherwise.
package card

import (
	"fmt"
	"io"
	"strings"

	"github.com/doorward/doorward/cmd/internal/train"
)

// Data writes the data card: every file that the injection model was trained on,
// with origin, licence and hash, as Markdown.
func Data(w io.Writer, m train.Manifest) error {
	var b strings.Builder
	b.WriteString("# Data card: what the injection model is made from\n\nWritten by `doorward card data` from the training manifest.\n\n")
	b.WriteString(`**What for.** The model that finds embedded instructions (see the [detector card](detector-card.md)). The scanners for secrets and
personal data are rules and check digits; no data was used to fit them.

**How it is used.** Each family of attacks is left out in turn and found by a model that never saw it, which sets thresholds and
figures; then everything is trained on. A file whose hash differs from the one below is refused. Texts are not in the
repository and not in the program: the weights are counts of hashed features, from which no text can be read back.

`)
	labelled, everyday := split(m.Files)
	fmt.Fprintf(&b, "## Labelled texts\n\nAttacks and harmless texts, by file; scored when their family is left out.\n\n%s", table(labelled, false))
	fmt.Fprintf(&b, "\n## Harmless texts from elsewhere\n\nTrained on as harmless, every so-many-th text, and not scored.\n\n%s", table(everyday, true))
	fmt.Fprintf(&b, "\n## Made by grammars\n\nThe grammars are in `cmd/internal/train/grammar` and Apache-2.0 like everything else; seed %d.\n\n| grammar | texts |\n|---|--:|\n", m.Seed)
	for _, g := range train.Grammars() {
		fmt.Fprintf(&b, "| %s | %d |\n", g.Name, g.Texts)
	}
	b.WriteString(`
## Licences and people

Licences are as the sources state them; [NOTICE](../NOTICE) repeats what they ask for. Share-alike texts are trained on, not
distributed. The sets are public; personal data in them is what their publishers left in, invented or already published. Whoever
trains on own data (` + "`doorward train --from`" + `) should read the same questions: whose texts, under which licence, with whose data in them.

## Limits

- Mostly English; other languages stand in the grammars, in word lists and in the clinical notes.
- Attacks are those that were published up to 2026; none was collected from users.
- Families repeat their templates: counts of texts say little, counts of families more.
`)
	_, err := io.WriteString(w, b.String())
	return err
}

func split(files []train.File) (labelled, everyday []train.File) {
	for _, f := range files {
		if f.Everyday > 0 {
			everyday = append(everyday, f)
		} else {
			labelled = append(labelled, f)
		}
	}
	return labelled, everyday
}

func table(files []train.File, every bool) string {
	var b strings.Builder
	head, rule := "| file | licence | from | SHA-256 |\n", "|---|---|---|---|\n"
	if every {
		head, rule = "| file | every | licence | from | SHA-256 |\n", "|---|--:|---|---|---|\n"
	}
	b.WriteString(head + rule)
	for _, f := range files {
		nth := ""
		if every {
			nth = fmt.Sprintf(" %d |", f.Everyday)
		}
		fmt.Fprintf(&b, "| %s |%s %s | %s | `%.16s…` |\n", f.Name, nth, cell(f.License), cell(strings.Join(f.Sources, ", ")), f.SHA256)
	}
	return b.String()
}

// cell keeps text from ending a table's cell.
func cell(text string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(text) }
