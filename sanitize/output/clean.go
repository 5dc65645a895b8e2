package output

import (
	"unicode"
	"unicode/utf8"
)

// RuleSmuggling counts characters removed because they draw nothing: tags,
// direction overrides, variation selectors and zero-width characters carry text
// that a person does not see and copies along.
const RuleSmuggling = "unicode-smuggling"

// cleaner is the first step: it drops characters that draw nothing, replaces
// bytes that are not UTF-8 by U+FFFD, and holds back only an incomplete
// character or escape. Everything after it sees whole ones and what a person
// sees.
//
// Kept are the joiners that change how neighbours are drawn: ZWJ between emoji,
// ZWJ and ZWNJ after a letter of a script that uses them, and a variation
// selector 15 or 16 directly after a symbol that has such variants.
type cleaner struct {
	partial [utf8.UTFMax]byte
	n       int
	prev    rune
	removed int
	escape  []byte // an escape that has only begun
}

func (c *cleaner) write(out, p []byte) []byte {
	from := len(out)
	out = c.characters(append(out, c.escape...), p)
	cut := len(out) - unfinished(out[from:])
	c.escape = append(c.escape[:0], out[cut:]...)
	return out[:cut]
}

// unfinished is the length of an escape that p ends with and that more could
// complete. It reads escapes from the beginning, as the second reading does.
func unfinished(p []byte) int {
	var scratch [utf8.UTFMax]byte
	for i := 0; i < len(p); {
		if b := p[i]; b != '\\' && b != '%' && b != '&' {
			i++
			continue
		}
		_, n := decode(p[i:], scratch[:0])
		if n == 0 {
			return len(p) - i
		}
		i += n
	}
	return 0
}

func (c *cleaner) characters(out, p []byte) []byte {
	for c.n > 0 && len(p) > 0 {
		c.partial[c.n] = p[0]
		c.n++
		p = p[1:]
		if utf8.FullRune(c.partial[:c.n]) {
			r, size := utf8.DecodeRune(c.partial[:c.n])
			out = c.rune(out, r, c.partial[:size])
			// The rest, after an invalid byte, is looked at again as itself.
			rest := append([]byte(nil), c.partial[size:c.n]...)
			c.n = 0
			if len(rest) > 0 {
				out = c.characters(out, rest)
			}
		}
	}
	for i := 0; i < len(p); {
		if n := asciiRun(p[i:]); n > 0 {
			out = append(out, p[i:i+n]...)
			i += n
			c.prev = rune(p[i-1])
			continue
		}
		if !utf8.FullRune(p[i:]) {
			c.n = copy(c.partial[:], p[i:])
			return out
		}
		r, size := utf8.DecodeRune(p[i:])
		out = c.rune(out, r, p[i:i+size])
		i += size
	}
	return out
}

// close gives out an incomplete escape as it is, and an incomplete character as
// what it is: U+FFFD for each byte.
func (c *cleaner) close(out []byte) []byte {
	out = append(out, c.escape...)
	c.escape = c.escape[:0]
	for i := 0; i < c.n; i++ {
		out = utf8.AppendRune(out, utf8.RuneError)
	}
	c.n = 0
	return out
}

func (c *cleaner) rune(out []byte, r rune, raw []byte) []byte {
	switch {
	case r == utf8.RuneError && len(raw) == 1:
		c.prev = r
		return utf8.AppendRune(out, r)
	case r < ' ' || r == 0x7F, drawsNothing(r) && !c.joins(r):
		c.removed++
		return out
	}
	c.prev = r
	return append(out, raw...)
}

// asciiRun is the length of the prefix of printable ASCII, tabs and line ends.
func asciiRun(p []byte) int {
	for i, b := range p {
		if b >= utf8.RuneSelf || b < ' ' && b != '\n' && b != '\t' && b != '\r' || b == 0x7F {
			return i
		}
	}
	return len(p)
}

// drawsNothing reports characters that are invisible by themselves.
func drawsNothing(r rune) bool {
	switch {
	case r >= 0x80 && r < 0xA0: // C1 controls
		return true
	case r == 0x00AD, r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFFA0, r == 0x2800:
		return true
	case r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0000 && r <= 0xE0FFF, r >= 0x180B && r <= 0x180F:
		return true
	case r == 0x2028, r == 0x2029, r >= 0xFFF0 && r <= 0xFFFB:
		return true
	}
	return unicode.Is(unicode.Cf, r)
}

// joins reports whether an invisible character is there for the drawing of the
// character before it.
func (c *cleaner) joins(r rune) bool {
	switch r {
	case 0xFE0E, 0xFE0F:
		return pictograph(c.prev)
	case 0x200D:
		return pictograph(c.prev) || c.prev == 0xFE0F || unicode.In(c.prev, joiningScripts...)
	case 0x200C:
		return unicode.In(c.prev, joiningScripts...)
	}
	return false
}

var joiningScripts = []*unicode.RangeTable{unicode.Arabic, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati,
	unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam, unicode.Sinhala, unicode.Khmer, unicode.Myanmar, unicode.Mongolian, unicode.Syriac}

// pictograph reports symbols that have emoji variants or join with others.
func pictograph(r rune) bool {
	return r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2190 && r <= 0x2BFF && unicode.Is(unicode.So, r) || r >= 0x2190 && r <= 0x21FF
}
