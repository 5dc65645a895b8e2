package index

import (
	"fmt"
	"math"

	"github.com/doorward/doorward/retrieval/embed"
)

// CheckChunks reports the first malformed chunk of a Put, for adapters: all of
// them refuse the same ones. Errors name ids, never attributes.
func CheckChunks(tenant string, chunks []Chunk, p Pins) error {
	if tenant == "" {
		return ErrNoTenant
	}
	if len(chunks) > MaxPut {
		return fmt.Errorf("%w: %d chunks in one put, more than %d", ErrInvalid, len(chunks), MaxPut)
	}
	for i := range chunks {
		c := &chunks[i]
		switch {
		case c.ID == "" || c.Document == "" || c.Version == "" || c.Ordinal < 0:
			return fmt.Errorf("%w: chunk %d lacks an id, document, version or ordinal", ErrInvalid, i)
		case len(c.Terms) > MaxTerms:
			return fmt.Errorf("%w: chunk %s has %d terms, more than %d", ErrInvalid, c.ID, len(c.Terms), MaxTerms)
		case c.Vector != nil && len(c.Vector) != p.Dimension:
			return fmt.Errorf("%w: chunk %s has a vector of %d dimensions, the index %d", ErrMismatch, c.ID, len(c.Vector), p.Dimension)
		}
		if err := checkNumbers(c.Terms, c.Vector); err != nil {
			return fmt.Errorf("%w: chunk %s: %s", ErrInvalid, c.ID, err)
		}
	}
	return nil
}

// CheckQuery reports a malformed query.
func CheckQuery(q Query, p Pins) error {
	switch {
	case q.Tenant == "":
		return ErrNoTenant
	case q.Limit < 1 || q.Limit > MaxLimit:
		return fmt.Errorf("%w: limit %d is not within 1..%d", ErrInvalid, q.Limit, MaxLimit)
	case len(q.Terms) > MaxTerms:
		return fmt.Errorf("%w: %d terms, more than %d", ErrInvalid, len(q.Terms), MaxTerms)
	case q.Vector != nil && len(q.Vector) != p.Dimension:
		return fmt.Errorf("%w: query vector of %d dimensions, the index has %d", ErrMismatch, len(q.Vector), p.Dimension)
	}
	if err := checkNumbers(q.Terms, q.Vector); err != nil {
		return fmt.Errorf("%w: query: %s", ErrInvalid, err)
	}
	return nil
}

type flaw string

func (f flaw) Error() string { return string(f) }

func checkNumbers(terms []embed.Term, vector []float32) error {
	for i, t := range terms {
		if i > 0 && terms[i-1].Key >= t.Key {
			return flaw("terms are not ascending by key")
		}
		if !finite(t.Weight) || t.Weight <= 0 {
			return flaw("a term weight is not positive and finite")
		}
	}
	for _, v := range vector {
		if !finite(v) {
			return flaw("a vector component is not finite")
		}
	}
	return nil
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }
