// Package extract turns a document's bytes into the text a reader of it sees,
// with its structure, and reports what the document holds that such a reader
// does not see: comments, text hidden by style, metadata, annotations, tracked
// deletions, hidden sheets. Hidden text never becomes part of the visible text.
//
// It reads text, Markdown, HTML, XML, CSV, JSON, source code, mail, DOCX, PPTX,
// XLSX and PDF. It does not read images (no OCR), legacy Office files, RTF,
// EPUB or archives; those, and whatever is encrypted, malformed, ambiguous or
// over a limit, are refused with a typed error and no text.
//
// Formats with real parsers run in a pool of child processes with limits on
// memory, processor time, wall clock, open files and output; see [Config] and
// [Main].
package extract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorward/doorward/ingest/chunk"
)

// Input is a document as received.
type Input struct {
	Name      string // file name, a hint only; never opened
	MediaType string // as claimed; a hint only
	Bytes     []byte
}

// Document is what was read.
type Document struct {
	// Text is the visible text: valid UTF-8, lines ended by \n, no control
	// characters but \n and \t.
	Text string `json:"text"`
	// MediaType is what the bytes were found to be.
	MediaType string `json:"media_type"`
	// Title is the first visible heading or subject line, also part of Text; it
	// is as untrusted and unscanned as Text.
	Title string `json:"title,omitempty"`
	// Blocks are the structure of Text, for chunk.Split.
	Blocks []chunk.Block `json:"blocks,omitempty"`
	// Hidden is what a reader does not see, in order of Offset.
	Hidden []Hidden `json:"hidden,omitempty"`
	// Unread counts, by media type, parts no text was taken from: images,
	// drawings, attachments of unknown types.
	Unread map[string]int `json:"unread,omitempty"`
	// Warnings say in fixed words what was odd, for example a wrong claimed type.
	Warnings []string `json:"warnings,omitempty"`
}

// Class says how a text came to be hidden.
type Class string

// Classes of hidden text. Nearly every web page and office file has metadata;
// concealed text is rare in honest documents.
const (
	Metadata  Class = "metadata"  // titles, descriptions, alternative texts, headers, properties
	Markup    Class = "markup"    // comments, templates, notes, tracked deletions, alternatives
	Concealed Class = "concealed" // styled or placed so that nobody sees it
)

// Hidden is one run of text that a reader does not see.
type Hidden struct {
	// Offset is where in Document.Text it would have been inserted.
	Offset int `json:"offset"`
	// Locator says where in the source it was, in fixed words and numbers, never
	// with text of the document: "css display none", "page 3 render mode 3".
	Locator string `json:"locator"`
	// Technique is the rule name for findings: lower case, hyphens.
	Technique string `json:"technique"`
	Class     Class  `json:"class"`
	// Text is the hidden text itself; never log it.
	Text string `json:"text"`
}

// Config bounds extraction. Either Command or InProcess is required.
type Config struct {
	// MaxBytes is the largest input; 0 means 100 MiB.
	MaxBytes int64
	// MaxText is the most text, visible and hidden together, in bytes; 0 means
	// 32 MiB.
	MaxText int
	// MaxExpanded is the most bytes all compressed parts of a document may expand
	// to; 0 means 512 MiB.
	MaxExpanded int64
	// MaxRatio is the most a compressed part of more than 1 MiB may expand; 0
	// means 200 times.
	MaxRatio int64
	// MaxEntries is the most entries of an archive or objects of a PDF; 0 means
	// 100,000.
	MaxEntries int
	// MaxDepth is how deep attachments may nest; 0 means 8.
	MaxDepth int
	// Command is the program, with arguments, that runs as a child and calls
	// [Main], usually {"/proc/self/exe", "__extract"}.
	Command []string
	// InProcess parses in this process instead, under Timeout but without limits
	// on memory and processor time. For tests and tools only.
	InProcess bool
	// Workers is the most children at once; 0 means the number of processors.
	Workers int
	// Timeout is the wall clock one document may take; 0 means 20 s.
	Timeout time.Duration
	// CPU is the processor time one document may take in a child; 0 means 10 s.
	CPU time.Duration
	// Memory is the size of a child's heap (RLIMIT_DATA) in bytes; 0 means
	// 256 MiB. A document takes two to three times its own size, so those near
	// MaxBytes need more than the default and are refused with ErrFailed under it.
	// -1 means no limit: only for children built with the race detector, whose
	// bookkeeping alone is over any.
	Memory int64
	// Reuse is how many documents a child reads before it is replaced; 0 means
	// 200. Any failure replaces it at once.
	Reuse int
}

