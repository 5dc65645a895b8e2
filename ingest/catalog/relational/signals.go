package relational

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/signal"
)

// putSignature keeps what a document is like; what its version before was like must
// be gone, see [clearBeside].
func putSignature(ctx context.Context, tx Tx, v catalog.Version) error {
	if v.Signature == nil {
		return nil
	}
	s, err := signal.Decode(v.Signature)
	if err != nil {
		return err
	}
	args := []any{v.Tenant, v.Document, v.Signature}
	for _, b := range s.Bands() {
		args = append(args, b)
	}
	return tx.Queue(ctx, `insert into signatures (tenant, document, signature, b0, b1, b2, b3, b4, b5, b6, b7) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		on conflict (tenant, document) do update set signature = excluded.signature, b0 = excluded.b0, b1 = excluded.b1, b2 = excluded.b2, b3 = excluded.b3,
			b4 = excluded.b4, b5 = excluded.b5, b6 = excluded.b6, b7 = excluded.b7`, args...)
}

// maxAlike bounds how many documents of one bucket are looked at.
const maxAlike = "200"

// Alike returns indexed documents that share a bucket with a signature: nearly
// all near duplicates, and some that are not. At most 200 for each bucket.
func (c *Catalog) Alike(ctx context.Context, tenant string, s signal.Signature) ([]catalog.Alike, error) {
	query, args := "", []any{}
	for i, b := range s.Bands() {
		if i > 0 {
			query += " union all "
		}
		query += `select * from (select document, signature from signatures where b` + string(rune('0'+i)) + ` = ? and tenant = ? limit ` + maxAlike + `) x` + string(rune('0'+i))
		args = append(args, b, tenant)
	}
	var out []catalog.Alike
	seen := map[string]bool{}
	err := each(ctx, c.db, func(r Rows) error {
		var a catalog.Alike
		if err := r.Scan(&a.Document, &a.Signature); err != nil {
			return err
		}
		if !seen[a.Document] { // once, however many buckets it shares
			seen[a.Document] = true
			out = append(out, a)
		}
		return nil
	}, query, args...)
	if err != nil {
		return nil, unavailable("looking for near duplicates", err)
	}
	return out, nil
}

// SameContent counts live documents beside one with the same bytes.
func (c *Catalog) SameContent(ctx context.Context, tenant, content, document string) (n int, err error) {
	err = one(ctx, c.db, `select count(*) from documents where tenant = ? and content = ? and state = 'live' and id <> ?`, []any{tenant, content, document}, &n)
	if err != nil {
		return 0, unavailable("looking for duplicates", err)
	}
	return n, nil
}

// Baseline returns what a source usually sends; nothing yet is an empty one.
func (c *Catalog) Baseline(ctx context.Context, tenant, source string) (*signal.Baseline, error) {
	b, err := c.baseline(ctx, c.db, tenant, source)
	if err != nil {
		return nil, unavailable("reading a baseline", err)
	}
	return b, nil
}

func (c *Catalog) baseline(ctx context.Context, q Querier, tenant, source string) (*signal.Baseline, error) {
	var sealed []byte
	err := one(ctx, q, `select data from baselines where tenant = ? and source = ?`, []any{tenant, source}, &sealed)
	if errors.Is(err, catalog.ErrNotFound) {
		return &signal.Baseline{}, nil
	}
	if err != nil {
		return nil, err
	}
	var data json.RawMessage
	if err := c.openRow(tenant, sealed, &data, "baseline", tenant, source); err != nil {
		return nil, err
	}
	return signal.DecodeBaseline(data)
}

// GrowBaseline adds to what a source usually sends what was accepted, also where
// others do so at the same time.
func (c *Catalog) GrowBaseline(ctx context.Context, tenant, source string, g *signal.Growth) error {
	return c.run(ctx, "keeping a baseline", []int64{lock(tenant, "baseline\x00"+source)}, func(tx Tx) error {
		b, err := c.baseline(ctx, tx, tenant, source)
		if err != nil {
			return err
		}
		b.Grow(g)
		data, err := b.Encode()
		if err != nil {
			return err
		}
		sealed, err := c.sealedRow(tenant, json.RawMessage(data), "baseline", tenant, source)
		if err != nil {
			return err
		}
		return tx.Queue(ctx, `insert into baselines (tenant, source, data) values (?, ?, ?) on conflict (tenant, source) do update set data = excluded.data`, tenant, source, sealed)
	})
}

// Marks returns the last manifests accepted for documents of a source.
func (c *Catalog) Marks(ctx context.Context, tenant, source string, ids []string) (map[string]catalog.Marked, error) {
	list, err := c.list(ids)
	if err != nil {
		return nil, unavailable("reading manifests", err)
	}
	out := map[string]catalog.Marked{}
	err = each(ctx, c.db, func(r Rows) error {
		m := catalog.Marked{Source: source}
		var state string
		if err := r.Scan(&m.Document, &m.Sequence, &m.ID, &state); err != nil {
			return err
		}
		m.Gone = state == string(catalog.Retired) || state == string(catalog.Erased)
		out[m.Document] = m
		return nil
	}, `select m.document, m.sequence, m.id, coalesce(d.state, '') from manifests m left join documents d on d.tenant = m.tenant and d.id = m.document
		where m.tenant = ? and m.source = ? and `+c.in("m.document"), tenant, source, list)
	if err != nil {
		return nil, unavailable("reading manifests", err)
	}
	return out, nil
}

// Mark keeps accepted manifests. A number that does not grow, with another
// manifest, is [catalog.ErrState].
func (c *Catalog) Mark(ctx context.Context, tenant string, marks []catalog.Marked) error {
	refs := make([]catalog.Ref, len(marks))
	for i, m := range marks {
		refs[i] = catalog.Ref{Tenant: tenant, Document: m.Document}
	}
	return c.updateDocuments(ctx, "keeping manifests", refs, func(tx Tx) error {
		for _, m := range marks {
			n, err := tx.Exec(ctx, `insert into manifests (tenant, source, document, sequence, id) values (?, ?, ?, ?, ?)
				on conflict (tenant, source, document) do update set sequence = excluded.sequence, id = excluded.id
				where manifests.sequence < excluded.sequence or manifests.sequence = excluded.sequence and manifests.id = excluded.id`, tenant, m.Source, m.Document, m.Sequence, m.ID)
			if err != nil {
				return err
			}
			if n != 1 {
				return catalog.ErrState
			}
		}
		return nil
	})
}
