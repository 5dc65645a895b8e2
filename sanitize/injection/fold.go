package injection

import (
	"encoding/binary"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// token is one word of a block: its classes, its hash and where it stands in
// the folded text.
type token struct {
	class
	hash       uint32
	start, end int32
}

// folded is a block in the form rules and model read: lower case, digits as 0,
// runs of blanks and of punctuation as one byte, invisible characters dropped.
// buf is reused from block to block.
type folded struct {
	buf    []byte // starts and ends with a blank, then 8 zero bytes
	n      int    // length without the zero bytes
	tokens []token
	// invisible counts dropped invisible characters, smuggled those that
	// spelled ASCII in Unicode tags.
	invisible, smuggled int
	letters             int
	upper               int
	classes             class
	question, exclaim   bool
	colonEnd            bool
	beyond              bool  // something in the block is beyond ASCII
	signs               uint8 // punctuation in the block, of signKinds
}

const (
	blankByte = 1 << iota
	letterByte
	digitByte
	upperByte
)

var byteKinds = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			t[c] = blankByte
		case c >= 'a' && c <= 'z':
			t[c] = letterByte
		case c >= 'A' && c <= 'Z':
			t[c] = letterByte | upperByte
		case c >= '0' && c <= '9':
			t[c] = digitByte
		}
	}
	return t
}()

// Signs that tell code and templates.
const (
	codeSign = 1 << iota
	bracketSign
	holeSign
)

var signKinds = [256]uint8{
	';': codeSign, '=': codeSign, '{': codeSign | bracketSign | holeSign, '}': codeSign | bracketSign,
	'(': bracketSign, ')': bracketSign, '[': bracketSign | holeSign, ']': bracketSign, '<': bracketSign, '>': bracketSign,
}

// fold reads s into f.
func (f *folded) fold(s string, lex *lexicon) {
	*f = folded{buf: append(slices.Grow(f.buf[:0], len(s)+wordPad), ' '), tokens: f.tokens[:0]}
	b := f.buf
	word := -1 // start of the open word in b
	for i := 0; i < len(s); {
		c := s[i]
		k := byteKinds[c]
		switch {
		case k&letterByte != 0:
			if word < 0 {
				word = len(b)
			}
			end := i + 1
			for end < len(s) && byteKinds[s[end]]&letterByte != 0 {
				end++
			}
			b = f.letterRun(b, s[i:end])
			i = end
			continue
		case c >= utf8.RuneSelf:
			f.beyond = true
			b, word, i = f.foldRune(b, s, i, word, lex)
			continue
		case k&digitByte != 0:
			i++
			if word < 0 {
				word = len(b)
			}
			// Digits inside words spell names (base64, rot13); a number is one 0.
			if len(b) == word {
				c = '0'
			} else if b[len(b)-1] == '0' {
				continue
			}
			b = append(b, c)
			continue
		}
		i++
		if c == '\'' && word >= 0 && i < len(s) && byteKinds[s[i]]&letterByte != 0 {
			b = append(b, c)
			continue
		}
		if word >= 0 {
			b, word = f.endWord(b, word, lex)
		}
		if k&blankByte != 0 {
			if b[len(b)-1] != ' ' {
				b = append(b, ' ')
			}
			continue
		}
		f.signs |= signKinds[c]
		b = f.addMark(b, c, k)
	}
	b, _ = f.endWord(b, word, lex)
	f.colonEnd = len(b) > 1 && (b[len(b)-1] == ':' || b[len(b)-1] == ' ' && b[len(b)-2] == ':')
	if b[len(b)-1] != ' ' {
		b = append(b, ' ')
	}
	f.n = len(b)
	f.buf = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}

// letterRun appends letters of ASCII in lower case.
func (f *folded) letterRun(b []byte, s string) []byte {
	f.letters += len(s)
	n := len(b)
	b = append(b, s...)
	for i, c := range b[n:] {
		if byteKinds[c]&upperByte != 0 {
			f.upper++
			b[n+i] = c | 0x20
		}
	}
	return b
}

