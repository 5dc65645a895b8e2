package relational

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
)

var recordQueries = []struct{ kind, query string }{
	{catalog.DocumentRecord, `select tenant, id, version, state, source from documents`},
	{catalog.VersionRecord, `select tenant, document, version, state, '' from versions`},
	{catalog.ArrivalRecord, `select tenant, id, '', state, source from arrivals`},
	{catalog.ChunkRecord, `select distinct c.tenant, c.document, c.version, '', '' from chunks c left join versions v
		on v.tenant = c.tenant and v.document = c.document and v.version = c.version where v.version is null`},
	{catalog.TaskRecord, `select tenant, document, version, op, '' from tasks`},
}

// Records calls yield for every row by name, in no particular order. What cannot
// be listed does not hide the rest: its error comes at the end.
func (c *Catalog) Records(ctx context.Context, yield func(catalog.Record) error) error {
	var errs []error
	for _, q := range recordQueries {
		var list []catalog.Record
		err := each(ctx, c.db, func(rows Rows) error {
			r := catalog.Record{Kind: q.kind}
			var state string
			if err := rows.Scan(&r.Tenant, &r.Document, &r.Version, &state, &r.Source); err != nil {
				return err
			}
			r.State = catalog.State(state)
			list = append(list, r)
			return nil
		}, q.query)
		if err != nil {
			errs = append(errs, unavailable("listing "+q.kind+" records", err))
		}
		for _, r := range list {
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return errors.Join(errs...)
}

// Sounder is a [DB] that can check and mend its own storage.
type Sounder interface {
	// Sound returns what is wrong with the storage, naming tables, rows and
	// pages only.
	Sound(ctx context.Context) ([]string, error)
	// Rebuild makes the storage's indexes anew from its tables.
	Rebuild(ctx context.Context) error
}

// Prover is a [DB] that keeps checksums of its rows.
type Prover interface {
	// Controls returns which rows differ among those that hold something back.
	Controls(ctx context.Context) ([]string, error)
}

// Intact checks the rows that hold something back: containments, legal holds, what
// was erased. Where one is damaged nothing should be released before somebody looked.
func (c *Catalog) Intact(ctx context.Context) error {
	p, ok := c.db.(Prover)
	if !ok {
		return nil
	}
	flaws, err := p.Controls(ctx)
	if err == nil && len(flaws) > 0 {
		err = fmt.Errorf("the catalog is damaged: %s", flaws[0])
	}
	if err != nil {
		return unavailable("checking the catalog", err)
	}
	return nil
}

// Sound checks the storage itself, where the database can: pages, trees and
// indexes. A database server has its own ways, such as page checksums.
func (c *Catalog) Sound(ctx context.Context) ([]string, error) {
	if s, ok := c.db.(Sounder); ok {
		return s.Sound(ctx)
	}
	return nil, nil
}

// Abandon drops intended versions, which were never committed, and owes the
// index their removal. Their arrivals stay and are judged again.
func (c *Catalog) Abandon(ctx context.Context, refs []catalog.Ref) error {
	return c.updateDocuments(ctx, "abandoning versions", refs, func(tx Tx) error {
		for _, r := range refs {
			var state string
			err := one(ctx, tx, `select state from versions where tenant = ? and document = ? and version = ?`, []any{r.Tenant, r.Document, r.Version}, &state)
			if errors.Is(err, catalog.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			if catalog.State(state) == catalog.Live {
				return catalog.ErrState
			}
			if err := retireVersion(ctx, tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// Sweep makes the storage's indexes anew and removes what belongs to nothing:
// chunks without a version, fingerprints of documents that are not live, and
// owed work of a kind nobody knows. It returns the number of rows removed.
func (c *Catalog) Sweep(ctx context.Context) (int, error) {
	if s, ok := c.db.(Sounder); ok {
		if err := s.Rebuild(ctx); err != nil {
			return 0, unavailable("rebuilding the catalog's indexes", err)
		}
	}
	n := 0
	err := c.update(ctx, "sweeping the catalog", func(tx Tx) error {
		n = 0
		for _, q := range []string{
			`delete from chunks where not exists (select 1 from versions v where v.tenant = chunks.tenant and v.document = chunks.document and v.version = chunks.version)`,
			`delete from prints where not exists (select 1 from documents d where d.tenant = prints.tenant and d.id = prints.document and d.state = 'live')`,
			`delete from printed where not exists (select 1 from documents d where d.tenant = printed.tenant and d.id = printed.document and d.state = 'live')`,
			`delete from vectors where not exists (select 1 from chunks c where c.tenant = vectors.tenant and c.id = vectors.id)`,
			`delete from tasks where op not in ('retire', 'attributes', 'put', 'erase')`,
		} {
			removed, err := tx.Exec(ctx, q)
			if err != nil {
				return err
			}
			n += int(removed)
		}
		return nil
	})
	return n, err
}
