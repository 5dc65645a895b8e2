package pii_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/pii"
	"github.com/doorward/doorward/sanitize/sanitizetest"
)

func TestSuite(t *testing.T) {
	examples := []sanitizetest.Example{
		{Name: "email", Text: "Write to ann@site.org.", Rules: []string{"email"}, Marked: "ann@site.org"},
		{Name: "card", Text: "card 4111 1111 1111 1111\n", Rules: []string{"credit-card"}, Marked: "4111 1111 1111 1111"},
		{Name: "alone", Text: "DE89 3704 0044 0532 0130 00", Rules: []string{"iban"}, Marked: "DE89 3704 0044 0532 0130 00"},
		{Name: "mixed", Text: mixedText, Rules: []string{"phone", "email", "ipv4", "ipv6", "mac", "url", "credit-card"}},
		{Name: "prose", Text: "In chapter 12 of 2019, 3.5 million of 40,000 items; see #1234567 and v1.2.3 at 10:30."},
	}
	sanitizetest.RunViews(t, scanner(t, pii.Config{}), normalize.Build, examples)
}

// prose is two kilobytes of ordinary text with numbers that are nobody's.
var prose = strings.Repeat("The 2019 report lists 1,204 items in 12 sections; table 3 shows 45.7 % growth over 365 days. "+
	"Build 20210304 passed 98 of 100 tests in 12.5 s (commit 4cfb712aa0b9, ticket #482913). ", 12)[:2048]

func TestCleanTextAllocatesNothing(t *testing.T) {
	s := scanner(t, pii.Config{})
	views := sanitize.Plain(prose)
	if got := find(t, s, prose); len(got) > 0 {
		t.Fatalf("prose is not clean: %v", got)
	}
	if n := testing.AllocsPerRun(50, func() { s.Scan(t.Context(), views) }); n > 0 {
		t.Errorf("%v allocations for a clean chunk, want 0", n)
	}
}

// TestTimeIsLinear compares the time of a text of DOORWARD_LINEAR_MB megabytes
// with that of an eighth of it, for texts of one letter, sign or digit. Quadratic
// work would take 64 times as long; the bound is wide, because other things run
// on the machine.
func TestTimeIsLinear(t *testing.T) {
	mb, _ := strconv.Atoi(os.Getenv("DOORWARD_LINEAR_MB"))
	if mb == 0 {
		t.Skip("set DOORWARD_LINEAR_MB (100, say) to time texts of that size")
	}
	s := scanner(t, pii.Config{})
	for name, unit := range map[string]string{
		"digits": "7", "at": "@", "dashes": "-", "dots": ".", "colons": ":", "letters": "a", "digit and blank": "1 ", "pairs": "12-",
		"dotted": "a.", "groups": "4111 ", "labels": "a@b.", "hex": "a:", "parens": "(1) ", "dot words": "a dot ", "urls": "http://a", "arabic": "٧", "mixed": "A1B2 ",
	} {
		took := func(n int) time.Duration {
			text := strings.Repeat(unit, n/len(unit))
			start := time.Now()
			if _, err := s.Scan(t.Context(), sanitize.Plain(text)); err != nil {
				t.Fatal(err)
			}
			return time.Since(start)
		}
		small, large := took(mb<<17), took(mb<<20)
		t.Logf("%-16s %4d MB: %6.1f MB/s", name, mb, float64(mb)/large.Seconds())
		// Eight times the text takes eight times as long; quadratic work would take
		// 64 times. A busy machine may disturb one comparison, not three.
		for try := 0; large > 24*small+100*time.Millisecond; try++ {
			if try == 3 {
				t.Errorf("%s: %v for %d MB, %v for an eighth", name, large, mb, small)
				break
			}
			small, large = took(mb<<17), took(mb<<20)
		}
	}
}

func BenchmarkScanProse(b *testing.B) {
	s := scanner(b, pii.Config{})
	v := sanitize.Plain(prose)
	b.SetBytes(int64(len(prose)))
	b.ReportAllocs()
	for b.Loop() {
		s.Scan(b.Context(), v)
	}
}
