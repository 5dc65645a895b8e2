package embed

// counts are the weighted occurrences of a text's terms.
type counts struct {
	stems []*stem  // that were counted; each has its count
	grams []uint32 // that were counted
	pairs pairs
	// the sums of each
	wordLength, gramLength, pairLength float64
}

// add counts a text's words, their grams and the pairs of neighbours, stop words
// left out. Grams are counted by [lexicon.countGrams].
func (x *lexicon) add(a *Analyzer, text []*lexeme, language int, weight float64) {
	if weight == 0 {
		return
	}
	c := &x.count
	var before *stem
	for _, w := range text {
		s := x.form(a, w, language)
		if s == nil {
			continue
		}
		if s.count == 0 {
			c.stems = append(c.stems, s)
		}
		s.count += weight
		c.wordLength += weight
		c.gramLength += weight * float64(len(s.grams))
		if before != nil && !w.ideographic {
			c.pairs.add(before.number, s.number, weight)
			c.pairLength += weight
		}
		if before = s; s.alone {
			before = nil
		}
	}
}

// countGrams counts the grams of the words that were counted, of each stem once:
// words come several times in a text.
func (x *lexicon) countGrams() {
	c := &x.count
	for _, s := range c.stems {
		for _, n := range s.grams {
			g := &x.grams[n]
			if g.count == 0 {
				c.grams = append(c.grams, n)
			}
			g.count += s.count
		}
	}
}

// uncount empties the counts and keeps their room.
func (x *lexicon) uncount() {
	c := &x.count
	for _, s := range c.stems {
		s.count = 0
	}
	for _, n := range c.grams {
		x.grams[n].count = 0
	}
	c.stems, c.grams = c.stems[:0], c.grams[:0]
	c.pairs.clear()
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

// pairs counts pairs of neighbouring words.
type pairs struct {
	list  []pair
	table []uint32 // by hash: a place in list plus one; open addressing, a power of two
}

// pair is two words' numbers and how often they stand side by side, weighted.
type pair struct {
	words uint64
	count float64
}

func (p *pairs) add(before, word uint32, weight float64) {
	if 2*(len(p.list)+1) > len(p.table) {
		p.table = make([]uint32, max(512, 2*len(p.table)))
		for i := range p.list {
			p.table[p.place(p.list[i].words)] = uint32(i + 1)
		}
	}
	words := uint64(before)<<32 | uint64(word)
	at := p.place(words)
	if p.table[at] == 0 {
		p.list = append(p.list, pair{words: words})
		p.table[at] = uint32(len(p.list))
	}
	p.list[p.table[at]-1].count += weight
}

// place is where a pair is in the table, or would be.
func (p *pairs) place(words uint64) int {
	mask := len(p.table) - 1
	for i := int(words*0x9e3779b97f4a7c15>>32) & mask; ; i = (i + 1) & mask {
		if n := p.table[i]; n == 0 || p.list[n-1].words == words {
			return i
		}
	}
}

// maxPairTable is how large a table is kept; a long text's would be emptied for
// every short one after it.
const maxPairTable = 1 << 14

func (p *pairs) clear() {
	if p.list = p.list[:0]; len(p.table) > maxPairTable {
		p.table = nil
	}
	clear(p.table)
}
