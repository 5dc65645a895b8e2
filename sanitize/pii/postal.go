package pii

import (
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// tryPostal looks for postal codes of digits: behind a word that says so, or
// behind the name of a state of the United States.
func (r *run) tryPostal() {
	if !r.s.builtin[postalType] {
		return
	}
	for t := 0; t < r.ntok; t++ {
		tok := r.tok[t]
		if tok.cutBefore || tok.cutAfter || !tok.numeric() || tok.len() < 4 || tok.len() > 6 {
			continue
		}
		s := sanitize.Span{Start: tok.start, End: tok.end}
		if tok.len() == 5 && t+1 < r.ntok && r.tok[t+1].sep == '-' && r.tok[t+1].len() == 4 && r.tok[t+1].numeric() {
			s.End = r.tok[t+1].end // ZIP+4
		}
		if t > 0 && tok.sep != ' ' && !tok.apart() && r.tok[t-1].digits > 0 || t+1 < r.ntok && r.tok[t+1].sep != ' ' && r.tok[t+1].start > s.End && r.tok[t+1].digits > 0 {
			continue
		}
		state := tok.len() == 5 && t > 0 && tok.sep == ' ' && r.tok[t-1].digits == 0 && isState(r.text[r.tok[t-1].start:r.tok[t-1].end])
		switch d, ok := r.near(postalType, s); {
		case ok && d >= 0.04: // the word stands right before it
			r.propose("POSTAL_CODE", "postal-code", s, 0.75+d)
		case state:
			r.propose("POSTAL_CODE", "us-zip", s, 0.6)
		}
	}
}

const states = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR "

func isState(s string) bool { return len(s) == 2 && strings.Contains(states, " "+s+" ") }
