package sqlite

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/retrieval/index"
)

const scrollPage = 256

// Scroll lists a tenant's chunks from the file, ascending by id. Changes made
// meanwhile may or may not be seen.
func (x *Index) Scroll(ctx context.Context, tenant string, yield func(index.Chunk) error) error {
	if tenant == "" {
		return fmt.Errorf("scrolling: %w", index.ErrNoTenant)
	}
	if err := x.ready(ctx); err != nil {
		return fmt.Errorf("scrolling: %w", err)
	}
	last := ""
	for {
		page, err := x.page(ctx, tenant, last)
		if err != nil {
			return fmt.Errorf("scrolling: %w", err)
		}
		for _, c := range page {
			if err := yield(c); err != nil {
				return err
			}
		}
		if len(page) < scrollPage {
			return nil
		}
		last = page[len(page)-1].ID
	}
}

func (x *Index) page(ctx context.Context, tenant, after string) ([]index.Chunk, error) {
	rows, err := x.read.QueryContext(ctx, "SELECT "+pointColumns+" FROM points WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?", tenant, after, scrollPage)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", index.ErrUnavailable, err)
	}
	defer rows.Close()
	var out []index.Chunk
	for rows.Next() {
		p, err := scanPoint(rows)
		if err != nil {
			return nil, err
		}
		c, err := p.chunk()
		if err != nil {
			return nil, fmt.Errorf("chunk %s: %w", p.id, err)
		}
		out = append(out, c)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", index.ErrUnavailable, err)
	}
	return out, nil
}

func (p point) chunk() (index.Chunk, error) {
	c := index.Chunk{ID: p.id, Document: p.document, Version: p.version, Ordinal: p.ordinal, Receipt: p.receipt, Vector: p.vector}
	var err error
	if c.Terms, err = decodeTerms(p.terms); err != nil {
		return c, err
	}
	c.Attributes, err = decodeAttributes(p.attributes)
	return c, err
}

// Purge rewrites the file and segments so that nothing of retired chunks is left
// in them or in the write-ahead log. It takes a second or two per 100,000 chunks.
func (x *Index) Purge(ctx context.Context) error {
	if err := x.ready(ctx); err != nil {
		return fmt.Errorf("purging: %w", err)
	}
	if err := x.rewriteAll(ctx, withDead); err != nil {
		return fmt.Errorf("purging: %w", err)
	}
	for _, q := range []string{"VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := x.write.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("purging: %w: %w", index.ErrUnavailable, err)
		}
	}
	return nil
}
