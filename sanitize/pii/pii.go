// Package pii finds personal data of fixed form: payment cards, bank accounts,
// telephone numbers, addresses of the network and the post, and the identifiers
// states and insurers give to people in more than forty countries.
//
// A candidate is found by hand-written recognisers that start at a digit, an
// '@' or a few other bytes, never by a regular expression over the text. It is
// believed when its checksum holds, its writing is the usual one, or a word
// near it says what it is; a bare number in prose is not. Names, places and
// organisations need a model: [Presidio] asks a server for them.
//
// Limits. Numbers spelled out in words, ages and values split over lines are not
// found; of a postal address only street and number are. A national number
// without letters, usual separators or a word near is found only when it is the
// whole text. Dates score below [DefaultThreshold] unless a word makes them dates
// of birth. Web addresses are found as URL, which policies will mostly let pass.
//
// A finding's score is its likelihood in the sense of data-loss-prevention
// products: from 0.9 very likely, from 0.7 likely, from 0.5 possible.
package pii

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/doorward/doorward/sanitize"
)

// DefaultThreshold is the score below which a finding is not reported.
const DefaultThreshold = 0.5

// Config selects what is looked for. The zero Config looks for every type of
// every country.
type Config struct {
	// Countries are ISO 3166-1 alpha-2 codes ("DE", "US"); types of other
	// countries are not looked for. Empty means all. Types that belong to no
	// country (EMAIL, CREDIT_CARD, IBAN, …) are always included.
	Countries []string
	// Types are type names ("EMAIL", "US_SSN"); empty means all.
	Types []string
	// Threshold is the lowest score reported, 0…1; 0 means [DefaultThreshold].
	Threshold float64
	// Thresholds override Threshold by type.
	Thresholds map[string]float64
	// PhoneRegions are the countries, in order, whose national number plans
	// confirm a telephone number written without "+" and without a word that
	// says what it is. Empty means [DefaultPhoneRegions].
	PhoneRegions []string
}

// DefaultPhoneRegions are tried for national telephone numbers.
var DefaultPhoneRegions = []string{"US", "GB", "DE", "FR", "ES", "IT"}

// Scanner finds personal data. It is safe for concurrent use.
type Scanner struct {
	rules    []rule         // enabled, in table order
	digits   [maxLen][]int  // rules over digits only, by number of digits
	mixed    [maxLen][]int  // rules with letters, by number of letters and digits
	shapes   [maxLen]uint64 // which shapes any rule of a length lists, hashed to one bit
	words    *wordIndex
	floor    map[string]float64
	builtin  [numBuiltin]bool // types found by a recogniser of their own
	regions  []string
	revision string
	scratch  sync.Pool
}

// New makes a Scanner. An unknown country or type is an error, so that a
// misspelt one does not silently look for nothing.
func New(c Config) (*Scanner, error) {
	types, err := known("type", c.Types, Types())
	if err != nil {
		return nil, err
	}
	countries, err := known("country", c.Countries, Countries())
	if err != nil {
		return nil, err
	}
	if c.Threshold < 0 || c.Threshold > 1 {
		return nil, fmt.Errorf("making a personal data scanner: threshold %v, want 0…1", c.Threshold)
	}
	if c.Threshold == 0 {
		c.Threshold = DefaultThreshold
	}
	s := &Scanner{floor: map[string]float64{}, regions: c.PhoneRegions}
	if len(s.regions) == 0 {
		s.regions = DefaultPhoneRegions
	}
	for _, i := range catalogue() {
		if len(types) > 0 && !types[i.Type] || len(countries) > 0 && i.Country != "" && !countries[i.Country] {
			continue
		}
		s.floor[i.Type] = c.Threshold
	}
	for t, v := range c.Thresholds {
		if _, ok := s.floor[t]; !ok {
			return nil, fmt.Errorf("making a personal data scanner: threshold for type %q, which is unknown or not selected", t)
		}
		s.floor[t] = v
	}
	s.compile()
	s.scratch.New = func() any { return new(run) }
	return s, nil
}

func known(what string, want, have []string) (map[string]bool, error) {
	all := make(map[string]bool, len(have))
	for _, h := range have {
		all[h] = true
	}
	set := make(map[string]bool, len(want))
	for _, w := range want {
		w = strings.ToUpper(w)
		if !all[w] {
			return nil, fmt.Errorf("making a personal data scanner: unknown %s %q; known: %s", what, w, strings.Join(have, ", "))
		}
		set[w] = true
	}
	return set, nil
}

// Revision identifies the rules and the configuration, as 16 hex digits.
func (s *Scanner) Revision() string { return s.revision }

func (s *Scanner) revise() string {
	h := sha256.New()
	fmt.Fprintf(h, "pii/1 %v", s.regions)
	names := make([]string, 0, len(s.floor))
	for t := range s.floor {
		names = append(names, t)
	}
	sort.Strings(names)
	for _, t := range names {
		fmt.Fprintf(h, "\x00%s %v", t, s.floor[t])
	}
	for _, r := range s.rules {
		fmt.Fprintf(h, "\x00%s %s %s %v %v %v %v", r.name, r.pattern, strings.Join(r.forms, "|"), r.prose, r.near, r.alone, r.words)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Scan finds personal data in every view; spans are in v.Source, sorted by
// start, with one finding for each span and type.
func (s *Scanner) Scan(ctx context.Context, v sanitize.Views) ([]sanitize.Finding, error) {
	var all []sanitize.Finding
	r := s.scratch.Get().(*run)
	defer s.scratch.Put(r)
	for _, view := range v.List {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("scanning for personal data: %w", err)
		}
		r.scanAll(s, view.Text, len(v.Source) <= 4*maxLone) // a decoded part of a longer text is no lone value
		for _, f := range r.found {
			f.Span = view.Source(f.Span)
			all = append(all, f)
		}
	}
	return unique(all), nil
}

// unique sorts and keeps the best finding for each span and type.
func unique(f []sanitize.Finding) []sanitize.Finding {
	sanitize.SortFindings(f)
	out := f[:0]
	for _, x := range f {
		if n := len(out); n > 0 && out[n-1].Span == x.Span && out[n-1].Type == x.Type {
			if x.Score > out[n-1].Score {
				out[n-1] = x
			}
			continue
		}
		out = append(out, x)
	}
	return out
}
