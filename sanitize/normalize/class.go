package normalize

import (
	"unicode"
	"unicode/utf8"
)

func asciiLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// latin reports letters of scripts whose writing stacks at most two marks.
func latin(r rune) bool {
	return asciiLetter(r) || unicode.In(r, unicode.Latin, unicode.Cyrillic, unicode.Greek)
}

func isTag(r rune) bool { return 0xE0000 <= r && r <= 0xE007F }

func isSelector(r rune) bool {
	return 0xFE00 <= r && r <= 0xFE0F || 0xE0100 <= r && r <= 0xE01EF || 0x180B <= r && r <= 0x180D
}

// isInvisible reports format characters and fillers that take no room.
func isInvisible(r rune) bool {
	switch {
	case r == 0x00AD, r == 0x034F, r == 0x180E, r == 0xFEFF,
		0x200B <= r && r <= 0x200D, 0x2060 <= r && r <= 0x2064, 0x206A <= r && r <= 0x206F,
		0x1D173 <= r && r <= 0x1D17A, 0xE0080 <= r && r <= 0xE00FF, 0xE01F0 <= r && r <= 0xE0FFF,
		0x13430 <= r && r <= 0x1343F, 0x1BCA0 <= r && r <= 0x1BCA3:
		return true
	}
	return isDirection(r)
}

func isDirection(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || 0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069
}

func isSpaceLike(r rune) bool {
	return r == 0x00A0 || r == 0x1680 || 0x2000 <= r && r <= 0x200A || r == 0x202F || r == 0x205F || r == 0x3000
}

// isSeparator reports what separator handles.
func isSeparator(r rune) bool {
	switch {
	case r == 0x0085, r == 0x2028, r == 0x2029, r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0, r == 0x2800,
		0xFFF9 <= r && r <= 0xFFFC, 0xFDD0 <= r && r <= 0xFDEF, r&0xFFFE == 0xFFFE, 0x0080 <= r && r <= 0x009F:
		return true
	}
	return unicode.Is(unicode.Co, r)
}

// joins reports letters and signs of scripts in which joiners choose a shape.
func joins(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Syriac, unicode.Mongolian, unicode.Nko, unicode.Mandaic,
		unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil,
		unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar,
		unicode.Tibetan, unicode.Thai, unicode.Lao, unicode.Javanese, unicode.Balinese)
}

// pictograph reports what an emoji sequence is made of.
func pictograph(r rune) bool {
	switch {
	case 0x1F000 <= r && r <= 0x1FAFF, 0x2190 <= r && r <= 0x2BFF, 0xFE00 <= r && r <= 0xFE0F, r == 0x20E3, r == 0x3030, r == 0x303D,
		r == 0xA9, r == 0xAE, r == 0x3297, r == 0x3299, isTag(r):
		return true
	}
	return false
}

// runeStart moves an offset back to the beginning of the rune it is in, within
// the text.
func runeStart(text string, at int) int {
	if at <= 0 {
		return 0
	}
	if at >= len(text) {
		return len(text)
	}
	for back := 0; back < utf8.UTFMax-1 && at > 0 && !utf8.RuneStart(text[at]); back++ {
		at--
	}
	return at
}
