package secret

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync"

	"github.com/doorward/doorward/sanitize"
)

// rule is one format of secret, compiled.
type rule struct {
	id    string
	class string // the finding's Type
	expr  string // as written, RE2
	score float64
	rank  rank
	// secret is the number of the group that holds it; 0 means the first group
	// that is not empty, or the whole match where there is none.
	secret int
	// entropy is the least Shannon entropy of the secret, bits per byte.
	entropy float64
	// programs are compiled when a text first asks for them: most rules never see
	// their literal, and a process that starts should not wait for them.
	programs func() programs
	// far says that the rule looks far ahead, so that programs has a search.
	far bool
	// word says that no word character may stand before the match.
	word bool
	// assign is the check of an assignment behind a keyword, nil without one.
	assign *assignment
	// ahead is the most bytes a match may have.
	ahead   int
	anchors []anchor
	// alone says that the secret must not be part of a longer run of base64, in
	// which short prefixes turn up by chance.
	alone bool
	// accept judges a match beyond the expression; nil accepts. It gets the
	// window, and the match and the secret as spans of it.
	accept func(window string, match, secret sanitize.Span) bool
	// find, when set, takes the place of an expression: it looks for a secret in
	// the text around the anchor's literal, which begins at start.
	find func(text string, start int, final bool) (match, secret sanitize.Span, v verdict)
}

// programs are what an expression is matched by.
type programs struct {
	// re is the expression anchored at its start, without what cannot change the
	// secret.
	re *regexp.Regexp
	// search is the expression free to begin anywhere; nil unless the rule is far.
	search *regexp.Regexp
	// live is re's program, for telling whether a match may still come.
	live *syntax.Prog
}

// unbounded is the most bytes a match of an expression without a bound of its
// own may have; what is longer is cut there.
const unbounded = 4096

// compile derives from an expression how to look for it.
func (r *rule) compile() error {
	parsed, err := syntax.Parse(r.expr, syntax.Perl)
	if err != nil {
		return fmt.Errorf("rule %q: %w", r.id, err)
	}
	body, word := strip(parsed)
	r.word = word
	if r.ahead == 0 {
		r.ahead = min(longest(body), unbounded)
	}
	before, at := body, assignmentAt(body)
	r.far = r.ahead >= farAhead && at < 0
	r.programs = lazily(r.id, body, r.far)
	if at >= 0 {
		head := *body
		head.Sub = body.Sub[:at]
		before, r.assign = &head, newAssignment(body, r.secret)
	}
	if r.anchors, err = anchors(before, r.assign); err != nil {
		return fmt.Errorf("rule %q: %w", r.id, err)
	}
	for i := range r.anchors {
		r.anchors[i].word = r.anchors[i].word || word
	}
	return nil
}

// lazily compiles what an expression is matched by, once. It panics where that
// cannot be, which for rules that somebody adds is found out when they are read.
func lazily(id string, body *syntax.Regexp, far bool) func() programs {
	return sync.OnceValue(func() programs {
		expr := body.String()
		p := programs{re: regexp.MustCompile(`\A(?:` + expr + `)`)}
		if far {
			p.search = regexp.MustCompile(expr)
		}
		live, err := syntax.Compile(body.Simplify())
		if err != nil {
			panic("rule " + id + ": " + err.Error())
		}
		p.live = live
		return p
	})
}

// ready reports whether a rule's programs can be compiled.
func (r *rule) ready() (err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("rule %q: %v", r.id, e)
		}
	}()
	if r.programs != nil {
		r.programs()
	}
	return nil
}

// split takes an expression's outermost alternatives apart.
func split(expr string) ([]string, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if parsed.Op != syntax.OpAlternate {
		return []string{expr}, nil
	}
	var list []string
	for _, s := range parsed.Sub {
		list = append(list, s.String())
	}
	return list, nil
}

// farAhead is the reach, in bytes, from which a rule is searched for in windows
// when a text provokes it too often.
const farAhead = 256

// searchFrom looks for the rule's first match that begins within its reach of
// start. Where there is none the candidate's match ends where the next search
// should begin, so that every byte is read at most twice, whatever the text.
func (r *rule) searchFrom(text string, start int, final bool) (c candidate, v verdict) {
	end := start + 2*r.ahead
	if end > len(text) && !final {
		return c, more
	}
	end = runeStart(text, min(end, len(text)))
	groups := r.programs().search.FindStringSubmatchIndex(text[start:end])
	if groups == nil || groups[0] >= r.ahead {
		c.match.End = start + r.ahead
		return c, no
	}
	first := groups[0]
	for i := range groups {
		groups[i] -= first
	}
	return r.judge(text, start+first, groups, final)
}

