package output

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/match"
)

// Rules of marks that must never come back.
const (
	RuleCanary = "canary"
	RuleNonce  = "nonce"
)

const (
	minMark = 6  // letters and digits; a shorter mark would match by chance
	maxGap  = 24 // bytes between two characters of an altered mark
)

// marks finds secret marks of the prompt in the answer: as they are, in either
// case, reversed, rotated by 13, in hex, decimal or base64 (at any alignment),
// and any of these with blanks or punctuation between the characters. It reads
// only letters and digits; full-width ones count too. Escapes are left to the
// second reading (see folded).
type marks struct {
	auto  *match.Automaton
	rules []string // by literal
	sizes []int
}

// newMarks compiles the marks by rule. It returns nil when there is none.
func newMarks(values map[string]string) (*marks, error) {
	m := &marks{}
	var literals []string
	for _, rule := range [...]string{RuleCanary, RuleNonce} {
		for _, form := range spellings(values[rule]) {
			literals = append(literals, form)
			m.rules = append(m.rules, rule)
			m.sizes = append(m.sizes, len(form))
		}
	}
	if len(literals) == 0 {
		return nil, nil
	}
	var err error
	if m.auto, err = match.New(literals); err != nil {
		return nil, fmt.Errorf("compiling canaries: %w", err)
	}
	return m, nil
}

// spellings are the squeezed forms of a mark that are looked for.
func spellings(mark string) []string {
	plain := squeeze(mark)
	if len(plain) < minMark {
		return nil
	}
	forms := []string{plain, reverse(plain), squeeze(rot13(mark))}
	for _, v := range []string{mark, strings.ToUpper(mark), strings.ToLower(mark), plain} {
		forms = append(forms, hex.EncodeToString([]byte(v)))
		var decimal strings.Builder
		for _, b := range []byte(v) {
			fmt.Fprintf(&decimal, "%d", b)
		}
		forms = append(forms, decimal.String())
		for pad := range 3 {
			forms = append(forms, squeeze(base64At(v, pad)))
		}
	}
	seen := map[string]bool{}
	out := forms[:0]
	for _, f := range forms {
		if len(f) >= minMark && !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	return out
}

// base64At is the part of the base64 of anything that holds v at an offset of
// pad bytes which depends on v alone.
func base64At(v string, pad int) string {
	e := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", pad) + v))
	first := (pad*8 + 5) / 6
	whole := (pad + len(v)) * 8 / 6
	if whole <= first {
		return ""
	}
	return e[first:whole]
}

func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

func rot13(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, s)
}

// markStream is the incremental search.
type markStream struct {
	*marks
	state match.State
	// where holds the stream offset of each letter or digit read, the last ones
	// only: as many as a match can be long.
	where   []int
	at      int // stream offset of the next byte
	last    int // offset after the last letter or digit
	partial []byte
}

// NewStream starts the search in one answer.
func (m *marks) NewStream() sanitize.Stream { return &markStream{marks: m} }

func (s *markStream) Write(p []byte) (int, []sanitize.Finding) {
	var found []sanitize.Finding
	for i := 0; i < len(p); i++ {
		b, size := p[i], 1
		if b >= 0x80 || len(s.partial) > 0 {
			b, size = s.wide(b)
		}
		if b = squeezed[b]; b != 0 {
			found = s.read(b, size, found)
		}
		s.at++
	}
	if depth := s.auto.Depth(s.state); depth > 0 {
		return s.where[len(s.where)-depth], found
	}
	return s.at - len(s.partial), found
}

func (s *markStream) Close() []sanitize.Finding { return nil }

// read takes one letter or digit that ends at the byte at s.at and is size
// bytes long.
func (s *markStream) read(b byte, size int, found []sanitize.Finding) []sanitize.Finding {
	start := s.at + 1 - size
	if start-s.last > maxGap {
		s.state = 0
	}
	s.last = s.at + 1
	if len(s.where) >= 4096 {
		s.where = append(s.where[:0], s.where[2048:]...)
	}
	s.where = append(s.where, start)
	one := [1]byte{b}
	s.state = s.auto.ScanBytes(one[:], s.state, func(literal, _ int) {
		if n := s.sizes[literal]; n <= len(s.where) {
			found = append(found, sanitize.Finding{
				Span: sanitize.Span{Start: s.where[len(s.where)-n], End: s.at + 1},
				Kind: sanitize.Canary, Type: "CANARY", Rule: s.rules[literal], Score: 1,
			})
		}
	})
	return found
}

// wide collects a character of several bytes and returns what it folds to when
// complete: full-width letters and digits as plain ones, anything else as 0.
func (s *markStream) wide(b byte) (byte, int) {
	if b < 0x80 {
		s.partial = s.partial[:0]
		return b, 1
	}
	if b >= 0xC0 {
		s.partial = append(s.partial[:0], b)
		return 0, 0
	}
	if len(s.partial) == 0 {
		return 0, 0
	}
	s.partial = append(s.partial, b)
	if p := s.partial; len(p) == 3 && p[0] == 0xEF {
		s.partial = s.partial[:0]
		switch {
		case p[1] == 0xBC && p[2] >= 0x81: // U+FF01 to U+FF3F
			return p[2] - 0x81 + '!', 3
		case p[1] == 0xBD && p[2] <= 0x9E: // U+FF40 to U+FF5E
			return p[2] - 0x80 + '`', 3
		}
		return 0, 0
	}
	if len(s.partial) == 4 || s.partial[0] < 0xE0 || s.partial[0] < 0xF0 && len(s.partial) == 3 {
		s.partial = s.partial[:0]
	}
	return 0, 0
}

// squeezed maps letters and digits to lower case and all other bytes to 0.
var squeezed = func() (t [256]byte) {
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c
	}
	for c := byte('a'); c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = c, c
	}
	return t
}()
