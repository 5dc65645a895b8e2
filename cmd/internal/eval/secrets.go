package eval

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// secretCase is a text with or without a published dummy credential.
type secretCase struct {
	ID         string `json:"id"`
	Text       string `json:"text"`
	Label      string `json:"label"` // "secret" or "clean"
	Rule       string `json:"rule"`
	Secret     string `json:"secret"`      // the main value
	CleanScope string `json:"clean_scope"` // "rule": clean for that one rule only
	Secrets    []struct {
		Start int `json:"start"`
		End   int `json:"end"`
	} `json:"secrets"` // all captured values, in bytes; any of them is a hit
}

// ownFamily holds the anchor's own cases; "foreign" figures leave it out.
const ownFamily = "gitleaks_rule_cases"

// publicDocs is the file of real documents assumed clean.
const publicDocs = "clean_public_docs"

// Secrets measures scanners of credentials. A case is found when a finding
// overlaps one of its captured values, or when there is any finding where no
// value is given. Texts that are clean for one rule only are counted apart.
func Secrets(ctx context.Context, dir string, o Options) (Report, error) {
	paths, err := files(dir, "secrets")
	if err != nil {
		return Report{}, fmt.Errorf("evaluating secrets: %w", err)
	}
	e := secretEval{o: o, r: Report{Name: "secrets"}}
	for _, p := range paths {
		e.families = append(e.families, secretFamily{name: family(p)})
		if err := lines(p, func(c secretCase) error { return e.one(ctx, c) }); err != nil {
			return Report{}, fmt.Errorf("evaluating secrets: %w", err)
		}
	}
	e.summarise()
	e.speed.report(&e.r, o)
	return e.r, nil
}

type secretEval struct {
	o        Options
	r        Report
	speed    speed
	families []secretFamily
	values   []secretResult
}

type secretFamily struct {
	name                      string
	n, hits                   int
	covered                   float64
	valued                    int
	clean, flagged            int
	ruleClean, ruleCleanFlags int
}

// secretResult is one positive case, for the bootstrap.
type secretResult struct {
	family int
	hit    bool
	share  float64
	valued bool
}

func (e *secretEval) one(ctx context.Context, c secretCase) error {
	found, err := e.speed.scan(ctx, e.o, c.Text)
	if err != nil {
		return err
	}
	e.r.Texts++
	f := &e.families[len(e.families)-1]
	found = slices.DeleteFunc(found, func(x sanitize.Finding) bool { return x.Kind != sanitize.Secret })
	sanitize.SortFindings(found)
	switch {
	case c.Label == "secret":
		e.positive(c, found, f)
	case c.CleanScope == "rule":
		f.ruleClean++
		if len(found) > 0 {
			f.ruleCleanFlags++
		}
	default:
		f.clean++
		if len(found) > 0 {
			f.flagged++
			e.r.miss(e.o, Miss{ID: c.ID, What: "wrong", Rule: found[0].Rule, Span: found[0].Span})
		}
	}
	return nil
}

func (e *secretEval) positive(c secretCase, found []sanitize.Finding, f *secretFamily) {
	spans := occurrences(c.Text, c.Secret)
	x := secretResult{family: len(e.families) - 1, valued: len(spans) > 0}
	for _, s := range spans { // of several, the best covered one
		x.share = max(x.share, coveredShare(s, found))
	}
	for _, v := range c.Secrets {
		spans = append(spans, sanitize.Span{Start: v.Start, End: v.End})
	}
	x.hit = len(spans) == 0 && len(found) > 0
	for _, s := range spans {
		x.hit = x.hit || slices.ContainsFunc(found, func(f sanitize.Finding) bool { return f.Overlaps(s) })
	}
	f.n++
	if x.hit {
		f.hits++
	} else {
		e.r.miss(e.o, Miss{ID: c.ID, What: "missed", Rule: c.Rule})
	}
	if x.valued {
		f.valued++
		f.covered += x.share
	}
	e.values = append(e.values, x)
}

