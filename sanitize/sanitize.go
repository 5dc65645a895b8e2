// Package sanitize holds the nouns of scanning and rewriting: a [Finding] marks
// a [Span] of a text, a [Scanner] makes findings from [Views] of it, an
// [Action] says what to do about one. Findings never hold the text they mark.
package sanitize

import "context"

// Span is a half-open range of byte offsets, on rune borders, in the text that
// was given.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Len is the number of bytes.
func (s Span) Len() int { return s.End - s.Start }

// Overlaps reports whether the two spans share a byte.
func (s Span) Overlaps(o Span) bool { return s.Start < o.End && o.Start < s.End }

// Kind is a family of findings.
type Kind string

// Finding kinds.
const (
	Secret    Kind = "secret"
	PII       Kind = "pii"
	Injection Kind = "injection"
	Hidden    Kind = "hidden"
	Egress    Kind = "egress" // links, images and other active content in model output
	Canary    Kind = "canary"
	Template  Kind = "template"  // chat-template tokens, delimiter echoes
	Verbatim  Kind = "verbatim"  // long verbatim runs of context
	Protected Kind = "protected" // text of documents the subject may not read
)

// Finding is one match. Type is the data type for PII (EMAIL, CREDIT_CARD, …)
// or a coarse class otherwise; Rule names the rule that matched; Score is 0…1.
type Finding struct {
	Span
	Kind  Kind    `json:"kind"`
	Type  string  `json:"type,omitempty"`
	Rule  string  `json:"rule"`
	Score float64 `json:"score"`
}

// View is one reading of a text: as given, or with characters folded, unhidden
// or decoded. Every byte of Text maps back to a span of the source.
type View struct {
	Text string
	// Via names the transforms that made it, outermost last; empty for the source.
	Via []string
	// Map is nil for the identity (offset i of the view is offset Base+i of the
	// source). Otherwise see [View.Source].
	Map *OffsetMap
	// Base is the source offset of Text when Map is nil.
	Base int
}

// Views are a text's readings, built once and shared by all scanners. The first
// is the source itself.
type Views struct {
	Source string
	List   []View
}

// Plain returns the views of a text that needs no normalisation: itself.
func Plain(text string) Views {
	return Views{Source: text, List: []View{{Text: text}}}
}

// Scanner finds. It must be safe for concurrent use, must return spans on rune
// borders of v.Source, and must take time linear in the size of the views.
type Scanner interface {
	Scan(ctx context.Context, v Views) ([]Finding, error)
}

// Stream scans text as it arrives. Write takes the next bytes and reports how
// many bytes, counted from the start of the stream, can no longer become part
// of a match, together with findings completed so far (spans from the start of
// the stream). Close ends the stream and returns the remaining findings.
type Stream interface {
	Write(p []byte) (safe int, found []Finding)
	Close() (found []Finding)
}

// Streamer is a Scanner that also works incrementally: its Stream finds the
// same as Scan of the whole plain text, for any split.
type Streamer interface {
	Scanner
	NewStream() Stream
}
