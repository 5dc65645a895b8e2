package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/doorward/doorward/cmd/internal/train"
	"github.com/doorward/doorward/sanitize"
)

// injectionCase is a text with or without instructions planted in it.
type injectionCase struct {
	ID     string   `json:"id"`
	Text   string   `json:"text"`
	Label  string   `json:"label"` // "injection" or "benign"
	Kind   string   `json:"kind"`
	Family string   `json:"family"`
	Spans  [][2]int `json:"spans"` // bytes to remove
	Overt  *bool    `json:"overt"` // false: a plain task, without override wording
}

// injectionResult is what a scanner made of one text.
type injectionResult struct {
	family, kind      string
	injection, overt  bool
	score             float64 // of its likeliest finding; 0: none
	bytes, marked     int     // of the text, and of them in findings
	injected, removed int     // bytes to remove, and of them in findings
	spans             bool
	directives, kept  int // sentences that tell a reader to do something, outside injections
}

// Injection measures scanners of planted instructions: recall by family, over
// overt and other injections apart; how often benign texts of each kind are
// flagged; how much of what should go is marked, and how much else is. "at 1 %"
// is the recall at the score that flags one in a hundred of the ordinary benign
// texts (kinds benign-*), and 0 for a scanner that flags more at its highest.
func Injection(ctx context.Context, dir string, o Options) (Report, error) {
	paths, err := files(dir, "injection")
	if err != nil {
		return Report{}, fmt.Errorf("evaluating injection: %w", err)
	}
	e := injectionEval{o: o, r: Report{Name: "injection"}}
	for _, p := range paths {
		if err := lines(p, func(c injectionCase) error { return e.one(ctx, c) }); err != nil {
			return Report{}, fmt.Errorf("evaluating injection: %w", err)
		}
	}
	e.summarise()
	e.speed.report(&e.r, o)
	return e.r, nil
}

type injectionEval struct {
	o     Options
	r     Report
	speed speed
	all   []injectionResult
}

func (e *injectionEval) one(ctx context.Context, c injectionCase) error {
	found, err := e.speed.scan(ctx, e.o, c.Text)
	if err != nil {
		return err
	}
	e.r.Texts++
	found = slices.DeleteFunc(found, func(x sanitize.Finding) bool {
		return x.Kind != sanitize.Injection && x.Kind != sanitize.Hidden && x.Kind != sanitize.Template
	})
	x := injectionResult{family: c.Family, kind: c.Kind, injection: c.Label == "injection", bytes: len(c.Text),
		overt: c.Overt == nil || *c.Overt, spans: len(c.Spans) > 0}
	for _, f := range found {
		x.score = max(x.score, f.Score)
	}
	x.mark(len(c.Text), found, c.Spans)
	x.directives, x.kept = train.Kept(&train.Case{Text: c.Text, Label: c.Label, Spans: c.Spans}, found)
	e.all = append(e.all, x)
	switch {
	case x.injection && x.overt && x.score == 0:
		e.r.miss(e.o, Miss{ID: c.ID, What: "missed", Type: c.Kind})
	case !x.injection && x.score > 0:
		e.r.miss(e.o, Miss{ID: c.ID, What: "wrong", Type: c.Kind, Rule: found[0].Rule, Span: found[0].Span})
	}
	return nil
}

// mark counts the bytes inside findings and inside the spans to remove.
func (x *injectionResult) mark(n int, found []sanitize.Finding, spans [][2]int) {
	in := make([]uint8, n)
	for _, s := range spans {
		for i := max(0, s[0]); i < min(n, s[1]); i++ {
			in[i] |= 1
		}
	}
	for _, f := range found {
		for i := max(0, f.Start); i < min(n, f.End); i++ {
			in[i] |= 2
		}
	}
	for _, b := range in {
		if b&1 != 0 {
			x.injected++
		}
		if b&2 != 0 {
			x.marked++
		}
		if b == 3 {
			x.removed++
		}
	}
}

// threshold returns the lowest score that flags at most share of the ordinary
// benign texts.
func (e *injectionEval) threshold(share float64) float64 {
	var scores []float64
	for _, x := range e.all {
		if !x.injection && strings.HasPrefix(x.kind, "benign-") {
			scores = append(scores, x.score)
		}
	}
	slices.Sort(scores)
	allowed := int(share * float64(len(scores)))
	if len(scores) <= allowed {
		return 0
	}
	// Everything above this score flags no more than allowed.
	return scores[len(scores)-1-allowed]
}

