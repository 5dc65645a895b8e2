// Package normalize makes the views scanners read: a text as given, and
// excerpts of it in which what was disguised is plain — invisible characters
// gone, look-alikes folded, encodings decoded — each with a map from every byte
// back to the bytes it came from.
//
// It judges nothing and changes nothing: a view is for reading, never for
// storing or showing, and legitimate text in any script makes no view but
// itself. What it does not undo is said at each transform.
package normalize

import (
	"fmt"

	"github.com/doorward/doorward/sanitize"
)

// Config bounds the work on one text.
type Config struct {
	// Depth is how many transforms may stand one behind the other, such as
	// base64 in an entity in base64. 0 means 3; at most 8.
	Depth int
	// Growth bounds the bytes of all views after the first, in multiples of the
	// text's (texts under 4 KiB count as 4 KiB). 0 means 4; at most 16.
	Growth int
}

// Normalizer builds views within bounds. It is immutable and safe for
// concurrent use.
type Normalizer struct {
	depth, growth int
}

// New checks the configuration.
func New(c Config) (*Normalizer, error) {
	n := &Normalizer{depth: 3, growth: 4}
	if c.Depth != 0 {
		n.depth = c.Depth
	}
	if c.Growth != 0 {
		n.growth = c.Growth
	}
	if n.depth < 0 || n.depth > 8 || n.growth < 0 || n.growth > 16 {
		return nil, fmt.Errorf("normalize: depth %d must be 0 to 8 and growth %d 0 to 16", c.Depth, c.Growth)
	}
	return n, nil
}

// Build returns the text's views under the default bounds: depth 3, growth 4.
func Build(text string) sanitize.Views {
	return (&Normalizer{depth: 3, growth: 4}).Build(text)
}

// Build returns the text's views. The first is the text itself; each further
// one is an excerpt around a place where a transform changed something, with up
// to [Context] bytes of its surroundings. When nothing is to be folded or
// decoded there is only the first. It takes time linear in the text.
func (n *Normalizer) Build(text string) sanitize.Views {
	source := sanitize.View{Text: text}
	views := sanitize.Views{Source: text, List: []sanitize.View{source}}
	budget := n.growth * max(len(text), 4096)
	from := 0
	for depth := 0; depth < n.depth && from < len(views.List); depth++ {
		to := len(views.List)
		for _, v := range views.List[from:to] {
			has := traitsOf(v.Text)
			for _, t := range transforms {
				if t.needs != 0 && t.needs&has == 0 {
					continue
				}
				edits := t.edits(v.Text)
				if len(edits) == 0 {
					continue
				}
				views.List, budget = excerpts(views.List, v, edits, t.name, budget)
			}
		}
		from = to
	}
	return views
}

// Fold returns the whole text with hidden characters gone and look-alikes
// folded, to a fixpoint: folding its text again changes nothing. Encodings are
// not decoded. A text that needs no folding comes back as it is, without a map.
func Fold(text string) sanitize.View {
	v := sanitize.View{Text: text}
	for range maxFolds {
		edits := foldEdits(v.Text)
		if len(edits) == 0 {
			break
		}
		v = apply(v, edits, "fold", 0, len(v.Text))
		v.Via = v.Via[:1]
	}
	return v
}

// maxFolds bounds how often one folding may uncover another. Every round takes
// characters away that no round brings back, and real texts need two.
const maxFolds = 64

// transform is one way of reading a text. edits returns what it would replace,
// in order and without overlaps; nil costs one pass and no allocation.
type transform struct {
	name  string
	edits func(text string) []edit
	// needs are traits of which a text must have one; 0 asks for none.
	needs trait
}

var transforms = []transform{
	{"fold", foldEdits, hasHigh | hasControl},
	{"bits", bitEdits, hasHigh},
	{"turned", turnedEdits, hasHigh},
	{"escape", escapeEdits, hasEscape},
	{"quoted", quotedEdits, hasEquals},
	{"blob", blobEdits, 0},
	{"ascii85", ascii85Edits, hasTilde},
	{"list", listEdits, 0},
	{"split", splitEdits, 0},
	{"cipher", cipherEdits, 0},
}

// trait is what kinds of bytes a text has: one pass tells which transforms have
// nothing to do.
type trait uint8

const (
	hasHigh    trait = 1 << iota // beyond ASCII
	hasControl                   // control characters but tab and line ends
	hasEscape                    // & % and backslash
	hasEquals
	hasTilde
)

var traits = func() (t [256]trait) {
	for c := range t {
		switch {
		case c >= 0x80:
			t[c] = hasHigh
		case c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f:
			t[c] = hasControl
		case c == '&' || c == '%' || c == '\\':
			t[c] = hasEscape
		case c == '=':
			t[c] = hasEquals
		case c == '~':
			t[c] = hasTilde
		}
	}
	return t
}()

func traitsOf(text string) (has trait) {
	i := 0
	for ; i+4 <= len(text); i += 4 {
		has |= traits[text[i]] | traits[text[i+1]] | traits[text[i+2]] | traits[text[i+3]]
	}
	for ; i < len(text); i++ {
		has |= traits[text[i]]
	}
	return has
}

// edit says that text[start:end] reads as with.
type edit struct {
	start, end int
	with       string
}
