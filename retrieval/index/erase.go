package index

import "context"

// Eraser is an index that can make chunks disappear from its files, not only
// from answers.
type Eraser interface {
	// Erase removes all chunks of a document, overwriting what searches can no
	// longer reach. It may be repeated.
	Erase(ctx context.Context, tenant, document string) error
	// Shred makes the bytes of what was erased disappear from the store's files,
	// as far as the store lets itself be told to. It may take a while.
	Shred(ctx context.Context) error
}
