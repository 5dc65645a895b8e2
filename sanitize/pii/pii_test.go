package pii_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/pii"
)

func scanner(t testing.TB, c pii.Config) *pii.Scanner {
	t.Helper()
	s, err := pii.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// find returns "TYPE=value" for every finding.
func find(t testing.TB, s *pii.Scanner, text string) []string {
	t.Helper()
	got, err := s.Scan(t.Context(), sanitize.Plain(text))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range got {
		if f.Type != "URL" {
			out = append(out, f.Type+"="+text[f.Start:f.End])
		}
	}
	return out
}

func TestScan(t *testing.T) {
	s := scanner(t, pii.Config{})
	tests := []struct {
		text string
		want string // joined by " | "
	}{
		{"Write to Ann.Lee+x@mail.example.co.uk, please.", "EMAIL=Ann.Lee+x@mail.example.co.uk"},
		{"jörg@müller.example", "EMAIL=jörg@müller.example"},
		{"邮箱ann@site.org联系，https://site.org/a。谢谢", "EMAIL=ann@site.org"},
		{"юля@почта.рф", "EMAIL=юля@почта.рф"},
		{"jane dot doe at example dot org", "EMAIL=jane dot doe at example dot org"},
		{"jane (at) example [dot] org", "EMAIL=jane (at) example [dot] org"},
		{"icon@2x.png and pkg@1.2.3", ""},
		{"paid with 4111 1111 1111 1111 today", "CREDIT_CARD=4111 1111 1111 1111"},
		{"paid with ４１１１ １１１１ １１１１ １１１１ today", "CREDIT_CARD=４１１１ １１１１ １１１１ １１１１"},
		{"paid with 4111 1111 1111 1112 today", ""},
		{"card 4111 - 1111 - 1111 - 1111 or 5500  0000  0000  0004", "CREDIT_CARD=4111 - 1111 - 1111 - 1111 | CREDIT_CARD=5500  0000  0000  0004"},
		{"IBAN DE89  3704  0044  0532  0130  00", "IBAN=DE89  3704  0044  0532  0130  00"},
		{"from 192.168.10.7 and fe80::1ff:fe23:4567:890a/64", "IP=192.168.10.7 | IP=fe80::1ff:fe23:4567:890a/64"},
		{"std::vector and a::b and 12:30:45", ""},
		{"MAC 00:1A:2b:3C:4d:5E or AA-BB-CC-DD-EE-FF", "MAC=00:1A:2b:3C:4d:5E | MAC=AA-BB-CC-DD-EE-FF"},
		{"call +44 20 7946 0958 now", "PHONE=+44 20 7946 0958"},
		{"call (415) 555-2671 x12 now", "PHONE=(415) 555-2671 x12"},
		{"In 2019 the 1200 tests took 12.5 s on 3 of 4 cores, see 550e8400-e29b-41d4-a716-446655440000.", ""},
		{"He lives at 12 Oak Tree Lane, Springfield", "ADDRESS=12 Oak Tree Lane"},
		{"Büro: Hauptstraße 5, 2. Stock", "ADDRESS=Hauptstraße 5"},
		{"Vive en la Calle de Alcalá, 48", "ADDRESS=Calle de Alcalá, 48"},
		{"au 4 rue du Bac, Paris", "ADDRESS=4 rue du Bac"},
		{"Step 5 Road tests are due", ""},
		{"Released 2021-03-04 10:20:30, version 1.2.3.4", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(find(t, s, tt.text), " | "); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.text, got, tt.want)
		}
	}
}

func ExampleScanner() {
	s, err := pii.New(pii.Config{Types: []string{"EMAIL"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	text := "Ask ann@site.org."
	found, _ := s.Scan(context.Background(), sanitize.Plain(text))
	fmt.Println(found[0].Type, text[found[0].Start:found[0].End], pii.Likelihood(found[0].Score))
	// Output: EMAIL ann@site.org VERY_LIKELY
}
