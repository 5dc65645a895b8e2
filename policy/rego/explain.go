package rego

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/doorward/doorward/policy"
	"github.com/open-policy-agent/opa/v1/rego"
)

// Residual prints what partial evaluation leaves of the access decision for a
// subject, and the filter made of it: for explanations and golden files.
func (s *Snapshot) Residual(ctx context.Context, sub policy.Subject, c policy.Context) (string, error) {
	who, err := s.normalizeSubject(sub)
	if err != nil {
		return "", err
	}
	e, pq, err := s.residual(ctx, who, c)
	if pq == nil {
		return "", err
	}
	text := printResidual(pq)
	if err != nil {
		return text, err
	}
	return text + "filter " + policy.When(e).At(c.Now).String() + "\n", nil
}

// generated matches the suffixes by which OPA tells bindings apart; they carry
// no meaning and differ between runs of other policies.
var generated = regexp.MustCompile(`__local(\d+)__(\d+)?`)

func printResidual(pq *rego.PartialQueries) string {
	var b strings.Builder
	if len(pq.Queries) == 0 {
		b.WriteString("never\n")
	}
	for _, q := range pq.Queries {
		text := q.String()
		if text == "" {
			text = "always"
		}
		b.WriteString("when  " + text + "\n")
	}
	for _, m := range pq.Support {
		for _, r := range m.Rules {
			fmt.Fprintf(&b, "where %s\n", r)
		}
	}
	return generated.ReplaceAllString(b.String(), "x$1")
}
