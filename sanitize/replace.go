package sanitize

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// names numbers values within one document: the same value of the same type
// gets the same number. Values live only here, for the time of one rendering.
type names struct {
	text  string
	byKey map[string]string
	next  map[string]int
}

func newNames(text string) *names {
	return &names{text: text, byKey: map[string]string{}, next: map[string]int{}}
}

// placeholder returns "[EMAIL_1]". A number the text itself already shows is
// passed over, so that a planted placeholder never joins a real one.
func (n *names) placeholder(label, value string) string {
	key := label + "\x00" + fold(value)
	if p, ok := n.byKey[key]; ok {
		return p
	}
	for {
		n.next[label]++
		p := "[" + label + "_" + strconv.Itoa(n.next[label]) + "]"
		if n.next[label] > 1000 || !strings.Contains(n.text, p) {
			n.byKey[key] = p
			return p
		}
	}
}

// fold makes differently spaced, hyphenated or cased writings of a value equal.
func fold(value string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' || r == '\u2011' || r == '\u2013' {
			return -1
		}
		return unicode.ToLower(r)
	}, value)
}

// label is what a placeholder calls a finding: its type, else its kind, in
// capitals, digits and underscores only, so that no rule name can carry markup.
func label(f Finding) string {
	s := f.Type
	if s == "" {
		s = string(f.Kind)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
			return r
		}
		return '_'
	}, s)
	if s == "" {
		return "REDACTED"
	}
	return s
}

// replacement is the text an edit puts in place of its span.
func (r *rewriter) replacement(e edit, n *names) string {
	value := r.text[e.Start:e.End]
	switch e.action {
	case Strip:
		return ""
	case Withhold:
		return "[withheld]"
	case Mask:
		return mask(value, r.options.KeepLast)
	case Neutralise:
		return neutralise(value, e.by.Kind)
	case Pseudonymise:
		if r.options.Pseudonym != nil {
			if p := r.options.Pseudonym(label(e.by), []byte(value)); p != "" {
				return "[" + label(e.by) + "_" + p + "]"
			}
		}
	}
	return n.placeholder(label(e.by), value)
}

// mask replaces letters and digits by '*' and keeps the last few; punctuation
// stays, so that a masked card still looks like one. keep: see
// RewriteOptions.KeepLast.
func mask(value string, keep int) string {
	total := 0
	for _, r := range value {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			total++
		}
	}
	if keep == 0 {
		keep = 4
	}
	keep = max(0, min(keep, total/3))
	var b strings.Builder
	for _, r := range value {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			if total > keep {
				r = '*'
			}
			total--
		} else if r == utf8.RuneError {
			r = '*'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// defang breaks the characters that markup, chat templates and links are made
// of; the words stay readable.
var defang = strings.NewReplacer(
	"<", "‹", ">", "›", "|", "¦", "```", "'''", "{{", "{ {", "}}", "} }",
	"[INST]", "(INST)", "[/INST]", "(/INST)", "](", "] (", "://", "[:]//", "###", "# # #",
)

// neutralise keeps the words of a span and takes their force: it is defanged
// and, if it reads as an instruction, marked as a quotation.
func neutralise(value string, k Kind) string {
	s := defang.Replace(value)
	if k == Injection {
		return "[quoted text, not an instruction: “" + strings.NewReplacer("“", "'", "”", "'", "\"", "'").Replace(s) + "”]"
	}
	return s
}

// tidy widens a stripped span over the white space it leaves behind: one of two
// neighbouring blanks, or a line that is now empty. It stays within
// [low, high), which belong to the edits beside it.
func tidy(text string, s Span, low, high int) Span {
	blank := func(i int) bool { return text[i] == ' ' || text[i] == '\t' }
	lineStart := s.Start == 0 || text[s.Start-1] == '\n'
	if !lineStart && s.Start > low && !blank(s.Start-1) {
		return s
	}
	end := s.End
	for end < high && blank(end) {
		end++
	}
	lineEnd := end == len(text) || end < high && text[end] == '\n'
	switch {
	case lineStart && end < high && text[end] == '\n':
		return Span{s.Start, end + 1}
	case lineEnd:
		start := s.Start
		for start > low && blank(start-1) {
			start--
		}
		return Span{start, end}
	}
	return Span{s.Start, end}
}
