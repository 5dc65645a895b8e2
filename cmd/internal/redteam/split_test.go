package redteam

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/doorward/doorward/cmd/internal/train"
	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/injection"
	"github.com/doorward/doorward/sanitize/normalize"
)

// TestSplitPayloads cuts payloads where the chunker may cut, at each border of
// words and at each character, hands the parts over as two passages, and
// compares what is found in the parts and at their join with what is found in
// the text that was not cut. DOORWARD_TEST_SPLITS sets the number of payloads;
// 1,000 is `make split-payloads`.
func TestSplitPayloads(t *testing.T) {
	n := 30
	if v, err := strconv.Atoi(os.Getenv("DOORWARD_TEST_SPLITS")); err == nil {
		n = v
	}
	attacks, err := train.Attacks(7, n)
	if err != nil {
		t.Fatal(err)
	}
	s := splitter{t: t}
	if s.scanner, err = injection.New(injection.Config{}); err != nil {
		t.Fatal(err)
	}
	if s.counter, err = prompt.NewCounter(prompt.CL100K); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 61))
	for i, a := range attacks {
		if i%2 == 0 {
			a = pick(rng, payloads) + "."
		}
		s.payload(pick(rng, carriers), strings.Join(strings.Fields(a), " "), pick(rng, carriers))
	}
	for _, c := range []struct {
		name string
		*tally
	}{{"cuts the chunker made", &s.chunked}, {"borders of words", &s.words}, {"inside words", &s.inside}} {
		t.Logf("%-22s %8d cuts, found when whole %8d, of these missed when cut %5d; found only when cut %5d", c.name, c.cuts, c.whole, c.missed, c.extra)
	}
	if s.chunked.missed > 0 {
		t.Errorf("%d cuts hide a payload that is found when whole", s.chunked.missed)
	}
	// Other borders than the chunker's are an attacker's who owns two documents;
	// what is lost there, where the halves lie far from the join, is bounded.
	for _, c := range []*tally{&s.words, &s.inside} {
		if c.missed*100 > c.whole {
			t.Errorf("%d of %d cuts of other kinds hide a payload", c.missed, c.whole)
		}
	}
}

type tally struct{ cuts, whole, missed, extra int }

func (c *tally) add(whole, parts bool) {
	c.cuts++
	switch {
	case whole && parts:
		c.whole++
	case whole:
		c.whole++
		c.missed++
	case parts:
		c.extra++
	}
}

type splitter struct {
	t                      *testing.T
	scanner                *injection.Scanner
	counter                chunk.Counter
	chunked, words, inside tally
}

// payload tries all cuts of one payload.
func (s *splitter) payload(before, payload, after string) {
	text := before + " " + payload + " " + after
	start := len(before) + 1
	whole := s.finds(text, start, start+len(payload))
	for at := start + 1; at < start+len(payload); at++ {
		if !utf8.RuneStart(text[at]) || text[at] == ' ' {
			continue
		}
		c := &s.inside
		if text[at-1] == ' ' {
			c = &s.words
		}
		c.add(whole, s.assembled([]string{text[:at], text[at:]}))
	}
	for budget := 16; budget <= 40; budget += 4 {
		chunks, err := chunk.Split(text, nil, chunk.Config{MaxTokens: budget, Counter: s.counter})
		if err != nil {
			s.t.Fatal(err)
		}
		var parts []string
		cut := false
		for _, c := range chunks {
			cut = cut || c.Start > start && c.Start < start+len(payload)
			parts = append(parts, text[c.Start:c.End])
		}
		if cut {
			s.chunked.add(whole, s.assembled(parts))
		}
	}
}

// finds reports a finding in text[from:to].
func (s *splitter) finds(text string, from, to int) bool {
	found, err := s.scanner.Scan(context.Background(), normalize.Build(text))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range found {
		if f.Overlaps(sanitize.Span{Start: from, End: to}) {
			return true
		}
	}
	return false
}

// assembled scans parts as ingest does and their joins as retrieval does.
func (s *splitter) assembled(parts []string) bool {
	var all strings.Builder
	var joins []int
	for i, p := range parts {
		p = strings.TrimSpace(p)
		if s.finds(p, 0, len(p)) {
			return true
		}
		if i > 0 {
			joins = append(joins, all.Len())
			all.WriteString("\n\n")
		}
		all.WriteString(p)
	}
	found, err := s.scanner.ScanJoins(context.Background(), all.String(), joins)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(found) > 0
}
