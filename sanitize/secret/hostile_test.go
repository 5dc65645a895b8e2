package secret_test

import (
	"context"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/sanitizetest"
)

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// wide writes ASCII in full-width forms.
func wide(s string) string {
	return strings.Map(func(r rune) rune { return r + 0xFEE0 }, s)
}

// hostileSize is how long the texts below are: 64 KiB, or DOORWARD_HOSTILE_MB.
func hostileSize(t testing.TB) int {
	if v := os.Getenv("DOORWARD_HOSTILE_MB"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n << 20
	}
	return 1 << 16
}

// hostile are texts made to make a careless scanner slow.
var hostile = []string{
	"a", "1", "@", "-", "=", ".", " ", "\n", "A", "/", "\"", "{", "é", "\xff",
	"key=", "token: ", "ey", "-ey", "sk-", "password", "s.", "://", "a@", ":AA", "AKIA", "curl -H ", "secret=\"",
	"-----BEGIN PRIVATE KEY-----\n", "-----BEGIN", "kind: Secret\n", "data:\n", "eyJ", "eyJhbGciOiJ.", "xoxb-", "https://u:p", "$2a$", "Authorization: ",
	"api_key,", "aws_secret", "pass ", "machine x login y password ", "<password>",
}

func TestHostileTextsTakeLinearWork(t *testing.T) {
	s := newScanner(t)
	size := hostileSize(t)
	for _, unit := range hostile {
		text := strings.Repeat(unit, size/len(unit))
		if _, err := s.Scan(context.Background(), sanitize.Plain(text)); err != nil {
			t.Errorf("%q: %v", unit, err)
		}
	}
}

func TestHostileTextsStream(t *testing.T) {
	s := newScanner(t)
	r := rand.New(rand.NewPCG(1, 1))
	for _, unit := range hostile {
		text := strings.Repeat(unit, 3000/len(unit))
		whole, err := s.Scan(context.Background(), sanitize.Plain(text))
		if err != nil {
			t.Fatal(err)
		}
		split := sanitizetest.Stream(t, s, text, func() int { return 1 + r.IntN(40) })
		if len(whole) != len(split) {
			t.Errorf("%q: scan finds %d, stream %d", unit, len(whole), len(split))
		}
	}
}

// FuzzStream holds a stream to the scan of the whole, wherever it is cut.
func FuzzStream(f *testing.F) {
	s := newScanner(f)
	f.Add("token = "+githubToken+"\n", uint64(1))
	f.Add("key:\n"+privateKey+"\nend", uint64(2))
	f.Add("postgres://app:s3cr3tpw@db/x and password: Hunter2x!", uint64(3))
	for _, unit := range hostile {
		f.Add(strings.Repeat(unit, 5), uint64(4))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		whole, err := s.Scan(context.Background(), sanitize.Plain(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range whole {
			if f.Start < 0 || f.End > len(text) || f.Start >= f.End {
				t.Fatalf("span %v", f.Span)
			}
		}
		r := rand.New(rand.NewPCG(seed, 0))
		split := sanitizetest.Stream(t, s, text, func() int { return 1 + r.IntN(20) })
		if len(whole) != len(split) {
			t.Fatalf("scan finds %v, stream %v", whole, split)
		}
	})
}
