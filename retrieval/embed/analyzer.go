package embed

import (
	"fmt"
	"hash/fnv"
	"math"
	"sort"
)

// Config sets how text becomes terms. Its zero value is the tuned default.
// Every field changes what an index holds, so an index pins [Analyzer.Fingerprint]
// and refuses to be read with another.
type Config struct {
	// Languages that documents are stemmed in, by ISO 639-1 code; the first is
	// assumed where detection finds none of them. Empty: all supported ones
	// (see [Languages]), English first.
	Languages []string
	// TitleWeight, HeadingWeight and BodyWeight count an occurrence in each
	// field. 0: 3, 1.5 and 1.
	TitleWeight, HeadingWeight, BodyWeight float64
	// K1 is BM25's saturation. 0: 1.2.
	K1 float64
	// B is BM25's length normalisation. 0: 0.75.
	B float64
	// Pivot is the length, in weighted words, that B treats as neutral. It is a
	// constant and not the corpus average, so that a document's weights depend
	// on nothing but itself. 0: 176.
	Pivot float64
	// GramWeight is the share of within-word four-grams beside whole words; they
	// find misspelt, inflected and compound words. 0: 0.5; negative: none.
	GramWeight float64
	// PhraseWeight is the share of pairs of neighbouring words, stop words left
	// out. 0: 0.45; negative: none, which saves a quarter of an index's memory.
	PhraseWeight float64
	// MaxTerms bounds the terms of one chunk; the heaviest are kept. 0: 8192.
	MaxTerms int
}

// Analyzer turns text into keyed, weighted terms for documents and queries. It
// detects the language, drops stop words, stems (Snowball), weighs (BM25 with
// field weights, Robertson and Zaragoza 2009) and blinds each term with the
// tenant's key, so that no store ever sees a word. It is safe for concurrent
// use. It keeps a bounded cache of recent words in memory, never on disk.
type Analyzer struct {
	cfg         Config
	languages   []language
	fingerprint string
	keys        keyrings
	stems       memo[string]
}

// Document is a text to index, field by field.
type Document struct {
	Title    string
	Headings []string // the headings the body stands under
	Body     string
	// Language is an ISO 639-1 code, where the caller knows it or has detected
	// it over more than this body (see [Analyzer.Language]); "" detects.
	Language string
}

// Term spaces. Words, grams and marks are keyed apart.
const (
	spaceWord byte = 'w'
	spaceGram byte = 'g'
	spacePair byte = 'p'
	spaceMark byte = 'm' // says which language a chunk was stemmed in
)

// NewAnalyzer returns an analyzer, or an error naming the setting that is wrong.
func NewAnalyzer(cfg Config) (*Analyzer, error) {
	if len(cfg.Languages) == 0 {
		cfg.Languages = Languages()
	}
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&cfg.TitleWeight, 3)
	def(&cfg.HeadingWeight, 1.5)
	def(&cfg.BodyWeight, 1)
	def(&cfg.K1, 1.2)
	def(&cfg.B, 0.75)
	def(&cfg.Pivot, 176)
	def(&cfg.GramWeight, 0.5)
	def(&cfg.PhraseWeight, 0.45)
	if cfg.MaxTerms == 0 {
		cfg.MaxTerms = 8192
	}
	if cfg.TitleWeight < 0 || cfg.HeadingWeight < 0 || cfg.BodyWeight < 0 || cfg.K1 <= 0 ||
		cfg.K1 > maxK1 || cfg.B < 0 || cfg.B > 1 || cfg.Pivot < 0 || cfg.MaxTerms < 1 {
		return nil, fmt.Errorf("configuring analysis: weights, pivot and max terms must be positive, 0 < k1 ≤ %v, 0 ≤ b ≤ 1", maxK1)
	}
	a := &Analyzer{cfg: cfg}
	for _, code := range cfg.Languages {
		l, ok := languageByCode(code)
		if !ok {
			return nil, fmt.Errorf("configuring analysis: language %q is not one of %v", code, Languages())
		}
		a.languages = append(a.languages, l)
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %v %v %v %v %v %v %v %v %v %v", analysisVersion, cfg.Languages, cfg.TitleWeight,
		cfg.HeadingWeight, cfg.BodyWeight, cfg.K1, cfg.B, cfg.Pivot, cfg.GramWeight > 0, cfg.PhraseWeight > 0, cfg.MaxTerms)
	a.fingerprint = fmt.Sprintf("terms-%d-%016x", analysisVersion, h.Sum64())
	return a, nil
}

// analysisVersion changes with every change of the code that alters terms.
const analysisVersion = 1

// maxK1 keeps every document-side weight below 4, see quantum.
const maxK1 = 2.5

