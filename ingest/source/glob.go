package source

import (
	"fmt"
	"regexp"
	"strings"
)

// globPattern compiles a path pattern; each "*" and "**" is a capture.
func globPattern(glob string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A`)
	braces := 0
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; {
		case strings.HasPrefix(glob[i:], "**/"):
			b.WriteString(`(?:(.*)/)?`)
			i += 2
		case strings.HasPrefix(glob[i:], "**"):
			b.WriteString(`(.*)`)
			i++
		case c == '*':
			b.WriteString(`([^/]*)`)
		case c == '?':
			b.WriteString(`[^/]`)
		case c == '{':
			braces++
			b.WriteString(`(?:`)
		case c == '}' && braces > 0:
			braces--
			b.WriteString(`)`)
		case c == ',' && braces > 0:
			b.WriteString(`|`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	if braces > 0 {
		return nil, fmt.Errorf("pattern %q: a brace is not closed", glob)
	}
	b.WriteString(`\z`)

	re, err := regexp.Compile(`(?s)` + b.String())
	if err != nil {
		return nil, fmt.Errorf("pattern %q cannot be used", glob)
	}
	return re, nil
}
