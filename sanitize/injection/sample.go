package injection

import (
	"github.com/doorward/doorward/sanitize"
)

// Block is what the model reads in one block, for training: hashed n-grams and
// where it stands in the source.
type Block struct {
	Span  sanitize.Span
	Grams []uint32 // below Buckets; character 3-5-grams
	Words []uint32 // below Buckets; words and word pairs
}

// Window is a run of blocks with its dense features.
type Window struct {
	From, To int      // blocks, half open
	Dense    []uint16 // below DenseFeatures
	Layer    int      // 0 plain, 1 hidden, 2 encoded, 3 forged turn
	// Vote is what the rules add to the logit, less what size and channel, but
	// not the background, add to its threshold.
	Vote float64
}

// Reading is all blocks and windows of a text's views that the scanner would
// score.
type Reading struct {
	Blocks  []Block
	Windows []Window
	// Own is how many of the blocks, the first ones, are of the text itself; the
	// others are of its further views.
	Own int
}

// Reader makes readings for training. It is not safe for concurrent use.
type Reader struct {
	r *reader
}

// NewReader builds the lexicon.
func NewReader() (*Reader, error) {
	t, err := newTables()
	if err != nil {
		return nil, err
	}
	return &Reader{&reader{tables: t, collect: true}}, nil
}

// Read reads all views of a text; hiddenText reads it as text an extractor
// found hidden.
func (x *Reader) Read(v sanitize.Views, hiddenText bool) Reading {
	var out Reading
	for i, w := range v.List {
		l := layerOf(w)
		if hiddenText {
			l = max(l, hidden)
		}
		x.r.excerpt = i > 0
		x.add(&out, w, x.r.read(w.Text, l, changed(v.Source, w, i)))
		if i == 0 {
			out.Own = len(out.Blocks)
		}
	}
	return out
}

func (x *Reader) add(out *Reading, w sanitize.View, units []unit) {
	at := make([]int, len(units))
	for i := range units {
		at[i] = -1
		if !units[i].fresh {
			continue
		}
		at[i] = len(out.Blocks)
		u := &units[i]
		out.Blocks = append(out.Blocks, Block{
			Span:  w.Source(sanitize.Span{Start: u.start, End: u.end}),
			Grams: u.grams, Words: u.wordGrams,
		})
	}
	for i := range units {
		l := units[i].layer
		for j := i + 1; j <= len(units) && j <= i+maxWindow && at[j-1] >= 0 && at[i] >= 0 && units[j-1].layer == l; j++ {
			b := windowBits(units, i, j)
			var dense []uint16
			b.each(l, func(k int) { dense = append(dense, uint16(k)) })
			w := Window{From: at[i], To: at[j-1] + 1, Dense: dense, Layer: int(l), Vote: -units[i].lift}
			if j-i <= 2 {
				_, vote := x.r.tables.strongest(&b, l)
				w.Vote += rulePower * vote
			}
			out.Windows = append(out.Windows, w)
		}
	}
}
