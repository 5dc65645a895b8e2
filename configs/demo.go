package configs

import "embed"

// Demo holds the documents of `doorward demo` under demo/corpus: a fictitious
// company, written for this. It holds placeholders where the demo plants
// secrets, personal data and invisible characters, and text sources of the DOCX
// and PDF files; package cmd/internal/demo makes the documents of them.
//
//go:embed demo
var Demo embed.FS
