package retrieval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/prompt"
	"github.com/doorward/doorward/retrieval/ticket"
	"github.com/doorward/doorward/sanitize"
)

// clean takes embedded instructions, and what an obligation masks, out of the
// passages. Verdicts stored at ingest are used where the scanner is the same;
// the joins between passages are new text and are scanned now.
func (s *Service) clean(ctx context.Context, list []proven, o policy.Obligations, t *trace) ([]Passage, error) {
	actions := sanitize.Actions{"*": sanitize.Pass, string(sanitize.Injection): sanitize.Strip}
	for _, m := range o.Mask {
		actions[m] = sanitize.Redact
	}
	var out []Passage
	for _, p := range list {
		text, stripped, err := s.cleanOne(ctx, p, actions)
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(text) == "" {
			t.count("dropped_empty", 1)
			continue
		}
		out = append(out, Passage{Document: p.document.ID, Title: p.document.Title, URI: p.document.URI, Headings: p.chunk.Headings,
			Text: text, Tokens: p.chunk.Tokens, Stripped: stripped, chunk: p.chunk.ID})
	}
	if err := s.cleanJoins(ctx, out); err != nil {
		return nil, err
	}
	for _, p := range out {
		for rule, n := range p.Stripped {
			t.count("stripped:"+rule, n)
		}
	}
	return out, nil
}

func (s *Service) cleanOne(ctx context.Context, p proven, actions sanitize.Actions) (string, map[string]int, error) {
	stripped := map[string]int{}
	for rule, n := range p.chunk.Removed {
		stripped[rule] += n
	}
	findings := p.chunk.Findings
	if p.chunk.Scanner != s.Sanitizer.Revision() {
		found, err := s.Sanitizer.Scan(ctx, p.chunk.Text)
		if err != nil {
			return "", nil, err
		}
		findings = found
	}
	text := p.chunk.Text
	if anyActs(findings, actions) {
		r, err := s.Sanitizer.Rewrite(ctx, text, findings, actions, sanitize.RewriteOptions{})
		if err != nil {
			return "", nil, err
		}
		text = r.Text // empty when held
		for rule, n := range r.Removed {
			stripped[rule] += n
		}
	}
	return text, stripped, nil
}

func anyActs(findings []sanitize.Finding, actions sanitize.Actions) bool {
	for _, f := range findings {
		if a := actions.For(f); a != sanitize.Pass && a != sanitize.Flag {
			return true
		}
	}
	return false
}

// separator stands between passages when their joins are scanned.
const separator = "\n\n"

// cleanJoins strips instructions that only appear where two passages meet.
func (s *Service) cleanJoins(ctx context.Context, passages []Passage) error {
	if s.Joins == nil || len(passages) < 2 {
		return nil
	}
	var all strings.Builder
	starts := make([]int, len(passages))
	var joins []int
	for i, p := range passages {
		if i > 0 {
			joins = append(joins, all.Len())
			all.WriteString(separator)
		}
		starts[i] = all.Len()
		all.WriteString(p.Text)
	}
	found, err := s.Joins.ScanJoins(ctx, all.String(), joins)
	if err != nil {
		return err
	}
	for _, f := range found {
		for i := range passages {
			span := sanitize.Span{Start: starts[i], End: starts[i] + len(passages[i].Text)}
			if f.Overlaps(span) {
				cut(&passages[i], max(f.Start, span.Start)-span.Start, min(f.End, span.End)-span.Start, f.Rule)
			}
		}
	}
	return nil
}

// cut blanks a span so that the offsets of later findings stay right.
func cut(p *Passage, start, end int, rule string) {
	p.Text = p.Text[:start] + strings.Repeat(" ", end-start) + p.Text[end:]
	p.Stripped[rule]++
}

// deliver builds the prompt and seals the ticket.
func (s *Service) deliver(r Request, snapshot policy.Snapshot, passages []Passage, list []proven) (Answer, error) {
	nonce, canary := prompt.NewNonce(), prompt.NewNonce()[:20]
	req := prompt.Request{System: r.System, Question: r.Question, Budget: r.Budget, Format: r.Format, Marking: r.Marking, Nonce: nonce, Canary: canary}
	for _, p := range passages {
		req.Passages = append(req.Passages, prompt.Passage{ID: p.chunk, Title: p.Title, Text: p.Text})
	}
	built, err := s.Prompt.Build(req)
	if err != nil {
		return Answer{}, err
	}
	versions := map[string]string{}
	for _, p := range list {
		versions[p.chunk.ID] = p.chunk.Version
	}
	t := ticket.Ticket{
		Bearer: ticket.Bearer{Tenant: r.Subject.Tenant, Backend: r.Subject.Authn.Backend, Subject: r.Subject.ID},
		Nonce:  nonce, Canary: canary, Policy: snapshot.Revision().Hash, Destination: r.Context.Destination, Question: r.Question,
		Issued: r.Context.Now.Unix(), Expires: r.Context.Now.Add(ticketLife).Unix(),
	}
	if r.System != "" {
		sum := sha256.Sum256([]byte(r.System))
		t.SystemHash = hex.EncodeToString(sum[:])
	}
	labels := map[string]string{}
	for _, c := range built.Citations {
		labels[c.ID] = c.Label
		t.Chunks = append(t.Chunks, ticket.Chunk{ID: c.ID, Version: versions[c.ID]})
	}
	for i := range passages {
		passages[i].Citation = labels[passages[i].chunk]
	}
	wrapper, err := s.Keys.Wrapper(r.Subject.Tenant)
	if err != nil {
		return Answer{}, err
	}
	sealed, err := ticket.Seal(wrapper, t)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Passages: passages, Prompt: built, ContextID: sealed, Policy: t.Policy, Expires: time.Unix(t.Expires, 0)}, nil
}
