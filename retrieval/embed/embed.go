// Package embed turns text into what an index can hold: keyed terms with
// weights ([Analyzer]) and vectors ([Embedder]). Clients for embedding servers
// live in its subpackages.
package embed

import "context"

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
