package eval

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// piiCase is a text with labelled personal data. Offsets are bytes.
type piiCase struct {
	ID       string   `json:"id"`
	Text     string   `json:"text"`
	Scope    []string `json:"scope"` // types that were labelled; "*" all
	Kind     string   `json:"kind"`
	Weak     *float64 `json:"presidio_max_score"`
	Entities []struct {
		Type  string `json:"type"`
		Start int    `json:"start"`
		End   int    `json:"end"`
	} `json:"entities"`
}

// piiGroup says which figures a type counts for.
type piiGroup int

const (
	structured piiGroup = iota
	names               // need a model
	contextual          // need the sentence around them
)

var piiGroups = map[string]piiGroup{
	"PERSON": names, "LOCATION": names, "ORG": names, "NRP": names,
	"ADDRESS": contextual, "DATE": contextual, "AGE": contextual, "SEX": contextual, "ID": contextual, "TITLE": contextual,
	"RELATIVE": contextual, "PROFESSION": contextual, "OTROS_SUJETO_ASISTENCIA": contextual,
}

// sameType says which types answer for one another: data sets call a web
// address URL or DOMAIN, and give the telephone numbers and bank accounts of
// some countries a type of their own.
var sameType = map[string]string{
	"DOMAIN": "URL", "TR_PHONE_NUMBER": "PHONE", "PH_MOBILE_NUMBER": "PHONE", "DE_IBAN": "IBAN",
	"DE_SVNR": "DE_SOCIAL_SECURITY", "US_DEA": "MEDICAL_LICENSE",
}

func answers(found, labelled string) bool {
	if found == labelled {
		return true
	}
	a, b := found, labelled
	if s, ok := sameType[a]; ok {
		a = s
	}
	if s, ok := sameType[b]; ok {
		b = s
	}
	return a == b
}

// minCases is how many cases a type or family needs to count in an average.
const minCases = 5

// tally counts one type over some texts.
type tally struct{ hit, wrong, missed int }

func (t tally) precision() float64 { return ratio(t.hit, t.hit+t.wrong) }
func (t tally) recall() float64    { return ratio(t.hit, t.hit+t.missed) }

// PII measures recognisers of personal data. A finding is a hit when it has the
// labelled type and overlaps the label by at least half of the longer of the
// two; each label is hit once. Findings of types outside a text's scope do not
// count. Structured figures are over every type but names and those that need
// the sentence around them. Lines whose owner calls the match weak, and bare
// values with valid or invalid check digits, are counted apart.
func PII(ctx context.Context, dir string, o Options) (Report, error) {
	paths, err := files(dir, "pii")
	if err != nil {
		return Report{}, fmt.Errorf("evaluating pii: %w", err)
	}
	e := piiEval{o: o, r: Report{Name: "pii"}, weak: map[string]*tally{}, checked: map[string]*tally{}}
	for _, p := range paths {
		fam := family(p)
		if err := lines(p, func(c piiCase) error { return e.one(ctx, fam, c) }); err != nil {
			return Report{}, fmt.Errorf("evaluating pii: %w", err)
		}
	}
	e.summarise()
	if err := e.clean(ctx, dir); err != nil {
		return Report{}, fmt.Errorf("evaluating pii: %w", err)
	}
	e.speed.report(&e.r, o)
	return e.r, nil
}

type piiEval struct {
	o       Options
	r       Report
	speed   speed
	texts   []piiText
	weak    map[string]*tally
	checked map[string]*tally
}

// piiText is one text's counts.
type piiText struct {
	family string
	types  map[string]tally
	any    tally // by place alone, structured labels
}

