// Package sanitizetest is the suite every [sanitize.Scanner] passes, and every
// [sanitize.Streamer]: findings are valid, the same each time and from any
// goroutine, cancelling is obeyed, and a stream finds what a scan of the whole
// finds without ever having let go of a byte of it.
//
// It does not measure how much a scanner finds; examples only pin what must and
// must not be.
package sanitizetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/sanitize"
)

// Example is a text and what must be found in it.
type Example struct {
	// Name is the subtest's; "" numbers it.
	Name string
	// Text is what is scanned.
	Text string
	// Rules are rules that must each be found at least once, besides any others.
	// None means that nothing at all may be found.
	Rules []string
	// Marked, when not empty, is a part of Text that must lie within the union of
	// the findings' spans.
	Marked string
}

// Run runs the suite on plain texts.
func Run(t *testing.T, s sanitize.Scanner, examples []Example) {
	t.Helper()
	RunViews(t, s, sanitize.Plain, examples)
}

// RunViews runs the suite on the views that build makes of each text. Streams
// are compared with a scan of the plain text, as their contract says.
func RunViews(t *testing.T, s sanitize.Scanner, build func(string) sanitize.Views, examples []Example) {
	t.Helper()
	u := suite{s, build, examples}
	t.Run("examples", u.examplesHold)
	t.Run("spans", u.spansAreValid)
	t.Run("deterministic", u.sameEachTime)
	t.Run("concurrent", u.sameFromManyGoroutines)
	t.Run("cancelled", u.obeysCancelling)
	if streamer, ok := s.(sanitize.Streamer); ok {
		t.Run("stream", func(t *testing.T) { u.streamFindsTheSame(t, streamer) })
	}
}

type suite struct {
	scanner  sanitize.Scanner
	build    func(string) sanitize.Views
	examples []Example
}

// scan fails the test on an error.
func (u suite) scan(t *testing.T, text string) []sanitize.Finding {
	t.Helper()
	found, err := u.scanner.Scan(context.Background(), u.build(text))
	if err != nil {
		t.Fatalf("scanning: %v", err)
	}
	return found
}

func (u suite) examplesHold(t *testing.T) {
	for _, e := range u.examples {
		t.Run(e.Name, func(t *testing.T) {
			found := u.scan(t, e.Text)
			if len(e.Rules) == 0 && e.Marked == "" && len(found) > 0 {
				t.Errorf("%q found in a clean text", found[0].Rule)
			}
			for _, rule := range e.Rules {
				if !slices.ContainsFunc(found, func(f sanitize.Finding) bool { return f.Rule == rule }) {
					t.Errorf("rule %q not found; found %q", rule, rules(found))
				}
			}
			if at := strings.Index(e.Text, e.Marked); at < 0 || !covered(found, at, at+len(e.Marked)) {
				t.Errorf("the marked text is not covered by %v", found)
			}
		})
	}
}

func rules(found []sanitize.Finding) (names []string) {
	for _, f := range found {
		names = append(names, f.Rule)
	}
	return names
}

func covered(found []sanitize.Finding, start, end int) bool {
	for at := start; at < end; at++ {
		if !slices.ContainsFunc(found, func(f sanitize.Finding) bool { return f.Start <= at && at < f.End }) {
			return false
		}
	}
	return true
}

// texts are the examples, their concatenation, and broken forms of each: cut
// anywhere, with odd characters put in, not UTF-8.
func (u suite) texts() []string {
	texts := []string{"", "\x00", "\xff\xfe", "é", strings.Repeat("-", 300), strings.Repeat("@", 300)}
	var whole strings.Builder
	r := rand.New(rand.NewPCG(1, 2))
	odd := []string{"\u200b", "é", "\xff", "\x00", "\n", "😀", "\u0301", " ", "\"", "="}
	for _, e := range u.examples {
		whole.WriteString(e.Text + "\n")
		texts = append(texts, e.Text)
		for i := 0; i < 4 && e.Text != ""; i++ {
			from := r.IntN(len(e.Text))
			to := from + r.IntN(len(e.Text)-from) + 1
			at := r.IntN(len(e.Text))
			texts = append(texts, e.Text[from:to], e.Text[:at]+odd[r.IntN(len(odd))]+e.Text[at:])
		}
	}
	return append(texts, whole.String())
}

