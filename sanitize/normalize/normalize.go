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
			for _, t := range transforms {
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
}

var transforms = []transform{
	{"fold", foldEdits},
	{"bits", bitEdits},
	{"turned", turnedEdits},
	{"escape", escapeEdits},
	{"quoted", quotedEdits},
	{"blob", blobEdits},
	{"ascii85", ascii85Edits},
	{"list", listEdits},
	{"split", splitEdits},
	{"cipher", cipherEdits},
}

// edit says that text[start:end] reads as with.
type edit struct {
	start, end int
	with       string
}
