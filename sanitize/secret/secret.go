// Package secret finds credentials: keys, tokens, passwords, private keys and
// connection strings. Its rules are those of gitleaks
// (https://github.com/gitleaks/gitleaks), confirmed by gitleaks itself on small
// windows, and our own for formats that gitleaks' defaults miss, each citing the
// vendor's public documentation.
//
// One automaton finds the literals of all rules; only around a literal is an
// expression run, anchored and bounded, so time is linear in the text whatever
// the text. Nothing in a document can switch scanning off: gitleaks' own
// comments ("gitleaks:allow") and path allow-lists are not obeyed.
//
// Limits: a match is looked for within 4,096 bytes of its beginning (a PEM block
// within 64 KiB, a generic key within 32 KiB); words spelled out, pictures of
// text and secrets split over documents are not found; a vendor's dummy of the
// right form counts as a secret.
//
// It does not ask vendors whether a key is live, and it never holds, logs or
// returns the text of what it found.
package secret

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/match"
)

// Config says which rules to use.
type Config struct {
	// Rules is a gitleaks configuration in TOML whose [[rules]] are added to the
	// built-in ones; a rule with the id of a built-in one replaces it. It must not
	// have an [extend] table: the built-in rules are always there. Empty adds none.
	Rules string
	// Without lists ids of rules to leave out.
	Without []string
}

// handwritten is part of the revision; it changes with what the rules that are
// not expressions find.
const handwritten = 1

// Scanner finds secrets. It is immutable and safe for concurrent use.
type Scanner struct {
	rules    []*rule
	auto     *match.Automaton
	anchors  [][]anchor // by literal
	back     int        // most bytes before a literal that a match may begin
	backSet  [256]bool  // bytes that can stand there
	count    int        // of rules, by id
	revision string
}

// New compiles the rules. An error names the rule that cannot be used and why.
func New(c Config) (*Scanner, error) {
	rules, err := gitleaksRules(c.Rules)
	if err != nil {
		return nil, fmt.Errorf("loading secret rules: %w", err)
	}
	own, err := ownRules()
	if err != nil {
		return nil, fmt.Errorf("loading secret rules: %w", err)
	}
	s := &Scanner{}
	all := append(rules, own...)
	for _, id := range c.Without {
		if !slices.ContainsFunc(all, func(r *rule) bool { return r.id == id }) {
			return nil, fmt.Errorf("loading secret rules: there is no rule %q to leave out", id)
		}
	}
	for _, r := range all {
		if !slices.Contains(c.Without, r.id) {
			s.rules = append(s.rules, r)
		}
	}
	if err := s.compile(); err != nil {
		return nil, fmt.Errorf("loading secret rules: %w", err)
	}
	s.count = len(ids(s.rules))
	return s, nil
}

// compile builds the automaton over all rules' literals.
func (s *Scanner) compile() error {
	var literals []string
	number := map[string]int{}
	sum := sha256.New()
	for i, r := range s.rules {
		fmt.Fprintf(sum, "%d %q %q %v\n", handwritten, r.id, r.expr, r.entropy)
		for _, a := range r.anchors {
			a.rule = i
			n, ok := number[a.literal]
			if !ok {
				n = len(literals)
				number[a.literal] = n
				literals = append(literals, a.literal)
				s.anchors = append(s.anchors, nil)
			}
			s.anchors[n] = append(s.anchors[n], a)
			if a.offset > 0 {
				s.back = max(s.back, a.offset+len(a.literal))
				for _, set := range a.sets[:a.offset] {
					for c := range s.backSet {
						s.backSet[c] = s.backSet[c] || set[c]
					}
				}
			}
		}
	}
	s.revision = hex.EncodeToString(sum.Sum(nil))[:16]
	var err error
	s.auto, err = match.New(literals)
	return err
}

// Rules is the number of rules in use.
func (s *Scanner) Rules() int { return s.count }

// Revision names the rules in use: scanners of equal revision find the same.
func (s *Scanner) Revision() string { return s.revision }

// piece is how much text is scanned between two looks at the context.
const piece = 1 << 20

// Scan finds secrets in all views. Spans are of the source and cover the secret
// itself, not the name it is assigned to.
func (s *Scanner) Scan(ctx context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	var found []sanitize.Finding
	for i := range v.List {
		more, err := s.scanView(ctx, &v.List[i], i > 0)
		if err != nil {
			return nil, fmt.Errorf("scanning for secrets: %w", err)
		}
		found = append(found, more...)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("scanning for secrets: %w", err)
	}
	if len(v.List) > 1 {
		found = distinct(found)
	}
	return found, nil
}

// scanView scans one view. In derived views only matches that include something
// a transform changed count: the others were judged in the source.
func (s *Scanner) scanView(ctx context.Context, v *sanitize.View, derived bool) ([]sanitize.Finding, error) {
	r := run{s: s}
	var state match.State
	for at := 0; at < len(v.Text); at += piece {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		end := min(at+piece, len(v.Text))
		state = s.auto.Scan(v.Text[at:end], state, func(literal, e int) {
			r.hit(v.Text, literal, at+e)
		})
	}
	found := r.release(len(v.Text))
	out := found[:0]
	for _, f := range found {
		if derived && v.Map.Linear(f.match) {
			continue
		}
		f.Span = v.Source(f.Span)
		out = append(out, f)
	}
	return plain(out), nil
}

// candidate is a finding together with the whole match it is part of.
type candidate struct {
	sanitize.Finding
	match sanitize.Span
	rank  rank
}

// rank says how much a finding tells: of two about the same bytes the higher
// one stays.
type rank int

const (
	rankNeighbour rank = iota // our own: a name or a vendor near a value
	rankGeneric               // gitleaks' generic rules
	rankVendor                // our own: a vendor's format
	rankGitleaks              // gitleaks' other rules
	ranks
)

func plain(list []candidate) []sanitize.Finding {
	if len(list) == 0 {
		return nil
	}
	out := make([]sanitize.Finding, len(list))
	for i, c := range list {
		out[i] = c.Finding
	}
	return out
}

// distinct sorts findings by place and drops repetitions.
func distinct(found []sanitize.Finding) []sanitize.Finding {
	sort.Slice(found, func(i, j int) bool { return before(found[i], found[j]) })
	return slices.CompactFunc(found, func(a, b sanitize.Finding) bool { return a.Span == b.Span && a.Rule == b.Rule })
}

func before(a, b sanitize.Finding) bool {
	if a.Start != b.Start {
		return a.Start < b.Start
	}
	if a.End != b.End {
		return a.End < b.End
	}
	return a.Rule < b.Rule
}
