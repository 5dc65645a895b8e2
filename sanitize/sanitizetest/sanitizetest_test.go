package sanitizetest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/sanitizetest"
)

// word finds one word, whole or streamed.
type word string

func (w word) Scan(ctx context.Context, v sanitize.Views) (found []sanitize.Finding, err error) {
	for at := 0; ; {
		i := strings.Index(v.Source[at:], string(w))
		if i < 0 {
			break
		}
		at += i + len(w)
		found = append(found, sanitize.Finding{Span: sanitize.Span{Start: at - len(w), End: at}, Kind: sanitize.Secret, Rule: "word", Score: 1})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return found, nil
}

func (w word) NewStream() sanitize.Stream { return &stream{w: w} }

type stream struct {
	w    word
	text string
	done int
}

func (s *stream) Write(p []byte) (safe int, found []sanitize.Finding) {
	s.text += string(p)
	all, _ := s.w.Scan(context.Background(), sanitize.Plain(s.text))
	found = all[s.done:]
	s.done = len(all)
	return max(0, len(s.text)-len(s.w)+1), found
}

func (s *stream) Close() []sanitize.Finding { return nil }

func TestSuitePassesAGoodScanner(t *testing.T) {
	sanitizetest.Run(t, word("secret"), []sanitizetest.Example{
		{Name: "one", Text: "a secret here", Rules: []string{"word"}, Marked: "secret"},
		{Name: "clean", Text: "nothing here"},
	})
}
