package extract

import (
	"regexp"
	"strconv"
	"strings"
)

// declarations reads the body of a rule or a style attribute.
func declarations(body string) []declaration {
	var out []declaration
	for _, one := range splitTop(cssComment.ReplaceAllString(body, " "), ';') {
		name, value, ok := strings.Cut(one, ":")
		if !ok || len(out) > 500 {
			continue
		}
		d := declaration{name: strings.ToLower(strings.TrimSpace(unescape(name))), value: strings.TrimSpace(value)}
		if d.name != "content" {
			d.value = strings.ToLower(unescape(d.value))
		}
		if i := strings.LastIndexByte(d.value, '!'); i >= 0 && strings.Contains(strings.ToLower(d.value[i:]), "important") {
			d.value, d.important = strings.TrimSpace(d.value[:i]), true
		}
		out = append(out, d)
	}
	return out
}

var cssEscape = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})\s?|\\(.)`)

// unescape decodes CSS escapes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return cssEscape.ReplaceAllStringFunc(s, func(e string) string {
		m := cssEscape.FindStringSubmatch(e)
		if m[1] == "" {
			return m[2]
		}
		n, _ := strconv.ParseInt(m[1], 16, 32)
		return string(rune(n))
	})
}

var cssString = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'`)

// cssStrings returns the string literals of a content value.
func cssStrings(value string) []string {
	var out []string
	for _, m := range cssString.FindAllStringSubmatch(value, 20) {
		if s := unescape(m[1] + m[2]); words(s) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// cssIndex finds the first of chars outside strings and brackets.
func cssIndex(text, chars string) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"' || c == '\'':
			i = stringEnd(text, i)
		case c == '(' || c == '[':
			depth++
		case (c == ')' || c == ']') && depth > 0:
			depth--
		case depth == 0 && strings.IndexByte(chars, c) >= 0:
			return i
		}
	}
	return -1
}

// stringEnd returns the index of the quote that closes the one at i.
func stringEnd(text string, i int) int {
	for j := i + 1; j < len(text); j++ {
		if text[j] == '\\' {
			j++
		} else if text[j] == text[i] || text[j] == '\n' {
			return j
		}
	}
	return len(text) - 1
}

// closing returns the index of the brace that closes the one at open.
func closing(text string, open int) int {
	depth := 0
	for i := open; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"', '\'':
			i = stringEnd(text, i)
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text)
}

// splitTop splits at a separator outside strings and brackets.
func splitTop(text string, sep byte) []string {
	var out []string
	for {
		i := cssIndex(text, string(sep))
		if i < 0 {
			return append(out, text)
		}
		out = append(out, text[:i])
		text = text[i+1:]
	}
}

var widthQuery = regexp.MustCompile(`(min|max)-width\s*:\s*([\d.]+)(px|em|rem)`)

// screenMedia reports whether a media query holds on a wide, light screen.
// Features it does not know count as holding.
func screenMedia(query string) bool {
	if strings.TrimSpace(query) == "" {
		return true
	}
	for _, q := range strings.Split(strings.ToLower(query), ",") {
		if screenQuery(q) {
			return true
		}
	}
	return false
}

func screenQuery(q string) bool {
	not := strings.HasPrefix(strings.TrimSpace(q), "not ")
	holds := true
	for _, t := range []string{"print", "speech", "aural", "braille", "tty", "handheld"} {
		for _, w := range strings.Fields(q) {
			holds = holds && w != t
		}
	}
	if strings.Contains(q, "prefers-color-scheme: dark") || strings.Contains(q, "prefers-color-scheme:dark") {
		holds = false
	}
	for _, m := range widthQuery.FindAllStringSubmatch(q, -1) {
		w, _ := strconv.ParseFloat(m[2], 64)
		if m[3] != "px" {
			w *= 16
		}
		holds = holds && (m[1] == "min") == (screenWidth >= w)
	}
	return holds != not
}
