package prompt

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// Rules of the template findings.
const (
	RuleSpecial = "template-token" // <|im_start|>, <start_of_turn>, [INST], <<SYS>> …
	RuleRole    = "template-role"  // a line that opens a turn, "role": "system"
)

// Tokens finds the special tokens of chat templates (ChatML, Llama, Gemma,
// Mistral, Phi, DeepSeek, Harmony and relatives, tool-call tags) in any case,
// with look-alike characters, and with invisible characters or blanks inside.
// Anything of the shape <|name|> counts, known or not. It works on whole texts
// and on streams; the zero value is ready.
type Tokens struct{}

// Scan implements [sanitize.Scanner] on the source text; it folds by itself and
// needs no other views.
func (Tokens) Scan(_ context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	var s tokenStream
	s.feed(v.Source)
	return s.found, nil
}

// NewStream implements [sanitize.Streamer].
func (Tokens) NewStream() sanitize.Stream { return &tokenStream{} }

// Names between angle brackets, and between square ones, that act as special
// tokens in some model family's template, in lower case.
var (
	angleNames = words(`s bos eos pad unk sop eop im_start im_end start_of_turn end_of_turn start_of_image
		begin_of_text end_of_text eot eom sys system user assistant human developer instructions instruction
		tool_call tool_calls tool_response tool_responses tool_result tool_results tools tool function_call
		function_calls function_results function_response function invoke think thinking channel message`)
	squareNames = words(`inst system_prompt available_tools tool_calls tool_results tool_content args call_id gmask think`)
)

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

const maxName = 64 // folded runes between the brackets

// shape is where the recogniser stands inside a candidate.
type shape uint8

const (
	outside shape = iota
	angle         // after <
	piped         // after <|
	closing       // after <|name|
	named         // inside <name
	square        // after [
)

// tokenStream recognises tokens rune by rune. A candidate is abandoned as soon
// as it can no longer be a token, so little is ever held.
type tokenStream struct {
	at      int    // bytes consumed, whole runes only
	partial []byte // an incomplete rune at the end of what was written
	shape   shape
	start   int // of the candidate
	name    []byte
	tail    int // end of the name so far
	found   []sanitize.Finding
}

func (s *tokenStream) Write(p []byte) (int, []sanitize.Finding) {
	if len(s.partial) > 0 {
		p = append(s.partial, p...)
		s.partial = nil
	}
	end := len(p)
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if utf8.RuneStart(p[len(p)-back]) {
			if !utf8.FullRune(p[len(p)-back:]) {
				end = len(p) - back
			}
			break
		}
	}
	s.feed(string(p[:end]))
	s.partial = append(s.partial, p[end:]...)
	found := s.found
	s.found = nil
	if s.shape != outside {
		return s.start, found
	}
	return s.at, found
}

func (s *tokenStream) Close() []sanitize.Finding {
	found := s.found
	s.found = nil
	return found
}

func (s *tokenStream) feed(text string) {
	for i := 0; i < len(text); {
		if s.shape == outside {
			// Nothing but an opening bracket, possibly disguised, matters here.
			skip := plainRun(text[i:])
			i += skip
			s.at += skip
			if i == len(text) {
				return
			}
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		s.rune(r, size)
		i += size
		s.at += size
	}
}

// plainRun is the length of the prefix without '<', '[' and non-ASCII bytes.
func plainRun(s string) int {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b == '<' || b == '[' || b >= utf8.RuneSelf {
			return i
		}
	}
	return len(s)
}

func (s *tokenStream) rune(r rune, size int) {
	p, keep := fold(r)
	if !keep {
		return
	}
	switch s.shape {
	case outside:
		s.open(p)
	case angle:
		s.afterAngle(p, size)
	case piped:
		s.inPipes(p)
	case closing:
		switch {
		case p == '>':
			s.match(s.at + size)
		case p != ' ' && p != '\t':
			s.open(p)
		}
	case named:
		s.inAngleName(p, size)
	case square:
		s.inSquare(p, size)
	}
}

// open abandons the candidate, if any, and starts one if p is an opening bracket.
func (s *tokenStream) open(p rune) {
	s.shape = outside
	switch p {
	case '<':
		s.shape = angle
	case '[':
		s.shape = square
	default:
		return
	}
	s.start, s.name = s.at, s.name[:0]
}

func (s *tokenStream) afterAngle(p rune, size int) {
	switch {
	case p == '|':
		s.shape = piped
	case p == '<':
		s.open(p)
	case p == ' ' || p == '\t':
		if len(s.name) > 8 {
			s.open(p)
			return
		}
		s.name = append(s.name, ' ')
	case p == '/' || nameRune(p):
		s.shape = named
		s.name = append(s.name[:0], string(p)...)
		s.tail = s.at + size
	default:
		s.open(p)
	}
}

func (s *tokenStream) inPipes(p rune) {
	switch {
	case p == '|' && len(s.name) > 0:
		s.shape = closing
	case p == '<' || p == '>' || p == '\n' || p == '|' || p == '(' || p == ')' || len(s.name) > maxName:
		s.open(p) // no name has parentheses, so what Neutralise writes never forms one
	default:
		s.name = append(s.name, 'x') // what it is called does not matter here
	}
}

func (s *tokenStream) inAngleName(p rune, size int) {
	if nameRune(p) {
		if s.name = append(s.name, string(p)...); len(s.name) > maxName {
			s.open(p)
		}
		s.tail = s.at + size
		return
	}
	known := angleNames[strings.ToLower(strings.Trim(string(s.name), "/"))]
	switch {
	case known && p == '>':
		s.match(s.at + size)
	case known && (p == '/' || p == ' ' || p == '\t' || p == '\n'):
		s.match(s.tail)
	default:
		s.open(p)
	}
}

func (s *tokenStream) inSquare(p rune, size int) {
	switch {
	case p == ']' && squareNames[strings.ToLower(strings.Trim(string(s.name), "/ "))]:
		s.match(s.at + size)
	case (nameRune(p) || p == '/' || p == ' ') && len(s.name) < maxName:
		s.name = append(s.name, string(p)...)
		if n := strings.ToLower(strings.Trim(string(s.name), "/ ")); n != "" && !prefixOfAny(squareNames, n) {
			s.open(p)
		}
	default:
		s.open(p)
	}
}

func prefixOfAny(set map[string]bool, p string) bool {
	for w := range set {
		if strings.HasPrefix(w, p) {
			return true
		}
	}
	return false
}

func (s *tokenStream) match(end int) {
	s.found = append(s.found, sanitize.Finding{
		Span: sanitize.Span{Start: s.start, End: end},
		Kind: sanitize.Template, Type: "TEMPLATE", Rule: RuleSpecial, Score: 1,
	})
	s.shape = outside
}

func nameRune(p rune) bool {
	return p >= 'a' && p <= 'z' || p >= 'A' && p <= 'Z' || p >= '0' && p <= '9' || p == '_'
}
