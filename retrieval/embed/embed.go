// Package embed turns text into what an index can hold: keyed terms with
// weights ([Analyzer]) and vectors ([Embedder]). Clients for embedding servers
// live in its subpackages.
package embed

import (
	"context"
	"errors"
)

// Term is a search term blinded by a tenant's key, with its weight. A document's
// weight times a query's weight, summed over shared keys, is the score. Keys are
// 32 bits because sparse vectors of common vector stores are indexed so.
type Term struct {
	Key    uint32
	Weight float32
}

// Embedder makes vectors. Model and dimension are pinned in the index.
type Embedder interface {
	// Embed returns one vector per text, all of Dimension() floats.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
	Model() string
	Dimension() int
}

// Reranker orders passages for a query: one score per passage, higher is better.
type Reranker interface {
	Rerank(ctx context.Context, query string, passages []string) ([]float64, error)
}

// Destined is implemented by embedders and rerankers that send text elsewhere.
// Destination is "internal" or the name of an external provider as the
// configuration has it; policy decides per document whether text may go there,
// and the caller asks before it hands any over.
type Destined interface {
	Destination() string
}

// Internal is the destination of servers the operator runs.
const Internal = "internal"

// Sentinel errors of embedders and rerankers.
var (
	// ErrUnavailable means the server did not answer in time, at all, or with
	// anything usable.
	ErrUnavailable = errors.New("embedding server unavailable")
	// ErrModel means the server runs another model, or one of another dimension,
	// than is configured. Vectors of different models do not compare: configure
	// the right one, or reindex.
	ErrModel = errors.New("embedding server runs another model")
)
