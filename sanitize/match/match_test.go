package match_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/sanitize/match"
)

func Example() {
	a, err := match.New([]string{"token", "api-key"})
	if err != nil {
		panic(err)
	}
	found := func(literal, end int) { fmt.Println(literal, "ends at", end) }
	state := a.Scan("An API-", 0, found)
	a.Scan("KEY or a Token", state, found)
	// Output:
	// 1 ends at 3
	// 0 ends at 14
}

type hit struct{ literal, end int }

func all(a *match.Automaton, text string) (hits []hit) {
	a.Scan(text, 0, func(l, e int) { hits = append(hits, hit{l, e}) })
	return hits
}

// naive finds what the automaton must find, by comparing at every place.
func naive(literals []string, text string) map[hit]bool {
	hits := map[hit]bool{}
	lower := []byte(text)
	for i := range lower {
		lower[i] = match.Fold(lower[i])
	}
	for id, l := range literals {
		folded := []byte(l)
		for i := range folded {
			folded[i] = match.Fold(folded[i])
		}
		for end := len(l); end <= len(text); end++ {
			if string(lower[end-len(l):end]) == string(folded) {
				hits[hit{id, end}] = true
			}
		}
	}
	return hits
}

func TestFindsWhatComparingFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		literals := rapid.SliceOfN(rapid.StringMatching(`[abAB.é]{1,5}`), 1, 12).Draw(t, "literals")
		text := rapid.StringMatching(`[abcAB.éx]{0,60}`).Draw(t, "text")
		a, err := match.New(literals)
		if err != nil {
			t.Fatal(err)
		}
		want := naive(literals, text)
		got := all(a, text)
		if len(got) != len(want) {
			t.Fatalf("found %d hits, comparing finds %d", len(got), len(want))
		}
		for i, h := range got {
			if !want[h] {
				t.Fatalf("hit %v is none", h)
			}
			if i > 0 && got[i-1].end > h.end {
				t.Fatal("hits out of order")
			}
		}
	})
}

func TestAnySplitFindsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		literals := rapid.SliceOfN(rapid.StringMatching(`[ab]{1,6}`), 1, 8).Draw(t, "literals")
		text := rapid.StringMatching(`[abc]{0,80}`).Draw(t, "text")
		a, err := match.New(literals)
		if err != nil {
			t.Fatal(err)
		}
		want := all(a, text)
		var got []hit
		var s match.State
		for at := 0; at < len(text); {
			n := rapid.IntRange(1, len(text)-at).Draw(t, "piece")
			s = a.ScanBytes([]byte(text[at:at+n]), s, func(l, e int) { got = append(got, hit{l, at + e}) })
			at += n
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("split: %v, whole: %v", got, want)
		}
	})
}

func TestDepthCoversEveryBeginning(t *testing.T) {
	a, err := match.New([]string{"-----begin", "begonia"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"": 0, "xyz": 0, "x-": 1, "--": 2, "-----BEG": 8, "-----bego": 4, "begonia": 7, "begonias": 0} {
		if got := a.Depth(a.Scan(text, 0, func(int, int) {})); got != want {
			t.Errorf("%q: depth %d, want %d", text, got, want)
		}
	}
}

func TestRefusesWhatMatchesEverywhere(t *testing.T) {
	for _, literals := range [][]string{nil, {}, {"a", ""}} {
		if _, err := match.New(literals); !errors.Is(err, match.ErrEmpty) {
			t.Errorf("New(%q): %v", literals, err)
		}
	}
}

func TestScanAllocatesNothing(t *testing.T) {
	a, err := match.New([]string{"secret", "token", "key"})
	if err != nil {
		t.Fatal(err)
	}
	text, n := strings.Repeat("the key and the token of a secret. ", 60), 0
	if avg := testing.AllocsPerRun(100, func() {
		a.Scan(text, 0, func(literal, end int) { n += end })
	}); avg != 0 {
		t.Errorf("%v allocations per scan", avg)
	}
}

func BenchmarkScan(b *testing.B) {
	var literals []string
	for i := 0; i < 400; i++ {
		literals = append(literals, fmt.Sprintf("w%dord%d", i*7919%1000, i))
	}
	a, err := match.New(literals)
	if err != nil {
		b.Fatal(err)
	}
	text := strings.Repeat("Plain prose about nothing in particular, with words and a few w12o beginnings. ", 1<<12)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		a.Scan(text, 0, func(int, int) {})
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("ab", "abc", "xababcx", uint8(3))
	f.Fuzz(func(t *testing.T, one, two, text string, cut uint8) {
		a, err := match.New([]string{one, two})
		if err != nil {
			return
		}
		at := min(int(cut), len(text))
		var split []hit
		s := a.Scan(text[:at], 0, func(l, e int) { split = append(split, hit{l, e}) })
		a.Scan(text[at:], s, func(l, e int) { split = append(split, hit{l, at + e}) })
		if whole := all(a, text); fmt.Sprint(split) != fmt.Sprint(whole) {
			t.Errorf("split %v, whole %v", split, whole)
		}
	})
}
