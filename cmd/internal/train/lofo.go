package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/injection"
	"github.com/doorward/doorward/sanitize/normalize"
)

// fold leaves out attack families and the benign texts of some repositories.
type fold struct {
	name     string
	families []string // of attacks, and of benign texts made for the same set
	repos    []string // substrings of benign repositories
	sources  []string // substrings of repositories whose texts must not carry others
}

// folds cover all families and all benign repositories once.
var folds = []fold{
	{"acl25-ipi", []string{"acl25-ipi"}, nil, []string{"indirect-pia-detection"}},
	{"cyberseceval", []string{"cyberseceval"}, []string{"18f/handbook"}, []string{"18f/handbook"}},
	{"deepset", []string{"deepset"}, []string{"legal-docs"}, []string{"legal-docs", "prompt_injection_research"}},
	{"garak-latent", []string{"garak-latent"}, []string{"govuk-developer-docs"}, []string{"govuk-developer-docs"}},
	{"garak-webinj", []string{"garak-webinj", "bipia"}, nil, []string{"microsoft/bipia"}},
	{"injecagent", []string{"injecagent"}, []string{"cheatsheetseries", "payloadsallthethings"}, []string{"cheatsheetseries", "payloadsallthethings"}},
	{"inthewild-jailbreak", []string{"inthewild-jailbreak"}, []string{"simonw/til", "piguard"}, []string{"simonw/til", "piguard"}},
	{"poisoned-docs-A", []string{mixedFamily}, []string{"prompt-engineering-guide", "awesome-chatgpt-prompts"}, []string{"prompt-engineering-guide", "awesome-chatgpt-prompts"}},
}

// Unread are the families whose texts were not looked at while rules, lexicon
// and grammar were written; their figures are the ones to trust.
var Unread = []string{"garak-latent", "inthewild-jailbreak"}

// foldOf tells which fold tests a case.
func foldOf(c *Case) int {
	if c.Kind == everydayKind {
		return -1 // always trained on
	}
	for i, f := range folds {
		if slices.Contains(f.families, c.Family) {
			return i
		}
	}
	repo := strings.ToLower(c.Repository() + " " + c.Family)
	for i, f := range folds {
		for _, r := range f.repos {
			if strings.Contains(repo, r) {
				return i
			}
		}
	}
	return len(folds) - 1
}

// trains reports whether a case may be trained on in a fold: not its families,
// not their strings in other carriers, not the carriers of its benign texts.
func (f fold) trains(c *Case, i int) bool {
	made := strings.HasPrefix(c.Family, "synthetic")
	if !made && foldOf(c) == i || slices.Contains(f.families, c.Attack) {
		return false
	}
	if made && c.Source == "" {
		return true
	}
	if made || c.Family == mixedFamily {
		repo := strings.ToLower(c.Repository())
		for _, r := range f.sources {
			if strings.Contains(repo, r) {
				return false
			}
		}
	}
	return true
}

// outcome is a text scored by a model that never saw its family.
type outcome struct {
	*Text
	peak   [4]float64 // highest logit by layer; -Inf if the layer is absent
	score  float64    // of the scanner, all votes joined
	found  int        // bytes inside findings at the default threshold
	hit    int        // injected bytes inside findings
	target int        // injected bytes
	flag   bool       // flagged at the default threshold
	// directives are the sentences outside injections that tell a reader to do
	// something, kept those of them no finding touches.
	directives, kept int
}

