package retrieval

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy"
)

// FetchRequest asks for one document by id.
type FetchRequest struct {
	ID       string // for the audit log
	Subject  policy.Subject
	Context  policy.Context // Now is required
	Document string
	Budget   int // tokens; 0 means DefaultBudget
}

// Fetch returns a document's passages from its beginning, within the budget, if
// this subject may read it. A forbidden document and a missing one look the
// same: no passages. Everything that holds for Retrieve holds here.
func (s *Service) Fetch(ctx context.Context, f FetchRequest) ([]Passage, error) {
	r := Request{ID: f.ID, Subject: f.Subject, Context: f.Context, Question: "fetch", Budget: f.Budget}
	if err := r.check(); err != nil {
		return nil, err
	}
	t := &trace{outcome: "released"}
	passages, err := s.fetch(ctx, r, f.Document, t)
	if err != nil {
		t.failed(err)
		passages = nil
	} else if len(passages) == 0 {
		t.outcome = "empty"
	}
	if aerr := s.audit(ctx, r, t); aerr != nil {
		return nil, aerr
	}
	return passages, err
}

func (s *Service) fetch(ctx context.Context, r Request, id string, t *trace) ([]Passage, error) {
	if err := s.contained(ctx, &r); err != nil {
		return nil, err
	}
	snapshot, err := s.Policy.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("fetching: %w", err)
	}
	t.policy = snapshot.Revision().Hash
	_, obligations, err := snapshot.Plan(ctx, r.Subject, r.Context)
	if err != nil {
		return nil, fmt.Errorf("planning access: %w", err)
	}
	if err := s.stronger(r.Subject, obligations); err != nil {
		return nil, err
	}
	visit, err := s.enter(ctx, r, obligations, t)
	if err != nil {
		return nil, err
	}
	defer visit.leave(ctx)
	documents, err := s.Catalog.Documents(ctx, r.Subject.Tenant, []string{id})
	if err != nil {
		return nil, fmt.Errorf("checking access: %w", err)
	}
	d, ok := documents[id]
	if !ok {
		return nil, nil
	}
	if r.contained.Document(d.Origin()) != nil {
		t.count("dropped_contained", 1)
		return nil, nil
	}
	decisions, err := snapshot.Check(ctx, r.Subject, r.Context, []policy.Attributes{d.Attributes})
	if err != nil || len(decisions) != 1 {
		return nil, fmt.Errorf("checking access: %w", orUnavailable(err))
	}
	if !decisions[0].Allow {
		t.count("dropped_denied", 1)
		return nil, nil
	}
	list, err := s.pages(ctx, r, d, t)
	if err != nil {
		return nil, err
	}
	t.documents = []string{d.ID + "@" + d.Version}
	passages, err := s.clean(ctx, list, obligations, t)
	if err != nil {
		return nil, err
	}
	return passages, s.spend(ctx, visit, passages, t)
}

// pages opens the document's chunks in order until the budget is spent.
func (s *Service) pages(ctx context.Context, r Request, d catalog.Document, t *trace) ([]proven, error) {
	ids := make([]string, 0, min(len(d.Receipt.Chunks), MaxTopK))
	for _, c := range d.Receipt.Chunks {
		if len(ids) == MaxTopK {
			break
		}
		ids = append(ids, c.ID)
	}
	chunks, err := s.Catalog.Open(ctx, r.Subject.Tenant, ids)
	if err != nil {
		return nil, fmt.Errorf("opening document: %w", err)
	}
	key, err := s.Secret(r.Subject.Tenant)
	if err != nil {
		return nil, err
	}
	var out []proven
	budget := r.Budget
	for _, id := range ids {
		c, ok := chunks[id]
		if !ok || c.Document != d.ID || c.Version != d.Version || s.covers(key, d, c) != nil {
			t.count("dropped_receipt", 1)
			continue
		}
		if budget -= c.Tokens; budget < 0 && len(out) > 0 {
			break
		}
		out = append(out, proven{document: d, chunk: c})
	}
	return out, nil
}
