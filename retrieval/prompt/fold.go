package prompt

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// look-alikes of the characters that chat templates are made of, beyond what
// NFKC folds (which has the full-width and mathematical forms).
var lookAlike = map[rune]rune{
	'‹': '<', '⟨': '<', '˂': '<', '❮': '<', '\u2329': '<', '\u3008': '<',
	'›': '>', '⟩': '>', '˃': '>', '❯': '>', '\u232a': '>', '\u3009': '>',
	'│': '|', '┃': '|', '∣': '|', 'ǀ': '|', '❘': '|', '¦': '|', '⏐': '|', '￨': '|',
	'▁': '_', '∕': '/', '⁄': '/', '╱': '/', '⧸': '/',
	'꞉': ':', '∶': ':', 'ː': ':', '܃': ':', '׃': ':',
	'❲': '[', '〔': '[', '⟦': '[', '❳': ']', '〕': ']', '⟧': ']',
	// Cyrillic and Greek letters drawn as Latin ones
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ѕ': 's', 'ј': 'j', 'ԁ': 'd', 'һ': 'h', 'ո': 'n', 'т': 't', 'м': 'm', 'ս': 'u',
	'А': 'A', 'В': 'B', 'Е': 'E', 'О': 'O', 'Р': 'P', 'С': 'C', 'У': 'Y', 'Х': 'X', 'І': 'I', 'Ѕ': 'S', 'Ј': 'J', 'Т': 'T', 'М': 'M', 'Н': 'H', 'К': 'K',
	'Α': 'A', 'Β': 'B', 'Ε': 'E', 'Η': 'H', 'Ι': 'I', 'Κ': 'K', 'Μ': 'M', 'Ν': 'N', 'Ο': 'O', 'Ρ': 'P', 'Τ': 'T', 'Υ': 'Y', 'Χ': 'X', 'Ζ': 'Z',
	'ο': 'o', 'α': 'a', 'ι': 'i', 'ν': 'v', 'ρ': 'p', 'υ': 'u', 'τ': 't', 'ı': 'i', 'ɩ': 'i', 'ɑ': 'a', 'ɡ': 'g',
}

// fold reads r as a person would: look-alikes as the plain character. keep is
// false for characters that draw nothing.
func fold(r rune) (plain rune, keep bool) {
	if r < utf8.RuneSelf {
		return r, r >= ' ' || r == '\n' || r == '\t' || r == '\r'
	}
	if invisible(r) {
		return 0, false
	}
	if p, ok := lookAlike[r]; ok {
		return p, true
	}
	var buf, out [utf8.UTFMax * 8]byte
	n := utf8.EncodeRune(buf[:], r)
	folded := norm.NFKC.Append(out[:0], buf[:n]...)
	if p, size := utf8.DecodeRune(folded); size == len(folded) {
		if q, ok := lookAlike[p]; ok {
			return q, true
		}
		return p, true
	}
	return r, true
}

// invisible reports characters without a drawing of their own: format
// characters, fillers, variation selectors, tags and combining marks, which all
// can be put inside a word without changing how it is read.
func invisible(r rune) bool {
	switch r {
	case 0x00AD, 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0:
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me) || r >= 0xE0000 && r <= 0xE0FFF
}
