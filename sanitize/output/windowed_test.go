package output_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/fingerprint"
	"github.com/doorward/doorward/sanitize/output"
	"pgregory.net/rapid"
)

func someWords(r *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("w%03d", r.IntN(900))
	}
	return strings.Join(out, " ")
}

// wordCount is a tokenizer with one token for each word.
func wordCount(s string) int { return len(strings.Fields(s)) }

func windowFilter(t testing.TB, n int, p output.Protected) *output.Filter {
	t.Helper()
	f, err := output.New(output.Config{Scanners: []sanitize.Streamer{secrets}, Links: links,
		VerbatimTokens: n, EchoTokens: n, Count: wordCount, Protected: p})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// longestRun is the length, in words, of the longest run that two texts share.
func longestRun(a, b string) int {
	x, y := strings.Fields(strings.ToLower(a)), strings.Fields(strings.ToLower(b))
	best := 0
	prev := make([]int, len(y)+1)
	for i := range x {
		row := make([]int, len(y)+1)
		for j := range y {
			if x[i] == y[j] {
				row[j+1] = prev[j] + 1
				best = max(best, row[j+1])
			}
		}
		prev = row
	}
	return best
}

func TestNoRunOfTheContextIsLongerThanTheLimit(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{20, 60} {
		f := windowFilter(t, n, nil)
		longest := 0
		for range 40 {
			context1, context2, system := someWords(r, 400), someWords(r, 30), someWords(r, 120)
			a := output.Answer{Actions: lenient, Context: []string{context1, context2}, System: system}
			dump := strings.Fields(context1)
			at := r.IntN(300)
			answer := someWords(r, 20) + " " + strings.ToUpper(strings.Join(dump[at:at+90], " ")) + " " + system + " " + someWords(r, 20)
			got, err := f.Whole(context.Background(), a, answer)
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, longestRun(got.Text, context1), longestRun(got.Text, system))
			if !strings.Contains(got.Text, output.Withheld) || got.Action != sanitize.Withhold {
				t.Fatalf("nothing was withheld")
			}
			if want := strings.Join(strings.Fields(answer)[:20], " "); !strings.HasPrefix(got.Text, want) {
				t.Fatalf("free text was changed: %q", got.Text)
			}
			if !strings.HasSuffix(got.Text, strings.Join(strings.Fields(answer)[len(strings.Fields(answer))-19:], " ")) {
				t.Fatalf("text after the run was changed")
			}
			for range 5 {
				if err := splitOnce(f, a, answer, got, r); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Logf("limit %d: longest run released %d tokens", n, longest)
		if longest > n {
			t.Errorf("limit %d: a run of %d came out", n, longest)
		}
	}
}

func TestShortQuotesAndTheUsersOwnTextPass(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	f := windowFilter(t, 20, nil)
	text := someWords(r, 200)
	quote := strings.Join(strings.Fields(text)[50:70], " ")
	a := output.Answer{Context: []string{text}, Actions: nil}
	if got, _ := f.Whole(context.Background(), a, "As stated: "+quote+"."); got.Action != sanitize.Pass {
		t.Errorf("a quote of 20 words: %v", got)
	}
	long := strings.Join(strings.Fields(text)[40:120], ", ")
	a.Prompt = "Is this right: " + strings.Join(strings.Fields(text)[30:130], " ")
	if got, _ := f.Whole(context.Background(), a, "You wrote "+long); got.Action != sanitize.Pass || len(got.Findings) > 0 {
		t.Errorf("the user's own words: %v", got)
	}
}

func TestTheUsersWordsInsideARunCountNothing(t *testing.T) {
	f := windowFilter(t, 20, nil)
	text := someWords(rand.New(rand.NewPCG(15, 16)), 100)
	words := strings.Fields(text)
	a := output.Answer{Actions: lenient, Context: []string{text}, Prompt: "I know " + strings.Join(words[10:14], " ")}
	for n, want := range map[int]sanitize.Action{24: sanitize.Pass, 25: sanitize.Withhold} {
		got, err := f.Whole(context.Background(), a, strings.Join(words[:n], " "))
		if err != nil || got.Action != want {
			t.Errorf("%d words, 4 of them the user's own: %v, want %v", n, got.Action, want)
		}
	}
}

// shelf is a store of protected documents that counts what it is asked.
type shelf struct {
	owners map[fingerprint.Print][]string
	asked  int
	err    error
}

func (s *shelf) add(name, text string) {
	for _, p := range fingerprint.Of(printKey, text) {
		s.owners[p] = append(s.owners[p], name)
	}
}

func (s *shelf) Owners(_ context.Context, tenant string, prints []fingerprint.Print) ([][]string, error) {
	if tenant != "acme" {
		return nil, errors.New("wrong tenant")
	}
	s.asked += len(prints)
	out := make([][]string, len(prints))
	for i, p := range prints {
		out[i] = s.owners[p]
	}
	return out, s.err
}

var printKey = []byte(strings.Repeat("p", 32))

func reader(may ...string) output.Reader {
	return output.Reader{Tenant: "acme", Key: printKey, Readable: func(_ context.Context, documents []string) ([]bool, error) {
		out := make([]bool, len(documents))
		for i, d := range documents {
			for _, m := range may {
				out[i] = out[i] || m == d
			}
		}
		return out, nil
	}}
}

func TestProtectedTextIsWithheldFromThoseWhoMayNotReadIt(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	shelf := &shelf{owners: map[fingerprint.Print][]string{}}
	f := windowFilter(t, 60, shelf)
	secret := someWords(r, 150)
	shelf.add("merger", secret)
	shelf.add("public", "all of these words may be read by everybody who asks for them at any time")
	answer := someWords(r, 30) + " " + strings.Join(strings.Fields(secret)[20:90], " ") + " " + someWords(r, 30)
	for _, c := range []struct {
		name string
		r    output.Reader
		want sanitize.Action
	}{{"may not read", reader("public"), sanitize.Withhold}, {"may read", reader("merger"), sanitize.Pass}, {"nobody asked", output.Reader{}, sanitize.Pass}} {
		a := output.Answer{Actions: lenient, Reader: c.r}
		got, err := f.Whole(context.Background(), a, answer)
		if err != nil || got.Action != c.want {
			t.Errorf("%s: %v %v", c.name, got.Action, err)
		}
		if n := longestRun(got.Text, secret); c.want == sanitize.Withhold && n > 20 {
			t.Errorf("%s: a run of %d words came out", c.name, n)
		}
		if n := released(got.Text, strings.Fields(secret)[20:90]); c.want == sanitize.Withhold && n > fingerprint.Guarantee {
			t.Errorf("%s: %d of 70 words came out", c.name, n)
		}
		for range 20 {
			if err := splitOnce(f, a, answer, got, r); err != nil {
				t.Fatal(err)
			}
		}
	}
	shelf.err = errors.New("catalog is away")
	got, err := f.Whole(context.Background(), output.Answer{Actions: lenient, Reader: reader()}, answer)
	if err == nil || got.Text != "" {
		t.Errorf("with the catalog away came %q, %v", got.Text, err)
	}
}

// released counts the words of a quote that stand in the middle of an answer,
// between the 30 words before it and after.
func released(text string, quote []string) int {
	all := strings.Fields(text)
	return len(all[30:len(all)-30]) - strings.Count(text, output.Withheld)
}

// TestAGuessTellsNothing pastes right and wrong guesses of a forbidden text: the
// answers that repeat them, the accounts and the look-ups must be alike.
func TestAGuessTellsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for i := range 1000 {
		shelf := &shelf{owners: map[fingerprint.Print][]string{}}
		f := windowFilter(t, 60, shelf)
		secret, other := someWords(r, 60), someWords(r, 60)
		shelf.add("merger", secret)
		var accounts [2]string
		for j, guess := range []string{secret, other} {
			prompt := "Tell me whether this is so: " + guess
			a := output.Answer{Actions: lenient, Reader: reader(), Prompt: prompt}
			shelf.asked = 0
			got, err := f.Whole(context.Background(), a, "You ask about "+guess+" and I cannot say.")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Text, guess) {
				t.Fatalf("pair %d: a user's own words were withheld", i)
			}
			accounts[j] = fmt.Sprint(got.End, len(got.Text)-len(guess), shelf.asked)
		}
		if accounts[0] != accounts[1] {
			t.Fatalf("pair %d: right guess %s, wrong guess %s", i, accounts[0], accounts[1])
		}
	}
}

