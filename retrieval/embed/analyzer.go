package embed

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"

	"github.com/doorward/doorward/policy/recent"
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
	lexicons    lexicons
	stems       *recent.Map[stemmed, string] // of words that some lexicon met
}

// stemmed is a word in the language it is stemmed in.
type stemmed struct {
	language int
	word     string
}

// maxStems bounds the stems that lexicons tell each other, some megabytes.
const maxStems = 1 << 16

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
	a := &Analyzer{cfg: cfg, stems: recent.New[stemmed, string](maxStems)}
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
const analysisVersion = 2

// maxK1 keeps every document-side weight below 4, see quantum.
const maxK1 = 2.5

// quantum is the step document-side weights are rounded to, so that every store
// holds exactly the same numbers, in one byte if it likes.
const quantum = 1.0 / 64

// Fingerprint names everything that shapes document terms: code version and
// configuration. An index made under another one has to be rebuilt.
func (a *Analyzer) Fingerprint() string { return a.fingerprint }

// stem is a word's stem. Stemming is most of what a word costs that is new to a
// lexicon, and it is new to each of them once.
func (a *Analyzer) stem(w *lexeme, language int) string {
	k := stemmed{language, w.text}
	s, ok := a.stems.Get(k)
	if !ok {
		s = fold(languages[language].safeStem(w.text))
		a.stems.Put(k, s, 1)
	}
	return s
}

// Language detects the language of text among the configured ones, by its
// script and function words; the first configured one when undecided.
func (a *Analyzer) Language(text string) string {
	x := a.lexicons.borrow()
	x.text = x.read(x.text, text, detectTokens)
	code := a.detect(x.text).code
	a.lexicons.giveBack(x)
	return code
}

// Analyze returns a document's terms, ascending by key. The weights depend on
// the document and the configuration alone, never on other documents.
func (a *Analyzer) Analyze(tenantKey []byte, d Document) []Term {
	x := a.lexicons.borrow()
	x.field(d.Title, a.cfg.TitleWeight)
	for _, h := range d.Headings {
		x.field(h, a.cfg.HeadingWeight)
	}
	x.field(d.Body, a.cfg.BodyWeight)
	lang, known := languageByCode(d.Language)
	if !known {
		lang = a.detect(x.text)
	}
	from := 0
	for _, f := range x.fields {
		x.add(a, x.text[from:f.end], lang.index, f.weight)
		from = f.end
	}
	out := a.weigh(x, x.keysOf(tenantKey), lang)
	x.uncount()
	a.lexicons.giveBack(x)
	return out
}

// gramsPerWord is how many four-grams a stem has on average in English prose.
const gramsPerWord = 3.77

// weigher weighs the terms of one kind by their counts.
type weigher struct {
	k1, norm float64
	of       [32]uint32 // the bits of whole counts' weights; 0 is one not worked out
}

func (a *Analyzer) weigher(length, pivot float64) *weigher {
	return &weigher{k1: a.cfg.K1, norm: a.cfg.K1 * (1 - a.cfg.B + a.cfg.B*length/pivot)}
}

// bits are those of the weight of a count, as a float32.
func (w *weigher) bits(count float64) uint64 {
	n := int(count)
	whole := n < len(w.of) && float64(n) == count
	if whole && w.of[n] != 0 {
		return uint64(w.of[n])
	}
	bits := math.Float32bits(float32(max(math.Round(count*(w.k1+1)/(count+w.norm)/quantum)*quantum, quantum)))
	if whole {
		w.of[n] = bits
	}
	return uint64(bits)
}

// weigh returns the counted terms with their weights, ascending by key.
func (a *Analyzer) weigh(x *lexicon, k *termKeys, lang language) []Term {
	c := &x.count
	packed := x.packed[:0]
	words, grams, pairs := a.weigher(c.wordLength, a.cfg.Pivot), a.weigher(c.gramLength, a.cfg.Pivot*gramsPerWord), a.weigher(c.pairLength, a.cfg.Pivot)
	for _, s := range c.stems {
		packed = append(packed, uint64(k.stem(s))<<32|words.bits(s.count))
	}
	if a.cfg.GramWeight > 0 {
		x.countGrams()
		for _, g := range c.grams {
			packed = append(packed, uint64(x.gramKey(k, g))<<32|grams.bits(x.grams[g].count))
		}
	}
	if a.cfg.PhraseWeight > 0 {
		for _, p := range c.pairs.list {
			packed = append(packed, uint64(x.pairKey(k, p.words))<<32|pairs.bits(p.count))
		}
	}
	if x.packed = packed; len(packed) == 0 {
		return []Term{}
	}
	mark := k.mark(lang.code)
	packed = append(packed, uint64(mark)<<32)
	x.packed = packed
	packed = x.ordered(packed)
	out := make([]Term, 0, len(packed))
	for i, p := range packed { // weights are positive, so their bits are in their order
		key := uint32(p >> 32)
		if i+1 < len(packed) && uint32(packed[i+1]>>32) == key {
			continue // two terms on one key: the heavier stands
		}
		if key == mark { // whatever else fell on it
			p = uint64(math.Float32bits(quantum))
		}
		out = append(out, Term{key, math.Float32frombits(uint32(p))})
	}
	return heaviest(out, a.cfg.MaxTerms)
}

// ordered sorts what begins with keys. Keys are spread evenly, so that dealing by
// their first byte leaves few to compare.
func (x *lexicon) ordered(list []uint64) []uint64 {
	var next [257]int
	for _, v := range list {
		next[v>>56+1]++
	}
	for i := range 256 {
		next[i+1] += next[i]
	}
	x.spread = grown(x.spread, len(list))
	out := x.spread[:len(list)]
	for _, v := range list {
		b := v >> 56
		out[next[b]] = v
		next[b]++
	}
	if len(list) > manyTerms {
		slices.Sort(out)
		return out
	}
	for i := 1; i < len(out); i++ { // each is within the few of its first byte
		v, j := out[i], i
		for ; j > 0 && out[j-1] > v; j-- {
			out[j] = out[j-1]
		}
		out[j] = v
	}
	return out
}

// manyTerms is from where on so many terms share a first byte that moving them one
// by one takes longer.
const manyTerms = 256 * 16

// heaviest keeps limit terms, ascending by key.
func heaviest(list []Term, limit int) []Term {
	byKey := func(a, b Term) int { return cmp.Compare(a.Key, b.Key) }
	if len(list) > limit {
		slices.SortFunc(list, func(a, b Term) int { return cmp.Or(cmp.Compare(b.Weight, a.Weight), byKey(a, b)) })
		list = list[:limit]
		slices.SortFunc(list, byKey)
	}
	return list
}
