package normalize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folder collects the edits that make disguised characters plain.
type folder struct {
	text  string
	edits []edit
}

// foldEdits unhides and folds characters: what shows nothing is dropped, what
// stands for another character is replaced by it. What a script or an emoji
// needs is left alone: joiners between Arabic or Indic letters, selectors
// behind a base that takes them, flags, directional marks in lines with letters
// written right to left. It does not fold accents, nor letters of another
// script in words of that script.
func foldEdits(text string) []edit {
	f := folder{text: text}
	for i := 0; i < len(text); {
		c := text[i]
		for traits[c]&(hasHigh|hasControl) == 0 && i+1 < len(text) {
			i++
			c = text[i]
		}
		switch {
		case c >= utf8.RuneSelf:
			i = f.rune(i)
		case c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f:
			i = f.control(i)
		default:
			i++
		}
	}
	return f.edits
}

func (f *folder) replace(start, end int, with string) {
	if n := len(f.edits); n > 0 && start < f.edits[n-1].end {
		return
	}
	f.edits = append(f.edits, edit{start, end, with})
}

// before and after are the runes around a place, 0 at an end of the text.
func (f *folder) before(i int) rune {
	if i == 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(f.text[:i])
	return r
}

func (f *folder) after(i int) rune {
	if i >= len(f.text) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(f.text[i:])
	return r
}

// rune handles the character beyond ASCII at i and returns where to go on.
func (f *folder) rune(i int) int {
	r, n := utf8.DecodeRuneInString(f.text[i:])
	switch {
	case 0xC0 <= r && r < 0x250 && r != 0xD7 && r != 0xF7, 0x4E00 <= r && r <= 0x9FFF, 0xAC00 <= r && r <= 0xD7A3, 0x3041 <= r && r <= 0x30FF:
		return i + n // most letters of most texts
	case 0x0400 <= r && r < 0x0480, 0x0391 <= r && r <= 0x03CE:
		return f.word(i)
	case r == utf8.RuneError && n <= 1:
		return f.invalid(i)
	case 0xFF01 <= r && r <= 0xFF5E:
		return f.wide(i)
	case isTag(r):
		return f.tags(i)
	case isSelector(r):
		return f.selectors(i)
	case isInvisible(r):
		return f.invisible(i, r, n)
	case 0x1F1E6 <= r && r <= 0x1F1FF:
		return f.regional(i)
	case isSpaceLike(r):
		f.space(i, r, n)
	case isSeparator(r):
		return f.separator(i, r, n)
	case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
		return f.marks(i)
	case unicode.IsLetter(r):
		return f.word(i)
	case r >= 0x2000 && !norm.NFKC.IsNormalString(f.text[i:i+n]) && foldsToASCII(r):
		f.replace(i, i+n, norm.NFKC.String(f.text[i:i+n]))
	}
	return i + n
}

// foldsToASCII reports whether a symbol's compatibility form is letters and
// digits: circled, squared and parenthesised ones. Fractions, units, ligatures
// of punctuation and the like mean what they show.
func foldsToASCII(r rune) bool {
	for _, c := range norm.NFKC.String(string(r)) {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return 0x2460 <= r && r <= 0x24FF || 0x1F100 <= r && r <= 0x1F1FF || 0x1D400 <= r && r <= 0x1D7FF
}

// control handles a control character or an escape sequence at i.
func (f *folder) control(i int) int {
	switch c := f.text[i]; c {
	case '\x1b':
		if end := escapeEnd(f.text, i); end > i+1 {
			f.replace(i, end, "")
			return end
		}
	case '\b':
		return f.backspaces(i)
	case '\v', '\f':
		f.replace(i, i+1, "\n")
		return i + 1
	}
	f.replace(i, i+1, "")
	return i + 1
}

// escapeEnd returns the end of the terminal control sequence that begins at i
// (ECMA-48: CSI, and OSC to BEL or ST), or i+1 where there is none.
func escapeEnd(text string, i int) int {
	if i+1 >= len(text) {
		return i + 1
	}
	switch text[i+1] {
	case '[':
		for j := i + 2; j < len(text) && j < i+64; j++ {
			if c := text[j]; '@' <= c && c <= '~' {
				return j + 1
			} else if c < ' ' || c > '?' {
				break
			}
		}
	case ']':
		for j := i + 2; j < len(text) && j < i+2048; j++ {
			if text[j] == '\a' {
				return j + 1
			}
			if text[j] == '\x1b' && j+1 < len(text) && text[j+1] == '\\' {
				return j + 2
			}
		}
	case '(', ')', '#':
		return min(i+3, len(text))
	}
	if c := text[i+1]; '@' <= c && c <= '_' && c != '[' && c != ']' {
		return i + 2
	}
	return i + 1
}

// backspaces lets a run of backspaces take away what stands before it.
func (f *folder) backspaces(i int) int {
	end := i
	for end < len(f.text) && f.text[end] == '\b' {
		end++
	}
	start := i
	for n := end - i; n > 0 && start > 0 && f.text[start-1] != '\n'; n-- {
		_, size := utf8.DecodeLastRuneInString(f.text[:start])
		start -= size
	}
	// Edits made within what is taken away give way to this one.
	for n := len(f.edits); n > 0 && f.edits[n-1].end > start; n = len(f.edits) {
		start = min(start, f.edits[n-1].start)
		f.edits = f.edits[:n-1]
	}
	f.replace(start, end, "")
	return end
}

// invisible handles a character without a glyph of its own.
func (f *folder) invisible(i int, r rune, n int) int {
	before, after := f.before(i), f.after(i+n)
	switch {
	case r == 0xFEFF && i == 0, // a byte order mark
		(r == 0x200C || r == 0x200D) && joins(before) && (joins(after) || after <= ' ' || unicode.IsPunct(after)), // Arabic and Indic scripts
		r == 0x200D && pictograph(before) && pictograph(after),                                                    // an emoji sequence
		r == 0x034F && unicode.Is(unicode.Mn, after) && !latin(before),
		isDirection(r) && r != 0x202D && r != 0x202E && f.rightToLeft(i):
		return i + n
	case r == 0x202E || r == 0x202D:
		return f.override(i, n)
	}
	f.replace(i, i+n, "")
	return i + n
}

// override reads the text between a directional override and its end the way
// it is shown: the right-to-left one backwards.
func (f *folder) override(i, n int) int {
	end := i + n
	for end < len(f.text) && end-i < 4096 && f.text[end] != '\n' {
		r, size := utf8.DecodeRuneInString(f.text[end:])
		if r == 0x202C || r == 0x2069 {
			break
		}
		end += size
	}
	body := f.text[i+n : end]
	if f.after(end) == 0x202C {
		end += 3
	}
	if f.text[i:i+n] == "\u202e" {
		body = reverse(body)
	}
	f.replace(i, end, body)
	return end
}

func reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// rightToLeft reports whether a letter written right to left stands near i in
// its line.
func (f *folder) rightToLeft(i int) bool {
	from, to := max(0, i-120), min(len(f.text), i+120)
	for k := i - 1; k >= from; k-- {
		if f.text[k] == '\n' {
			from = k + 1
			break
		}
	}
	for _, r := range f.text[runeStart(f.text, from):to] {
		if r == '\n' {
			continue
		}
		if unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko) {
			return true
		}
	}
	return false
}