func (c Config) defaults() Config {
	set := func(p *int64, v int64) {
		if *p == 0 {
			*p = v
		}
	}
	seti := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&c.MaxBytes, 100<<20)
	set(&c.MaxExpanded, 512<<20)
	set(&c.MaxRatio, 200)
	set(&c.Memory, 256<<20)
	seti(&c.MaxText, 32<<20)
	seti(&c.MaxEntries, 100_000)
	seti(&c.MaxDepth, 8)
	seti(&c.Reuse, 200)
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.CPU == 0 {
		c.CPU = 10 * time.Second
	}
	return c
}

// Extractor reads documents. It is safe for concurrent use.
type Extractor struct {
	config Config
	pool   *pool // nil in process
}

// Revision changes whenever the text of some document may come out otherwise;
// it is part of a document's version.
const Revision = "extract-1"

// New returns an Extractor. It starts no child before the first document that
// needs one.
func New(c Config) (*Extractor, error) {
	c = c.defaults()
	switch {
	case c.InProcess && len(c.Command) > 0:
		return nil, errors.New("extract: Command and InProcess exclude each other")
	case !c.InProcess && len(c.Command) == 0:
		return nil, errors.New("extract: Command is missing (or set InProcess where the documents are trusted)")
	case c.MaxBytes < 0 || c.MaxText < 0 || c.MaxEntries < 0 || c.MaxDepth < 0 || c.MaxRatio < 0 || c.MaxExpanded < 0 || c.Timeout < 0:
		return nil, errors.New("extract: a limit is negative")
	}
	e := &Extractor{config: c}
	if !c.InProcess {
		e.pool = newPool(c)
	}
	return e, nil
}

// Close ends the children. Extract fails afterwards.
func (e *Extractor) Close() error {
	if e.pool == nil {
		return nil
	}
	return e.pool.close()
}

// Extract reads one document. On any error the Document is its zero value. The
// error wraps one of this package's sentinels, or is the context's, and never
// holds text of the document.
func (e *Extractor) Extract(ctx context.Context, in Input) (Document, error) {
	if err := ctx.Err(); err != nil {
		return Document{}, err
	}
	if int64(len(in.Bytes)) > e.config.MaxBytes {
		return Document{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(in.Bytes), e.config.MaxBytes)
	}
	kind, err := detect(in)
	if err != nil {
		return Document{}, err
	}
	if e.pool != nil && !kind.plain() {
		return e.pool.extract(ctx, in)
	}
	return e.inProcess(ctx, in)
}

// inProcess runs the parser in a goroutine of this process. A parser that does
// not end in time is left behind; that is why other formats than plain text
// belong in a child.
func (e *Extractor) inProcess(ctx context.Context, in Input) (Document, error) {
	ctx, cancel := context.WithTimeout(ctx, e.config.Timeout)
	defer cancel()
	type result struct {
		doc Document
		err error
	}
	done := make(chan result, 1)
	go func() {
		doc, err := parse(ctx, e.config, in)
		done <- result{doc, err}
	}()
	select {
	case r := <-done:
		return r.doc, r.err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return Document{}, fmt.Errorf("%w: over %v", ErrTimeout, e.config.Timeout)
		}
		return Document{}, ctx.Err()
	}
}

// parse detects and reads one document in this goroutine. Panics of parsers
// become ErrMalformed.
func parse(ctx context.Context, c Config, in Input) (doc Document, err error) {
	defer func() {
		if r := recover(); r != nil {
			// The panic's own words may quote the document.
			doc, err = Document{}, fmt.Errorf("%w: the parser panicked", ErrMalformed)
		}
	}()
	b := &builder{ctx: ctx, config: c, budget: &budget{text: c.MaxText, expanded: c.MaxExpanded}}
	kind, err := b.read(in, 0)
	if err != nil {
		return Document{}, err
	}
	doc, err = b.document()
	if err != nil {
		return Document{}, err
	}
	doc.MediaType = kind.mediaType()
	if strings.TrimSpace(doc.Text) == "" {
		return Document{}, fmt.Errorf("%w: no visible text in %s", ErrEmpty, doc.MediaType)
	}
	return doc, nil
}

// read detects and reads one document, or a part of one, into the builder.
func (b *builder) read(in Input, depth int) (format, error) {
	if depth > b.config.MaxDepth {
		return "", fmt.Errorf("%w: parts nested more than %d deep", ErrTooLarge, b.config.MaxDepth)
	}
	kind, err := detect(in)
	if err != nil {
		return "", err
	}
	if kind == zipFile {
		if kind, err = zipKind(in.Bytes, b.config.MaxEntries); err != nil {
			return kind, err
		}
		if kind, err = told(in, kind); err != nil {
			return kind, err
		}
	}
	if w := mismatch(in, kind); w != "" {
		b.warn(w)
	}
	reader := readerOf(kind)
	if reader == nil {
		return kind, fmt.Errorf("%w: %s", ErrUnsupported, kind.mediaType())
	}
	if err := reader(b, in, depth); err != nil {
		return kind, err
	}
	return kind, b.err
}
