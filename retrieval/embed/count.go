package embed

// counts are the weighted occurrences of a text's terms, by number, and which
// there are.
type counts struct {
	ofTerm, ofPair      []float64
	words, grams, pairs []uint32
	// the sums of each
	wordLength, gramLength, pairLength float64
}

// add counts a text's words, their grams and the pairs of neighbours, stop words
// left out.
func (x *lexicon) add(a *Analyzer, text []*lexeme, language int, weight float64) {
	if weight == 0 {
		return
	}
	c := &x.count
	const none = ^uint32(0)
	before := none
	for _, w := range text {
		f := x.form(w, language)
		if f.stop {
			continue
		}
		c.ofTerm = grown(c.ofTerm, len(x.terms))
		c.words = tally(c.ofTerm, c.words, f.word, weight)
		c.wordLength += weight
		if a.cfg.GramWeight > 0 {
			for _, g := range f.grams {
				c.grams = tally(c.ofTerm, c.grams, g, weight)
				c.gramLength += weight
			}
		}
		if a.cfg.PhraseWeight > 0 && before != none && !w.ideographic {
			p := x.pair(before, f.word)
			c.ofPair = grown(c.ofPair, len(x.parts))
			c.pairs = tally(c.ofPair, c.pairs, p, weight)
			c.pairLength += weight
		}
		if before = f.word; f.alone {
			before = none
		}
	}
}

// tally adds to a term's count, and notes it where it is the first.
func tally(of []float64, seen []uint32, id uint32, weight float64) []uint32 {
	if of[id] == 0 {
		seen = append(seen, id)
	}
	of[id] += weight
	return seen
}

// clear empties the counts and keeps their room.
func (c *counts) clear() {
	for _, list := range [][]uint32{c.words, c.grams} {
		for _, id := range list {
			c.ofTerm[id] = 0
		}
	}
	for _, id := range c.pairs {
		c.ofPair[id] = 0
	}
	c.words, c.grams, c.pairs = c.words[:0], c.grams[:0], c.pairs[:0]
	c.wordLength, c.gramLength, c.pairLength = 0, 0, 0
}

// grown is a list of at least n, zeros at the end.
func grown[T any](list []T, n int) []T {
	if len(list) >= n {
		return list
	}
	if cap(list) >= n {
		return list[:n] // never written past its length
	}
	out := make([]T, n, n+n/2+1024)
	copy(out, list)
	return out
}
