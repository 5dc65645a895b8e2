package normalize

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldEdits drops characters that show nothing and folds compatibility forms
// (NFKC).
func foldEdits(text string) (edits []edit) {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		switch {
		case invisible(r):
			edits = append(edits, edit{start: i, end: i + n})
		case 0xFF01 <= r && r <= 0xFF65 && !unicode.In(r, unicode.L, unicode.Nd), r == 0x3000:
			// Ordinary punctuation of Chinese and Japanese.
		case !norm.NFKC.IsNormalString(text[i : i+n]):
			edits = append(edits, edit{i, i + n, norm.NFKC.String(text[i : i+n])})
		}
		i += n
	}
	return edits
}

// invisible reports characters that take no room and mean nothing to a reader.
func invisible(r rune) bool {
	switch {
	case r == 0x00AD, r == 0x034F, r == 0x061C, r == 0x180E, r == 0xFEFF,
		0x200B <= r && r <= 0x200F, 0x202A <= r && r <= 0x202E,
		0x2060 <= r && r <= 0x206F, 0xE0000 <= r && r <= 0xE0FFF:
		return true
	}
	return false
}
