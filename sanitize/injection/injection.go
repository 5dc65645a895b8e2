// Package injection finds instructions that a document addresses to the model
// reading it, and marks the smallest run of sentences or markup that carries
// them, so that they can be cut out and the document kept.
//
// Three votes are joined: rules over word classes in some 25 languages, a
// linear model over hashed n-grams and the same slots (trained by `doorward
// train`), and visibility: hidden, encoded and forged-turn text is judged by
// thresholds of its own. What a plain task without any override wording asks
// for cannot be told from a legitimate imperative, and is not claimed.
//
// The package does not normalise: give it the views of package normalize.
package injection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/doorward/doorward/policy/recent"
	"github.com/doorward/doorward/sanitize"
)

// Named thresholds for Config.Threshold. Rates are of ordinary documents of the
// development data, out of fold.
const (
	// ThresholdStrict flags about 0.1 % of ordinary documents.
	ThresholdStrict = 0.85
	// ThresholdDefault flags about 1 %.
	ThresholdDefault = 0.5
	// ThresholdWide flags about 3 %: for triage by people.
	ThresholdWide = 0.3
)

// Config of a Scanner. The zero value is usable.
type Config struct {
	// Threshold is the least score of a finding, in (0, 1]; 0 means
	// [ThresholdDefault]. Scores are calibrated by layer, so that one number
	// serves visible and hidden text.
	Threshold float64
	// KeepQuotations drops findings in visible text that stand as quotations
	// in text about attacks (security writing). Off, they are findings.
	KeepQuotations bool
	// RulesOnly leaves the model out.
	RulesOnly bool
}

// Scanner implements sanitize.Scanner. It is safe for concurrent use.
type Scanner struct {
	threshold float64
	keep      bool
	model     *model
	tables    *tables
	readers   sync.Pool
	revision  string
	seams     *recent.Map[seam, heard]
	readings  *recent.Map[reading, readBefore]
}

// New checks the configuration and the embedded weights. It fails with
// [ErrWeights] when the weights are not the pinned ones.
func New(c Config) (*Scanner, error) {
	if c.Threshold == 0 {
		c.Threshold = ThresholdDefault
	}
	if !(c.Threshold > 0 && c.Threshold <= 1) {
		return nil, fmt.Errorf("making an injection scanner: Threshold is %v, want above 0 and at most 1", c.Threshold)
	}
	t, err := newTables()
	if err != nil {
		return nil, fmt.Errorf("making an injection scanner: %w", err)
	}
	m, err := loadWeights(embedded, pinned)
	if err != nil {
		return nil, fmt.Errorf("making an injection scanner: %w", err)
	}
	return newScanner(c, t, m), nil
}

// NewWithWeights is New with weights given in place of the embedded ones, for
// training and evaluation.
func NewWithWeights(c Config, weights []byte) (*Scanner, error) {
	if c.Threshold == 0 {
		c.Threshold = ThresholdDefault
	}
	t, err := newTables()
	if err != nil {
		return nil, fmt.Errorf("making an injection scanner: %w", err)
	}
	sum := sha256.Sum256(weights)
	m, err := loadWeights(weights, hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, fmt.Errorf("making an injection scanner: %w", err)
	}
	return newScanner(c, t, m), nil
}

func newScanner(c Config, t *tables, m *model) *Scanner {
	s := &Scanner{threshold: c.Threshold, keep: c.KeepQuotations, tables: t, model: m, seams: recent.New[seam, heard](mostSeams), readings: recent.New[reading, readBefore](mostReadings)}
	s.revision = revisionOf(c, m)
	if c.RulesOnly {
		s.model = nil
	}
	s.readers.New = func() any { return &reader{tables: t, model: s.model} }
	return s
}