// quantum is the step document-side weights are rounded to, so that every store
// holds exactly the same numbers, in one byte if it likes.
const quantum = 1.0 / 64

// Fingerprint names everything that shapes document terms: code version and
// configuration. An index made under another one has to be rebuilt.
func (a *Analyzer) Fingerprint() string { return a.fingerprint }

// Language detects the language of text among the configured ones, by its
// script and function words; the first configured one when undecided.
func (a *Analyzer) Language(text string) string { return a.detect(tokens(text)).code }

// Analyze returns a document's terms, ascending by key. The weights depend on
// the document and the configuration alone, never on other documents.
func (a *Analyzer) Analyze(tenantKey []byte, d Document) []Term {
	ring := a.keys.ring(tenantKey)
	fields := a.fields(d)
	lang, known := languageByCode(d.Language)
	if !known {
		var all []token
		for _, f := range fields {
			all = append(all, f.tokens...)
		}
		lang = a.detect(all)
	}
	words, grams, pairs := bag{}, bag{}, bag{}
	for _, f := range fields {
		a.features(f.tokens, lang, func(space byte, term string) {
			switch space {
			case spaceWord:
				words.add(term, f.weight)
			case spaceGram:
				grams.add(term, f.weight)
			case spacePair:
				pairs.add(term, f.weight)
			}
		})
	}
	out := make(map[uint32]float32, len(words.tf)+len(grams.tf)+len(pairs.tf)+1)
	a.weigh(out, ring, spaceWord, words, a.cfg.Pivot)
	a.weigh(out, ring, spaceGram, grams, a.cfg.Pivot*gramsPerWord)
	a.weigh(out, ring, spacePair, pairs, a.cfg.Pivot)
	if len(out) > 0 {
		out[ring.key(spaceMark, lang.code)] = quantum
	}
	return sorted(out, a.cfg.MaxTerms)
}

// gramsPerWord is how many four-grams a stem has on average in English prose.
const gramsPerWord = 3.77

type field struct {
	tokens []token
	weight float64
}

func (a *Analyzer) fields(d Document) []field {
	out := []field{{tokens(d.Title), a.cfg.TitleWeight}}
	for _, h := range d.Headings {
		out = append(out, field{tokens(h), a.cfg.HeadingWeight})
	}
	return append(out, field{tokens(d.Body), a.cfg.BodyWeight})
}

// features yields a text's words, their grams and the pairs of neighbours.
func (a *Analyzer) features(toks []token, l language, yield func(space byte, term string)) {
	before := ""
	for _, t := range toks {
		w, ok := a.word(t, l)
		if !ok {
			continue
		}
		yield(spaceWord, w)
		if t.ideographic {
			before = "" // already a pair
			continue
		}
		if a.cfg.GramWeight > 0 {
			eachGram(w, func(g string) { yield(spaceGram, g) })
		}
		if a.cfg.PhraseWeight > 0 && before != "" {
			yield(spacePair, before+" "+w)
		}
		before = w
	}
}

// word returns the form of t that is keyed; ok is false for stop words.
func (a *Analyzer) word(t token, l language) (string, bool) {
	if t.ideographic {
		return t.text, true
	}
	if l.stop(t.text) {
		return "", false
	}
	return a.stems.get(l.code+"\x00"+t.text, func() string { return fold(l.safeStem(t.text)) }), true
}

func (a *Analyzer) weigh(out map[uint32]float32, ring *keyring, space byte, b bag, pivot float64) {
	norm := a.cfg.K1 * (1 - a.cfg.B + a.cfg.B*b.length/pivot)
	for term, tf := range b.tf {
		w := math.Round(tf*(a.cfg.K1+1)/(tf+norm)/quantum) * quantum
		w = max(w, quantum)
		k := ring.key(space, term)
		out[k] = max(out[k], float32(w)) // two terms on one key: the heavier stands
	}
}

// bag counts weighted occurrences.
type bag struct {
	tf     map[string]float64
	length float64
}

func (b *bag) add(term string, weight float64) {
	if weight == 0 {
		return
	}
	if b.tf == nil {
		b.tf = map[string]float64{}
	}
	b.tf[term] += weight
	b.length += weight
}

// sorted returns the heaviest limit terms, ascending by key.
func sorted(m map[uint32]float32, limit int) []Term {
	out := make([]Term, 0, len(m))
	for k, w := range m {
		out = append(out, Term{k, w})
	}
	if len(out) > limit {
		sort.Slice(out, func(i, j int) bool {
			if out[i].Weight != out[j].Weight {
				return out[i].Weight > out[j].Weight
			}
			return out[i].Key < out[j].Key
		})
		out = out[:limit]
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}
