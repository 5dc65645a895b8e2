package extract

import (
	"encoding/base64"
	"io"
	"net/url"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

// Limits of what is read of a page's style sheets.
const (
	maxRules    = 20_000
	maxSheet    = 4 << 20
	screenWidth = 1280 // pixels; media queries are answered for it
)

// declaration is one property of a rule.
type declaration struct {
	name, value string
	important   bool
}

// rule is a style rule with one selector.
type rule struct {
	match       cascadia.Sel // nil: match by key alone
	specificity cascadia.Specificity
	order       int
	pseudo      bool // ::before or ::after
	decls       []declaration
}

// sheet is all style sheets of a page, indexed by the last simple selector.
type sheet struct {
	rules    []rule
	byKey    map[string][]int
	vars     map[string]string
	known    map[string]bool // classes with a rule
	bytes    int
	external bool // a sheet is imported that is not at hand
}

func newSheet() *sheet {
	return &sheet{byKey: map[string][]int{}, vars: map[string]string{}, known: map[string]bool{}}
}

// properties that can hide text, or that decide whether others do.
var properties = set(`display visibility opacity color background background-color font font-size position left right top bottom
text-indent margin margin-left margin-top clip clip-path height width max-height max-width overflow overflow-x overflow-y transform
content content-visibility zoom scale translate z-index filter line-height letter-spacing -webkit-text-fill-color white-space mso-hide all`)

var cssComment = regexp.MustCompile(`(?s)/\*.*?(\*/|$)`)

// add reads a style sheet.
func (s *sheet) add(text, media string) {
	if s.bytes += len(text); s.bytes > maxSheet || !screenMedia(media) {
		return
	}
	s.block(cssComment.ReplaceAllString(text, " "), 0)
}

// block reads rules, and the blocks of at-rules that apply to a screen.
func (s *sheet) block(text string, depth int) {
	for len(text) > 0 && len(s.rules) < maxRules && depth < 8 {
		open := cssIndex(text, "{;")
		if open < 0 {
			return
		}
		prelude := strings.TrimSpace(text[:open])
		if text[open] == ';' {
			s.imported(prelude, depth)
			text = text[open+1:]
			continue
		}
		end := closing(text, open)
		body := text[open+1 : end]
		text = text[min(end+1, len(text)):]
		if !strings.HasPrefix(prelude, "@") {
			s.rule(prelude, body)
			continue
		}
		name, query, _ := strings.Cut(prelude[1:], " ")
		switch strings.ToLower(name) {
		case "media":
			if screenMedia(query) {
				s.block(body, depth+1)
			}
		case "supports", "layer", "container", "scope":
			s.block(body, depth+1)
		}
	}
}

var cssImport = regexp.MustCompile(`(?i)^@import\s+(?:url\(\s*)?["']?([^"')]+)["']?\s*\)?`)

// imported reads an @import whose address holds the sheet itself.
func (s *sheet) imported(prelude string, depth int) {
	m := cssImport.FindStringSubmatch(prelude)
	if m == nil {
		return
	}
	css, ok := dataText(m[1])
	if !ok {
		s.external = true
		return
	}
	if s.bytes += len(css); s.bytes <= maxSheet {
		s.block(cssComment.ReplaceAllString(css, " "), depth+1)
	}
}

// dataText decodes a data: address of a text type.
func dataText(address string) (string, bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(address), "data:")
	head, body, comma := strings.Cut(rest, ",")
	if !ok || !comma {
		return "", false
	}
	if strings.HasSuffix(strings.ToLower(strings.TrimSpace(head)), ";base64") {
		p, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, &base64Only{r: strings.NewReader(body)}))
		return string(p), err == nil
	}
	if plain, err := url.PathUnescape(body); err == nil {
		body = plain
	}
	return body, true
}

// rule adds the rules of one selector list.
func (s *sheet) rule(selectors, body string) {
	decls := declarations(body)
	kept := decls[:0]
	for _, d := range decls {
		if strings.HasPrefix(d.name, "--") {
			s.vars[d.name] = d.value
		} else if properties[d.name] {
			kept = append(kept, d)
		}
	}
	if len(kept) == 0 {
		return
	}
	for _, one := range splitTop(selectors, ',') {
		s.selector(strings.TrimSpace(one), kept)
	}
}

