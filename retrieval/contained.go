package retrieval

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/policy/contain"
	"github.com/doorward/doorward/retrieval/index"
)

// contained reads the containment orders in force for this request, once, and
// refuses it when one of them stops it. Orders that cannot be read stop it too.
func (s *Service) contained(ctx context.Context, r *Request) error {
	if s.Contained == nil {
		r.contained = contain.NewSet(nil)
		return nil
	}
	set, err := s.Contained(ctx)
	if err != nil {
		return fmt.Errorf("retrieving: %w", err)
	}
	r.contained = set
	if err := set.Request(r.Subject.Tenant, r.Subject.Authn.Backend, r.Context.Destination); err != nil {
		return fmt.Errorf("retrieving: %w", err)
	}
	return nil
}

// open drops the documents that an order stops, and the hits in them.
func (r Request) open(documents map[string]catalog.Document, hits []index.Hit, t *trace) []index.Hit {
	out := hits[:0:0]
	for _, h := range hits {
		if d, ok := documents[h.Document]; ok && r.contained.Document(d.Origin()) != nil {
			t.count("dropped_contained", 1)
			continue
		}
		out = append(out, h)
	}
	return out
}