// addMark appends a blank or a punctuation byte, one per run.
func (f *folded) addMark(b []byte, c byte, k uint8) []byte {
	last := b[len(b)-1]
	if k&blankByte != 0 {
		if last != ' ' {
			b = append(b, ' ')
		}
		return b
	}
	switch c {
	case '?':
		f.question = true
	case '!':
		f.exclaim = true
	}
	if c < ' ' || last == c {
		return b
	}
	if last < utf8.RuneSelf && last != ' ' && byteKinds[last] == 0 && !opening(last) && !opening(c) {
		return b // a run of punctuation is its first byte
	}
	return append(b, c)
}

// opening reports punctuation that keeps its place in a run: it opens markup.
func opening(c byte) bool {
	switch c {
	case '<', '|', '[', '(', '{', '/', '>':
		return true
	}
	return false
}

// foldRune reads one rune beyond ASCII.
func (f *folded) foldRune(b []byte, s string, i, word int, lex *lexicon) ([]byte, int, int) {
	r, n := utf8.DecodeRuneInString(s[i:])
	i += n
	switch {
	case r >= 0xE0020 && r <= 0xE007E: // Unicode tags: one ASCII character each
		f.smuggled++
		c := byte(r - 0xE0000)
		k := byteKinds[c]
		if k&(letterByte|digitByte) != 0 {
			if word < 0 {
				word = len(b)
			}
			if k&upperByte != 0 {
				c |= 0x20
			}
			f.letters++
			return append(b, c), word, i
		}
		b, word = f.endWord(b, word, lex)
		return f.addMark(b, c, k), word, i
	case r >= 0xFFF9 && r <= 0xFFFB: // an annotation is set apart
		b, word = f.endWord(b, word, lex)
		return f.addMark(b, ' ', blankByte), word, i
	case invisible(r):
		f.invisible++
		return b, word, i
	case plainLetter(r) != 0:
		if word < 0 {
			word = len(b)
		}
		f.letters++
		return append(b, plainLetter(r)), word, i
	case r >= 0x300 && r <= 0x36F:
		return b, word, i
	case r == '’' || r == '‘':
		if word >= 0 {
			return append(b, '\''), word, i
		}
		return f.addMark(b, '\'', 0), word, i
	case unicode.IsSpace(r):
		b, word = f.endWord(b, word, lex)
		return f.addMark(b, ' ', blankByte), word, i
	case spaceless(r):
		b, _ = f.endWord(b, word, lex)
		return f.foldSpaceless(b, s, i-n, lex)
	case unicode.IsLetter(r) || unicode.IsMark(r):
		if word < 0 {
			word = len(b)
		}
		f.letters++
		if l := unicode.ToLower(r); l != r {
			f.upper++
			r = l
		}
		return utf8.AppendRune(b, r), word, i
	case unicode.IsDigit(r):
		if word < 0 {
			word = len(b)
		}
		if b[len(b)-1] != '0' {
			b = append(b, '0')
		}
		return b, word, i
	}
	b, word = f.endWord(b, word, lex)
	switch r {
	case '。', '．', '！', '？', '：', '，', '、', '；', '—', '–', '“', '”', '«', '»', '।':
		if r == '？' {
			f.question = true
		}
		if last := b[len(b)-1]; last != ' ' && byteKinds[last] == 0 && last < utf8.RuneSelf {
			return b, word, i
		}
		return append(b, asciiMark(r)), word, i
	}
	return utf8.AppendRune(b, r), word, i
}

func asciiMark(r rune) byte {
	switch r {
	case '。', '．', '।':
		return '.'
	case '！':
		return '!'
	case '？':
		return '?'
	case '：':
		return ':'
	case '，', '、':
		return ','
	case '；':
		return ';'
	case '—', '–':
		return '-'
	}
	return '"'
}

// foldSpaceless reads a run of Han, Kana or Thai: stems become tokens, and so
// does each other rune.
func (f *folded) foldSpaceless(b []byte, s string, i int, lex *lexicon) ([]byte, int, int) {
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !spaceless(r) {
			break
		}
		var key [24]byte
		m := copy(key[:], s[i:])
		c, length := lex.stem(key[:m])
		if length == 0 {
			length = n
		}
		start := len(b)
		b = append(b, s[i:i+length]...)
		f.letters += length / 3
		f.classes |= c
		f.tokens = append(f.tokens, token{c, hashWord(b[start:]), int32(start), int32(len(b))})
		i += length
	}
	return b, -1, i
}

