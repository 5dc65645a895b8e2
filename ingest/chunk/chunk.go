// Package chunk cuts a text into spans within a token budget, at heading,
// paragraph, list, table, code and sentence borders where it can. It knows
// nothing of formats: the extractor says where a text's blocks are, and a text
// without blocks is cut at its blank lines. It copies no text.
package chunk

import (
	"errors"
	"fmt"
	"sort"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// Counter counts a text's tokens; retrieval/prompt has one on tiktoken.
type Counter interface {
	Count(text string) int
}

// Spans is a Counter that counts many parts of one text faster than one by one:
// what it returns gives Count(text[start:end]).
type Spans interface {
	Spans(text string) func(start, end int) int
}

// Chunk is a span of the text with the headings it stands under.
type Chunk struct {
	sanitize.Span
	Headings []string // outermost first
	Tokens   int      // of the span, and of Context when there is one
	// Context is the header of the table the span continues: whoever stores the
	// chunk writes text[Context.Start:Context.End], a line break, then the span.
	// It is empty when the span holds the header itself or is no table.
	Context sanitize.Span
}

// Kind says what a block is.
type Kind string

// Kinds of block. Text outside any block is paragraphs.
const (
	Paragraph Kind = "paragraph"
	Heading   Kind = "heading" // one title; Block.Level 1 (outermost) to 6
	List      Kind = "list"    // one item on each line that does not begin with a blank
	Table     Kind = "table"   // one row on each line; Block.Header marks the header rows
	Code      Kind = "code"    // broken between lines only
	Break     Kind = "break"   // a hard border (page, slide, sheet); the span may be empty
)

// Block is a structural part of a text.
type Block struct {
	sanitize.Span
	Kind   Kind          `json:"kind"`
	Level  int           `json:"level,omitempty"`  // headings only
	Header sanitize.Span `json:"header,omitempty"` // tables only: the header rows, at the start of the span
}

// Move returns the blocks of a rewritten text: at maps an offset of the old
// text to the new one and must be monotonic. Blocks left empty are dropped,
// except breaks.
func Move(blocks []Block, at func(offset int) int) []Block {
	out := make([]Block, 0, len(blocks))
	for _, b := range blocks {
		b.Span = sanitize.Span{Start: at(b.Start), End: at(b.End)}
		if b.Header.Len() > 0 {
			b.Header = sanitize.Span{Start: at(b.Header.Start), End: at(b.Header.End)}
		}
		if b.Len() > 0 || b.Kind == Break {
			out = append(out, b)
		}
	}
	return out
}

// Config bounds the chunks.
type Config struct {
	// MaxTokens is the most tokens a chunk may have; required, at least 16.
	MaxTokens int
	// MinTokens: a heading starts a new chunk only when the chunk before has this
	// many. 0 means a quarter of MaxTokens.
	MinTokens int
	// Overlap is how many tokens of prose the next chunk repeats, in whole
	// sentences, when a section had to be cut; less than half of MaxTokens.
	Overlap int
	// MaxBytes is the most bytes a chunk may have whatever the Counter says; 0
	// means 8 KiB.
	MaxBytes int
	// Counter is required.
	Counter Counter
}

// Sentinel errors.
var (
	// ErrConfig means a setting that cannot be used.
	ErrConfig = errors.New("chunk settings cannot be used")
	// ErrBlocks means blocks that do not fit the text: out of range, overlapping,
	// out of order or not on rune borders.
	ErrBlocks = errors.New("blocks do not fit the text")
	// ErrText means the text is not valid UTF-8.
	ErrText = errors.New("text is not valid UTF-8")
)

const (
	defaultMaxBytes = 8 << 10
	minBudget       = 16
	maxHeading      = 200 // bytes of a heading kept in a chunk's path
)

func (c Config) checked() (Config, error) {
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.MinTokens == 0 {
		c.MinTokens = c.MaxTokens / 4
	}
	switch {
	case c.Counter == nil:
		return c, fmt.Errorf("%w: Counter is missing", ErrConfig)
	case c.MaxTokens < minBudget:
		return c, fmt.Errorf("%w: MaxTokens is %d, at least %d is needed", ErrConfig, c.MaxTokens, minBudget)
	case c.MaxBytes < minBudget*utf8.UTFMax:
		return c, fmt.Errorf("%w: MaxBytes is %d, at least %d is needed", ErrConfig, c.MaxBytes, minBudget*utf8.UTFMax)
	case c.Overlap < 0 || c.Overlap*2 >= c.MaxTokens:
		return c, fmt.Errorf("%w: Overlap is %d, it must be from 0 to less than half of MaxTokens", ErrConfig, c.Overlap)
	case c.MinTokens < 0 || c.MinTokens > c.MaxTokens:
		return c, fmt.Errorf("%w: MinTokens is %d, it must be from 0 to MaxTokens", ErrConfig, c.MinTokens)
	}
	return c, nil
}

// Split cuts text into chunks. Every non-blank byte of text is in at least one
// chunk, chunks come in text order, their spans lie on rune borders, begin and
// end with non-blank text, and hold at most MaxTokens by the Counter (a single
// character the Counter thinks larger is kept whole). Blocks must be in order
// and not overlap; nil makes paragraphs at blank lines. Time is linear in the
// text when the Counter's is for texts up to MaxBytes.
func Split(text string, blocks []Block, c Config) ([]Chunk, error) {
	c, err := c.checked()
	if err != nil {
		return nil, err
	}
	if !utf8.ValidString(text) {
		return nil, ErrText
	}
	if err := fit(text, blocks); err != nil {
		return nil, err
	}
	count := func(start, end int) int { return c.Counter.Count(text[start:end]) }
	if s, ok := c.Counter.(Spans); ok {
		count = s.Spans(text)
	}
	cut := cutter{text: text, Config: c, count: count, pieces: make([]piece, 0, len(text)/100+8)}
	for _, b := range fill(text, blocks) {
		cut.block(b)
	}
	p := packer{text: text, Config: c, count: count, pieces: cut.pieces}
	return p.pack(), nil
}

// fit checks the blocks against the text.
func fit(text string, blocks []Block) error {
	at := 0
	for i, b := range blocks {
		if b.Start < at || b.End < b.Start || b.End > len(text) {
			return fmt.Errorf("%w: block %d (%s) at %d to %d", ErrBlocks, i, b.Kind, b.Start, b.End)
		}
		if !onBorder(text, b.Start) || !onBorder(text, b.End) {
			return fmt.Errorf("%w: block %d (%s) splits a character", ErrBlocks, i, b.Kind)
		}
		h := b.Header
		if h.Len() != 0 && (h.Start < b.Start || h.End > b.End || h.End < h.Start || !onBorder(text, h.Start) || !onBorder(text, h.End)) {
			return fmt.Errorf("%w: header of block %d", ErrBlocks, i)
		}
		at = b.End
	}
	return nil
}

func onBorder(text string, i int) bool {
	return i == len(text) || utf8.RuneStart(text[i])
}

// fill adds paragraphs for the text between blocks.
func fill(text string, blocks []Block) []Block {
	out := make([]Block, 0, len(blocks)+8)
	at := 0
	for _, b := range blocks {
		out = append(out, paragraphs(text, at, b.Start)...)
		out = append(out, b)
		at = b.End
	}
	out = append(out, paragraphs(text, at, len(text))...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Start < out[j].Start })
	return out
}
