package secret

import (
	"regexp/syntax"
	"strings"
)

// assigns is what gitleaks' rules, and ours in their manner, put between a
// keyword and a value.
const assigns = `(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}`

// assignment is a quick necessary condition for "keyword assigns value": an
// operator close behind the keyword, and a run of characters as long as the
// shortest value behind that.
type assignment struct {
	value [256]bool // bytes of a value
	least int       // bytes of the shortest
}

// assignmentAt returns where in an expression's sequence the parts of assigns
// stand, or -1.
func assignmentAt(re *syntax.Regexp) int {
	if re.Op != syntax.OpConcat {
		return -1
	}
	for _, flags := range []string{"", "(?i)"} {
		want, err := syntax.Parse(flags+assigns, syntax.Perl)
		if err != nil || len(want.Sub) == 0 {
			return -1
		}
		for i := 0; i+len(want.Sub) <= len(re.Sub); i++ {
			j := 0
			for j < len(want.Sub) && equivalent(re.Sub[i+j], want.Sub[j]) {
				j++
			}
			if j == len(want.Sub) {
				return i
			}
		}
	}
	return -1
}

// equivalent compares two expressions but for case folding, which changes
// nothing about punctuation.
func equivalent(a, b *syntax.Regexp) bool {
	return a.Op == b.Op && a.Min == b.Min && a.Max == b.Max && (a.Equal(b) || plainString(a) == plainString(b))
}

func plainString(re *syntax.Regexp) string {
	return strings.NewReplacer("(?i:", "(?:", "\u017f", "", "\u212a", "", `\x{17F}`, "", `\x{212A}`, "").Replace(re.String())
}

// newAssignment reads a value's shape from a group of the expression, the first
// for 0.
func newAssignment(re *syntax.Regexp, number int) *assignment {
	a := &assignment{}
	group := groupOf(re, number)
	if group == nil {
		return a
	}
	a.least = shortest(group)
	addBytes(group, &a.value)
	return a
}

func groupOf(re *syntax.Regexp, number int) *syntax.Regexp {
	if re.Op == syntax.OpCapture && (number == 0 || re.Cap == number) {
		return re
	}
	for _, s := range re.Sub {
		if g := groupOf(s, number); g != nil {
			return g
		}
	}
	return nil
}

// addBytes adds every byte an expression can match.
func addBytes(re *syntax.Regexp, t *[256]bool) {
	switch re.Op {
	case syntax.OpLiteral:
		p := path{}.literal(re)
		for _, s := range p.sets {
			for c := range s {
				t[c] = t[c] || s[c]
			}
		}
		if p.open {
			everything(t)
		}
	case syntax.OpCharClass:
		s, ok := classSet(re)
		if !ok {
			everything(t)
			return
		}
		for c := range s {
			t[c] = t[c] || s[c]
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		everything(t)
	}
	for _, s := range re.Sub {
		addBytes(s, t)
	}
}

func everything(t *[256]bool) {
	for c := range t {
		t[c] = true
	}
}

var (
	isBetween  = bytesOf(func(c byte) bool { return isWord[c] || isSpace(c) || c == '.' || c == '-' || c == '\'' || c == '"' })
	isOperator = bytesOf(func(c byte) bool { return c == '=' || c == '>' || c == ':' || c == '|' || c == '?' || c == ',' })
	isOpening  = bytesOf(func(c byte) bool { return isOperator[c] || isSpace(c) || c == '`' || c == '\'' || c == '"' })
)

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// reach returns how far an assignment whose name begins at start can go, at most
// to end: over name and operator, the run of value characters, and what closes
// it. Expressions run faster on short texts.
func (a *assignment) reach(text string, start, end int) int {
	const head = 112 // a name, what is between, an operator
	at := min(start+head, end)
	for at < end && a.value[text[at]] {
		at++
	}
	return min(at+8, end)
}

// check looks behind the keyword that ends at at.
func (a *assignment) check(text string, at int, final bool) verdict {
	unsure := more
	if final {
		unsure = no
	}
	for limit := at + 23; at < len(text) && at < limit && isBetween[text[at]]; {
		at++
	}
	if at == len(text) {
		return unsure
	}
	if !isOperator[text[at]] {
		return no
	}
	value := at + 1
	// The operator takes up to four bytes, what opens a value up to five.
	for limit := at + 9; value < len(text) && value < limit && isOpening[text[value]]; {
		value++
	}
	run := 0
	for back := value; back > at+1 && a.value[text[back-1]]; back-- {
		run++
	}
	for ; run < a.least && value < len(text) && a.value[text[value]]; value++ {
		run++
	}
	switch {
	case run >= a.least:
		return yes
	case value == len(text):
		return unsure
	}
	return no
}
