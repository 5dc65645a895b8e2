package embed

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// token is a lower-cased word, or a pair of neighbouring characters of a script
// written without spaces.
type token struct {
	text        string
	ideographic bool
}

// maxTokenRunes is where a word stops being a word: longer runs (encodings,
// hashes) are cut into pieces of this length.
const maxTokenRunes = 64

// tokens splits text at everything that is not a letter, mark or digit, after
// compatibility normalisation (NFKC) and lower-casing. Invalid UTF-8 separates.
func tokens(text string) []token {
	text = strings.ToLower(norm.NFKC.String(text))
	var out []token
	for start := 0; start < len(text); {
		r, n := utf8.DecodeRuneInString(text[start:])
		switch classOf(r) {
		case classNone:
			start += n
			continue
		case classSpaceless:
			end := runOf(text, start, classSpaceless)
			out = appendPairs(out, []rune(text[start:end]))
			start = end
		default:
			end := runOf(text, start, classWord)
			out = appendWord(out, text[start:end])
			start = end
		}
	}
	return out
}

type class int

const (
	classNone class = iota
	classWord
	classSpaceless
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' {
			return classWord
		}
		return classNone
	case r == utf8.RuneError:
		return classNone
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		if unicode.In(r, unicode.L, unicode.M, unicode.N) {
			return classSpaceless
		}
		return classNone
	case unicode.In(r, unicode.L, unicode.M, unicode.Nd):
		return classWord
	}
	return classNone
}

// runOf returns the end of the run of runes of class c that starts at start.
func runOf(text string, start int, c class) int {
	for i, r := range text[start:] {
		if classOf(r) != c {
			return start + i
		}
	}
	return len(text)
}

func appendPairs(out []token, rs []rune) []token {
	if len(rs) == 1 {
		return append(out, token{string(rs), true})
	}
	for i := 1; i < len(rs); i++ {
		out = append(out, token{string(rs[i-1 : i+1]), true})
	}
	return out
}

func appendWord(out []token, w string) []token {
	if len(w) <= maxTokenRunes {
		return append(out, token{text: w})
	}
	for rs := range slices.Chunk([]rune(w), maxTokenRunes) {
		out = append(out, token{text: string(rs)})
	}
	return out
}

// fold drops combining diacritics, so that accents typed or not find alike.
func fold(w string) string {
	ascii := true
	for i := range len(w) {
		ascii = ascii && w[i] < utf8.RuneSelf
	}
	if ascii {
		return w
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, norm.NFD.String(w))
	return norm.NFC.String(plain)
}

// gramSize is the length of within-word grams, in runes.
const gramSize = 4

// eachGram calls yield for every gram of a stem, its start marked; a stem too
// short for one is its own gram.
func eachGram(stem string, yield func(string)) {
	marked := "_" + stem
	var at [maxTokenRunes + 2]int // byte offsets of runes
	n := 0
	for i := range marked {
		if n == len(at)-1 {
			break
		}
		at[n] = i
		n++
	}
	at[n] = len(marked)
	if n <= gramSize {
		yield(marked)
		return
	}
	for i := 0; i+gramSize <= n; i++ {
		yield(marked[at[i]:at[i+gramSize]])
	}
}

func ascending[V any](m map[uint32]V) []uint32 {
	keys := make([]uint32, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