func (e *piiEval) one(ctx context.Context, fam string, c piiCase) error {
	found, err := e.speed.scan(ctx, e.o, c.Text)
	if err != nil {
		return err
	}
	e.r.Texts++
	t := piiText{family: fam, types: map[string]tally{}}
	used := make([]bool, len(found))
	for _, l := range c.Entities {
		span := sanitize.Span{Start: l.Start, End: l.End}
		k := slices.IndexFunc(found, func(f sanitize.Finding) bool {
			return answers(f.Type, l.Type) && halfOf(f.Span, span) && !used[slices.Index(found, f)]
		})
		y := t.types[l.Type]
		if k >= 0 {
			used[k] = true
			y.hit++
		} else {
			y.missed++
			e.r.miss(e.o, Miss{ID: c.ID, What: "missed", Type: l.Type, Span: span})
		}
		t.types[l.Type] = y
		if piiGroups[l.Type] == structured {
			if slices.ContainsFunc(found, func(f sanitize.Finding) bool { return halfOf(f.Span, span) }) {
				t.any.hit++
			} else {
				t.any.missed++
			}
		}
	}
	for k, f := range found {
		if typ, in := scoped(c, f.Type); in && !used[k] && !repeats(found, used, k) {
			y := t.types[typ]
			y.wrong++
			t.types[typ] = y
			e.r.miss(e.o, Miss{ID: c.ID, What: "wrong", Type: f.Type, Rule: f.Rule, Span: f.Span})
		}
	}
	switch {
	case c.Kind == "validator":
		add(e.checked, t.types)
	case c.Weak != nil && *c.Weak <= 0.4:
		add(e.weak, t.types)
	default:
		e.texts = append(e.texts, t)
	}
	return nil
}

// scoped returns the type a finding counts for in a text, and whether it does.
func scoped(c piiCase, found string) (typ string, in bool) {
	for _, s := range c.Scope {
		if s == "*" {
			return found, true
		}
		if answers(found, s) {
			return s, true
		}
	}
	return "", false
}

// repeats reports whether a finding only says again what a hit said: another
// type that answers for it, on the same bytes.
func repeats(found []sanitize.Finding, used []bool, k int) bool {
	for i, f := range found {
		if used[i] && answers(f.Type, found[k].Type) && halfOf(f.Span, found[k].Span) {
			return true
		}
	}
	return false
}

func halfOf(a, b sanitize.Span) bool {
	o := min(a.End, b.End) - max(a.Start, b.Start)
	return o > 0 && 2*o >= max(a.Len(), b.Len())
}

func add(to map[string]*tally, from map[string]tally) {
	for typ, y := range from {
		if to[typ] == nil {
			to[typ] = &tally{}
		}
		to[typ].hit += y.hit
		to[typ].wrong += y.wrong
		to[typ].missed += y.missed
	}
}

// total sums a group of types over the texts, each taken weight times.
func (e *piiEval) total(weight []int, group piiGroup) (all tally, types map[string]tally) {
	types = map[string]tally{}
	for i, t := range e.texts {
		w := weight[i]
		if w == 0 {
			continue
		}
		for typ, y := range t.types {
			if piiGroups[typ] != group {
				continue
			}
			s := types[typ]
			s.hit, s.wrong, s.missed = s.hit+w*y.hit, s.wrong+w*y.wrong, s.missed+w*y.missed
			types[typ] = s
			all.hit, all.wrong, all.missed = all.hit+w*y.hit, all.wrong+w*y.wrong, all.missed+w*y.missed
		}
	}
	return all, types
}

// macro averages over the types with enough cases in the whole set.
func macro(types map[string]tally, enough []string, figure func(tally) float64) float64 {
	values := make([]float64, len(enough))
	for i, t := range enough {
		values[i] = max(0, figure(types[t]))
	}
	return mean(values)
}

