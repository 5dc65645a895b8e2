package pii

import (
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// folding writes digits of every script as ASCII digits, and the many blanks
// and hyphens as ' ' and '-', with a map back. A text without any is used as it
// is, without a copy.
type folding struct {
	buf   []byte
	shift []shift // where the folded text falls further behind the source
}

// shift says that from folded offset at on, source = folded + by.
type shift struct{ at, by int }

func (f *folding) reset() { f.buf, f.shift = f.buf[:0], f.shift[:0] }

// text folds a complete text.
func (f *folding) text(s string) string {
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		ru, size := utf8.DecodeRuneInString(s[i:])
		if foldRune(ru) != 0 {
			f.buf = append(f.buf, s[:i]...)
			appendFolded(f, &f.buf, 0, s[i:])
			return string(f.buf)
		}
		i += size
	}
	return s
}

// append folds p, which is whole runes, to the end of buf, which stands at
// offset base of the folded text.
func (f *folding) append(buf *[]byte, base int, p []byte) { appendFolded(f, buf, base, p) }

func appendFolded[T string | []byte](f *folding, buf *[]byte, base int, s T) {
	by := 0
	if n := len(f.shift); n > 0 {
		by = f.shift[n-1].by
	}
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			*buf = append(*buf, s[i])
			i++
			continue
		}
		ru, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if c := foldRune(ru); c != 0 {
			*buf = append(*buf, c)
			by += size - 1
			f.shift = append(f.shift, shift{base + len(*buf), by})
		} else {
			*buf = append(*buf, s[i:i+size]...)
		}
		i += size
	}
}

// foldRune returns the ASCII byte a rune stands for, or 0.
func foldRune(r rune) byte {
	switch {
	case r < 0xA0:
		return 0
	case r == 0xA0, r >= 0x2000 && r <= 0x200A, r == 0x202F, r == 0x205F, r == 0x3000:
		return ' '
	case r >= 0x2010 && r <= 0x2015, r == 0x2212, r == 0xFE58, r == 0xFE63, r == 0xFF0D:
		return '-'
	case r < 0x0660:
		return 0
	case r == 0xFF20:
		return '@'
	case r == 0xFF0E, r == 0x3002:
		return '.'
	case r >= 0xFF21 && r <= 0xFF3A:
		return byte(r - 0xFF21 + 'A')
	case r >= 0xFF41 && r <= 0xFF5A:
		return byte(r - 0xFF41 + 'a')
	}
	for _, zero := range [...]rune{0x0660, 0x06F0, 0x0966, 0xFF10} { // Arabic, Persian, Devanagari, full width
		if r >= zero && r <= zero+9 {
			return '0' + byte(r-zero)
		}
	}
	if !unicode.Is(unicode.Nd, r) {
		return 0
	}
	if r >= 0x1D7CE && r <= 0x1D7FF { // mathematical digits: runs without a gap
		return '0' + byte((r-0x1D7CE)%10)
	}
	d := byte(0) // count back to the zero of the run
	for d < 9 && unicode.Is(unicode.Nd, r-1) {
		r--
		d++
	}
	return '0' + d
}

// source maps a span of the folded text to the source. The end goes to the end
// of the last rune.
func (f *folding) source(s sanitize.Span) sanitize.Span {
	return sanitize.Span{Start: s.Start + f.by(s.Start), End: s.End + f.by(s.End)}
}

// by is how far the folded text is behind at an offset.
func (f *folding) by(at int) int {
	lo, hi := 0, len(f.shift)
	for lo < hi {
		if m := (lo + hi) / 2; f.shift[m].at <= at {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 {
		return 0
	}
	return f.shift[lo-1].by
}
