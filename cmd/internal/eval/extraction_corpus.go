package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// madeUp is a corpus of invented words: topics of fifty documents each, which
// share some words of their own beside those that all documents share, in the
// proportions of natural text (Zipf).
func madeUp(documents int, seed uint64) (*beirSet, [][]int) {
	r := rng(seed, "corpus")
	common := invented(r, 3000)
	set := &beirSet{byID: map[string]*beirRecord{}, corpus: make([]beirRecord, documents)}
	topics := make([][]int, max(1, documents/50))
	own := make([][]string, len(topics))
	for i := range own {
		own[i] = invented(r, 120)
	}
	for i := range set.corpus {
		topic := i % len(topics)
		topics[topic] = append(topics[topic], i)
		// Each document dwells on some of its topic's words and has a few names
		// that no other has.
		dwells := make([]string, 25)
		for j := range dwells {
			dwells[j] = own[topic][zipf(r, len(own[topic]))]
		}
		dwells = append(dwells, invented(r, 3)...)
		var b strings.Builder
		for b.Len() < 900 {
			for range 6 + r.IntN(12) {
				w := common[zipf(r, len(common))]
				if r.Float64() < .4 {
					w = dwells[r.IntN(len(dwells))]
				}
				b.WriteString(w + " ")
			}
			b.WriteString("\n")
		}
		set.corpus[i] = beirRecord{ID: fmt.Sprintf("d%05d", i), Title: strings.Join(dwells[:3], " "), Text: b.String()}
	}
	for i := range set.corpus {
		set.byID[set.corpus[i].ID] = &set.corpus[i]
	}
	return set, topics
}

// zipf draws a rank with probability about 1/rank.
func zipf(r *rand.Rand, n int) int {
	return min(n-1, int(math.Exp(r.Float64()*math.Log(float64(n)+1)))-1)
}

func invented(r *rand.Rand, n int) []string {
	const consonants, vowels = "bcdfghjklmnprstvz", "aeiou"
	out := make([]string, n)
	for i := range out {
		var b strings.Builder
		for range 2 + r.IntN(3) {
			b.WriteByte(consonants[r.IntN(len(consonants))])
			b.WriteByte(vowels[r.IntN(len(vowels))])
		}
		b.WriteByte(consonants[r.IntN(len(consonants))])
		out[i] = b.String()
	}
	return out
}
