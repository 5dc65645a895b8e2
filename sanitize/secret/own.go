package secret

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// spec is one of our own rules: a vendor's published format. The comment above
// each names the page that publishes it.
type spec struct {
	// id is the rule's.
	id string
	// expr is RE2; the first group that is not empty is the secret. {=} stands
	// for what may be between a name and a value.
	expr string
	// entropy is the least entropy of the secret, in bits per byte; 0 leaves only
	// the checks for placeholders.
	entropy float64
	// alone refuses secrets within longer runs of base64.
	alone bool
	// like and unlike are patterns of texts in which the rule must and must not
	// find something. A class in angle brackets with a count, <hex:32>, stands
	// for that many random characters, so that no file holds anything that looks
	// like a secret.
	like, unlike []string
}

// ownRules compiles the rules beside gitleaks'.
func ownRules() ([]*rule, error) {
	var list []*rule
	for _, group := range specGroups() {
		for _, s := range group {
			rules, err := s.compile()
			if err != nil {
				return nil, err
			}
			list = append(list, rules...)
		}
	}
	return append(list, assignedRules()...), nil
}

func specGroups() [][]spec {
	return [][]spec{modelSpecs, cloudSpecs, codeSpecs, serviceSpecs, moneySpecs, keySpecs, connectionSpecs, hashSpecs}
}

func (s spec) compile() ([]*rule, error) {
	r := rule{
		id: s.id, class: classOf(s.id), score: 0.95, rank: rankVendor, entropy: s.entropy,
		expr:   strings.ReplaceAll(s.expr, "{=}", assigns),
		accept: notTemplate, alone: s.alone, ahead: longer[s.id],
	}
	rules, err := compileRule(r)
	if err != nil {
		return nil, fmt.Errorf("our own %w", err)
	}
	return rules, nil
}

// notTemplate refuses what stands for a secret in documentation and templates.
// A vendor's prefix with a body of the right length is not refused for being
// monotonous: nobody is hurt when a dummy is taken for what it looks like.
func notTemplate(window string, _, secret sanitize.Span) bool {
	return !fillers.MatchString(window[secret.Start:secret.End])
}

// fillers are words and signs by which a value says that it stands for another.
var fillers = regexp.MustCompile(`(?i)your[_-]|changeme|change[_-]me|placeholder|redacted|insert[_-]|goes[_-]?here|\*\*\*|\.\.\.|^<|>$|\$\{|\{\{|^\$\w+$|^\$\(|^%\w+%$`)

// placeholder reports whether a value stands for a secret instead of being one:
// a variable, a filler word, mostly one character.
func placeholder(value string) bool {
	if value == "" || fillers.MatchString(value[:min(len(value), longValue)]) {
		return true
	}
	distinct, most := 0, 0
	var seen [256]int
	for i := 0; i < len(value); i++ {
		if seen[value[i]]++; seen[value[i]] == 1 {
			distinct++
		}
		most = max(most, seen[value[i]])
	}
	return distinct < 4 || len(value) >= 12 && most*2 > len(value)
}

// ids lists the rules of a slice once each.
func ids(rules []*rule) []string {
	var list []string
	for _, r := range rules {
		if !slices.Contains(list, r.id) {
			list = append(list, r.id)
		}
	}
	return list
}
