package sqlite

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"

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
		rows, err := c.read.QueryContext(ctx, `select c.id, c.document, c.version, c.ordinal, c.terms, c.vector from chunks c
			join versions v on v.tenant = c.tenant and v.document = c.document and v.version = c.version and v.state = 'live'
			where c.tenant = ? order by c.id`, tenant)
		if err != nil {
			yield(index.Expected{}, unavailable("listing points", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var e index.Expected
			var terms, vector []byte
			if err := rows.Scan(&e.ID, &e.Document, &e.Version, &e.Ordinal, &terms, &vector); err != nil {
				yield(index.Expected{}, unavailable("listing points", err))
				return
			}
			facts := known[e.Document]
			e.Receipt, e.Attributes = facts.receipt, facts.attributes
			e.Terms = func(stored []embed.Term) bool { return bytes.Equal(encodeTerms(stored), terms) }
			if v := decodeVector(vector); v != nil {
				e.Sketch = index.Sketch(v)
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(index.Expected{}, unavailable("listing points", err))
		}
	}
}

type pointFact struct{ receipt, attributes string }

// pointFacts are each live document's receipt id and attributes hash.
func (c *Catalog) pointFacts(ctx context.Context, tenant string) (map[string]pointFact, error) {
	rows, err := c.read.QueryContext(ctx, `select id, attributes, receipt from documents where tenant = ? and state = 'live'`, tenant)
	if err != nil {
		return nil, unavailable("listing documents", err)
	}
	defer rows.Close()
	out := map[string]pointFact{}
	for rows.Next() {
		var id, attributes string
		var signed []byte
		if err := rows.Scan(&id, &attributes, &signed); err != nil {
			return nil, unavailable("listing documents", err)
		}
		a, err := decodeAttributes(attributes)
		if err != nil {
			return nil, err
		}
		var r receipt.Signed
		if err := json.Unmarshal(signed, &r); err != nil {
			return nil, unavailable("listing documents", err)
		}
		out[id] = pointFact{r.ID(), a.Hash()}
	}
	if err := rows.Err(); err != nil {
		return nil, unavailable("listing documents", err)
	}
	return out, nil
}
