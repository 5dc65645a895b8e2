package pii_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/pii"
)

// streamed scans text in the given piece lengths, repeated, and checks that no
// finding starts before bytes already called safe.
func streamed(t *testing.T, s *pii.Scanner, text string, pieces ...int) []sanitize.Finding {
	t.Helper()
	st := s.NewStream()
	var all []sanitize.Finding
	safe := 0
	take := func(found []sanitize.Finding) {
		for _, f := range found {
			if f.Start < safe {
				t.Fatalf("finding %v starts before %d, which was safe", f, safe)
			}
		}
		all = append(all, found...)
	}
	for i, k := 0, 0; i < len(text); k++ {
		n := min(max(1, pieces[k%len(pieces)]), len(text)-i)
		now, found := st.Write([]byte(text[i : i+n]))
		i += n
		take(found)
		if now < safe || now > i {
			t.Fatalf("safe went from %d to %d after %d bytes", safe, now, i)
		}
		safe = now
	}
	take(st.Close())
	sanitize.SortFindings(all)
	return all
}

const mixedText = "Call (415) 555-2671 x12 or +44 20 7946 0958; card 4111-1111-1111-1111.\n" +
	"Mail jörg@müller.example, jane dot doe at example dot org, ann (at) site.org. ٤١١١ ١١١١ ١١١١ ١١١١\n" +
	"Hosts 10.0.0.1, fe80::1, AA-BB-CC-DD-EE-FF and https://site.org/a?b=c@d.ef&card=4111111111111111 for 日本4111111111111111。\n"

func TestStreamFindsWhatScanFinds(t *testing.T) {
	s := scanner(t, pii.Config{})
	for _, text := range []string{"", "4111111111111111", mixedText, strings.Repeat(mixedText, 40), strings.Repeat("1", 5000), strings.Repeat("12 @ ", 2000)} {
		want, err := s.Scan(t.Context(), sanitize.Plain(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, pieces := range [][]int{{1}, {2, 3}, {7}, {64, 1}, {500}, {1 << 20}} {
			got := streamed(t, s, text, pieces...)
			if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%d bytes in pieces of %v: stream found %d, scan %d", len(text), pieces, len(got), len(want))
			}
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add(mixedText, uint8(3), uint8(17))
	f.Add("a@b.cd ٤١١ 1.2.3.4/24 ::1", uint8(1), uint8(1))
	s := scanner(f, pii.Config{})
	f.Fuzz(func(t *testing.T, text string, a, b uint8) {
		want, err := s.Scan(t.Context(), sanitize.Plain(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if w.Start < 0 || w.End > len(text) || w.Start >= w.End {
				t.Fatalf("bad span %v", w)
			}
			if utf8.ValidString(text) && !(utf8.RuneStart(text[w.Start]) && (w.End == len(text) || utf8.RuneStart(text[w.End]))) {
				t.Fatalf("span %v cuts a rune", w)
			}
		}
		got := streamed(t, s, text, int(a), int(b))
		if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("stream found %v, scan %v", got, want)
		}
	})
}

func TestStreamOfPlantedDocuments(t *testing.T) {
	s := scanner(t, pii.Config{Thresholds: map[string]float64{"DATE": 0.3}})
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		text, _ := plant(rnd, 12)
		want, err := s.Scan(t.Context(), sanitize.Plain(text))
		if err != nil {
			t.Fatal(err)
		}
		pieces := make([]int, 8)
		for i := range pieces {
			pieces[i] = 1 + rnd.IntN(60)
		}
		if got := streamed(t, s, text, pieces...); !reflect.DeepEqual(got, want) {
			t.Fatalf("pieces of %v: stream found %d, scan %d", pieces, len(got), len(want))
		}
	}
}
