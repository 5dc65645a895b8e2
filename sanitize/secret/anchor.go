package secret

import (
	"errors"
	"regexp/syntax"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize/match"
)

// errNoLiteral refuses an expression that the automaton cannot find.
var errNoLiteral = errors.New("the expression cannot be bounded: every match must contain, within the first 80 bytes and at a fixed place, a literal of two characters or more, or one followed by eight from a set")

// set is a set of bytes.
type set = *[256]bool

// anchor is one fixed beginning of a rule's matches: the sets of bytes it goes
// through, and the literal among them that the automaton looks for.
type anchor struct {
	rule    int
	literal string // lower case
	offset  int    // of the literal from the start of the match
	sets    []set
	word    bool
	assign  *assignment
}

// check compares the text at start with the anchor's sets and, where the rule
// has one, looks for its assignment. It costs a few table look-ups and saves
// nearly all expressions from being run.
func (a *anchor) check(text string, start int, final bool) verdict {
	if a.word && start > 0 && isWord[text[start-1]] {
		return no
	}
	n := len(a.sets)
	if start+n > len(text) {
		n = len(text) - start
	}
	for i := 0; i < n; i++ {
		if !a.sets[i][text[start+i]] {
			return no
		}
	}
	if n < len(a.sets) {
		if final {
			return no
		}
		return more
	}
	if a.assign != nil {
		return a.assign.check(text, start+n, final)
	}
	return yes
}

var isWord = bytesOf(func(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
})

func bytesOf(in func(byte) bool) (t [256]bool) {
	for c := range t {
		t[c] = in(byte(c))
	}
	return t
}

// Limits of the analysis.
const (
	maxPaths = 96 // alternative beginnings followed apart
	maxSets  = 80 // bytes of a beginning looked at
	maxSpan  = 4  // how far a repeat's count may vary to be written out
	plenty   = 32 // bytes after which a beginning with a literal is known well enough
)

// path is a beginning of an expression's matches: sets of single bytes. It is
// open when what follows has no fixed length.
type path struct {
	sets []set
	open bool
	// word says that no word character may stand before it.
	word bool
}

// hasLiteral reports whether three letters stand in a row among a path's sets.
func (p path) hasLiteral() bool {
	run := 0
	for _, s := range p.sets {
		if letter(s) == 0 {
			run = 0
		} else if run++; run == 3 {
			return true
		}
	}
	return false
}

// anchors finds the literals that lead to an expression. Those beginnings that
// are known to their end are followed by assign, where it is not nil.
func anchors(re *syntax.Regexp, assign *assignment) ([]anchor, error) {
	var list []anchor
	for _, p := range paths(re, []path{{}}) {
		a, ok := anchorOf(p)
		if !ok {
			return nil, errNoLiteral
		}
		if !p.open {
			a.assign = assign
		}
		list = merge(list, a)
	}
	return list, nil
}

// merge adds an anchor to a list. Beginnings that differ only behind the same
// literal at the same place become one, which admits what any of them does.
func merge(list []anchor, a anchor) []anchor {
	for i := range list {
		b := &list[i]
		if b.literal != a.literal || b.offset != a.offset || b.word != a.word || a.assign != b.assign || a.assign != nil && len(a.sets) != len(b.sets) {
			continue
		}
		n := min(len(a.sets), len(b.sets))
		sets := make([]set, n)
		for k := range sets {
			u := new([256]bool)
			for c := range u {
				u[c] = a.sets[k][c] || b.sets[k][c]
			}
			sets[k] = u
		}
		b.sets = sets
		return list
	}
	return append(list, a)
}

// anchorOf picks a path's literal: the first of the longest.
func anchorOf(p path) (anchor, bool) {
	best, at := 0, 0
	for i := 0; i < len(p.sets); {
		j := i
		for j < len(p.sets) && letter(p.sets[j]) != 0 {
			j++
		}
		// A literal at the start decides early; a later one must be worth the wait.
		if n := j - i; n > best && (best == 0 || best < 3) {
			best, at = n, i
		}
		i = j + 1
	}
	if best == 0 || best == 1 && len(p.sets) < 9 {
		return anchor{}, false
	}
	a := anchor{offset: at, sets: p.sets, word: p.word && isWordSet(p.sets[0])}
	b := make([]byte, best)
	for i := range b {
		b[i] = letter(p.sets[at+i])
	}
	a.literal = string(b)
	return a, true
}

// isWordSet reports whether all bytes of a set are word characters, so that a
// boundary before one of them means that none stands before it.
func isWordSet(s set) bool {
	for c, in := range s {
		if in && !isWord[c] {
			return false
		}
	}
	return true
}

// letter is the folded byte a set stands for, or 0 when there are several.
func letter(s set) byte {
	var one byte
	for c, in := range s {
		if in {
			f := match.Fold(byte(c))
			if one != 0 && one != f {
				return 0
			}
			one = f
		}
	}
	return one
}

