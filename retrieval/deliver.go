package retrieval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/keys"
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
	out := make([]Passage, 0, len(list))
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
			Text: text, Tokens: p.chunk.Tokens, Stripped: stripped, chunk: p.chunk.ID, chunks: p.ids()})
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

// cleanOne cleans a passage chunk by chunk. Where chunks overlap, what the next
// repeats is left out.
func (s *Service) cleanOne(ctx context.Context, p proven, actions sanitize.Actions) (string, map[string]int, error) {
	stripped := map[string]int{}
	if len(p.before)+len(p.after) == 0 {
		text, err := s.cleanChunk(ctx, p.chunk, actions, stripped)
		return text, stripped, err
	}
	var all strings.Builder
	end := 0
	for _, c := range p.chunks() {
		text, err := s.cleanChunk(ctx, c, actions, stripped)
		if err != nil {
			return "", nil, err
		}
		if all.Len() > 0 {
			all.WriteByte('\n')
			if repeated := end - c.Span.Start; repeated > 0 && repeated < len(text) && text == c.Text && len(c.Text) == c.Span.Len() {
				text = text[repeated:]
			}
		}
		end = c.Span.End
		all.WriteString(text)
	}
	return all.String(), stripped, nil
}

func (s *Service) cleanChunk(ctx context.Context, c catalog.Chunk, actions sanitize.Actions, stripped map[string]int) (string, error) {
	for rule, n := range c.Removed {
		stripped[rule] += n
	}
	findings := c.Findings
	if c.Scanner != s.Sanitizer.Revision() {
		found, err := s.Sanitizer.Scan(ctx, c.Text)
		if err != nil {
			return "", err
		}
		findings = found
	}
	if !anyActs(findings, actions) {
		return c.Text, nil
	}
	r, err := s.Sanitizer.Rewrite(ctx, c.Text, findings, actions, sanitize.RewriteOptions{})
	if err != nil {
		return "", err
	}
	for rule, n := range r.Removed {
		stripped[rule] += n
	}
	return r.Text, nil // empty when held
}

func anyActs(findings []sanitize.Finding, actions sanitize.Actions) bool {
	for _, f := range findings {
		if a := actions.For(f); a != sanitize.Pass && a != sanitize.Flag {
			return true
		}
	}
	return false
}

// ids are the chunks', in their order.
func (p proven) ids() []string {
	out := make([]string, 0, len(p.before)+1+len(p.after))
	for i := len(p.before) - 1; i >= 0; i-- {
		out = append(out, p.before[i].ID)
	}
	out = append(out, p.chunk.ID)
	for i := range p.after {
		out = append(out, p.after[i].ID)
	}
	return out
}

// separator stands between passages when their joins are scanned.
const separator = "\n\n"

// cleanJoins strips instructions that only appear where two passages meet.
func (s *Service) cleanJoins(ctx context.Context, passages []Passage) error {
	if s.Joins == nil || len(passages) < 2 {
		return nil
	}
	var all strings.Builder
	starts, joins, size := make([]int, len(passages)), make([]int, 0, len(passages)), 0
	for _, p := range passages {
		size += len(p.Text) + len(separator)
	}
	all.Grow(size)
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
	mark, err := s.Keys.Derive(r.Subject.Tenant, keys.Canary)
	if err != nil {
		return Answer{}, err
	}
	nonce, canary := prompt.NewNonce(), prompt.NewCanary(mark)
	req := prompt.Request{System: r.System, Question: r.Question, Budget: r.Budget, Format: r.Format, Marking: r.Marking, Nonce: nonce, Canary: canary}
	req.Passages = make([]prompt.Passage, 0, len(passages))
	for _, p := range passages {
		req.Passages = append(req.Passages, prompt.Passage{ID: p.chunk, Title: p.Title, Text: p.Text})
	}
	built, err := s.Prompt.Build(req)
	if err != nil {
		return Answer{}, err
	}
	versions := make(map[string]string, len(list))
	for _, p := range list {
		versions[p.chunk.ID] = p.chunk.Version
		for _, side := range [][]catalog.Chunk{p.before, p.after} {
			for i := range side {
				versions[side[i].ID] = side[i].Version
			}
		}
	}
	t := ticket.Ticket{
		Bearer: ticket.Bearer{Tenant: r.Subject.Tenant, Backend: r.Subject.Authn.Backend, Subject: r.Subject.ID},
		Nonce:  nonce, Canary: canary, Policy: snapshot.Revision().Hash, Destination: r.Context.Destination, Purpose: r.Context.Purpose, Question: r.Question,
		Issued: r.Context.Now.Unix(), Expires: r.Context.Now.Add(ticketLife).Unix(),
	}
	if r.System != "" {
		sum := sha256.Sum256([]byte(r.System))
		t.SystemHash = hex.EncodeToString(sum[:])
	}
	labels := make(map[string]string, len(built.Citations))
	for _, c := range built.Citations {
		labels[c.ID] = c.Label
		t.Chunks = append(t.Chunks, ticket.Chunk{ID: c.ID, Version: versions[c.ID]})
	}
	for i := range passages {
		passages[i].Citation = labels[passages[i].chunk]
		for _, id := range passages[i].chunks {
			if labels[id] == "" {
				t.More = append(t.More, ticket.Chunk{ID: id, Version: versions[id]})
			}
		}
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
