package pii

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// streetWords end a street's name: "12 Oak Street".
var streetWords = wordSet(`street st avenue ave road rd boulevard blvd lane ln drive dr court ct square sq terrace parkway pkwy highway hwy
	crescent close gardens mews`)

// streetLead stand between the number and the street's name: "4 rue du Bac".
var streetLead = wordSet(`rue avenue av boulevard bd chemin allée impasse quai place`)

// streetFirst begin a street's name with the number behind: "Calle Mayor, 12".
var streetFirst = wordSet(`calle c/ avenida av avda plaza paseo carrer rua travessa via viale piazza corso largo ulica ul rue straat strada`)

// streetEnds are the ends of compound names with the number behind:
// "Hauptstraße 5", "Kerkstraat 12".
var streetEnds = []string{"straße", "strasse", "str.", "gasse", "weg", "platz", "allee", "straat", "laan", "plein", "gata", "gatan", "vägen", "vej", "gade", "veien", "katu", "tie", "utca"}

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

const addressReach = 40 // bytes of a street's name

// tryAddress looks for a street and number around the numeric token t, and for
// post boxes.
func (r *run) tryAddress(t int) {
	tok := r.tok[t]
	if !r.s.builtin[addressType] || tok.digits == 0 || tok.digits > 5 || tok.len() > tok.digits+1 || tok.cutBefore || tok.cutAfter || !isDigit(r.text[tok.start]) {
		return
	}
	if end := r.streetAfter(tok.end); end > 0 {
		r.propose("ADDRESS", "street-address", sanitize.Span{Start: tok.start, End: end}, 0.6)
		return
	}
	if start := r.streetBefore(tok.start); start >= 0 {
		r.propose("ADDRESS", "street-address", sanitize.Span{Start: start, End: tok.end}, 0.55)
	}
}

// streetAfter reads up to four words behind a house number, of which the first
// is capitalised or a street word, and returns the end of the street word.
func (r *run) streetAfter(i int) int {
	limit := min(len(r.text), i+addressReach)
	r.byteAt(i)
	for n := 0; n < 5 && i < limit && r.byteAt(i) == ' '; n++ {
		start := i + 1
		ru, _ := utf8.DecodeRuneInString(r.text[start:limit])
		end := start
		for end < limit && r.text[end] != ' ' && r.text[end] != ',' && r.text[end] != '\n' && r.text[end] != ';' {
			end++
		}
		if end == len(r.text) {
			r.short = true
		}
		word := strings.TrimRight(r.text[start:end], ".")
		if end == limit && limit < len(r.text) || word == "" {
			return -1
		}
		lower := r.lowerWord(word)
		if n > 0 && streetWords[string(lower)] && unicode.IsUpper(ru) || n == 0 && streetLead[string(lower)] && r.capitalAfter(end) {
			if n == 0 { // "4 rue du Bac": up to three more words
				return r.nameAfter(end)
			}
			return end
		}
		if !unicode.IsUpper(ru) && !(n > 0 && len(word) <= 3) && !isDigit(r.text[start]) {
			return -1
		}
		i = end
	}
	return -1
}

func (r *run) capitalAfter(i int) bool {
	for n := 0; n < 3 && r.byteAt(i) == ' '; n++ {
		r.byteAt(i + 1)
		ru, _ := utf8.DecodeRuneInString(r.text[i+1:])
		if unicode.IsUpper(ru) {
			return true
		}
		for i++; i < len(r.text) && r.text[i] != ' ' && n < 3; i++ {
			if !isLetter(r.text[i]) {
				return false
			}
		}
	}
	r.byteAt(i)
	return false
}

// nameAfter reads the words of a street's name to the last capitalised one.
func (r *run) nameAfter(i int) int {
	end, limit := i, min(len(r.text), i+addressReach/2)
	if limit < i+addressReach/2 {
		r.short = true
	}
	for n := 0; n < 4 && i < limit && r.text[i] == ' '; n++ {
		start := i + 1
		for i++; i < limit && r.text[i] != ' ' && r.text[i] != ',' && r.text[i] != '\n' && r.text[i] != '.'; i++ {
		}
		if ru, _ := utf8.DecodeRuneInString(r.text[start:i]); unicode.IsUpper(ru) {
			end = i
		}
	}
	for end > 0 && end < len(r.text) && !utf8.RuneStart(r.text[end]) {
		end--
	}
	return end
}

// streetWord is where the word of a street's name that ends at end begins.
func streetWord(text string, low, end int) int {
	for ; end > low; end-- {
		switch text[end-1] {
		case ' ', '\n', '\t', ':', '(', ',':
			return end
		}
	}
	return low
}

func isStreetFirst(lower []byte) bool { return streetFirst[string(bytes.TrimRight(lower, "."))] }

// compoundStreet reports whether a word ends as compound names of streets do.
func compoundStreet(lower []byte) bool {
	for _, e := range streetEnds {
		if len(lower) > len(e)+2 && string(lower[len(lower)-len(e):]) == e {
			return true
		}
	}
	return false
}

// streetBefore reads back from a house number to the street's name.
func (r *run) streetBefore(i int) int {
	end := i
	for end > 0 && i-end < 2 && (r.text[end-1] == ' ' || r.text[end-1] == ',') {
		end--
	}
	low := max(0, end-addressReach)
	if end == i || end == low {
		return -1
	}
	start := end
	for words := 0; words < 5 && start > low; words++ {
		w := streetWord(r.text, low, start)
		if w == low && low > 0 {
			return -1
		}
		word := r.lowerWord(r.text[w:start])
		ru, _ := utf8.DecodeRuneInString(r.text[w:start])
		if unicode.IsUpper(ru) && words > 0 && isStreetFirst(word) {
			return w
		}
		if words == 0 && !unicode.IsUpper(ru) {
			return -1 // the last word of a street's name is a name
		}
		if words == 0 && compoundStreet(word) {
			return w
		}
		if w == 0 || r.text[w-1] != ' ' || len(word) == 0 {
			return -1
		}
		start = w - 1
	}
	return -1
}
