package embed

import (
	"cmp"
	"slices"
)

// counts are the weighted occurrences of a text's terms, by number.
type counts struct {
	of           []float64
	words, grams []uint32 // that were counted
	pairs        []pair   // one by one
	// the sums of each
	wordLength, gramLength, pairLength float64
}

// pair is an occurrence of two neighbouring words.
type pair struct {
	words  uint64 // their numbers
	at     int
	weight float64
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
		c.of = grown(c.of, len(x.terms))
		c.words = tally(c.of, c.words, f.word, weight)
		c.wordLength += weight
		if a.cfg.GramWeight > 0 {
			for _, g := range f.grams {
				c.grams = tally(c.of, c.grams, g, weight)
				c.gramLength += weight
			}
		}
		if a.cfg.PhraseWeight > 0 && before != none && !w.ideographic {
			c.pairs = append(c.pairs, pair{uint64(before)<<32 | uint64(f.word), len(c.pairs), weight})
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

// eachPair yields every pair once, with its count.
func (c *counts) eachPair(yield func(words uint64, count float64)) {
	slices.SortFunc(c.pairs, func(a, b pair) int {
		if a.words == b.words {
			return a.at - b.at
		}
		return cmp.Compare(a.words, b.words)
	})
	for i := 0; i < len(c.pairs); {
		words, sum := c.pairs[i].words, 0.0
		for ; i < len(c.pairs) && c.pairs[i].words == words; i++ {
			sum += c.pairs[i].weight // in the order of the text, so that sums round alike
		}
		yield(words, sum)
	}
}

// clear empties the counts and keeps their room.
func (c *counts) clear() {
	for _, list := range [][]uint32{c.words, c.grams} {
		for _, id := range list {
			c.of[id] = 0
		}
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