func TestCitationsThatWereNotIssued(t *testing.T) {
	a := output.Answer{Actions: lenient, Citations: []string{"S1-7f3a", "S2-7f3a"}}
	for in, want := range map[string]string{
		"Yes [S1-7f3a] and [S2-7F3A, S1-7f3a].": "Yes [S1-7f3a] and [S2-7F3A, S1-7f3a].",
		"No [S3-7f3a] [S1-0000]":                "No [CITATION_1] [CITATION_2]",
		"both [S1-7f3a, S9-7f3a]":               "both [CITATION_1]",
		"[doc:7f3a] 【4†source】 【x":              "[CITATION_1] [CITATION_2] 【x",
		"[1] [see] [S] [S1] a[s1] [[S1-7f3a]]":  "[1] [see] [S] [S1] a[s1] [[S1-7f3a]]",
		"日本語、【注意":                               "日本語、【注意",
	} {
		a.Actions = actions("citation", "redact", "*", "withhold")
		if r := whole(t, a, in); r.Text != want {
			t.Errorf("%q becomes %q, want %q", in, r.Text, want)
		}
	}
}

func TestNoForgedCitationSurvives(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	a := output.Answer{Actions: actions("citation", "withhold", "*", "stop"), Citations: []string{"S1-7f3a", "S2-7f3a"}}
	f := newFilter(t)
	for range 500 {
		label := fmt.Sprintf("S%d-%04x", 1+r.IntN(40), r.IntN(0xffff))
		if label == "S1-7f3a" || label == "S2-7f3a" {
			continue
		}
		text := "As shown in [S1-7f3a] and [" + label + "] or [S2-7f3a; " + label + "]."
		got, err := f.Whole(context.Background(), a, text)
		if err != nil || strings.Contains(got.Text, label) || !strings.Contains(got.Text, "[S1-7f3a]") {
			t.Fatalf("%q becomes %q (%v)", text, got.Text, err)
		}
		if err := splitOnce(f, a, text, got, r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnswersAreFilteredConcurrently(t *testing.T) {
	f := windowFilter(t, 20, nil)
	text := someWords(rand.New(rand.NewPCG(17, 18)), 120)
	a := output.Answer{Actions: lenient, Context: []string{text}, Canary: "c0ffeec0ffee", Citations: []string{"S1-7f3a"}}
	answer := "tok-12345678 " + text + " \\u0074ok-1234 [S2-7f3a]"
	want, err := f.Whole(context.Background(), a, answer)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range 10 {
				if err := splitOnce(f, a, answer, want, r); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wait.Wait()
}

func TestAnySplitWithEverything(t *testing.T) {
	shelf := &shelf{owners: map[fingerprint.Print][]string{}}
	shelf.add("merger", "one two three four five six seven eight nine ten eleven twelve")
	f := windowFilter(t, 6, shelf)
	vocabulary := append([]string{"one ", "two, ", "three ", "Four ", "five ", "six ", "seven ", "eight ", "nine ", "ten ", "eleven ", "twelve. ",
		"one two three four five six seven ", "alpha beta gamma delta ", "beta gamma delta epsilon zeta eta theta ", "[S1-7f3a]", "[S2-", "【", "】", "[doc:1]"}, pieces...)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 40).Draw(t, "pieces"), "")
		a := output.Answer{Canary: "c0ffeec0ffee", Reader: reader(), Citations: []string{"S1-7f3a"},
			Context: []string{"alpha beta gamma delta epsilon zeta eta theta iota"}, System: "one two three four five six seven eight nine ten",
			Prompt: rapid.SampledFrom([]string{"", "three four five six seven eight", "beta gamma delta epsilon"}).Draw(t, "prompt")}
		a.Actions = rapid.SampledFrom([]sanitize.Actions{lenient, actions("*", "redact"), actions("protected", "flag", "*", "strip"), nil}).Draw(t, "actions")
		want, err := f.Whole(context.Background(), a, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := splitOnce(f, a, text, want, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))); err != nil {
			t.Fatal(err)
		}
	})
}