// match tries the rule at start.
func (r *rule) match(text string, start int, final bool) (c candidate, v verdict) {
	if r.find != nil {
		m, secret, v := r.find(text, start, final)
		return r.candidate(m, secret), v
	}
	end := min(start+r.ahead, len(text))
	if end == len(text) && !final && end-start < r.ahead && r.alive(text[start:end]) {
		return c, more
	}
	if r.assign != nil {
		end = r.assign.reach(text, start, end)
	}
	end = runeStart(text, end)
	groups := r.programs().re.FindStringSubmatchIndex(text[start:end])
	if groups == nil {
		return c, no
	}
	return r.judge(text, start, groups, final)
}

// judge decides about a match of the expression. A match that is refused is
// returned all the same, without a finding.
func (r *rule) judge(text string, start int, groups []int, final bool) (c candidate, v verdict) {
	m := sanitize.Span{Start: start, End: start + groups[1]}
	c.match = m
	secret, ok := r.group(groups, start)
	if !ok {
		return c, no
	}
	if r.entropy > 0 && entropy(text[secret.Start:secret.End]) <= r.entropy {
		return c, no
	}
	if r.alone {
		if secret.End == len(text) && !final {
			return c, more
		}
		if !standsAlone(text, secret) {
			return candidate{}, no // a chance likeness blocks nothing
		}
	}
	if r.accept != nil {
		w, ok := window(text, m, final)
		if !ok {
			return c, more
		}
		if !r.accept(text[w.Start:w.End], shift(m, -w.Start), shift(secret, -w.Start)) {
			return c, no
		}
	}
	return r.candidate(m, secret), yes
}

func (r *rule) candidate(match, secret sanitize.Span) candidate {
	return candidate{
		Finding: sanitize.Finding{Span: secret, Kind: sanitize.Secret, Type: r.class, Rule: r.id, Score: r.score},
		match:   match,
		rank:    r.rank,
	}
}

// standsAlone reports whether no character of base64 stands on either side.
func standsAlone(text string, s sanitize.Span) bool {
	in := func(c byte) bool { return isWord[c] || c == '/' || c == '+' }
	if s.Start > 0 && in(text[s.Start-1]) || s.End < len(text) && in(text[s.End]) {
		return false
	}
	// A run wrapped at the end of a line goes on in the next.
	return s.Start < 2 || text[s.Start-1] != '\n' || !in(text[s.Start-2])
}

func shift(s sanitize.Span, by int) sanitize.Span {
	return sanitize.Span{Start: s.Start + by, End: s.End + by}
}

// group returns the span of the secret within a match.
func (r *rule) group(groups []int, base int) (sanitize.Span, bool) {
	at := func(g int) (sanitize.Span, bool) {
		return sanitize.Span{Start: base + groups[2*g], End: base + groups[2*g+1]}, groups[2*g] >= 0 && groups[2*g+1] > groups[2*g]
	}
	if r.secret > 0 {
		if 2*r.secret >= len(groups) {
			return sanitize.Span{}, false
		}
		return at(r.secret)
	}
	for g := 1; 2*g < len(groups); g++ {
		if s, ok := at(g); ok {
			return s, true
		}
	}
	return at(0)
}

// strip removes from the front of an expression what cannot change which secret
// is found: word boundaries, which it reports, and optional text without groups,
// such as the rest of an identifier before a keyword.
func strip(re *syntax.Regexp) (body *syntax.Regexp, word bool) {
	grouped := re.MaxCap() > 0
	for re.Op == syntax.OpConcat && len(re.Sub) > 0 {
		first := re.Sub[0]
		switch {
		case first.Op == syntax.OpWordBoundary:
			word = true
		case first.Op == syntax.OpEmptyMatch:
		case grouped && first.MaxCap() == 0 && shortest(first) == 0 && longest(first) < unbounded && !anchored(first):
			word = false
		default:
			return re, word
		}
		rest := *re
		rest.Sub = re.Sub[1:]
		re = &rest
	}
	return re, word
}

// anchored reports whether an expression holds an assertion about its place.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	}
	for _, s := range re.Sub {
		if anchored(s) {
			return true
		}
	}
	return false
}
