package pii

import (
	"net/netip"

	"github.com/doorward/doorward/sanitize"
)

// tryDotted looks for what is written with dots or hyphens at fixed places:
// IPv4 addresses and MAC addresses.
func (r *run) tryDotted() {
	for t := 0; t < r.ntok; t++ {
		if r.tok[t].cutBefore {
			continue
		}
		switch {
		case t+3 < r.ntok && r.tok[t].numeric() && r.tok[t+1].sep == '.' && r.tok[t+2].sep == '.' && r.tok[t+3].sep == '.':
			r.tryIPv4(t)
		case t+2 < r.ntok && r.tok[t].len() == 4 && r.tok[t+1].sep == '.' && r.tok[t+2].sep == '.':
			r.tryMAC(t, t+2, '.', 4)
		}
		if t+5 < r.ntok && r.tok[t].len() == 2 && r.tok[t+1].sep == '-' {
			r.tryMAC(t, t+5, '-', 2)
		}
	}
}

func (r *run) tryMAC(t, e int, sep byte, n int) {
	s := sanitize.Span{Start: r.tok[t].start, End: r.tok[e].end}
	if r.tok[e].cutAfter || e+1 < r.ntok && r.tok[e+1].sep == sep || t > 0 && r.tok[t].sep == sep {
		return
	}
	if isMAC(r.text[s.Start:s.End], sep, n) && !allNumeric(r.tok[t:e+1], n) {
		r.propose("MAC", "mac", s, 0.9)
	}
}

// allNumeric says that dotted groups of four are only digits: a number, rather
// than an address, unless written in pairs.
func allNumeric(tok []token, n int) bool {
	for _, t := range tok {
		if !t.numeric() {
			return false
		}
	}
	return n == 4
}

// tryIPv4 reports four numbers up to 255, unless they are a version or part of
// a longer row of numbers.
func (r *run) tryIPv4(t int) {
	s := sanitize.Span{Start: r.tok[t].start, End: r.tok[t+3].end}
	if r.tok[t+3].cutAfter || !r.ipv4(r.text[s.Start:s.End]) {
		return
	}
	if t > 0 && r.tok[t].sep == '.' || t+4 < r.ntok && (r.tok[t+4].sep == '.' || r.tok[t+4].sep == '-' && r.tok[t+4].digits > 0) {
		return
	}
	if c := r.byteAt(s.Start - 1); c == '.' && t == 0 && isDigit(r.byteAt(s.Start-2)) {
		return
	}
	score := 0.85
	if c := r.byteAt(s.Start - 1); c == 'v' || c == 'V' {
		return
	}
	if d, ok := r.near(versionWords, s); ok && d > 0.043 { // right before it
		score = 0.4
		if _, ok := r.near(ipType, s); ok {
			score = 0.7
		}
	}
	s.End = r.prefix(s.End, 32)
	r.propose("IP", "ipv4", s, score)
}

func (r *run) ipv4(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && a.Is4()
}
