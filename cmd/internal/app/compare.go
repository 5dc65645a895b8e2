package app

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/doorward/doorward/ingest/catalog"
	"github.com/doorward/doorward/ingest/receipt"
	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/policy/audit"
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
	Chunks int           `json:"chunks"`
	Faults []index.Fault `json:"faults"`
}

// Clean reports that nothing differs.
func (c Comparison) Clean() bool { return len(c.Faults) == 0 }

// Compare holds every point of the index against the catalog: identity, place,
// receipt, attributes, terms and vector.
func (a *App) Compare(ctx context.Context) (Comparison, error) {
	r := Comparison{Faults: []index.Fault{}}
	tenants, err := a.Catalog.Tenants(ctx)
	if err != nil {
		return r, err
	}
	for _, t := range tenants {
		n, err := index.Scrub(ctx, a.Index, t, a.Catalog.Points(ctx, t), func(f index.Fault) error {
			r.Faults = append(r.Faults, f)
			return nil
		})
		if err != nil {
			return r, err
		}
		r.Chunks += n
	}
	return r, nil
}

// Scrub compares again and again until ctx ends. What is found twice in a row is
// audited as an alarm; once may be a document that was changing. Nothing of it is
// released meanwhile: every hit is proved by its receipt.
func (a *App) Scrub(ctx context.Context, every time.Duration) {
	var before map[index.Fault]bool
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r, err := a.Compare(ctx)
		if err != nil {
			a.Log.ErrorContext(ctx, "scrubbing failed", "error", err)
			continue
		}
		now := map[index.Fault]bool{}
		flaws := map[string]int{}
		var documents []string
		for _, f := range r.Faults {
			now[f] = true
			if before[f] {
				flaws[string(f.Flaw)]++
				documents = append(documents, f.Document)
			}
		}
		before = now
		a.Metrics.Compared(flaws, time.Now())
		if len(flaws) > 0 {
			a.alarm(ctx, documents, flaws)
		}
	}
}

func (a *App) alarm(ctx context.Context, documents []string, flaws map[string]int) {
	documents = documents[:min(len(documents), 100)]
	a.Log.ErrorContext(ctx, "the index differs from the catalog: run `doorward fsck`", "flaws", flaws)
	e := audit.Entry{Event: "alarm", Outcome: "scrub", Tenant: "*", Documents: documents, Counts: flaws, Reason: "the index differs from the catalog"}
	if err := a.Audit.Append(ctx, e); err != nil {
		a.Log.ErrorContext(ctx, "auditing an alarm", "error", err)
	}
}
