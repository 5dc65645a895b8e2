package prompt

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Neutralise returns text with everything that a chat template would take for
// structure made plain: special tokens are written in parentheses without their
// brackets, "(im_start)"; lines that open a turn, "### System:" or "Human:",
// and role fields lose their colon, "Human -"; what looks like a citation label
// of ours loses its brackets. Everything else is kept byte for byte, and
// neutralising twice changes nothing more.
func Neutralise(text string) string {
	text = withoutTokens(text)
	text = withoutLabels(text)
	return withoutRoles(text)
}

func withoutTokens(text string) string {
	var s tokenStream
	s.feed(text)
	if len(s.found) == 0 {
		return text
	}
	var out strings.Builder
	at := 0
	for _, f := range s.found {
		out.WriteString(text[at:f.Start])
		out.WriteByte('(')
		for _, r := range text[f.Start:f.End] {
			if p, keep := fold(r); keep && (nameRune(p) || p == '/') {
				out.WriteRune(p)
			}
		}
		out.WriteByte(')')
		at = f.End
	}
	out.WriteString(text[at:])
	return out.String()
}

// withoutLabels breaks what [Label] would have issued.
func withoutLabels(text string) string {
	var out strings.Builder
	at := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '[' {
			continue
		}
		if n := labelLen(text[i:]); n > 0 {
			out.WriteString(text[at:i])
			out.WriteString("(" + text[i+1:i+n-1] + ")")
			at = i + n
			i = at - 1
		}
	}
	if at == 0 {
		return text
	}
	out.WriteString(text[at:])
	return out.String()
}

// Words that name a turn's speaker in some template or API.
var roles = words(`system user assistant human ai developer tool function instruction instructions response input observation model bot`)

// withoutRoles rewrites turn headings and role fields, line by line.
func withoutRoles(text string) string {
	var out strings.Builder
	at := 0 // text before it has been written or need not change
	for start := 0; start < len(text); {
		end := len(text)
		if n := strings.IndexAny(text[start:], "\n\r\u2028\u2029\u0085"); n >= 0 {
			_, size := utf8.DecodeRuneInString(text[start+n:])
			end = start + n + size
		}
		for _, colon := range colons(text[start:end]) {
			_, size := utf8.DecodeRuneInString(text[start+colon:])
			out.WriteString(text[at : start+colon])
			out.WriteString(" -")
			at = start + colon + size
		}
		start = end
	}
	if at == 0 {
		return text
	}
	out.WriteString(text[at:])
	return out.String()
}

// colons returns the offsets of the colons in a line that make a word before
// them a role: after a heading of its own, or between "role" and a speaker.
func colons(line string) []int {
	if strings.IndexByte(line, ':') < 0 && isASCII(line) {
		return nil
	}
	var found []int
	var word []byte   // the word being read, folded to lower case
	var before string // the word before the colon last seen
	var offset = -1   // of that colon
	heading := true   // only decoration stands before word
	for i, r := range line {
		p, keep := fold(r)
		if !keep {
			continue
		}
		p = unicode.ToLower(p)
		if p == ':' || p == '=' {
			if w := string(word); p == ':' && heading && roles[w] {
				found = append(found, i)
				before, offset = "", -1
			} else {
				before, offset = w, i
			}
			word, heading = word[:0], false
			continue
		}
		if p < utf8.RuneSelf && nameRune(p) {
			if len(word) < maxName {
				word = append(word, byte(p))
			}
			continue
		}
		if len(word) > 0 && decoration(p) {
			// A word may be closed by quotes, stars or blanks before its colon,
			// but a second word ends the heading.
			if offset >= 0 && before == "role" && roles[string(word)] {
				found = append(found, offset)
			}
			if next := rest(line[i:]); next != ':' && next != '=' {
				word, heading, offset = word[:0], false, -1
			}
			continue
		}
		if !decoration(p) {
			word, heading, offset = word[:0], false, -1
		}
	}
	if offset >= 0 && before == "role" && roles[string(word)] {
		found = append(found, offset)
	}
	return found
}

// rest is the first character of s that is not decoration, folded.
func rest(s string) rune {
	for _, r := range s {
		if p, keep := fold(r); keep && !decoration(p) {
			return p
		}
	}
	return 0
}

// decoration is what may stand around a role's name: blanks, quotes, and the
// marks of headings, lists, emphasis and block quotes.
func decoration(p rune) bool {
	switch p {
	case ' ', '\t', '\r', '\n', '#', '*', '_', '>', '-', '"', '\'', '`', '~', '“', '”', '‘', '’', '|', '{', '[', '(', ',':
		return true
	}
	return unicode.IsSpace(p)
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
