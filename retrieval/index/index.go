// Package index is where ingest and retrieval meet: ingest writes chunks,
// retrieval searches them. An index holds ids, keyed terms, vectors and
// attributes, and no text. It is derived data: the catalog is the record.
package index

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/policy"
	"github.com/doorward/doorward/retrieval/embed"
)

// Chunk is one stored point.
type Chunk struct {
	ID         string            // UUIDv5 of (tenant, document, version, ordinal)
	Document   string            // document id
	Version    string            // document version
	Ordinal    int               // position within the version, from 0
	Terms      []embed.Term      // keyed terms with document-side weights, ascending by key
	Vector     []float32         // nil where no embedder is configured
	Attributes policy.Attributes // the document's, for the filter
	Receipt    string            // hash of the receipt that covers this chunk
}

// Query is one search. Tenant is always required. Forgetting Filter finds
// nothing: its zero value denies all.
type Query struct {
	Tenant string
	Terms  []embed.Term // query-side weights
	Vector []float32
	Filter policy.Filter   // from the policy, with the request's time bound
	Narrow []policy.Filter // asked for by the user, each ANDed apart
	Limit  int             // number of hits, ≥ 1
}

// Hit is one found chunk. What it says of itself is not trusted: the catalog is
// asked before anything is released.
type Hit struct {
	ID       string
	Document string
	Version  string
	Ordinal  int
	Score    float64
	Receipt  string
}

// Reader searches.
type Reader interface {
	Search(ctx context.Context, q Query) ([]Hit, error)
}

// Writer changes the index. Every method returns after the change is durable
// and visible to Search, and may be repeated without further effect.
type Writer interface {
	// Put adds chunks, replacing those of the same ids.
	Put(ctx context.Context, tenant string, chunks []Chunk) error
	// Retire removes all chunks of one version of a document; an empty version
	// removes all of the document's chunks.
	Retire(ctx context.Context, tenant, document, version string) error
	// SetAttributes replaces the attributes of all chunks of a document, and the
	// receipt hash that covers them.
	SetAttributes(ctx context.Context, tenant, document string, attrs policy.Attributes, receipt string) error
}

// Scroller lists stored points for fsck, export and scrubbing, ascending by id.
type Scroller interface {
	// Scroll calls yield for each chunk of a tenant (terms and vectors
	// included) until it returns an error, which Scroll returns.
	Scroll(ctx context.Context, tenant string, yield func(Chunk) error) error
}

// Mender takes out points that should not be there, for fsck.
type Mender interface {
	Writer
	Scroller
	// Remove takes out the tenant's points of these ids; others of the same ids
	// stay. It is durable and visible when it returns.
	Remove(ctx context.Context, tenant string, ids []string) error
	// Tenants lists the tenants that have points, known to the catalog or not.
	Tenants(ctx context.Context) ([]string, error)
}

// Epochs keeps each tenant's term statistics beside its chunks. They change only
// when an epoch is declared, so that what is added in between, forbidden
// documents included, moves no ranking.
type Epochs interface {
	// Statistics returns the snapshot in force; its Epoch is 0 when none was
	// declared yet. The result is shared and must not be changed.
	Statistics(ctx context.Context, tenant string) (*embed.Statistics, error)
	// DeclareEpoch counts the tenant's terms anew, makes the result durable and
	// in force, and returns it.
	DeclareEpoch(ctx context.Context, tenant string) (*embed.Statistics, error)
}

// Pins is what an index was made with. Searching it with anything else would
// compare what cannot be compared.
type Pins struct {
	Analysis  string // embed.Analyzer.Fingerprint
	Model     string // embedding model; "" for none
	Dimension int    // of its vectors; 0 for none
}

// Check returns an error that matches [ErrMismatch] when stored differs from p,
// the configured pins.
func (p Pins) Check(stored Pins) error {
	switch {
	case p.Analysis != stored.Analysis:
		return fmt.Errorf("%w: it was made with analysis %q, configured is %q; run `doorward reindex`", ErrMismatch, stored.Analysis, p.Analysis)
	case p.Model != stored.Model || p.Dimension != stored.Dimension:
		return fmt.Errorf("%w: it was made with model %q (%d dimensions), configured is %q (%d); configure the old one or run `doorward reindex`",
			ErrMismatch, stored.Model, stored.Dimension, p.Model, p.Dimension)
	}
	return nil
}

// Limits of one call, the same for every store.
const (
	MaxLimit = 1000   // hits of one search
	MaxTerms = 16384  // terms of one chunk or query
	MaxPut   = 10_000 // chunks of one Put
)

// Sentinel errors of indexes.
var (
	// ErrNoTenant means a call did not name its tenant.
	ErrNoTenant = errors.New("no tenant named")
	// ErrFilter means a filter could not be rendered safely; nothing was sent.
	ErrFilter = errors.New("filter refused before reaching the store")
	// ErrUnavailable means the store did not answer in time or at all.
	ErrUnavailable = errors.New("index unavailable")
	// ErrMismatch means the index was made with another model, dimension or
	// analysis than is configured; reindex.
	ErrMismatch = errors.New("index does not match the configuration")
	// ErrInvalid means a chunk or query is malformed; nothing was done.
	ErrInvalid = errors.New("not a valid chunk or query")
)