// paths extends each of the given paths by what re can match.
func paths(re *syntax.Regexp, in []path) []path {
	if re.Op == syntax.OpConcat {
		for _, s := range re.Sub {
			in = paths(s, in)
		}
		return in
	}
	var out []path
	for _, p := range in {
		if p.open || len(p.sets) >= maxSets || len(p.sets) >= plenty && p.hasLiteral() {
			p.open = true
			out = append(out, p)
			continue
		}
		more := extend(re, p)
		if len(out)+len(more) > maxPaths {
			p.open = true
			more = []path{p}
		}
		out = append(out, more...)
	}
	return out
}

// extend extends one path.
func extend(re *syntax.Regexp, p path) []path {
	switch re.Op {
	case syntax.OpWordBoundary:
		p.word = p.word || len(p.sets) == 0
		return []path{p}
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpBeginLine:
		return []path{p}
	case syntax.OpCapture:
		return paths(re.Sub[0], []path{p})
	case syntax.OpConcat:
		return paths(re, []path{p})
	case syntax.OpAlternate:
		var out []path
		for _, s := range re.Sub {
			out = append(out, paths(s, []path{p})...)
		}
		return out
	case syntax.OpLiteral:
		return []path{p.literal(re)}
	case syntax.OpCharClass:
		if s, ok := classSet(re); ok {
			return p.either(s)
		}
	case syntax.OpRepeat:
		return repeat(re, re.Min, re.Max, p)
	case syntax.OpQuest:
		return repeat(re, 0, 1, p)
	case syntax.OpPlus:
		return repeat(re, 1, -1, p)
	}
	p.open = true
	return []path{p}
}

// repeat writes out a repeat whose count varies little, and opens the path after
// the least count of any other.
func repeat(re *syntax.Regexp, least, most int, p path) []path {
	in := []path{p}
	for i := 0; i < least && i < maxSets; i++ {
		in = paths(re.Sub[0], in)
	}
	if most < 0 || most-least > maxSpan || least >= maxSets {
		for i := range in {
			in[i].open = true
		}
		return in
	}
	out := append([]path(nil), in...)
	for i := least; i < most; i++ {
		in = paths(re.Sub[0], in)
		out = append(out, in...)
	}
	return out
}

// either extends a path by a class: by each of its members apart where that
// goes on with a literal that is still short, else by the class as a whole.
func (p path) either(s set) []path {
	n := 0
	for n < 3 && n < len(p.sets) && letter(p.sets[len(p.sets)-1-n]) != 0 {
		n++
	}
	members := folded(s)
	if n == 0 || n == 3 || len(members) > 6 {
		return []path{p.plus(s)}
	}
	var out []path
	for _, c := range members {
		one := new([256]bool)
		for b := range one {
			one[b] = s[b] && match.Fold(byte(b)) == c
		}
		out = append(out, p.plus(one))
	}
	return out
}

// folded lists a set's bytes, letters of both cases once.
func folded(s set) (list []byte) {
	for c := range s {
		if f := match.Fold(byte(c)); s[c] && (f == byte(c) || !s[f]) {
			list = append(list, f)
		}
	}
	return list
}

func (p path) plus(s set) path {
	sets := make([]set, len(p.sets), len(p.sets)+1)
	copy(sets, p.sets)
	return path{sets: append(sets, s), word: p.word}
}

func (p path) literal(re *syntax.Regexp) path {
	for _, r := range re.Rune {
		if len(p.sets) >= maxSets {
			p.open = true
			return p
		}
		if r >= utf8.RuneSelf {
			for _, c := range []byte(string(r)) {
				p = p.plus(single(c))
			}
			continue
		}
		s := *single(byte(r))
		if re.Flags&syntax.FoldCase != 0 {
			s[match.Fold(byte(r))] = true
			if c := match.Fold(byte(r)); 'a' <= c && c <= 'z' {
				s[c-'a'+'A'] = true
			}
		}
		p = p.plus(&s)
	}
	return p
}

func single(c byte) set {
	s := new([256]bool)
	s[c] = true
	return s
}

// classSet turns a class of ASCII characters into a set. The two characters
// outside ASCII that fold to ASCII letters (U+017F and U+212A) are left out.
func classSet(re *syntax.Regexp) (set, bool) {
	s := new([256]bool)
	for i := 0; i < len(re.Rune); i += 2 {
		lo, hi := re.Rune[i], re.Rune[i+1]
		if lo >= utf8.RuneSelf {
			if lo == hi && (lo == '\u017f' || lo == '\u212a') {
				continue
			}
			return nil, false
		}
		if hi >= utf8.RuneSelf {
			return nil, false
		}
		for c := lo; c <= hi; c++ {
			s[c] = true
		}
	}
	return s, true
}
