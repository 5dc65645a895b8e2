package train

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/doorward/doorward/sanitize/injection"
)

// WriteCard writes the detector card: what the detector is, on which data it was
// judged, when, at which thresholds and with which limits.
func WriteCard(w io.Writer, r Result, m Manifest, on time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, `# Detector card: embedded instructions

Written by `+"`doorward train --card`"+` on %s. Weights %s (%d bytes).

**What.** Package sanitize/injection: rules over word classes in some 25 languages, a logistic regression over hashed
character 3-5-grams, words, word pairs, phrase slots and structure, and separate thresholds for visible, hidden, encoded
and forged-turn text. It marks the sentences or the markup that carry an instruction addressed to a model.

**For.** Scanning documents at ingest and the joins between passages at query time. It lowers the number of attacks
that reach a model. It is a published rate, not a promise: the promises rest on access checks and on the output filter.

**How it was judged.** Leave one family out: each family of attacks is found by a model that saw neither the family nor
its strings in other carriers, nor the benign repositories of the same fold. Random folds would flatter it, because
families repeat their templates. Rules, lexicon and grammars were written by people who had read samples of the
training families, except those marked "unread" below: their own files were not opened, but a few of
their strings stand in other families' documents and were seen there.

**Thresholds.** Scores are calibrated so that %.2f flags about 1 %% of ordinary benign texts; %.2f about 0.1 %%; %.2f is for triage
by people. Cuts (logits) by layer: plain %.2f, hidden %.2f, encoded %.2f, forged turn %.2f. Half of what a
text's fifth most suspicious block scores above -4, at most 1.5, is added to the plain cut, and 0.1 for each doubling of its
blocks, up to 64; elements hidden by style take 0.5 off the hidden one.

`, on.Format(time.DateOnly), r.SHA256, r.Bytes, injection.ThresholdDefault, injection.ThresholdStrict, injection.ThresholdWide,
		r.Report.Cut[0], r.Report.Cut[1], r.Report.Cut[2], r.Report.Cut[3])
	cardTable(&b, "Overt injections by family", append(slices.Clone(r.Report.Families), r.Report.Macro))
	cardTable(&b, "Overt injections in documents by delivery", r.Report.Channels)
	cardTable(&b, "Plain tasks without override wording (not claimed)", r.Report.NonOvert)
	cardTable(&b, "Benign texts flagged, by kind", r.Report.Benign)
	fmt.Fprintf(&b, `Removal at the default threshold: %.1f %% of injected bytes inside findings (mean over families), %.2f %% of the other bytes of
poisoned documents and %.3f %% of the bytes of ordinary benign documents.

Sentences that tell a reader to do something, outside injections, kept whole at the default threshold:
%s.

## Limits

- A plain task without any override wording looks like a legitimate imperative; so does an order in business prose.
- Direct prompts of users are not what it is for; families of them are listed for comparison.
- Pages that hold real prompts (prompt-engineering guides) are flagged often; so are quoted attacks unless quotations
  are kept.
- A text filled with blocks that are nearly flagged themselves raises the threshold of the rest by up to 2.1 logits.
- The forms it knows are those of 2023 to 2026. An adaptive attacker who may query it will get past it.
- Languages outside the lexicon rest on n-grams only.

## Data

`, 100*r.Report.Removed, 100*r.Report.Collateral, 100*r.Report.BenignCut, directivesKept(r.Report.Directives))
	for _, f := range m.Files {
		fmt.Fprintf(&b, "- %s (%s), SHA-256 %s: %s\n", f.Name, f.License, f.SHA256, strings.Join(f.Sources, ", "))
	}
	b.WriteString("- synthetic positives and hard negatives from cmd/internal/train/grammar, made with the seed\n\nFiles not under injection/ give harmless texts to train on and are not scored here.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func directivesKept(rates []Rate) string {
	var list []string
	for _, d := range rates {
		list = append(list, fmt.Sprintf("%s %.2f %% of %d", d.Name, 100*d.Own, d.N))
	}
	return strings.Join(list, "; ")
}

func cardTable(b *strings.Builder, title string, rates []Rate) {
	fmt.Fprintf(b, "## %s\n\n| | texts | at 1 %% | at 0.1 %% | default |\n|---|--:|--:|--:|--:|\n", title)
	for _, f := range rates {
		name := f.Name
		if slices.Contains(Unread, name) {
			name += " (unread)"
		}
		fmt.Fprintf(b, "| %s | %d | %.1f | %.1f | %.1f |\n", name, f.N, 100*f.AtOne, 100*f.AtTen, 100*f.Own)
	}
	b.WriteString("\n")
}
