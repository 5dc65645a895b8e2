// Package chunk cuts a text into spans within a token budget, at heading,
// paragraph and sentence borders where it can.
package chunk

import "github.com/doorward/doorward/sanitize"

// Counter counts a text's tokens; retrieval/prompt has one on tiktoken.
type Counter interface {
	Count(text string) int
}

// Chunk is a span of the text with the headings it stands under.
type Chunk struct {
	sanitize.Span
	Headings []string // outermost first
	Tokens   int
}
