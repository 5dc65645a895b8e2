package embed

import "math"

// minGramIDF drops four-grams that more than about a tenth of the chunks hold:
// they cost the most to score and say the least.
const minGramIDF = 2.0

// maxQueryTokens bounds the work one query can ask for; what follows is ignored.
const maxQueryTokens = 512

// Query returns a query's terms, ascending by key. A term weighs its inverse
// document frequency in st, divided by the sum over the query, so that words,
// grams and pairs each add up to their configured share whatever the query's length: a
// bound known before the search takes the place of the best hit's score, which
// would depend on documents the user may not see.
//
// A query is too short to tell its language, so each word is taken in every
// configured language that st has seen. A nil st weighs all terms alike.
func (a *Analyzer) Query(tenantKey []byte, st *Statistics, text string) []Term {
	x := a.lexicons.borrow()
	k := x.keysOf(tenantKey)
	langs := a.spoken(k, st)
	x.text = x.read(x.text, text, maxQueryTokens)
	for _, l := range langs {
		x.add(a, x.text, l.index, 1)
	}
	words, grams, pairs := map[uint32]float64{}, map[uint32]float64{}, map[uint32]float64{}
	for _, s := range x.count.stems {
		words[k.stem(s)] = 0
	}
	if a.cfg.GramWeight > 0 {
		x.countGrams()
	}
	for _, g := range x.count.grams {
		grams[x.gramKey(k, g)] = 0
	}
	if a.cfg.PhraseWeight > 0 {
		for _, p := range x.count.pairs.list {
			pairs[x.pairKey(k, p.words)] = 0
		}
	}
	x.uncount()
	a.lexicons.giveBack(x)
	out := make(map[uint32]float32, len(words)+len(grams)+len(pairs))
	share(out, st, words, 1, 0)
	share(out, st, grams, a.cfg.GramWeight, minGramIDF)
	share(out, st, pairs, a.cfg.PhraseWeight, 0)
	return sorted(out, maxQueryTerms)
}

// maxQueryTerms bounds a query's terms after all languages and grams.
const maxQueryTerms = 4096

// spoken returns the configured languages that st has seen chunks of.
func (a *Analyzer) spoken(k *termKeys, st *Statistics) []language {
	if st == nil || st.Chunks == 0 {
		return a.languages
	}
	var out []language
	for _, l := range a.languages {
		if st.Frequency(k.mark(l.code)) > 0 {
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		return a.languages
	}
	return out
}

// share gives keys their IDF, scaled so that all together weigh total.
func share(out map[uint32]float32, st *Statistics, keys map[uint32]float64, total, minIDF float64) {
	sum := 0.0
	for _, k := range ascending(keys) { // a fixed order, so that sums round alike
		idf := 1.0
		if st != nil && st.Chunks > 0 {
			df := st.Frequency(k)
			idf = math.Log(1 + (float64(st.Chunks)-float64(df)+0.5)/(float64(df)+0.5))
			if df == 0 {
				// Unseen when the epoch began: it may have come since, and is rare.
				keys[k] = idf
				continue
			}
			if idf < minIDF && st.Chunks >= minChunksToPrune {
				delete(keys, k)
				continue
			}
		}
		keys[k] = idf
		sum += idf
	}
	if sum == 0 {
		sum = 1
		if st != nil && st.Chunks > 0 {
			sum = math.Log(1 + float64(st.Chunks)/0.5)
		}
	}
	for k, idf := range keys {
		w := float32(total * idf / sum)
		out[k] = max(out[k], w)
	}
}

// minChunksToPrune keeps small corpora whole: pruning is for speed.
const minChunksToPrune = 1000

// sorted returns the heaviest limit terms, ascending by key.
func sorted(m map[uint32]float32, limit int) []Term {
	out := make([]Term, 0, len(m))
	for _, k := range ascending(m) {
		out = append(out, Term{k, m[k]})
	}
	return heaviest(out, limit)
}
