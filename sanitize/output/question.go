package output

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/sanitize"
)

// Question is the user's own text after its check.
type Question struct {
	// Text may be sent on or logged; empty when the question is refused.
	Text string
	// Refused means that policy wants it neither answered nor logged.
	Refused bool
	// Warn means that something was found that the user should be told of: it was
	// flagged or removed. The findings are the user's own and may be named.
	Warn bool
	// Findings counts what was found, by rule.
	Findings []Count
}

// CheckQuestion scans the user's own text before it goes to a model outside or
// to a log: for secrets, personal data and direct injection, whatever the
// sanitizer's scanners find. Actions are the policy's: pass, flag (warn), any
// that rewrites, or one that refuses (withhold, stop). On an error the question
// is refused.
func CheckQuestion(ctx context.Context, s *sanitize.Sanitizer, actions sanitize.Actions, text string) (Question, error) {
	found, err := s.Scan(ctx, text)
	if err != nil {
		return Question{Refused: true}, fmt.Errorf("checking question: %w", err)
	}
	t := newTally()
	for _, f := range found {
		a := actions.For(f)
		if a == sanitize.Pass {
			continue
		}
		t.count(f.Rule)
		t.acted(a)
	}
	q := Question{Warn: t.action < sanitize.Pass, Findings: t.counts()}
	switch {
	case t.action <= sanitize.Withhold:
		q = Question{Refused: true, Warn: true, Findings: refusedCounts(found, actions)}
		return q, nil
	case t.action >= sanitize.Flag:
		q.Text = text
		return q, nil
	}
	r, err := s.Rewrite(ctx, text, found, actions, sanitize.RewriteOptions{})
	if err != nil || r.Held {
		q.Refused = true
		if err != nil {
			err = fmt.Errorf("checking question: %w", err)
		}
		return q, err
	}
	q.Text = r.Text
	return q, nil
}

// refusedCounts counts what a refusal is for.
func refusedCounts(found []sanitize.Finding, actions sanitize.Actions) []Count {
	t := newTally()
	for _, f := range found {
		if actions.For(f) <= sanitize.Withhold {
			t.count(f.Rule)
		}
	}
	return t.counts()
}
