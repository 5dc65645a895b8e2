package extract

import (
	"encoding/base64"
	"io"
	"net/url"
	"regexp"
	"sort"
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
	ends     map[string][]declaration // animation → its last state
	external bool                     // a sheet is imported that is not at hand
}

func newSheet() *sheet {
	return &sheet{ends: map[string][]declaration{}, byKey: map[string][]int{}, vars: map[string]string{}, known: map[string]bool{}}
}

// properties that can hide text, or that decide whether others do.
var properties = set(`display visibility opacity color background background-color font font-size position left right top bottom
text-indent margin margin-left margin-top clip clip-path height width max-height max-width overflow overflow-x overflow-y transform
content content-visibility animation animation-name zoom scale translate z-index filter line-height letter-spacing -webkit-text-fill-color white-space mso-hide all`)

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
			s.nested(prelude, body, depth)
			continue
		}
		name, query, _ := strings.Cut(prelude[1:], " ")
		switch name = strings.ToLower(name); {
		case strings.HasSuffix(name, "keyframes"):
			s.keyframes(strings.Trim(strings.TrimSpace(query), `"'`), body)
		case applies(name, query):
			s.block(body, depth+1)
		}
	}
}

// applies reports whether the block of an at-rule holds on a screen.
func applies(name, query string) bool {
	switch name {
	case "media":
		return screenMedia(query)
	case "supports", "layer", "container", "scope":
		return true
	}
	return false
}

// nested reads the body of a rule, which may hold further rules (CSS Nesting):
// "&" in their selectors is the rule's own, and stands before those without.
func (s *sheet) nested(selector, body string, depth int) {
	var own strings.Builder
	for len(body) > 0 && depth < 8 && len(s.rules) < maxRules {
		open := cssIndex(body, "{;")
		if open < 0 || body[open] == ';' {
			if open < 0 {
				open = len(body) - 1
			}
			own.WriteString(body[:open+1])
			body = body[open+1:]
			continue
		}
		prelude := strings.TrimSpace(body[:open])
		end := closing(body, open)
		inner := body[open+1 : end]
		body = body[min(end+1, len(body)):]
		if at, ok := strings.CutPrefix(prelude, "@"); ok {
			name, query, _ := strings.Cut(at, " ")
			if applies(strings.ToLower(name), query) {
				s.nested(selector, inner, depth+1)
			}
			continue
		}
		s.nested(within(selector, prelude), inner, depth+1)
	}
	s.rule(selector, own.String())
}

// within joins a nested selector list to that of its parent.
func within(parent, nested string) string {
	var out []string
	for _, p := range splitTop(parent, ',') {
		for _, n := range splitTop(nested, ',') {
			p, n = strings.TrimSpace(p), strings.TrimSpace(n)
			if len(out) >= 100 || len(p)+len(n) > 2000 {
				return strings.Join(out, ",")
			}
			if strings.Contains(n, "&") {
				out = append(out, strings.ReplaceAll(n, "&", p))
			} else {
				out = append(out, p+" "+n)
			}
		}
	}
	return strings.Join(out, ",")
}

// keyframes remembers where an animation ends; what it ends in hidden stays
// hidden as far as a reader goes.
func (s *sheet) keyframes(name, body string) {
	for len(body) > 0 {
		open := cssIndex(body, "{")
		if open < 0 {
			return
		}
		stop := strings.ToLower(body[:open])
		end := closing(body, open)
		if strings.Contains(stop, "to") || strings.Contains(stop, "100%") {
			s.ends[strings.ToLower(name)] = declarations(body[open+1 : end])
		}
		body = body[min(end+1, len(body)):]
	}
}

// animated adds the end state of the animations an element has.
func (s *sheet) animated(decls []declaration) []declaration {
	if len(s.ends) == 0 {
		return decls
	}
	for _, d := range decls {
		if d.name != "animation" && d.name != "animation-name" {
			continue
		}
		for _, word := range strings.FieldsFunc(d.value, func(r rune) bool { return r == ' ' || r == ',' }) {
			decls = append(decls, s.ends[word]...)
		}
	}
	return decls
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
	return s.animated(append(decls, important...)), content
}