func (e *injectionEval) summarise() {
	one, tenth := e.threshold(0.01), e.threshold(0.001)
	var families []string
	for _, x := range e.all {
		if x.injection && !slices.Contains(families, x.family) {
			families = append(families, x.family)
		}
	}
	slices.Sort(families)
	t := Table{Title: "families (overt injections)", Columns: []string{"recall", "at 1 %", "at 0.1 %", "removed", "collateral"}}
	for _, f := range families {
		if row, ok := e.family(f, one, tenth); ok {
			t.Rows = append(t.Rows, row)
		}
	}
	e.r.Tables = append(e.r.Tables, t, e.falseAlarms())
	for i, name := range []string{"overt.recall", "overt.recall_at_1", "overt.recall_at_01", "overt.removed", "overt.collateral"} {
		above := []float64{0, one, tenth, 0, 0}[i]
		e.r.add(bootstrap("macro."+name, len(e.all), func(w []int) float64 { return e.macro(w, families, i, above) }))
	}
	count := func(name string, in func(injectionResult) bool) {
		n, hits := 0, 0
		for _, x := range e.all {
			if in(x) {
				n++
				if x.score > 0 {
					hits++
				}
			}
		}
		e.r.add(share(name, hits, n))
	}
	kept := func(name string, in func(injectionResult) bool) {
		n, hits := 0, 0
		for _, x := range e.all {
			if in(x) {
				n, hits = n+x.directives, hits+x.kept
			}
		}
		e.r.add(share(name, hits, n))
	}
	kept("benign.directives.kept", func(x injectionResult) bool { return !x.injection && x.kind != "security-quote" })
	kept("poisoned.directives.kept", func(x injectionResult) bool { return x.injection })
	count("pooled.overt.recall", func(x injectionResult) bool { return x.injection && x.overt })
	count("pooled.non_overt.recall", func(x injectionResult) bool { return x.injection && !x.overt })
	count("benign.ordinary.flagged", func(x injectionResult) bool { return !x.injection && strings.HasPrefix(x.kind, "benign-") })
	count("benign.doc.flagged", func(x injectionResult) bool { return !x.injection && x.kind == "benign-doc" })
	count("benign.overdefense.flagged", func(x injectionResult) bool { return !x.injection && strings.HasPrefix(x.kind, "overdefense") })
	count("benign.notinject.flagged", func(x injectionResult) bool { return !x.injection && strings.Contains(x.family, "notinject") })
	count("benign.quote.flagged", func(x injectionResult) bool { return !x.injection && x.kind == "security-quote" })
}

// family is one family's row; families without overt cases have none.
func (e *injectionEval) family(name string, one, tenth float64) (Row, bool) {
	ones := make([]int, len(e.all))
	n := 0
	for i, x := range e.all {
		ones[i] = 1
		if x.injection && x.overt && x.family == name {
			n++
		}
	}
	row := Row{Name: name, N: n}
	for i, above := range []float64{0, one, tenth, 0, 0} {
		row.Values = append(row.Values, e.rate(ones, name, i, above))
	}
	return row, n > 0
}

// rate computes one column for one family: the share of overt injections that
// score above a threshold, or the shares of bytes.
func (e *injectionEval) rate(weight []int, name string, column int, above float64) float64 {
	var got, all float64
	for i, x := range e.all {
		w := float64(weight[i])
		if w == 0 || !x.injection || !x.overt || x.family != name || column > 2 && !x.spans {
			continue
		}
		switch {
		case column <= 2:
			all += w
			if x.score > above {
				got += w
			}
		case column == 3:
			all += w * float64(x.injected)
			got += w * float64(x.removed)
		default:
			all += w * float64(x.bytes-x.injected)
			got += w * float64(x.marked-x.removed)
		}
	}
	if all == 0 {
		return none
	}
	return got / all
}

func (e *injectionEval) macro(weight []int, families []string, column int, above float64) float64 {
	n := map[string]int{}
	for _, x := range e.all {
		if x.injection && x.overt {
			n[x.family]++
		}
	}
	var rates []float64
	for _, f := range families {
		if n[f] >= minCases {
			rates = append(rates, e.rate(weight, f, column, above))
		}
	}
	return mean(rates)
}

// falseAlarms counts flagged benign texts by kind, and how much of them is
// marked.
func (e *injectionEval) falseAlarms() Table {
	type count struct{ n, flagged, bytes, marked int }
	kinds := map[string]*count{}
	for _, x := range e.all {
		if x.injection {
			continue
		}
		c := kinds[x.kind]
		if c == nil {
			c = &count{}
			kinds[x.kind] = c
		}
		c.n++
		c.bytes += x.bytes
		c.marked += x.marked
		if x.score > 0 {
			c.flagged++
		}
	}
	t := Table{Title: "benign texts", Columns: []string{"flagged", "share", "bytes marked"}}
	for kind, c := range kinds {
		t.Rows = append(t.Rows, Row{Name: kind, N: c.n, Values: []float64{float64(c.flagged), ratio(c.flagged, c.n), ratio(c.marked, c.bytes)}})
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return t
}
