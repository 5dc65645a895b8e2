package output

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// Withheld stands where text was withheld. Its brackets mean nothing in
// Markdown, HTML or JSON, so that it cannot become part of markup.
const Withheld = "‹withheld›"

// rewriter says what stands in place of a match.
type rewriter struct {
	actions sanitize.Actions
	// inert makes every placeholder free of square brackets; the stage after
	// which nothing looks for links any more needs it.
	inert bool

	seed   maphash.Seed
	number map[uint64]int // of a value, by its type and text
	last   map[string]int // number last given, by type
}

func newRewriter(actions sanitize.Actions, inert bool) *rewriter {
	return &rewriter{actions: actions, inert: inert, seed: maphash.MakeSeed(),
		number: map[uint64]int{}, last: map[string]int{}}
}

// mark is the replacement of a match under an action other than Hold, Flag and
// Pass. It is never empty, lest the text before and after a match join into
// another one.
func (r *rewriter) mark(f sanitize.Finding, a sanitize.Action, text []byte) string {
	if r.inert && f.Type == "QUERY" {
		return " " // what stands before is an address that stays
	}
	if r.inert { // also for Strip: blanks at the start of a line would change what it is
		if a == sanitize.Withhold || f.Type == "" {
			return Withheld
		}
		return "‹" + strings.ToLower(f.Type) + " removed›"
	}
	switch a {
	case sanitize.Strip:
		return " "
	case sanitize.Mask:
		return masked(text)
	case sanitize.Redact, sanitize.Pseudonymise, sanitize.Neutralise:
		return r.placeholder(f, text)
	default:
		return Withheld
	}
}

// placeholder is [TYPE_n]: the same text has the same number within a stream.
func (r *rewriter) placeholder(f sanitize.Finding, text []byte) string {
	name := f.Type
	if name == "" {
		name = strings.ToUpper(string(f.Kind))
	}
	var h maphash.Hash
	h.SetSeed(r.seed)
	_, _ = h.WriteString(name)
	_ = h.WriteByte(0)
	_, _ = h.Write(text)
	key := h.Sum64()
	n, ok := r.number[key]
	if !ok {
		r.last[name]++
		n = r.last[name]
		r.number[key] = n
	}
	return fmt.Sprintf("[%s_%d]", name, n)
}

// masked keeps the last four characters of a text of twelve or more.
func masked(text []byte) string {
	n := utf8.RuneCount(text)
	if n < 12 {
		return "••••"
	}
	keep := len(text)
	for range 4 {
		_, size := utf8.DecodeLastRune(text[:keep])
		keep -= size
	}
	return "••••" + string(text[keep:])
}

// Count is how often a rule acted. It holds nothing of what matched.
type Count struct {
	Rule string `json:"rule"`
	N    int    `json:"count"`
}

// tally counts findings by rule and remembers the strictest action taken.
type tally struct {
	rules  map[string]int
	action sanitize.Action
}

func newTally() *tally { return &tally{rules: map[string]int{}, action: sanitize.Pass} }

func (t *tally) count(rule string) {
	if t.action != sanitize.Hold {
		t.rules[rule]++
	}
}

func (t *tally) acted(a sanitize.Action) { t.action = min(t.action, a) }

// stop makes the account that of a stopped stream: it names only what stopped
// it. What else had been found by then depends on how far each step had read.
// A later stop is an earlier place in the text, and replaces the account.
func (t *tally) stop(because []sanitize.Finding) {
	t.rules = map[string]int{}
	t.action = sanitize.Hold
	for _, f := range because {
		t.rules[f.Rule]++
	}
}

func (t *tally) counts() []Count {
	out := make([]Count, 0, len(t.rules))
	for rule, n := range t.rules {
		out = append(out, Count{rule, n})
	}
	slices.SortFunc(out, func(a, b Count) int { return strings.Compare(a.Rule, b.Rule) })
	return out
}
