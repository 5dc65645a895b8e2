package extract

import (
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
)

// readerOf returns the reader of a format, nil for one that is not read.
func readerOf(f format) reader {
	switch f {
	case plainText:
		return readPlain
	case sourceTxt, yamlText:
		return readSource
	case markdown:
		return readMarkdown
	case htmlPage:
		return readHTML
	case xmlText:
		return readXML
	case csvText, tsvText:
		return readCSV
	case jsonText, jsonLines:
		return readJSON
	case mailFile:
		return readMail
	case docx:
		return readDOCX
	case pptx:
		return readPPTX
	case xlsx:
		return readXLSX
	case pdfFile:
		return readPDF
	}
	return nil
}

// readPlain keeps the text as it is.
func readPlain(b *builder, in Input, _ int) error {
	s, err := decode(in.Bytes, charsetOf(in.MediaType))
	if err != nil {
		return err
	}
	b.gap()
	start := len(b.out)
	b.raw(s)
	if b.name == "" && start == 0 {
		b.name = firstLine(b.out)
	}
	return nil
}

// firstLine is the first non-blank line when it is short enough for a title.
func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text[:min(len(text), 400)])), "\n")
	if len(line) > 120 {
		return ""
	}
	return strings.TrimSpace(line)
}

// readSource keeps source code and configuration as one block of code: its
// comments are visible to whoever opens the file.
func readSource(b *builder, in Input, _ int) error {
	s, err := decode(in.Bytes, charsetOf(in.MediaType))
	if err != nil {
		return err
	}
	b.gap()
	start := len(b.out)
	b.raw(s)
	b.block(chunk.Code, 0, start)
	return nil
}