func newTables() (*tables, error) {
	if slices.ContainsFunc(patterns, func(p pattern) bool { return len(p.seq) > maxParts }) {
		return nil, errors.New("a pattern has too many parts")
	}
	if len(patterns) > 64 || len(literalGroups) > 64 {
		return nil, errors.New("more slots than bits")
	}
	t := &tables{lex: newLexicon(english, world), filter: newPatternFilter(patterns), spoken: map[string]bool{}}
	var list []string
	var groupOf []uint8
	var f folded
	for g, group := range literalGroups {
		for _, p := range group.phrases {
			folded := foldPhrase(&f, t.lex, p)
			for _, w := range strings.Fields(folded) {
				t.spoken[w] = true
			}
			list = append(list, folded)
			groupOf = append(groupOf, uint8(g))
		}
	}
	var err error
	if t.phrases, err = newPhrases(list, groupOf); err != nil {
		return nil, err
	}
	t.rules, err = compileRules(rules)
	return t, err
}

// foldPhrase writes a literal as blocks are folded, with the blanks it has at
// its ends.
func foldPhrase(f *folded, lex *lexicon, p string) string {
	f.fold(p, lex)
	folded := strings.Trim(string(f.buf[:f.n]), " ")
	if strings.HasPrefix(p, " ") {
		folded = " " + folded
	}
	if strings.HasSuffix(p, " ") {
		folded += " "
	}
	return folded
}

// rulesRevision names the rules, patterns and fusion; raise it when they change.
const rulesRevision = "injection/7"

func revisionOf(c Config, m *model) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s %s %v %v %v", rulesRevision, m.hash, c.Threshold, c.KeepQuotations, c.RulesOnly))
	return hex.EncodeToString(h[:8])
}

// Revision identifies rules, weights and configuration in 16 hex digits.
func (s *Scanner) Revision() string { return s.revision }

// Scan implements sanitize.Scanner. Each view is judged; what a view shares
// with the source is judged once.
func (s *Scanner) Scan(ctx context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	r := s.readers.Get().(*reader)
	defer s.readers.Put(r)
	return s.scanWith(ctx, r, v)
}

// scanWith is Scan with a reader at hand; it notes the highest score in r.peak.
func (s *Scanner) scanWith(ctx context.Context, r *reader, v sanitize.Views) ([]sanitize.Finding, error) {
	var found []sanitize.Finding
	r.peak = 0
	for i := range v.List {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("scanning for injections: %w", err)
		}
		found = append(found, s.scanView(r, v, i)...)
	}
	return merge(v.Source, found), nil
}

// ScanHidden judges text that an extractor found hidden from a reader. Spans
// are offsets into text.
func (s *Scanner) ScanHidden(ctx context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	r := s.readers.Get().(*reader)
	defer s.readers.Put(r)
	var found []sanitize.Finding
	for i := range v.List {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("scanning hidden text: %w", err)
		}
		w := sanitize.View{Text: v.List[i].Text, Via: append([]string{"hidden"}, v.List[i].Via...), Map: v.List[i].Map, Base: v.List[i].Base}
		r.excerpt = i > 0
		units := r.read(w.Text, hidden, changed(v.Source, w, i))
		found = append(found, s.judge(r, w, units)...)
	}
	return merge(v.Source, found), nil
}

// scanView judges one view.
func (s *Scanner) scanView(r *reader, v sanitize.Views, i int) []sanitize.Finding {
	w := v.List[i]
	r.excerpt = i > 0
	units := r.read(w.Text, layerOf(w), changed(v.Source, w, i))
	return s.judge(r, w, units)
}

// changed says which blocks of a view read otherwise than the source does at
// their place; all of the first view.
func changed(source string, w sanitize.View, i int) func(block) bool {
	if i == 0 {
		return nil
	}
	return func(b block) bool {
		o := w.Source(sanitize.Span{Start: b.start, End: b.end})
		if o.Start < 0 || o.End > len(source) || o.Start > o.End {
			return true
		}
		return source[o.Start:o.End] != w.Text[b.start:b.end]
	}
}

// toScore maps a logit above the threshold to a score: 0.5 at the threshold.
func (m *model) toScore(z float64) float64 {
	return 1 / (1 + math.Exp(-z*m.steep))
}
