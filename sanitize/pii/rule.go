package pii

import (
	"slices"
	"strings"
)

// Limits of the digit recogniser. Everything it decides about a candidate lies
// within these distances, which is what lets a stream decide the same.
const (
	minLen    = 5   // and the fewest of any rule
	maxLen    = 36  // letters and digits in a candidate
	maxTokens = 48  // tokens looked at together
	maxChain  = 192 // bytes of such a chain
	lookBack  = 96  // bytes a match may start before the byte that triggers it
	wordsBack = 96  // bytes before a chain in which a word counts
	wordsFore = 48  // bytes after it that are looked at
	foreReach = 24  // bytes after a value in which a word must begin to count
)

// rule recognises one writing of one type: letters and digits in a pattern,
// grouped in known ways, with a check over them.
type rule struct {
	name    string // rule name in findings: the type in lower case, a suffix where there are several
	typ     string
	country string // ISO 3166-1 alpha-2, or empty
	about   string // for people; on the first rule of a type
	// pattern gives the letters and digits without separators: '0' a digit, 'a'
	// a letter, '*' either, a capital or another digit itself.
	pattern string
	// forms are the groupings accepted in running text without a word near:
	// the pattern's characters with their separators, "000-00-0000"; '~' stands
	// for two or three blanks or hyphens. The bare
	// pattern is accepted only if listed. With a word near, any grouping with
	// single separators will do.
	forms []string
	// check confirms the letters and digits (capitals); nil confirms nothing.
	check func(v []byte) bool
	// Scores in running text, with one of words near, and when the candidate is
	// the whole text (a table cell, a form field).
	prose, near, alone float64
	// words are lower-case words or phrases that say what the number is.
	words []string
	// strict takes only the listed forms, also with a word near.
	strict bool
	// lower refuses letters in lower case where no word is near.
	lower bool
	// capitals refuses letters in lower case everywhere.
	capitals bool
	// oneCase refuses letters of both cases in one value.
	oneCase bool

	shapes []uint64
	word   int // index of its word list
}

// Info describes a type in the terms of data-loss-prevention products.
type Info struct {
	Type        string // as in findings
	Country     string // ISO 3166-1 alpha-2, or empty
	Sensitivity string // "high": identifies or pays; "moderate": reaches or locates; "low": weak alone
	About       string // a few words for people
}

// Likelihood puts a score in data-loss-prevention words: VERY_LIKELY, LIKELY,
// POSSIBLE or UNLIKELY.
func Likelihood(score float64) string {
	switch {
	case score >= 0.9:
		return "VERY_LIKELY"
	case score >= 0.7:
		return "LIKELY"
	case score >= 0.5:
		return "POSSIBLE"
	}
	return "UNLIKELY"
}

// Catalogue lists every type the package knows, sorted by name.
func Catalogue() []Info { return slices.Clone(catalogue()) }

// Types lists the names of all types, sorted.
func Types() []string {
	var out []string
	for _, i := range catalogue() {
		out = append(out, i.Type)
	}
	return out
}

// Countries lists the countries that have types of their own, sorted.
func Countries() []string {
	var out []string
	for _, i := range catalogue() {
		if i.Country != "" {
			out = append(out, i.Country)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// compile turns the enabled part of the tables into the lookup structures.
func (s *Scanner) compile() {
	index := newWordIndex()
	for _, table := range tables {
		for _, r := range table {
			if _, on := s.floor[r.typ]; !on {
				continue
			}
			for _, f := range r.forms {
				shape := shapeOf(f)
				r.shapes = append(r.shapes, shape)
				s.shapes[len(r.pattern)] |= 1 << (shape % 64)
			}
			r.word = index.add(r.words)
			n := len(r.pattern)
			if strings.Trim(r.pattern, "0123456789*") == "" {
				s.digits[n] = append(s.digits[n], len(s.rules))
			}
			if strings.Trim(r.pattern, "0123456789") != "" {
				s.mixed[n] = append(s.mixed[n], len(s.rules))
			}
			s.rules = append(s.rules, r)
		}
	}
	for i, b := range builtins {
		_, s.builtin[i] = s.floor[b.Type]
		index.reserve(i, builtinWords[i])
	}
	if index.lists > 4*64 {
		panic("pii: more word lists than wordHits has bits for")
	}
	s.words = index
	s.revision = s.revise()
}

// shapeOf hashes a form's group lengths and separators; chain.shape does the
// same for a candidate.
func shapeOf(form string) uint64 {
	h, n := uint64(0), uint64(0)
	for i := 0; i < len(form); i++ {
		if isAlnum(form[i]) || form[i] == '*' {
			n++
			continue
		}
		h = shapeStep(h, n, form[i])
		n = 0
	}
	return shapeStep(h, n, 0)
}

func shapeStep(h, groupLen uint64, sep byte) uint64 {
	return (h*131+groupLen)*257 + uint64(sep) + 1
}

// matches reports whether the letters and digits fit the pattern.
func (r *rule) matches(v []byte) bool { return r.begins(v[:len(r.pattern)]) }

// begins reports whether they fit the pattern's beginning.
func (r *rule) begins(v []byte) bool {
	for i := range v {
		switch c := v[i]; r.pattern[i] {
		case '0':
			if c < '0' || c > '9' {
				return false
			}
		case 'a':
			if c < 'A' || c > 'Z' {
				return false
			}
		case '*':
		default:
			if c != r.pattern[i] {
				return false
			}
		}
	}
	return true
}
