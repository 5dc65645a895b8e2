package relational

import (
	"context"
	_ "embed"

	"github.com/doorward/doorward/ingest/catalog"
)

//go:embed vectors.sql
var vectorSchema string

// Model names the embedder that the chunks' vectors are of; "" when nobody said.
func (c *Catalog) Model(ctx context.Context) (string, error) {
	names, err := column[string](ctx, c.db, `select value from meta where key = 'vectors'`)
	if err != nil {
		return "", unavailable("reading which embedder vectors are of", err)
	}
	if len(names) == 0 {
		return "", nil
	}
	return names[0], nil
}

const setModel = `insert into meta (key, value) values ('vectors', ?) on conflict (key) do update set value = excluded.value`

// SetModel says which embedder the chunks' vectors are of.
func (c *Catalog) SetModel(ctx context.Context, model string) error {
	return c.update(ctx, "naming the embedder of vectors", func(tx Tx) error { return tx.Queue(ctx, setModel, model) })
}

// Embeddable yields every version that is live or can be put back.
func (c *Catalog) Embeddable(ctx context.Context, yield func(catalog.Ref) error) error {
	var refs []catalog.Ref
	err := each(ctx, c.db, func(r Rows) error {
		var ref catalog.Ref
		err := r.Scan(&ref.Tenant, &ref.Document, &ref.Version)
		refs = append(refs, ref)
		return err
	}, `select tenant, document, version from versions where state in ('live', 'kept') order by tenant, document, version`)
	if err != nil {
		return unavailable("listing versions", err)
	}
	for _, ref := range refs {
		if err := yield(ref); err != nil {
			return err
		}
	}
	return nil
}

// Staged returns those of a version's chunks that have a vector of another
// embedder than the one in force.
func (c *Catalog) Staged(ctx context.Context, r catalog.Ref, model string) (map[string]bool, error) {
	ids, err := column[string](ctx, c.db, `select v.id from vectors v join chunks c on c.tenant = v.tenant and c.id = v.id
		where v.tenant = ? and v.model = ? and c.document = ? and c.version = ?`, r.Tenant, model, r.Document, r.Version)
	if err != nil {
		return nil, unavailable("reading vectors", err)
	}
	out := map[string]bool{}
	for _, id := range ids {
		out[id] = true
	}
	return out, nil
}

// Stage keeps vectors of another embedder, by chunk, until they come into force.
// No vector at all is one too: the chunk is found by its terms.
func (c *Catalog) Stage(ctx context.Context, tenant, model string, vectors map[string][]float32) error {
	return c.update(ctx, "storing vectors", func(tx Tx) error {
		for id, v := range vectors {
			err := tx.Queue(ctx, `insert into vectors (tenant, id, model, vector) values (?, ?, ?, ?) on conflict (tenant, id, model) do update set vector = excluded.vector`,
				tenant, id, model, encodeVector(v))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// SwapVectors puts the vectors of another embedder in force, in one transaction,
// and keeps those that were in force, and no others. A chunk without a staged
// vector has none afterwards.
func (c *Catalog) SwapVectors(ctx context.Context, from, to string) error {
	return c.update(ctx, "changing vectors", func(tx Tx) error {
		for _, q := range []struct {
			sql  string
			args []any
		}{
			{`delete from vectors where model <> ?`, []any{to}},
			{`insert into vectors (tenant, id, model, vector) select tenant, id, ?, vector from chunks`, []any{from}},
			{`update chunks set vector = coalesce((select v.vector from vectors v where v.tenant = chunks.tenant and v.id = chunks.id and v.model = ?), ?)`, []any{to, empty()}},
			{`delete from vectors where model = ?`, []any{to}},
			{setModel, []any{to}},
		} {
			if _, err := tx.Exec(ctx, q.sql, q.args...); err != nil {
				return err
			}
		}
		return nil
	})
}
