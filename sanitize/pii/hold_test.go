package pii_test

import (
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/pii"
)

// fragments begin, continue and end matches of every recogniser, and look like
// the beginnings of others.
var fragments = []string{" ", " ", "  ", "\n", "\t", ", ", ".", ". ", "-", "_", ":", "::", "/", "@", "(", "[", "+", "(+", "+(", ")", "\\n", "%", "=", "'",
	" at ", " AT ", " dot ", "(at)", " [at] ", " (dot) ", " d", " do", " a", "jane", "doe", "example", "org", "site.org", "www.", "http", "https://", "git@",
	"AB", "ab", "B-", "MW ", "of the ", "DE89", " 3704 0044 0532 0130 00", "AB 12 34 56 C", "QQ 12-34", "1HGCM82633A004352", "12", "4111", " 1111", "4111 1111 1111 1111",
	"415", "(415) 555-2671", "555-2671", " x12", " ext. 9", " extension ", "+44 20 7946 0958", "10.0.0.1", "/24", "fe80::1", "AA-BB-CC-DD-EE-FF", "aabb.ccdd.eeff", "00:1A:2b:3C:4d:5E",
	"Calle ", "Calle Mayor", "Via ", "C/ ", "Roma", "Hauptstraße", "Kerkstraat ", "Oak Street", " rue du Bac", " Old Mill Road", " 5", " 12b", "born ", " born", " date of birth", "5 May 2021", "2021-05-05",
	"phone ", " tel", "card ", " visa", " conto corrente", "zip ", " IBAN:", "version ", "CA 94110", "電話", "邮箱", "日本", "ö", "É", "٤١١", "１２", "＠", "0xAb5801a7D398351b8bE11C439e05C5B3259aeC9B", strings.Repeat("x", 30), strings.Repeat("1", 30)}

// TestHeldIsEnough puts fragments together at random: what a stream finds is
// what a scan does, and nothing of it was called safe before.
func TestHeldIsEnough(t *testing.T) {
	low := map[string]float64{}
	for _, name := range pii.Types() {
		low[name] = 0.3
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, c := range []pii.Config{{}, {Thresholds: low}} {
		s := scanner(t, c)
		for range number("DOORWARD_SPLITS", 4000) {
			var b strings.Builder
			if rnd.IntN(2) == 0 {
				b.WriteString(prose[:rnd.IntN(100)])
			}
			for range 1 + rnd.IntN(14) {
				b.WriteString(fragments[rnd.IntN(len(fragments))])
			}
			if rnd.IntN(2) == 0 {
				b.WriteString(prose[:rnd.IntN(100)])
			}
			text := b.String()
			want, err := s.Scan(t.Context(), sanitize.Plain(text))
			if err != nil {
				t.Fatal(err)
			}
			got := streamed(t, s, text, 1+rnd.IntN(3), 1, 1+rnd.IntN(8))
			if len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: stream found %v, scan %v", text, got, want)
			}
		}
	}
}

// TestHeldIsLittle: a word or two waits, after numbers
// the words that may explain them. The bounds are for prose full of numbers.
func TestHeldIsLittle(t *testing.T) {
	s := scanner(t, pii.Config{})
	st := s.NewStream()
	var held []int
	at := 0
	for _, word := range strings.SplitAfter(prose, " ") {
		safe, _ := st.Write([]byte(word))
		at += len(word)
		held = append(held, at-safe)
	}
	slices.Sort(held)
	if p50, p99 := held[len(held)/2], held[len(held)*99/100]; p50 > 32 || p99 > 96 {
		t.Errorf("p50 %d, p99 %d bytes held back, want at most 32 and 96", p50, p99)
	}
	for text, want := range map[string]int{
		strings.Repeat("word ", 30) + "The next sentence":                    len("next sentence"),
		strings.Repeat("word ", 30) + "she looked at the":                    len("looked at the"),
		strings.Repeat("word ", 30) + "she looked at them, then ":            len("then "),
		strings.Repeat("word ", 30) + "In calle Calle Mayor, ":               len("Calle Mayor, "),
		strings.Repeat("word ", 30) + "a line's end.\n":                      0,
		strings.Repeat("word ", 30) + "in 2019 the company opened its first": len("its first"),
	} {
		st := s.NewStream()
		if safe, _ := st.Write([]byte(text)); len(text)-safe > want {
			t.Errorf("%q: %d bytes held, want at most %d", text[150:], len(text)-safe, want)
		}
	}
}

func number(env string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// BenchmarkStreamProse streams in large parts and word by word.
func BenchmarkStreamProse(b *testing.B) {
	s := scanner(b, pii.Config{})
	text := strings.Repeat("The committee of the company met in its offices and found that, on the whole, the plans for the next year had been drawn up with care. ", 300)
	for name, parts := range map[string][]string{"large": {text}, "words": strings.SplitAfter(text, " ")} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				st := s.NewStream()
				for _, p := range parts {
					st.Write([]byte(p))
				}
				st.Close()
			}
		})
	}
}
