package embed

import (
	"math/bits"
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
	index int // in languages
	code  string
	stem  func(word string, stopWords bool) string
	stop  func(word string) bool
}

var languages = []language{
	{0, "en", english.Stem, english.IsStopWord},
	{1, "es", spanish.Stem, spanish.IsStopWord},
	{2, "fr", french.Stem, french.IsStopWord},
	{3, "hu", hungarian.Stem, hungarian.IsStopWord},
	{4, "no", norwegian.Stem, norwegian.IsStopWord},
	{5, "ru", russian.Stem, russian.IsStopWord},
	{6, "sv", swedish.Stem, swedish.IsStopWord},
	{7, "xx", func(w string, _ bool) string { return w }, func(string) bool { return false }},
}

// Languages lists the supported languages by ISO 639-1 code. "xx" stands for
// any other: its words are kept whole, and found through their grams where they
// are inflected.
func Languages() []string {
	var out []string
	for _, l := range languages {
		out = append(out, l.code)
	}
	return out
}

func languageByCode(code string) (language, bool) {
	for _, l := range languages {
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
func (a *Analyzer) detect(text []*lexeme) language {
	text = text[:min(len(text), detectTokens)]
	configured := uint32(0)
	for _, l := range a.languages {
		configured |= 1 << l.index
	}
	var hits [maxLanguages]int // times whole
	n := 0
	for _, w := range text {
		if w.ideographic || w.number {
			continue
		}
		n++
		in := w.stops & configured
		for left := in; left != 0; left &= left - 1 {
			hits[bits.TrailingZeros32(left)] += whole / bits.OnesCount32(in) // a word of many languages tells little
		}
	}
	best := a.languages[0]
	for _, l := range a.languages {
		if hits[l.index] > hits[best.index] {
			best = l
		}
	}
	switch first := a.languages[0]; {
	case best.index != first.index && float64(hits[best.index]) >= detectShare*float64(n)*whole:
		return best
	case best.index == first.index && hits[first.index] == 0 && n > 0:
		return a.unspoken(text)
	}
	return a.languages[0]
}

// whole is what a function word counts, shared among its languages: divisible by
// every number of them.
const (
	maxLanguages = 8
	whole        = 840
)

// unspoken chooses for a text without any known function word: the first
// configured language while the script is Latin, otherwise "xx" or, where that
// is not configured, the first.
func (a *Analyzer) unspoken(text []*lexeme) language {
	for _, w := range text {
		if r, _ := utf8.DecodeRuneInString(w.text); w.ideographic || w.number || unicode.Is(unicode.Latin, r) {
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
