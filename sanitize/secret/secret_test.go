package secret_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
	"github.com/doorward/doorward/sanitize/sanitizetest"
	"github.com/doorward/doorward/sanitize/secret"
)

func newScanner(t testing.TB) *secret.Scanner {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// shared compiles the built-in rules once for all tests.
var shared = sync.OnceValues(func() (*secret.Scanner, error) { return secret.New(secret.Config{}) })

// Secrets are put together here so that no file holds one.
var (
	githubToken = "gh" + "p_" + "R7dkQw2LxZ9mTnV4bYc1HsJf6GpE8aUo3iKt"
	awsKey      = "AK" + "IA" + "QYLPMN5HFIQR7XYA"
	privateKey  = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("MIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy\n", 4) + "-----END RSA " + "PRIVATE KEY-----"
)

func Example() {
	s, err := secret.New(secret.Config{})
	if err != nil {
		panic(err)
	}
	text := "The deploy job uses " + githubToken + ", ask Ann."
	found, err := s.Scan(context.Background(), normalize.Build(text))
	if err != nil {
		panic(err)
	}
	for _, f := range found {
		fmt.Println(f.Rule, f.Type, f.Start, f.End)
	}
	// Output: github-pat TOKEN 20 60
}

func TestSuite(t *testing.T) {
	examples := []sanitizetest.Example{
		{Name: "github", Text: "token = " + githubToken + "\n", Rules: []string{"github-pat"}, Marked: githubToken},
		{Name: "aws", Text: "id " + awsKey + ".", Rules: []string{"aws-access-token"}, Marked: awsKey},
		{Name: "pem", Text: "key:\n" + privateKey + "\nend", Rules: []string{"private-key"}, Marked: privateKey},
		{Name: "allow comment", Text: "k := \"" + githubToken + "\" // gitleaks:allow", Rules: []string{"github-pat"}, Marked: githubToken},
		{Name: "prose", Text: "A token is a word. Access to the key, the secret of good documents: plain words."},
		{Name: "hash", Text: "commit 4cfb712aa0b97d4dd9e4a35d3ab1c4b2b7f9e1d0 in master"},
	}
	sanitizetest.Run(t, newScanner(t), examples)
}

func TestStreamReleasesProseAtOnce(t *testing.T) {
	stream := newScanner(t).NewStream()
	text := strings.Repeat("Plain prose about the weather in the hills, nothing else at all. ", 40)
	worst := 0
	for at := 0; at < len(text); at += 5 {
		end := min(at+5, len(text))
		safe, _ := stream.Write([]byte(text[at:end]))
		worst = max(worst, end-safe)
	}
	if worst > 48 {
		t.Errorf("held back %d bytes of prose", worst)
	}
}

func TestStreamHoldsAPrivateKeyToItsEnd(t *testing.T) {
	stream := newScanner(t).NewStream()
	safe, found := stream.Write([]byte("see " + privateKey[:len(privateKey)-3]))
	if safe > 4 || len(found) > 0 {
		t.Errorf("let go of %d bytes before the key's end", safe)
	}
	safe, found = stream.Write([]byte(privateKey[len(privateKey)-3:] + "\nafter"))
	found = append(found, stream.Close()...)
	if len(found) == 0 || found[0].End != 4+len(privateKey) {
		t.Errorf("safe %d, found %v", safe, found)
	}
}

func TestAPrivateKeyWithoutAnEndIsCoveredWhole(t *testing.T) {
	s := newScanner(t)
	body := strings.Repeat("MIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy\n", 150)
	text := "-----BEGIN PRIVATE " + "KEY-----\n" + body
	found, err := s.Scan(context.Background(), sanitize.Plain(text))
	if err != nil {
		t.Fatal(err)
	}
	end := 0
	for _, f := range found {
		end = max(end, f.End)
	}
	if end < len(text)-1 {
		t.Errorf("found up to %d of %d bytes", end, len(text))
	}
	at := 0
	split := sanitizetest.Stream(t, s, text, func() int { at++; return 1 + at*37%600 })
	if len(split) != len(found) {
		t.Errorf("scan found %d, stream %d", len(found), len(split))
	}
}

func TestCleanTextAllocatesNothing(t *testing.T) {
	s := newScanner(t)
	text := strings.Repeat("Access to the archive is by key: ask the keeper, who has a token of brass. ", 27)[:2000]
	views := sanitize.Plain(text)
	ctx := context.Background()
	if avg := testing.AllocsPerRun(50, func() {
		if found, err := s.Scan(ctx, views); err != nil || len(found) > 0 {
			t.Fatal(found, err)
		}
	}); avg > 0 {
		t.Errorf("%v allocations", avg)
	}
}