func (e *piiEval) summarise() {
	ones := make([]int, len(e.texts))
	for i := range ones {
		ones[i] = 1
	}
	_, types := e.total(ones, structured)
	var enough []string
	for typ, y := range types {
		if y.hit+y.missed >= minCases {
			enough = append(enough, typ)
		}
	}
	sort.Strings(enough)
	f := func(beta float64) func(tally) float64 {
		return func(y tally) float64 { return fBeta(beta, y.precision(), y.recall()) }
	}
	figures := []struct {
		name   string
		figure func(tally) float64
	}{{"precision", tally.precision}, {"recall", tally.recall}, {"f1", f(1)}, {"f2", f(2)}}
	for _, g := range figures {
		e.r.add(bootstrap("micro."+g.name, len(ones), func(w []int) float64 { all, _ := e.total(w, structured); return max(0, g.figure(all)) }))
	}
	for _, g := range figures {
		e.r.add(bootstrap("macro."+g.name, len(ones), func(w []int) float64 {
			_, types := e.total(w, structured)
			return macro(types, enough, g.figure)
		}))
	}
	any := tally{}
	for _, t := range e.texts {
		any.hit, any.missed = any.hit+t.any.hit, any.missed+t.any.missed
	}
	e.r.add(share("any_type.recall", any.hit, any.hit+any.missed))
	e.groups(ones)
	e.r.add(validators(e.checked)...)
	w := sum(e.weak)
	e.r.add(share("weak.recall", w.hit, w.hit+w.missed))
	e.r.Tables = append(e.r.Tables, typeTable("structured types", types), e.familyTable(), typeTable("bare values", deref(e.checked)))
}

func (e *piiEval) groups(ones []int) {
	for name, g := range map[string]piiGroup{"names": names, "context": contextual} {
		all, _ := e.total(ones, g)
		e.r.add(share(name+".precision", all.hit, all.hit+all.wrong), share(name+".recall", all.hit, all.hit+all.missed))
	}
	slices.SortStableFunc(e.r.Metrics, func(a, b Metric) int { return strings.Compare(group(a.Name), group(b.Name)) })
}

func group(name string) string { g, _, _ := strings.Cut(name, "."); return g }

func validators(checked map[string]*tally) []Metric {
	all := sum(checked)
	var recalls []float64
	for _, y := range checked {
		recalls = append(recalls, y.recall())
	}
	return []Metric{share("validators.recall", all.hit, all.hit+all.missed), share("validators.precision", all.hit, all.hit+all.wrong),
		{Name: "validators.macro_recall", Value: mean(recalls)}}
}

func sum(m map[string]*tally) (all tally) {
	for _, y := range m {
		all.hit, all.wrong, all.missed = all.hit+y.hit, all.wrong+y.wrong, all.missed+y.missed
	}
	return all
}

func deref(m map[string]*tally) map[string]tally {
	out := map[string]tally{}
	for k, v := range m {
		out[k] = *v
	}
	return out
}

func typeTable(title string, types map[string]tally) Table {
	t := Table{Title: title, Columns: []string{"precision", "recall", "f1", "wrong"}}
	for typ, y := range types {
		t.Rows = append(t.Rows, Row{Name: typ, N: y.hit + y.missed, Values: []float64{y.precision(), y.recall(), fBeta(1, y.precision(), y.recall()), float64(y.wrong)}})
	}
	slices.SortFunc(t.Rows, func(a, b Row) int {
		if a.N != b.N {
			return b.N - a.N
		}
		return strings.Compare(a.Name, b.Name)
	})
	return t
}

func (e *piiEval) familyTable() Table {
	t := Table{Title: "families (structured types)", Columns: []string{"precision", "recall", "f1", "f2"}}
	byFamily := map[string]map[string]*tally{}
	for _, x := range e.texts {
		if byFamily[x.family] == nil {
			byFamily[x.family] = map[string]*tally{}
		}
		for typ, y := range x.types {
			if piiGroups[typ] == structured {
				add(byFamily[x.family], map[string]tally{typ: y})
			}
		}
	}
	for fam, types := range byFamily {
		y := sum(types)
		if y == (tally{}) {
			continue
		}
		t.Rows = append(t.Rows, Row{Name: fam, N: y.hit + y.missed, Values: []float64{y.precision(), y.recall(),
			fBeta(1, y.precision(), y.recall()), fBeta(2, y.precision(), y.recall())}})
	}
	slices.SortFunc(t.Rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return t
}
