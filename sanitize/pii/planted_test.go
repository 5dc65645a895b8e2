package pii_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/pii"
)

// reachable are specimens of the types that belong to no country's register.
var reachable = []string{"ann.lee@site.org", "jörg@müller.example", "4111 1111 1111 1111", "5500-0000-0000-0004", "+44 20 7946 0958", "(415) 555-2671",
	"192.168.10.7", "2001:db8::8a2e:370:7334", "00:1A:2b:3C:4d:5E", "４１１１ １１１１ １１１１ １１１１"}

// valueOf is a specimen from its first word with a digit.
func valueOf(specimen string) string {
	i := strings.IndexAny(specimen, "0123456789")
	return specimen[strings.LastIndexByte(specimen[:i], ' ')+1:]
}

// plant writes a document of prose with n values in it.
func plant(rnd *rand.Rand, n int) (text string, values []string) {
	sentences := strings.SplitAfter(prose, ". ")
	var b strings.Builder
	for range n {
		b.WriteString(sentences[rnd.IntN(len(sentences))])
		if rnd.IntN(4) == 0 {
			v := reachable[rnd.IntN(len(reachable))]
			values = append(values, v)
			b.WriteString("Write to " + v + ", please.")
		} else {
			p := published[rnd.IntN(len(published))]
			values = append(values, valueOf(p.text))
			b.WriteString([]string{"", "The ", "(", "\n"}[rnd.IntN(4)] + p.text + []string{". ", ",\n", ") ", "\n\n"}[rnd.IntN(4)])
		}
	}
	return b.String(), values
}

// TestPlantedValuesAreGone plants ten thousand values of more than seventy
// kinds and lets each action take them out.
func TestPlantedValuesAreGone(t *testing.T) {
	s, err := sanitize.NewSanitizer(sanitize.SanitizerConfig{Scanners: []sanitize.Scanner{scanner(t, pii.Config{})}, Views: normalize.Build})
	if err != nil {
		t.Fatal(err)
	}
	key := []byte("a key of one tenant")
	pseudonym := func(typ string, value []byte) string {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(typ + "\x00"))
		h.Write(value)
		return hex.EncodeToString(h.Sum(nil)[:12])
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	planted, left := 0, 0
	for _, action := range []string{"redact", "pseudonymise", "strip", "mask"} {
		actions := sanitize.ParseActions(map[string]string{"pii": action})
		for range 100 {
			text, values := plant(rnd, 25)
			planted += len(values)
			r, err := s.Sanitize(t.Context(), text, actions, sanitize.RewriteOptions{Pseudonym: pseudonym})
			if err != nil || r.Held {
				t.Fatalf("%s: held %v by %q, %v", action, r.Held, r.HeldBy, err)
			}
			for _, v := range values {
				if strings.Contains(r.Text, v) {
					left++
					t.Errorf("%s: a planted %q is left", action, v)
				}
			}
		}
	}
	if planted != 10000 {
		t.Errorf("planted %d", planted)
	}
	t.Logf("%d of %d left", left, planted)
}

func FuzzRedactionIsComplete(f *testing.F) {
	f.Add("Write to ann@site.org or call (415) 555-2671. IBAN DE89 3704 0044 0532 0130 00; 4111111111111111", uint8(3))
	f.Add("4111 1111 1111 1111ann@site.org10.0.0.1", uint8(2))
	s, err := sanitize.NewSanitizer(sanitize.SanitizerConfig{Scanners: []sanitize.Scanner{scanner(f, pii.Config{})}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, action uint8) {
		actions := sanitize.Actions{"pii": []sanitize.Action{sanitize.Strip, sanitize.Redact, sanitize.Pseudonymise, sanitize.Mask}[action%4]}
		r, err := s.Sanitize(t.Context(), text, actions, sanitize.RewriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Held {
			return
		}
		again, err := s.Scan(t.Context(), r.Text)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range again {
			inside := false
			for _, e := range r.Edits {
				inside = inside || g.Start >= e.Result.Start && g.End <= e.Result.End
			}
			if !inside {
				t.Fatalf("a second scan finds %s", g.Rule)
			}
		}
	})
}
