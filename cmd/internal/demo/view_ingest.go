package demo

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doorward/doorward/ingest"
)

// opening says what is about to happen.
func (v *View) opening(r *Result, s *Stage) {
	secrets := 0
	for kind, n := range r.Planted {
		if kind != "personal-data" {
			secrets += n
		}
	}
	v.line("\n%s  the two doors of a retrieval system", v.paint(title, "DOORWARD"))
	v.line("")
	v.say("", fmt.Sprintf("Meet Larkfjord Instruments, a company that does not exist. The documents of its five departments were just written to %s, with %d fresh credentials and %d pieces of personal data planted in them, and with orders to language models, some in plain sight and some where people do not see them.",
		short(s.Corpus), secrets, r.Planted["personal-data"]))
	v.heading("The way in: every document is scanned and judged before anybody can find it")
}

// short is a path as somebody standing here would write it.
func short(path string) string {
	here, err := filepath.Abs(".")
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(rel, "..") {
		return "./" + rel
	}
	return path
}

// tally sums up documents for one row of the table.
type tally struct{ documents, indexed, cleaned, held, secrets, personal, injected, hidden int }

func (t *tally) add(d Document) {
	t.documents++
	switch d.Outcome {
	case ingest.Indexed, ingest.Unchanged:
		t.indexed++
	default:
		t.held++
	}
	if d.Outcome == ingest.Indexed && (d.Removed > 0 || len(concealed(d)) > 0) {
		t.cleaned++
	}
	t.secrets += d.Kinds["secret"]
	t.personal += d.Kinds["pii"]
	t.injected += d.Kinds["injection"]
	t.hidden += len(concealed(d))
}

func (t tally) row(name string) []string {
	out := []string{name}
	for _, n := range []int{t.documents, t.indexed, t.cleaned, t.held, t.secrets, t.personal, t.injected, t.hidden} {
		out = append(out, fmt.Sprint(n))
	}
	return out
}

// hiding puts the extractor's techniques of concealment into words. What is not
// here (page titles, mail headers, image descriptions) is dropped and scanned as
// well, but is no disguise.
var hiding = map[string]string{
	"html-comment":     "in an HTML comment",
	"css-display-none": "in an element that is not displayed",
	"same-colour":      "in the colour of the paper",
	"office-vanish":    "in a run marked as hidden",
	"pdf-render-mode":  "in invisible ink",
	"mail-alternative": "in the version of the mail that is not shown",
	"tiny-text":        "in letters too small to read",
	"front-matter":     "in the front matter",
}

// concealed lists how text was hidden in a document.
func concealed(d Document) []string {
	var out []string
	for _, rule := range slices.Sorted(maps.Keys(d.Findings)) {
		if _, ok := hiding[rule]; ok {
			out = append(out, rule)
		}
	}
	return out
}

// ingested shows what became of the documents and why.
func (v *View) ingested(r *Result) {
	departments, formats, total := map[string]*tally{}, map[string]*tally{}, &tally{}
	row := func(m map[string]*tally, key string) *tally {
		if m[key] == nil {
			m[key] = &tally{}
		}
		return m[key]
	}
	rules := map[string]int{}
	for _, d := range r.Documents {
		row(departments, d.Department).add(d)
		row(formats, d.Format).add(d)
		total.add(d)
		for rule, n := range d.Findings {
			rules[rule] += n
		}
	}
	var rows [][]string
	for _, m := range []map[string]*tally{departments, formats} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			rows = append(rows, m[k].row(k))
		}
		rows = append(rows, nil)
	}
	v.line("")
	v.table([]string{"", "docs", "indexed", "cleaned", "held", "secrets", "personal", "injected", "hidden"},
		[]string{"", "docs", "idx", "cln", "held", "sec", "pers", "inj", "hid"}, append(rows, total.row("total")))
	v.line("")
	v.say(faint, fmt.Sprintf("%.1f s. Cleaned: indexed with secrets and personal data replaced by placeholders, and orders to models cut out. Injected: such orders. Hidden: text that readers do not see; it is scanned, and then dropped.", r.Seconds))
	v.held(r)
	v.hidden(r)
	v.claims(r)
	v.line("\n%s", v.paint(strong, "Rules that matched"))
	var list []string
	for _, rule := range byCount(rules) {
		list = append(list, fmt.Sprintf("%s"+glue+"×%d", rule, rules[rule]))
	}
	for _, l := range wrap(strings.Join(list, ", "), v.width-2) {
		v.line("  %s", l)
	}
}

// byCount sorts rules, most frequent first.
func byCount(counts map[string]int) []string {
	keys := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(keys, func(a, b string) int { return counts[b] - counts[a] })
	return keys
}

// held lists the documents in quarantine.
func (v *View) held(r *Result) {
	v.line("\n%s", v.paint(strong, "Held in quarantine until a person decides"))
	for _, d := range r.Documents {
		if d.Outcome == ingest.Indexed || d.Outcome == ingest.Unchanged {
			continue
		}
		v.pair(red, pathOf(d.ID), strings.Join(d.Reasons, ", "))
		if d.Why != "" {
			for _, l := range wrap(d.Why, v.width-6) {
				v.line("      %s", l)
			}
		}
	}
}

// pathOf is a document id as the path it was made from.
func pathOf(id string) string { return strings.ReplaceAll(id, ":", "/") }

// disguises are documents whose text is visible to the extractor and yet not to
// people.
var disguises = map[string]string{"engineering:shared:telemetry-glossary.md": "in characters that have no shape"}

// hidden lists where orders to models were hidden from people.
func (v *View) hidden(r *Result) {
	v.line("\n%s", v.paint(strong, "Orders to models, hidden from people"))
	for _, d := range r.Documents {
		where := disguises[d.ID]
		if list := concealed(d); len(list) > 0 {
			where = hiding[list[0]]
		}
		if where != "" && d.Kinds["injection"] > 0 {
			v.pair("", pathOf(d.ID), where)
		}
	}
}

// claims lists documents that claim access for themselves.
func (v *View) claims(r *Result) {
	v.line("\n%s", v.paint(strong, "What documents say of themselves gives nobody access"))
	for _, d := range r.Documents {
		if c := selfClaims[d.ID]; c != "" {
			v.pair("", pathOf(d.ID), c)
		}
	}
}

var selfClaims = map[string]string{
	"legal:faroe-settlement.md": "says “groups: [everyone], public: true” in its header; its attribute file says legal, and that is who may read it",
}

// pair writes a document and something about it: on one line if there is room.
func (v *View) pair(style, document, about string) {
	if utf8.RuneCountInString(document+about)+4 <= v.width {
		v.line("  %s  %s", v.paint(yellow, document), v.paint(style, about))
		return
	}
	v.line("  %s", v.paint(yellow, document))
	for _, l := range wrap(about, v.width-6) {
		v.line("      %s", v.paint(style, l))
	}
}

// proof says what was found of the documents' own words on disk.
func (v *View) proof(s *Stage, p Proof) {
	v.line("\n%s", v.paint(strong, "At rest"))
	style := green
	if p.Found > 0 {
		style = red
	}
	v.labelled(style, fmt.Sprintf("%d found", p.Found), fmt.Sprintf("We just looked for everything that was planted, and for every longer line of the documents, %d strings in all, in the %d files (%.1f MB) under %s. Index and catalog hold keyed terms and sealed text; the keys are in %s.",
		p.Searched, p.Files, float64(p.Bytes)/1e6, short(s.Config.Data), short(s.Config.Keys)))
}
