package chunk

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// sentences splits a span after sentence ends: a full stop, question or
// exclamation mark with its closing quotes, followed by a blank and something
// that does not go on in lower case; or an East Asian full stop. Common
// abbreviations and initials do not end a sentence. A line break alone is no
// border, two are.
func sentences(text string, s sanitize.Span) []sanitize.Span {
	var out []sanitize.Span
	start := s.Start
	for i := s.Start; i < s.End; {
		if dull[text[i]] {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:s.End])
		next := i + n
		switch {
		case r == '\n' && next < s.End && text[next] == '\n', strings.ContainsRune("。！？｡", r):
			out = append(out, sanitize.Span{Start: start, End: next})
			start = next
		case r == '.' || r == '!' || r == '?' || r == '…':
			next = closers(text, next, s.End)
			if ends(text, start, i, next, s.End, r) {
				out = append(out, sanitize.Span{Start: start, End: next})
				start = next
			}
		}
		i = next
	}
	if start < s.End {
		out = append(out, sanitize.Span{Start: start, End: s.End})
	}
	return out
}

// dull bytes end nothing: most of a text.
var dull = func() (t [256]bool) {
	for b := range utf8.RuneSelf {
		t[b] = !strings.ContainsRune("\n.!?", rune(b))
	}
	return t
}()

// closers steps over further stops and closing quotes and brackets.
func closers(text string, at, end int) int {
	for at < end {
		r, n := utf8.DecodeRuneInString(text[at:end])
		if !strings.ContainsRune(".!?…\"')]}’”»", r) {
			break
		}
		at += n
	}
	return at
}

// ends reports whether the stop r at stop, closed at next, ends a sentence.
func ends(text string, start, stop, next, end int, r rune) bool {
	if next >= end {
		return true
	}
	blank, n := utf8.DecodeRuneInString(text[next:end])
	if !unicode.IsSpace(blank) {
		return false
	}
	after, _ := utf8.DecodeRuneInString(text[min(next+n, end-1):end])
	if unicode.IsLower(after) {
		return false
	}
	return r != '.' || !abbreviation(text[start:stop])
}

// abbreviation reports whether the text before a full stop ends in a known
// abbreviation or a single letter.
func abbreviation(before string) bool {
	if len(before) > 16 {
		before = before[len(before)-16:]
	}
	word := before[strings.LastIndexAny(before, " \t\n(\"'")+1:]
	if utf8.RuneCountInString(word) == 1 {
		r, _ := utf8.DecodeRuneInString(word)
		return unicode.IsUpper(r)
	}
	return abbreviations[strings.ToLower(strings.TrimRight(word, "."))]
}

var abbreviations = map[string]bool{
	"dr": true, "mr": true, "mrs": true, "ms": true, "prof": true, "st": true, "sr": true, "jr": true,
	"inc": true, "ltd": true, "co": true, "corp": true, "dept": true, "no": true, "nr": true, "vs": true,
	"e.g": true, "i.e": true, "etc": true, "cf": true, "ca": true, "approx": true, "fig": true, "sec": true,
	"art": true, "vol": true, "p": true, "pp": true, "ed": true, "eds": true, "al": true, "a.m": true, "p.m": true,
	"u.s": true, "u.k": true, "z.b": true, "d.h": true, "bzw": true, "usw": true, "jan": true, "feb": true,
	"mar": true, "apr": true, "jun": true, "jul": true, "aug": true, "sep": true, "sept": true, "oct": true,
	"nov": true, "dec": true,
}
