package output

import (
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// RuleCitation is a citation that was not issued for this answer.
const RuleCitation = "citation-not-issued"

// Citation is the kind of such a finding; its type is CITATION.
const Citation sanitize.Kind = "citation"

const maxCitation = 40 // bytes between the brackets

// citationStream finds what reads as a citation of a source and was not issued:
// [S3-7f3a] with another request's suffix, [doc:7f3a], 【4†source】.
type citationStream struct {
	issued map[string]bool
	held   []byte // from an opening bracket on
	at     int    // stream offset after held
}

func newCitationStream(labels []string) *citationStream {
	s := &citationStream{issued: map[string]bool{}}
	for _, l := range labels {
		s.issued[strings.ToLower(l)] = true
	}
	return s
}

const (
	lenticularOpen  = "\u3010" // 【
	lenticularClose = "\u3011" // 】
)

func (s *citationStream) Write(p []byte) (int, []sanitize.Finding) {
	var found []sanitize.Finding
	for _, b := range p {
		s.at++
		if len(s.held) == 0 {
			if b == '[' || b == lenticularOpen[0] {
				s.held = append(s.held, b)
			}
			continue
		}
		s.held = append(s.held, b)
		switch open := s.held[0]; {
		case open == '[' && b == '[':
			s.held = append(s.held[:0], b)
		case open == '[' && b == ']':
			if s.forged(string(s.held[1 : len(s.held)-1])) {
				found = append(found, s.finding())
			}
			s.held = s.held[:0]
		case open != '[' && len(s.held) <= len(lenticularOpen):
			if !strings.HasPrefix(lenticularOpen, string(s.held)) {
				s.held = s.held[:0]
			}
		case open != '[' && strings.HasSuffix(string(s.held), lenticularClose):
			found = append(found, s.finding())
			s.held = s.held[:0]
		case len(s.held) > maxCitation || b == '\n' || open == '[' && !s.could(string(s.held[1:])):
			s.held = s.held[:0]
		}
	}
	return s.at - len(s.held), found
}

func (s *citationStream) Close() []sanitize.Finding { return nil }

func (s *citationStream) finding() sanitize.Finding {
	return sanitize.Finding{Span: sanitize.Span{Start: s.at - len(s.held), End: s.at}, Kind: Citation, Type: "CITATION", Rule: RuleCitation, Score: 1}
}

// forged reports a label in our form, or in a document's, that was not issued.
// One pair of brackets may hold several.
func (s *citationStream) forged(inner string) bool {
	for part := range strings.FieldsFuncSeq(strings.ToLower(inner), func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
		if strings.HasPrefix(part, "doc:") || strings.HasPrefix(part, "source:") || ours(part, true) && !s.issued[part] {
			return true
		}
	}
	return false
}

// could reports whether what stands after a bracket may become a citation.
func (s *citationStream) could(begun string) bool {
	begun = strings.ToLower(begun)
	first, _, more := strings.Cut(begun, ",")
	if more {
		return true
	}
	first = strings.TrimSpace(first)
	return first == "" || ours(first, false) || prefixEither(first, "doc:") || prefixEither(first, "source:") || strings.ContainsAny(first, "; ")
}

func prefixEither(s, word string) bool {
	return strings.HasPrefix(s, word) || strings.HasPrefix(word, s)
}

// ours reports "s<digits>-<four hex digits>", or whether label could become it.
func ours(label string, whole bool) bool {
	rest, ok := strings.CutPrefix(label, "s")
	if !ok {
		return false
	}
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	if digits == len(rest) {
		return !whole
	}
	if digits == 0 || rest[digits] != '-' {
		return false
	}
	suffix := rest[digits+1:]
	return len(suffix) <= 4 && (len(suffix) == 4 || !whole) && strings.Trim(suffix, "0123456789abcdef") == ""
}