// Evaluate runs the folds and reports.
func Evaluate(ctx context.Context, cases []Case, synthetic []Case, o Options, logf func(string, ...any)) (*Report, error) {
	texts, err := readAll(cases)
	if err != nil {
		return nil, err
	}
	made, err := readAll(synthetic)
	if err != nil {
		return nil, err
	}
	logf("read %d texts and %d synthetic ones", len(texts), len(made))
	outcomes := make([]outcome, 0, len(texts))
	var weights []injection.Weights
	foldIndex := make([]int, 0, len(texts))
	for i, f := range folds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var in []*Text
		for _, t := range append(made[:len(made):len(made)], texts...) {
			if f.trains(t.Case, i) {
				in = append(in, t)
			}
		}
		l := fit(examplesOf(in), o)
		for _, t := range texts {
			if foldOf(t.Case) == i {
				outcomes = append(outcomes, outcome{Text: t, peak: l.peaks(&t.Reading)})
				foldIndex = append(foldIndex, i)
			}
		}
		weights = append(weights, l.weights())
		logf("fold %s done", f.name)
	}
	cut := calibrate(outcomes)
	for i := range folds {
		weights[i].Cut, weights[i].Steep = cut, steep
		if err := scanFold(ctx, weights[i], outcomes, foldIndex, i); err != nil {
			return nil, fmt.Errorf("scanning fold %s: %w", folds[i].name, err)
		}
	}
	return report(outcomes, cut), nil
}

// steep is the slope from logits to scores.
const steep = .8

// layerRates are the shares of ordinary benign texts that each layer may flag:
// plain, hidden, encoded, forged.
var layerRates = [4]float64{.0050, .0015, .0005, .0020}

// calibrate chooses each layer's cut from the benign texts out of fold.
func calibrate(outcomes []outcome) (cut [4]float64) {
	for l := range cut {
		var z []float64
		n := 0
		for i := range outcomes {
			if ordinary(outcomes[i].Case) {
				n++
				if v := outcomes[i].peak[l]; !math.IsInf(v, -1) {
					z = append(z, v)
				}
			}
		}
		cut[l] = max(quantileFromTop(z, int(layerRates[l]*float64(n))), minCut)
	}
	return cut
}

// minCut keeps a layer with few benign texts from flagging anything.
const minCut = -1.25

func quantileFromTop(z []float64, k int) float64 {
	slices.Sort(z)
	if i := len(z) - 1 - k; i >= 0 {
		return z[i] + 1e-6
	}
	return math.Inf(-1)
}

func ordinary(c *Case) bool { return !c.Injection() && strings.HasPrefix(c.Kind, "benign") }

// scanFold scores the texts of a fold with the real scanner.
func scanFold(ctx context.Context, w injection.Weights, outcomes []outcome, foldIndex []int, fold int) error {
	b, _, err := w.Encode()
	if err != nil {
		return err
	}
	low, err := injection.NewWithWeights(injection.Config{Threshold: .02}, b)
	if err != nil {
		return err
	}
	def, err := injection.NewWithWeights(injection.Config{}, b)
	if err != nil {
		return err
	}
	for i := range outcomes {
		if foldIndex[i] == fold {
			if err := outcomes[i].scan(ctx, low, def); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *outcome) scan(ctx context.Context, low, def *injection.Scanner) error {
	views := normalize.Build(o.Text.Text)
	found, err := low.Scan(ctx, views)
	if err != nil {
		return err
	}
	for _, f := range found {
		o.score = max(o.score, f.Score)
	}
	if found, err = def.Scan(ctx, views); err != nil {
		return err
	}
	for _, f := range found {
		o.flag = true
		o.found += f.Len()
		if len(o.Spans) > 0 {
			o.hit += o.Covered(f.Span)
		}
	}
	for _, s := range o.Spans {
		o.target += s[1] - s[0]
	}
	o.directives, o.kept = Kept(o.Case, found)
	return nil
}

// Kept counts the directive sentences of a text that lie outside its
// injections, and those of them that no finding touches.
func Kept(c *Case, found []sanitize.Finding) (directives, kept int) {
	if c.Injection() && len(c.Spans) == 0 {
		return 0, 0
	}
	for _, d := range Directives(c.Text) {
		if c.Covered(d) > 0 {
			continue
		}
		directives++
		if !slices.ContainsFunc(found, func(f sanitize.Finding) bool { return f.Overlaps(d) }) {
			kept++
		}
	}
	return directives, kept
}
