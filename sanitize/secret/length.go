package secret

import (
	"regexp/syntax"
	"unicode/utf8"
)

// shortest is the least number of bytes an expression matches.
func shortest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(string(re.Rune))
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture:
		return shortest(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, s := range re.Sub {
			n = min(n+shortest(s), unbounded)
		}
		return n
	case syntax.OpAlternate:
		n := unbounded
		for _, s := range re.Sub {
			n = min(n, shortest(s))
		}
		return n
	case syntax.OpPlus:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return min(re.Min*shortest(re.Sub[0]), unbounded)
	}
	return 0
}

// longest is the most bytes an expression matches, unbounded for those without
// a bound or with a higher one.
func longest(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		n := len(string(re.Rune))
		if re.Flags&syntax.FoldCase != 0 {
			n += 2 * len(re.Rune) // U+017F and U+212A are longer than s and k
		}
		return n
	case syntax.OpCharClass:
		if len(re.Rune) == 0 {
			return 0
		}
		return utf8.RuneLen(re.Rune[len(re.Rune)-1])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return utf8.UTFMax
	case syntax.OpCapture, syntax.OpQuest:
		return longest(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, s := range re.Sub {
			n = min(n+longest(s), unbounded)
		}
		return n
	case syntax.OpAlternate:
		n := 0
		for _, s := range re.Sub {
			n = max(n, longest(s))
		}
		return n
	case syntax.OpStar, syntax.OpPlus:
		return unbounded
	case syntax.OpRepeat:
		if re.Max < 0 {
			return unbounded
		}
		return min(re.Max*longest(re.Sub[0]), unbounded)
	}
	return 0
}