var (
	pseudoElement = regexp.MustCompile(`(?i)::?(before|after|first-line|first-letter|marker|placeholder|selection|-[a-z-]+)\s*$`)
	pseudoDynamic = regexp.MustCompile(`(?i):(hover|focus|focus-within|focus-visible|active|visited|target|checked|disabled|enabled|invalid|valid|required)\b`)
	lastCompound  = regexp.MustCompile(`[^\s>+~]+$`)
	idPart        = regexp.MustCompile(`#([\w-]+)`)
	classPart     = regexp.MustCompile(`\.([\w-]+)`)
	tagPart       = regexp.MustCompile(`^([\w-]+)`)
	notPart       = regexp.MustCompile(`:[\w-]+\([^()]*\)`)
)

// selector adds one rule. A selector the library cannot read counts for every
// element its last part names: text hidden too much is reported, text hidden
// too little is not.
func (s *sheet) selector(sel string, decls []declaration) {
	if sel == "" || pseudoDynamic.MatchString(notPart.ReplaceAllString(sel, "")) || len(s.rules) >= maxRules {
		return
	}
	r := rule{order: len(s.rules), decls: decls}
	if m := pseudoElement.FindStringSubmatch(sel); m != nil {
		if e := strings.ToLower(m[1]); e != "before" && e != "after" {
			return
		}
		r.pseudo = true
		if sel = strings.TrimSpace(pseudoElement.ReplaceAllString(sel, "")); sel == "" {
			sel = "*"
		}
	}
	if parsed, err := cascadia.Parse(sel); err == nil {
		r.match, r.specificity = parsed, parsed.Specificity()
	}
	last := notPart.ReplaceAllString(lastCompound.FindString(sel), "")
	key := "*"
	if m := idPart.FindStringSubmatch(last); m != nil {
		key = "#" + m[1]
	} else if m := classPart.FindStringSubmatch(last); m != nil {
		key = "." + m[1]
		s.known[m[1]] = true
	} else if m := tagPart.FindStringSubmatch(last); m != nil {
		key = strings.ToLower(m[1])
	} else if r.match == nil {
		return
	}
	s.rules = append(s.rules, r)
	s.byKey[key] = append(s.byKey[key], r.order)
}

// index is called once all sheets are read.
func (s *sheet) index() {
	for i := range s.rules {
		for j, d := range s.rules[i].decls {
			s.rules[i].decls[j].value = s.resolve(d.value, 0)
		}
	}
}

var cssVar = regexp.MustCompile(`var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)`)

// resolve replaces custom properties by their last value on the page.
func (s *sheet) resolve(value string, depth int) string {
	if depth > 4 || !strings.Contains(value, "var(") {
		return value
	}
	out := cssVar.ReplaceAllStringFunc(value, func(v string) string {
		m := cssVar.FindStringSubmatch(v)
		if x, ok := s.vars[m[1]]; ok && len(x) < 200 {
			return x
		}
		return m[2]
	})
	return s.resolve(out, depth+1)
}

// matching returns the element's declarations, weakest first, and the contents
// of its pseudo-elements.
func (s *sheet) matching(n *html.Node) (decls []declaration, content []string) {
	var found []rule
	try := func(key string) {
		for _, i := range s.byKey[key] {
			if r := s.rules[i]; r.match == nil || r.match.Match(n) {
				found = append(found, r)
			}
		}
	}
	try("*")
	try(n.Data)
	if id := attr(n, "id"); id != "" {
		try("#" + id)
	}
	for _, c := range strings.Fields(attr(n, "class")) {
		try("." + c)
	}
	sort.SliceStable(found, func(i, j int) bool {
		a, b := found[i], found[j]
		if a.specificity != b.specificity {
			return a.specificity.Less(b.specificity)
		}
		return a.order < b.order
	})
	var important []declaration
	for _, r := range found {
		for _, d := range r.decls {
			switch {
			case r.pseudo:
				if d.name == "content" {
					content = append(content, cssStrings(d.value)...)
				}
			case d.important:
				important = append(important, d)
			default:
				decls = append(decls, d)
			}
		}
	}
	for _, d := range declarations(attr(n, "style")) {
		d.value = s.resolve(d.value, 0)
		if d.important {
			important = append(important, d)
		} else {
			decls = append(decls, d)
		}
	}
	return append(decls, important...), content
}

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
