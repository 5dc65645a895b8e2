package retrieval

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/ingest/catalog"
)

// extend gives each passage the chunks on either side of it in its own document,
// which was allowed as a whole. Each is covered by the receipt like any other,
// and a chunk that another passage holds already is not repeated.
func (s *Service) extend(ctx context.Context, tenant string, list []proven, t *trace) error {
	if s.Neighbors == 0 || len(list) == 0 {
		return nil
	}
	taken := map[string]bool{}
	for _, p := range list {
		taken[p.chunk.ID] = true
	}
	wanted := make([][]string, len(list)) // before and after, nearest first
	var all []string
	for i, p := range list {
		for n := 1; n <= s.Neighbors; n++ {
			for _, at := range [...]int{p.chunk.Ordinal - n, p.chunk.Ordinal + n} {
				if chunks := p.document.Receipt.Chunks; at >= 0 && at < len(chunks) && !taken[chunks[at].ID] {
					taken[chunks[at].ID] = true
					wanted[i] = append(wanted[i], chunks[at].ID)
				}
			}
		}
		all = append(all, wanted[i]...)
	}
	opened, err := s.Catalog.Open(ctx, tenant, all)
	if err != nil {
		return fmt.Errorf("opening neighbours: %w", err)
	}
	key, err := s.Secret(tenant)
	if err != nil {
		return err
	}
	for i := range list {
		p := &list[i]
		for _, id := range wanted[i] {
			c, ok := opened[id]
			if !ok || c.Document != p.document.ID || c.Version != p.document.Version || s.covers(key, p.document, c) != nil {
				t.count("dropped_neighbour", 1)
				continue
			}
			p.add(c)
		}
	}
	return nil
}

// add takes a neighbour in where it continues what is there; after a gap the
// rest is left out.
func (p *proven) add(c catalog.Chunk) {
	first, last := p.chunk.Ordinal, p.chunk.Ordinal
	if n := len(p.before); n > 0 {
		first = p.before[n-1].Ordinal
	}
	if n := len(p.after); n > 0 {
		last = p.after[n-1].Ordinal
	}
	switch c.Ordinal {
	case first - 1:
		p.before = append(p.before, c)
	case last + 1:
		p.after = append(p.after, c)
	}
}

// chunks are a passage's, in the order of the text.
func (p proven) chunks() []catalog.Chunk {
	out := make([]catalog.Chunk, 0, len(p.before)+1+len(p.after))
	for i := len(p.before) - 1; i >= 0; i-- {
		out = append(out, p.before[i])
	}
	out = append(out, p.chunk)
	return append(out, p.after...)
}