// endWord closes the open word and makes a token of it.
func (f *folded) endWord(b []byte, word int, lex *lexicon) ([]byte, int) {
	if word < 0 {
		return b, -1
	}
	w := b[word:]
	h := hashWord(w)
	c := lex.word(w, h)
	f.classes |= c
	f.tokens = append(f.tokens, token{c, h, int32(word), int32(len(b))})
	return b, -1
}

// invisible reports runes that show nothing and may stand inside a word.
func invisible(r rune) bool {
	switch {
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F,
		r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE0FFF,
		r == 0xFEFF, r == 0x00AD, r == 0x034F, r == 0x061C, r == 0x180E,
		r == 0x115F, r == 0x1160, r == 0x3164, r == 0xFFA0:
		return true
	}
	return false
}

// plainLetter is the ASCII letter, lower case, that a letter with an accent or a
// letter in a box or circle is read as; 0 for all else.
func plainLetter(r rune) byte {
	switch {
	case r >= 0xC0 && r < 0x250:
		return accented[r-0xC0]
	case r >= 0x1E00 && r < 0x1F00:
		return accented[0x190+r-0x1E00]
	case r >= 0x24D0 && r < 0x24EA:
		return byte('a' + r - 0x24D0)
	case r >= 0x24B6 && r < 0x24D0:
		return byte('a' + r - 0x24B6)
	case r >= 0x1F1E6 && r <= 0x1F1FF:
		return byte('a' + r - 0x1F1E6)
	case r >= 0x1F130 && r < 0x1F18A && (r-0x1F130)%32 < 26:
		return byte('a' + (r-0x1F130)%32)
	}
	return 0
}

// accented holds the base letters of U+00C0 to U+024F and U+1E00 to U+1EFF.
var accented = func() (t [0x290]byte) {
	for i := range t {
		r := rune(i) + 0xC0
		if i >= 0x190 {
			r = rune(i) - 0x190 + 0x1E00
		}
		d := norm.NFD.String(string(r))
		if c := d[0]; len(d) > 1 && c < utf8.RuneSelf && byteKinds[c]&letterByte != 0 {
			t[i] = c | 0x20
		}
	}
	t['đ'-0xC0], t['Đ'-0xC0], t['ø'-0xC0], t['ł'-0xC0], t['ı'-0xC0] = 'd', 'd', 'o', 'l', 'i'
	t['Ø'-0xC0], t['Ł'-0xC0] = 'o', 'l'
	return t
}()

// spaceless reports scripts that set no blanks between words.
func spaceless(r rune) bool {
	switch {
	case r >= 0x3040 && r <= 0x30FF, r >= 0x3400 && r <= 0x9FFF, r >= 0x0E00 && r <= 0x0E7F, r >= 0x20000 && r <= 0x2FFFF:
		return true
	}
	return false
}

// Multipliers of the feature hashes (odd 64-bit constants; Fibonacci hashing).
const (
	mulGram = 0x9E3779B97F4A7C15
	mulWord = 0xC2B2AE3D27D4EB4F
	mulPair = 0x165667B19E3779F9
)

// wordPad is the room that fold keeps behind a word, so that its last bytes are
// read as one number.
const wordPad = 24

func hashWord(w []byte) uint32 {
	h := uint64(len(w)) * mulPair
	for len(w) >= 8 {
		h = (h ^ binary.LittleEndian.Uint64(w)) * mulWord
		h ^= h >> 29
		w = w[8:]
	}
	var tail uint64
	if cap(w) >= 8 {
		tail = binary.LittleEndian.Uint64(w[:8]) & (1<<(8*len(w)) - 1) // what stands behind w does not count
	} else {
		for i, c := range w {
			tail |= uint64(c) << (8 * i)
		}
	}
	return uint32((h ^ tail) * mulWord >> 32)
}