// occurrences are the places of a value in a text.
func occurrences(text, value string) []sanitize.Span {
	var out []sanitize.Span
	for at := 0; value != ""; {
		i := strings.Index(text[at:], value)
		if i < 0 {
			break
		}
		out = append(out, sanitize.Span{Start: at + i, End: at + i + len(value)})
		at += i + len(value)
	}
	return out
}

// coveredShare is the share of a span that lies inside findings, which are
// sorted by start.
func coveredShare(s sanitize.Span, found []sanitize.Finding) float64 {
	inside, low := 0, s.Start
	for _, f := range found {
		if f.End > low && f.Start < s.End {
			inside += min(f.End, s.End) - max(f.Start, low)
			low = min(f.End, s.End)
		}
	}
	return float64(inside) / float64(s.Len())
}

func (e *secretEval) summarise() {
	t := Table{Title: "families", Columns: []string{"recall", "low", "high", "covered", "clean flagged", "rule-clean flagged"}}
	var clean, flagged, ruleClean, ruleFlags, docs, docFlags int
	for _, f := range e.families {
		m := share("", f.hits, f.n)
		row := Row{Name: f.name, N: f.n, Values: []float64{ratio(f.hits, f.n), m.Low, m.High, none, float64(f.flagged), float64(f.ruleCleanFlags)}}
		if f.n == 0 {
			row.Values[1], row.Values[2] = none, none
		}
		if f.valued > 0 {
			row.Values[3] = f.covered / float64(f.valued)
		}
		t.Rows = append(t.Rows, row)
		clean, flagged = clean+f.clean, flagged+f.flagged
		ruleClean, ruleFlags = ruleClean+f.ruleClean, ruleFlags+f.ruleCleanFlags
		if f.name == publicDocs {
			docs, docFlags = f.clean, f.flagged
		}
		if f.n > 0 {
			e.r.add(share("family."+f.name+".recall", f.hits, f.n))
		}
	}
	e.r.Tables = append(e.r.Tables, t)
	all := func(int) bool { return true }
	foreign := func(f int) bool { return e.families[f].name != ownFamily }
	e.r.add(
		bootstrap("macro.recall", len(e.values), func(w []int) float64 { return e.macro(w, all, false) }),
		bootstrap("foreign.recall", len(e.values), func(w []int) float64 { return e.macro(w, foreign, false) }),
		bootstrap("macro.covered", len(e.values), func(w []int) float64 { return e.macro(w, all, true) }),
		bootstrap("foreign.covered", len(e.values), func(w []int) float64 { return e.macro(w, foreign, true) }),
		e.pooled(), share("clean.flagged", flagged, clean),
		share("clean_public_docs.flagged", docFlags, docs),
		Metric{Name: "clean_public_docs.flagged_count", Value: float64(docFlags), N: docs},
		share("rule_clean.flagged", ruleFlags, ruleClean),
	)
}

func (e *secretEval) pooled() Metric {
	hits := 0
	for _, v := range e.values {
		if v.hit {
			hits++
		}
	}
	return share("pooled.recall", hits, len(e.values))
}

// macro averages over the families with enough cases.
func (e *secretEval) macro(weight []int, in func(family int) bool, covered bool) float64 {
	got, n := make([]float64, len(e.families)), make([]float64, len(e.families))
	for i, v := range e.values {
		w := float64(weight[i])
		switch {
		case covered && v.valued:
			got[v.family] += w * v.share
			n[v.family] += w
		case !covered:
			if v.hit {
				got[v.family] += w
			}
			n[v.family] += w
		}
	}
	var rates []float64
	for f := range e.families {
		if e.families[f].n >= minCases && in(f) && n[f] > 0 {
			rates = append(rates, got[f]/n[f])
		}
	}
	return mean(rates)
}
