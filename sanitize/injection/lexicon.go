package injection

import (
	"slices"
	"strings"
)

// lexicon finds the classes of folded words and stems. Both tables are open
// addressed and a quarter full at most: nearly every word of a text is in
// neither, and one look at the hash its token carries anyway says so.
type lexicon struct {
	hashes []uint32 // of words, 0 where none is; as long as words
	words  []entryOf
	// keys are the first three bytes of stems, 0 where none is; runs tells which
	// stems begin with them. A stem matches at the start of a word, and anywhere
	// in scripts without spaces.
	keys  []uint32
	runs  []stemRun
	stems []entryOf // by key, longest first
}

// entryOf is a word or a stem with its classes.
type entryOf struct {
	text string
	class
}

// stemRun is a range of stems with one key.
type stemRun struct{ from, to int32 }

func newLexicon(tables ...[]entry) *lexicon {
	words, stems := map[string]class{}, map[string]class{}
	for _, t := range tables {
		for _, e := range t {
			for _, w := range strings.Fields(e.words) {
				text, isStem := strings.CutSuffix(w, "*")
				if isStem {
					stems[foldWord(text)] |= e.class
				} else {
					words[foldWord(text)] |= e.class
				}
			}
		}
	}
	l := &lexicon{}
	l.addWords(words)
	l.addStems(stems)
	return l
}

func (l *lexicon) addWords(words map[string]class) {
	size := tableSize(len(words))
	l.hashes, l.words = make([]uint32, size), make([]entryOf, size)
	for text, c := range words {
		h := wordKey(hashWord([]byte(text)))
		i := h & uint32(size-1)
		for l.hashes[i] != 0 {
			i = (i + 1) & uint32(size-1)
		}
		l.hashes[i], l.words[i] = h, entryOf{text, c}
	}
}

func (l *lexicon) addStems(stems map[string]class) {
	for text, c := range stems {
		l.stems = append(l.stems, entryOf{text, c})
	}
	slices.SortFunc(l.stems, func(a, b entryOf) int {
		ka, kb := stemKey([]byte(a.text)), stemKey([]byte(b.text))
		switch {
		case ka != kb && ka < kb:
			return -1
		case ka != kb:
			return 1
		case len(a.text) != len(b.text):
			return len(b.text) - len(a.text)
		}
		return strings.Compare(a.text, b.text)
	})
	size := tableSize(len(l.stems))
	l.keys, l.runs = make([]uint32, size), make([]stemRun, size)
	for from := 0; from < len(l.stems); {
		k, to := stemKey([]byte(l.stems[from].text)), from
		for to < len(l.stems) && stemKey([]byte(l.stems[to].text)) == k {
			to++
		}
		i := stemPlace(k) & uint32(size-1)
		for l.keys[i] != 0 {
			i = (i + 1) & uint32(size-1)
		}
		l.keys[i], l.runs[i] = k, stemRun{int32(from), int32(to)}
		from = to
	}
}

// tableSize is a power of two at least four times n.
func tableSize(n int) int {
	size := 8
	for size < 4*n {
		size *= 2
	}
	return size
}

// word returns the classes of a folded word with the given [hashWord].
func (l *lexicon) word(w []byte, hash uint32) class {
	h, mask := wordKey(hash), uint32(len(l.hashes)-1)
	for i := h & mask; l.hashes[i] != 0; i = (i + 1) & mask {
		if l.hashes[i] == h && l.words[i].text == string(w) {
			return l.words[i].class
		}
	}
	c, _ := l.stem(w)
	return c
}

// stem returns the classes of the longest stem that w starts with, and its length.
func (l *lexicon) stem(w []byte) (class, int) {
	if len(w) < 3 {
		return 0, 0
	}
	k, mask := stemKey(w), uint32(len(l.keys)-1)
	for i := stemPlace(k) & mask; l.keys[i] != 0; i = (i + 1) & mask {
		if l.keys[i] != k {
			continue
		}
		for _, s := range l.stems[l.runs[i].from:l.runs[i].to] {
			if len(w) >= len(s.text) && string(w[:len(s.text)]) == s.text {
				return s.class, len(s.text)
			}
		}
		break
	}
	return 0, 0
}

// wordKey is a hash that is never 0.
func wordKey(hash uint32) uint32 { return max(hash, 1) }

// stemKey is the first three bytes of a word, or what it has of them.
func stemKey(w []byte) (k uint32) {
	for i := range min(3, len(w)) {
		k |= uint32(w[i]) << (8 * i)
	}
	return k
}

func stemPlace(k uint32) uint32 { return uint32(uint64(k) * mulGram >> 40) }
