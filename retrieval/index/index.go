// Package index is where ingest and retrieval meet: ingest writes chunks,
// retrieval searches them. An index holds ids, keyed terms, vectors and
// attributes, and no text. It is derived data: the catalog is the record.
package index

import (
	"context"
	"errors"

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
)
