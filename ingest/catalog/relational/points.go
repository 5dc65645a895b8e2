package relational

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"

	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/retrieval/embed"
	"github.com/doorward/doorward/retrieval/index"
)

// Points yields what the index must hold of a tenant, ascending by id, for
// [index.Scrub].
func (c *Catalog) Points(ctx context.Context, tenant string) iter.Seq2[index.Expected, error] {
	return func(yield func(index.Expected, error) bool) {
		known, err := c.pointFacts(ctx, tenant)
		if err != nil {
			yield(index.Expected{}, err)
			return
		}
		stopped := false
		err = each(ctx, c.db, func(r Rows) error {
			var e index.Expected
			var terms, vector []byte
			if err := r.Scan(&e.ID, &e.Document, &e.Version, &e.Ordinal, &terms, &vector); err != nil {
				return err
			}
			facts := known[e.Document]
			e.Receipt, e.Attributes = facts.receipt, facts.attributes
			e.Terms = func(stored []embed.Term) bool { return sameTerms(stored, terms) }
			if v := decodeVector(vector); v != nil {
				e.Sketch = index.Sketch(v)
			}
			if !yield(e, nil) {
				stopped = true
				return errStopped
			}
			return nil
		}, `select c.id, c.document, c.version, c.ordinal, c.terms, c.vector from chunks c
			join versions v on v.tenant = c.tenant and v.document = c.document and v.version = c.version and v.state = 'live'
			where c.tenant = ? order by c.id`, tenant)
		if err != nil && !stopped {
			yield(index.Expected{}, unavailable("listing points", err))
		}
	}
}

// sameTerms compares terms with stored ones.
func sameTerms(a []embed.Term, stored []byte) bool {
	b, err := decodeTerms(stored)
	return err == nil && slices.Equal(a, b)
}

var errStopped = errors.New("stopped")

type pointFact struct{ receipt, attributes string }

// pointFacts are each live document's receipt id and attributes hash.
func (c *Catalog) pointFacts(ctx context.Context, tenant string) (map[string]pointFact, error) {
	out := map[string]pointFact{}
	err := each(ctx, c.db, func(rows Rows) error {
		var id, attributes string
		var signed []byte
		if err := rows.Scan(&id, &attributes, &signed); err != nil {
			return err
		}
		a, err := decodeAttributes(attributes)
		if err != nil {
			return err
		}
		var r receipt.Signed
		if err := json.Unmarshal(signed, &r); err != nil {
			return err
		}
		out[id] = pointFact{r.ID(), a.Hash()}
		return nil
	}, `select id, attributes, receipt from documents where tenant = ? and state = 'live'`, tenant)
	if err != nil {
		return nil, unavailable("listing documents", err)
	}
	return out, nil
}