// space folds the spaces of typography. Next to punctuation, digits and letters
// of scripts that use them they are left alone.
func (f *folder) space(i int, r rune, n int) {
	before, after := f.before(i), f.after(i+n)
	if !asciiLetter(before) && !asciiLetter(after) || r == 0x00A0 && (!asciiLetter(before) || !asciiLetter(after)) {
		return
	}
	if r == 0x3000 && (before > 0x2E80 || after > 0x2E80) {
		return
	}
	f.replace(i, i+n, " ")
}

// separator turns line separators into line ends, and drops what nobody uses
// within a word: private use, noncharacters, fillers, annotation marks.
func (f *folder) separator(i int, r rune, n int) int {
	end := i + n
	switch {
	case r == 0x2028 || r == 0x2029 || r == 0x0085:
		f.replace(i, end, "\n")
		return end
	case 0xFFF9 <= r && r <= 0xFFFB:
		f.replace(i, end, "")
		return end
	}
	for end < len(f.text) {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		if !isSeparator(r) || r == 0x2028 || r == 0x2029 || r == 0x0085 || 0xFFF9 <= r && r <= 0xFFFB || n == 1 {
			break
		}
		end += n
	}
	if asciiLetter(f.before(i)) || asciiLetter(f.after(end)) {
		f.replace(i, end, "")
	}
	return end
}

// wide folds a run of full-width ASCII that has letters, or signs of markup next
// to ASCII; digits and punctuation are ordinary among Chinese and Japanese.
func (f *folder) wide(i int) int {
	end, letters, signs := i, 0, 0
	for end < len(f.text) {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		if r < 0xFF01 || r > 0xFF5E {
			break
		}
		switch c := r - 0xFEE0; {
		case asciiLetter(c):
			letters++
		case strings.ContainsRune("<>|[]{}@#$%&*=_/\\~+-", c):
			signs++
		}
		end += n
	}
	graphic := func(r rune) bool { return ' ' < r && r < utf8.RuneSelf }
	if letters == 0 && (signs == 0 || !graphic(f.before(i)) && !graphic(f.after(end))) {
		return end
	}
	for k := i; k < end; {
		r, n := utf8.DecodeRuneInString(f.text[k:])
		f.replace(k, k+n, string(r-0xFEE0))
		k += n
	}
	return end
}

// marks drops stacks of combining marks: more than two behind a letter of a
// script that does without, or one drawn through it.
func (f *folder) marks(i int) int {
	end, count, through := i, 0, false
	for end < len(f.text) {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		if !unicode.Is(unicode.Mn, r) && !unicode.Is(unicode.Me, r) || isSelector(r) {
			break
		}
		through = through || 0x0334 <= r && r <= 0x0338 || 0x20D0 <= r && r <= 0x20F0 && r != 0x20E3
		count, end = count+1, end+n
	}
	base := f.before(i)
	switch {
	case end == i:
		_, n := utf8.DecodeRuneInString(f.text[i:])
		return i + n
	case count > 3, (latin(base) || base < utf8.RuneSelf) && (count > 2 || through):
		f.replace(i, end, "")
	case latin(base):
		_, size := utf8.DecodeLastRuneInString(f.text[:i])
		if whole := f.text[i-size : end]; !norm.NFC.IsNormalString(whole) {
			composed := norm.NFC.String(whole)
			if composed != whole {
				f.replace(i-size, end, composed)
			}
		}
	}
	return end
}