func (u suite) spansAreValid(t *testing.T) {
	for _, text := range u.texts() {
		for _, f := range u.scan(t, text) {
			if why := invalid(text, f); why != "" {
				t.Errorf("rule %q of a text of %d bytes, %v: %s", f.Rule, len(text), f.Span, why)
			}
		}
	}
}

// invalid says what is wrong with a finding, or nothing.
func invalid(text string, f sanitize.Finding) string {
	switch {
	case f.Start < 0 || f.End > len(text) || f.Start >= f.End:
		return "not a span of the text"
	case f.Kind == "" || f.Rule == "":
		return "no kind or no rule"
	case !(f.Score > 0 && f.Score <= 1):
		return "score outside (0, 1]"
	}
	start, end := false, f.End == len(text)
	for i := range text {
		start = start || i == f.Start
		end = end || i == f.End
	}
	if !start || !end {
		return "not on rune borders"
	}
	return ""
}

func (u suite) sameEachTime(t *testing.T) {
	for _, text := range u.texts() {
		if a, b := u.scan(t, text), u.scan(t, text); !slices.Equal(a, b) {
			t.Errorf("two scans of one text of %d bytes differ: %q and %q", len(text), rules(a), rules(b))
		}
	}
}

func (u suite) sameFromManyGoroutines(t *testing.T) {
	texts := u.texts()
	want := make([][]sanitize.Finding, len(texts))
	for i, text := range texts {
		want[i] = u.scan(t, text)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i, text := range texts {
				got, err := u.scanner.Scan(context.Background(), u.build(text))
				if err != nil || !slices.Equal(got, want[i]) {
					t.Errorf("a concurrent scan of text %d differs (error %v)", i, err)
				}
			}
		})
	}
	wait.Wait()
}

func (u suite) obeysCancelling(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, e := range u.examples {
		found, err := u.scanner.Scan(ctx, u.build(e.Text))
		if !errors.Is(err, context.Canceled) || len(found) > 0 {
			t.Fatalf("a cancelled scan returned %d findings and error %v", len(found), err)
		}
	}
}

func (u suite) streamFindsTheSame(t *testing.T, s sanitize.Streamer) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, text := range u.texts() {
		whole, err := s.Scan(context.Background(), sanitize.Plain(text))
		if err != nil {
			t.Fatalf("scanning: %v", err)
		}
		for _, most := range []int{1, 4, 60, len(text) + 1} {
			got := Stream(t, s, text, func() int { return 1 + r.IntN(most) })
			if a, b := sorted(whole), sorted(got); !slices.Equal(a, b) {
				t.Errorf("text of %d bytes in pieces of up to %d: stream found %q, scan %q", len(text), most, rules(b), rules(a))
			}
		}
	}
}

// Stream feeds text to a new stream in pieces of next() bytes and returns all it
// found. It fails the test when safe ever falls back, passes what was written,
// or passes the start of a finding that is reported afterwards: that would be
// a byte of a match let go.
func Stream(t testing.TB, s sanitize.Streamer, text string, next func() int) (all []sanitize.Finding) {
	t.Helper()
	stream, safe := s.NewStream(), 0
	check := func(found []sanitize.Finding) {
		for _, f := range found {
			if f.Start < safe {
				t.Errorf("rule %q at %v: bytes up to %d were already let go", f.Rule, f.Span, safe)
			}
		}
		all = append(all, found...)
	}
	for at := 0; at < len(text); {
		n := min(next(), len(text)-at)
		now, found := stream.Write([]byte(text[at : at+n]))
		at += n
		check(found)
		if now < safe || now > at {
			t.Errorf("safe went from %d to %d of %d bytes written", safe, now, at)
		}
		safe = max(safe, now)
	}
	check(stream.Close())
	return all
}

func sorted(found []sanitize.Finding) []sanitize.Finding {
	out := slices.Clone(found)
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i], out[j]
		if a.Start != b.Start {
			return a.Start < b.Start
		}
		if a.End != b.End {
			return a.End < b.End
		}
		return a.Rule < b.Rule
	})
	return out
}
