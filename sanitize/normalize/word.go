package normalize

import (
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// styled reports letters that a word may be disguised with; all others need no
// look at their word.
func styled(r rune) bool {
	switch {
	case 0x0250 <= r && r <= 0x02FF, 0x0370 <= r && r <= 0x058F, 0x13A0 <= r && r <= 0x13FF, 0x1D00 <= r && r <= 0x1DBF,
		0x2070 <= r && r <= 0x209F, 0x2100 <= r && r <= 0x214F, 0xA4D0 <= r && r <= 0xA4FF, 0xA720 <= r && r <= 0xA7FF,
		0xFB00 <= r && r <= 0xFB06, 0x1D400 <= r && r <= 0x1D7FF:
		return true
	}
	return false
}

// word folds the letters of the word around i, the first of its letters beyond
// ASCII, and returns the word's end.
func (f *folder) word(i int) int {
	r, n := utf8.DecodeRuneInString(f.text[i:])
	if !styled(r) {
		return i + n
	}
	start := i
	for start > 0 && i-start < 64 && asciiLetter(rune(f.text[start-1])) {
		start--
	}
	end := i
	var w wordShape
	for _, c := range f.text[start:i] {
		w.count(c)
	}
	for end < len(f.text) && end-start < 256 {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		if !unicode.IsLetter(r) {
			break
		}
		w.count(r)
		end += n
	}
	mixed := w.ascii > 0 && w.alike > 0 && w.foreign == 0
	whole := w.ascii == 0 && w.foreign == 0 && w.alike >= 3 && f.latinLine(start, end)
	small := w.small >= 3 && w.small+w.ascii == w.letters
	raised := w.raised >= 3 && w.raised+w.ascii == w.letters
	for k := start; k < end; {
		r, n := utf8.DecodeRuneInString(f.text[k:])
		if with := w.fold(r, mixed || whole, small, raised); with != "" {
			f.replace(k, k+n, with)
		}
		k += n
	}
	return end
}

// wordShape counts a word's letters by what they could be.
type wordShape struct {
	letters, ascii, alike, foreign, small, raised int
}

func (w *wordShape) count(r rune) {
	w.letters++
	switch {
	case asciiLetter(r):
		w.ascii++
	case smallCap(r) != 0:
		w.small++
	case lookalike(r) != 0:
		w.alike++
	case raisedLetter(r):
		w.raised++
	case 0x0250 <= r && r <= 0x02AF, unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Lisu):
		w.foreign++
	}
}

// fold returns what a letter reads as, or nothing to leave it.
func (w *wordShape) fold(r rune, alike, small, raised bool) string {
	switch {
	case r < utf8.RuneSelf:
		return ""
	case alike && lookalike(r) != 0:
		return string(lookalike(r))
	case small && smallCap(r) != 0:
		return string(smallCap(r))
	case raised && raisedLetter(r), 0x1D400 <= r && r <= 0x1D7FF, 0xFB00 <= r && r <= 0xFB06, letterlike(r):
		return norm.NFKC.String(string(r))
	}
	return ""
}

// raisedLetter reports superscript, subscript and modifier letters.
func raisedLetter(r rune) bool {
	switch {
	case 0x02B0 <= r && r <= 0x02B8, 0x02E0 <= r && r <= 0x02E4, 0x1D2C <= r && r <= 0x1D6A, 0x1D78 <= r && r <= 0x1DBF, 0x2071 <= r && r <= 0x209C, r == 0xAA, r == 0xBA, 0xA7F8 <= r && r <= 0xA7F9:
		return true
	}
	return false
}

// letterlike reports the letters of mathematics outside the mathematical block.
func letterlike(r rune) bool {
	return 0x2100 <= r && r <= 0x214F && unicode.IsLetter(r) && r != 0x2126 && r != 0x212B && norm.NFKC.String(string(r)) != string(r)
}

// latinLine reports whether a line's other letters are Latin, so that a word all
// of look-alikes does not belong.
func (f *folder) latinLine(start, end int) bool {
	from := strings.LastIndexByte(f.text[max(0, start-200):start], '\n') + 1 + max(0, start-200)
	to := min(len(f.text), end+200)
	if k := strings.IndexByte(f.text[end:to], '\n'); k >= 0 {
		to = end + k
	}
	latin, other := 0, 0
	for k, r := range f.text[runeStart(f.text, from):to] {
		if at := from + k; at >= start && at < end {
			continue
		}
		switch {
		case asciiLetter(r):
			latin++
		case unicode.IsLetter(r) && lookalike(r) == 0:
			other++
		}
	}
	return latin >= 8 && other == 0
}

// turnedEdits reads words written upside down: mirrored letter by letter and
// backwards.
func turnedEdits(text string) (edits []edit) {
	for i := 0; i < len(text); {
		k := nextHigh(text, i)
		if k < 0 {
			return edits
		}
		r, n := utf8.DecodeRuneInString(text[k:])
		if turned[r] == 0 {
			i = k + n
			continue
		}
		start, end, strange := turnedRun(text, k)
		if strange >= 3 {
			edits = appendEdit(edits, edit{start, end, turnBack(text[start:end])})
		}
		i = max(end, k+n)
	}
	return edits
}

// turnedRun extends from k to both sides over what can be turned, on one line.
func turnedRun(text string, k int) (start, end, strange int) {
	start, end = k, k
	for start > 0 && k-start < 120 {
		r, n := utf8.DecodeLastRuneInString(text[:start])
		if turned[r] == 0 && turnASCII[r] == 0 && r != ' ' {
			break
		}
		start -= n
	}
	for end < len(text) && end-start < 400 {
		r, n := utf8.DecodeRuneInString(text[end:])
		if turned[r] != 0 {
			strange++
		} else if turnASCII[r] == 0 && r != ' ' && r != ',' && r != '\'' {
			break
		}
		end += n
	}
	return start, end, strange
}

// turnBack reads a turned run both as one line turned over and word by word:
// writers do either.
func turnBack(s string) string {
	turn := func(s string) string {
		var b strings.Builder
		for _, r := range reverse(s) {
			switch {
			case turned[r] != 0:
				r = turned[r]
			case turnASCII[r] != 0:
				r = turnASCII[r]
			}
			b.WriteRune(r)
		}
		return b.String()
	}
	whole := turn(s)
	if !strings.ContainsRune(strings.TrimSpace(s), ' ') {
		return whole
	}
	words := strings.Split(s, " ")
	for i, w := range words {
		words[i] = turn(w)
	}
	return whole + "\n" + strings.Join(words, " ")
}

// nextHigh returns the place of the next byte beyond ASCII, or -1.
func nextHigh(text string, i int) int {
	const high = 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		if x := eight(text, i) & high; x != 0 {
			return i + bits.TrailingZeros64(x)>>3
		}
	}
	for ; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return i
		}
	}
	return -1
}

// eight reads eight bytes as one number, the first lowest.
func eight(text string, i int) uint64 {
	s := text[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// appendEdit adds an edit unless it overlaps the one before.
func appendEdit(edits []edit, e edit) []edit {
	if n := len(edits); n > 0 && e.start < edits[n-1].end {
		return edits
	}
	return append(edits, e)
}
