package extract

import (
	"strings"
	"unicode/utf8"
)

// terminal applies what a terminal makes of control sequences: escape sequences
// (ECMA-48 CSI and OSC among them) show nothing, and a backspace takes the
// character before it away. dropped is the text that thereby is not seen:
// characters struck out, addresses of terminal links.
func terminal(s string) (seen, dropped string) {
	if !strings.ContainsAny(s, "\x1b\b") {
		return s, ""
	}
	var out []byte
	var lost strings.Builder
	for i := 0; i < len(s); {
		switch s[i] {
		case '\b':
			if _, size := utf8.DecodeLastRune(out); size > 0 && out[len(out)-1] != '\n' {
				lost.Write(out[len(out)-size:])
				out = out[:len(out)-size]
			}
			i++
		case '\x1b':
			n, hidden := escape(s[i:])
			lost.WriteString(hidden)
			i += n
		default:
			out = append(out, s[i])
			i++
		}
	}
	return string(out), lost.String()
}

// escape returns the length of the sequence s begins with, and the text in it.
// One that does not end within its line is the escape character alone.
func escape(s string) (n int, hidden string) {
	if len(s) < 2 {
		return 1, ""
	}
	line := s
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		line = s[:i]
	}
	switch s[1] {
	case '[': // CSI: parameters up to a final byte
		for i := 2; i < len(line); i++ {
			if line[i] >= 0x40 && line[i] <= 0x7e {
				return i + 1, ""
			}
			if line[i] < 0x20 || line[i] > 0x7e {
				break
			}
		}
	case ']', 'P', '^', '_', 'X': // strings up to BEL or ESC \
		for i := 2; i < len(line); i++ {
			if line[i] == '\a' {
				return i + 1, line[2:i]
			}
			if line[i] == '\x1b' && i+1 < len(line) && line[i+1] == '\\' {
				return i + 2, line[2:i]
			}
		}
	default:
		if s[1] >= 0x20 && s[1] <= 0x7e {
			return 2, ""
		}
	}
	return 1, ""
}
