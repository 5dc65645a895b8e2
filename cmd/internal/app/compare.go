package app

import (
	"bytes"
	"context"
	"slices"

	"github.com/doorward/doorward/ingest"
	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/index"
)

// Search says how questions are matched, for clients.
func (a *App) Search() string {
	if a.Config.Embedder.Type == "none" {
		return "keywords"
	}
	return "hybrid"
}

// ExportLine is one document or chunk of an export. It holds no text, no time
// and no signature, so that equal contents give equal exports.
type ExportLine struct {
	Kind       string            `json:"kind"` // catalog, held or index
	Tenant     string            `json:"tenant"`
	ID         string            `json:"id"`
	Document   string            `json:"document,omitempty"`
	Version    string            `json:"version,omitempty"`
	Ordinal    int               `json:"ordinal,omitempty"`
	Attributes policy.Attributes `json:"attributes,omitempty"`
	Receipt    string            `json:"receipt,omitempty"`
	Chunks     []receipt.Chunk   `json:"chunks,omitempty"`
	Terms      int               `json:"terms,omitempty"`
	Reasons    []string          `json:"reasons,omitempty"`
}

// Export walks catalog and index in a fixed order.
func (a *App) Export(ctx context.Context, yield func(ExportLine) error) error {
	tenants, err := a.Catalog.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		err := a.Catalog.Live(ctx, t, "", func(d catalog.Document) error {
			return yield(ExportLine{Kind: "catalog", Tenant: t, ID: d.ID, Version: d.Version, Attributes: d.Attributes, Receipt: d.Receipt.ID(), Chunks: d.Receipt.Chunks})
		})
		if err != nil {
			return err
		}
		var held []ExportLine
		err = a.Catalog.Arrivals(ctx, t, catalog.Held, func(h catalog.Arrival) error {
			held = append(held, ExportLine{Kind: "held", Tenant: t, ID: h.ID, Version: h.Content, Reasons: h.Reasons})
			return nil
		})
		if err != nil {
			return err
		}
		slices.SortFunc(held, func(x, y ExportLine) int { return bytes.Compare([]byte(x.ID), []byte(y.ID)) })
		for _, l := range held {
			if err := yield(l); err != nil {
				return err
			}
		}
		err = a.Index.Scroll(ctx, t, func(c index.Chunk) error {
			return yield(ExportLine{Kind: "index", Tenant: t, ID: c.ID, Document: c.Document, Version: c.Version, Ordinal: c.Ordinal, Attributes: c.Attributes, Receipt: c.Receipt, Terms: len(c.Terms)})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Comparison is how catalog and index differ.
type Comparison struct {
	Documents int      `json:"documents"`
	Chunks    int      `json:"chunks"`
	Missing   []string `json:"missing"` // chunks the index lacks
	Phantom   []string `json:"phantom"` // chunks the catalog does not know
	Altered   []string `json:"altered"` // chunks that differ from their receipt
}

// Clean reports that nothing differs.
func (c Comparison) Clean() bool { return len(c.Missing)+len(c.Phantom)+len(c.Altered) == 0 }

// Compare holds every point of the index against the catalog's receipts.
func (a *App) Compare(ctx context.Context) (Comparison, error) {
	r := Comparison{Missing: []string{}, Phantom: []string{}, Altered: []string{}}
	tenants, err := a.Catalog.Tenants(ctx)
	if err != nil {
		return r, err
	}
	for _, t := range tenants {
		if err := a.compareTenant(ctx, t, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func (a *App) compareTenant(ctx context.Context, tenant string, r *Comparison) error {
	key, err := a.Keys.Derive(tenant, ingest.ContentPurpose)
	if err != nil {
		return err
	}
	type expected struct {
		document, version, receipt, attributes, terms string
	}
	want := map[string]expected{}
	err = a.Catalog.Live(ctx, tenant, "", func(d catalog.Document) error {
		r.Documents++
		for _, c := range d.Receipt.Chunks {
			want[c.ID] = expected{d.ID, d.Version, d.Receipt.ID(), d.Attributes.Hash(), c.Terms}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Chunks += len(want)
	err = a.Index.Scroll(ctx, tenant, func(c index.Chunk) error {
		w, ok := want[c.ID]
		switch {
		case !ok:
			r.Phantom = append(r.Phantom, c.ID)
		case w != expected{c.Document, c.Version, c.Receipt, c.Attributes.Hash(), receipt.Hash(key, ingest.TermBytes(c.Terms))}:
			r.Altered = append(r.Altered, c.ID)
		}
		delete(want, c.ID)
		return nil
	})
	for id := range want {
		r.Missing = append(r.Missing, id)
	}
	slices.Sort(r.Missing)
	return err
}
