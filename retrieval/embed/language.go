package embed

import (
	"unicode"
	"unicode/utf8"

	"github.com/kljensen/snowball/english"
	"github.com/kljensen/snowball/french"
	"github.com/kljensen/snowball/hungarian"
	"github.com/kljensen/snowball/norwegian"
	"github.com/kljensen/snowball/russian"
	"github.com/kljensen/snowball/spanish"
	"github.com/kljensen/snowball/swedish"
)

// language stems and knows its stop words.
type language struct {
	code string
	stem func(word string, stopWords bool) string
	stop func(word string) bool
}

func supported() []language {
	return []language{
		{"en", english.Stem, english.IsStopWord},
		{"es", spanish.Stem, spanish.IsStopWord},
		{"fr", french.Stem, french.IsStopWord},
		{"hu", hungarian.Stem, hungarian.IsStopWord},
		{"no", norwegian.Stem, norwegian.IsStopWord},
		{"ru", russian.Stem, russian.IsStopWord},
		{"sv", swedish.Stem, swedish.IsStopWord},
		{"xx", func(w string, _ bool) string { return w }, func(string) bool { return false }},
	}
}

// Languages lists the supported languages by ISO 639-1 code. "xx" stands for
// any other: its words are kept whole, and found through their grams where they
// are inflected.
func Languages() []string {
	var out []string
	for _, l := range supported() {
		out = append(out, l.code)
	}
	return out
}

func languageByCode(code string) (language, bool) {
	for _, l := range supported() {
		if l.code == code {
			return l, true
		}
	}
	return language{}, false
}

// safeStem keeps a word whole where the stemmer panics on it or leaves nothing.
func (l language) safeStem(word string) (stem string) {
	defer func() {
		if recover() != nil || stem == "" {
			stem = word
		}
	}()
	return l.stem(word, true)
}

// Detection looks at this many words at most and, for a language other than the
// first configured one, wants this share of function words.
const (
	detectTokens = 400
	detectShare  = 0.15
)

// detect counts function words per language; about four in ten words of running
// text are such. Words of another script than a language's never count for it.
// It is deterministic, unlike trigram profiles sorted out of a map, because
// ingesting a document twice must give the same terms.
func (a *Analyzer) detect(toks []token) language {
	if len(toks) > detectTokens {
		toks = toks[:detectTokens]
	}
	hits := make([]float64, len(a.languages))
	n := 0
	for _, t := range toks {
		if t.ideographic || isNumber(t.text) {
			continue
		}
		n++
		var in []int
		for i, l := range a.languages {
			if l.stop(t.text) {
				in = append(in, i)
			}
		}
		for _, i := range in {
			hits[i] += 1 / float64(len(in)) // a word of many languages tells little
		}
	}
	best := 0
	for i := range hits {
		if hits[i] > hits[best] {
			best = i
		}
	}
	if best != 0 && hits[best] >= detectShare*float64(n) {
		return a.languages[best]
	}
	if best == 0 && len(a.languages) > 0 && hits[0] == 0 && n > 0 {
		return a.unspoken(toks)
	}
	return a.languages[0]
}

// unspoken chooses for a text without any known function word: the first
// configured language while the script is Latin, otherwise "xx" or, where that
// is not configured, the first.
func (a *Analyzer) unspoken(toks []token) language {
	for _, t := range toks {
		if r, _ := utf8.DecodeRuneInString(t.text); t.ideographic || isNumber(t.text) || unicode.Is(unicode.Latin, r) {
			continue
		}
		for _, l := range a.languages {
			if l.code == "xx" {
				return l
			}
		}
	}
	return a.languages[0]
}

func isNumber(w string) bool {
	for _, r := range w {
		if !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}
