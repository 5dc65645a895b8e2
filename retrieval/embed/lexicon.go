package embed

import (
	"runtime"
	"strings"
	"sync"
	"unicode/utf8"
)

// Bounds of what a lexicon remembers. Where one is reached it starts again.
const (
	maxLexemes = 1 << 16
	maxTenants = 512
)

// lexicon is what one goroutine at a time needs to turn text into terms, and what
// it remembers of the words it met: whether a word is a stop word, its stem and
// grams, and their keys for each tenant. Words come again and again, so most of
// a text costs a look-up a word; nothing here is locked.
type lexicon struct {
	words     map[string]*lexeme // by their text
	short     shortWords         // most of them
	charPair  map[string]*lexeme // of scripts without spaces
	stemOf    map[string]*stem   // by its text
	stems     []*stem            // by number
	gramOf    map[string]uint32  // its number
	grams     []gram             // by number
	gramTexts []string           // by number
	tenants   map[string]*termKeys
	met       uint32 // tenants so far: no two have one number

	text   []*lexeme // the text in hand
	fields []field
	count  counts
	packed []uint64 // terms with their weights, before and after they are sorted
	spread []uint64
	lower  [maxTokenRunes]byte
}

// field is a part of the text in hand, up to end.
type field struct {
	end    int
	weight float64
}

// lexeme is a word as texts have it, in lower case.
type lexeme struct {
	text        string
	ideographic bool
	number      bool
	stops       uint32 // bit by language: it is a stop word
	last        form   // the form asked for last
	forms       []form
}

// form is a word as one language stems it; a stop word has no stem.
type form struct {
	language int // its index and one; 0 is no form
	stem     *stem
}

// gram is a part of a word: how often it is in the text in hand, and its key for
// the tenant it was asked for last.
type gram struct {
	count       float64
	key, tenant uint32
}

// stem is what all forms of a word are counted as.
type stem struct {
	number uint32
	text   string
	alone  bool // begins no pair
	grams  []uint32

	count       float64 // in the text in hand
	key, tenant uint32  // for the tenant it was asked for last
	tag         uint64  // with key: what pairs' keys are made of
}

// lexicons lends lexicons out.
type lexicons struct {
	mu   sync.Mutex
	idle []*lexicon
}

func (l *lexicons) borrow() *lexicon {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.idle); n > 0 {
		x := l.idle[n-1]
		l.idle = l.idle[:n-1]
		return x
	}
	return &lexicon{}
}

// giveBack takes one back. Not deferred: one that panicked half way is lost.
func (l *lexicons) giveBack(x *lexicon) {
	x.tidy()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) < runtime.GOMAXPROCS(0) {
		l.idle = append(l.idle, x)
	}
}

// tidy forgets everything, or all keys, when there is too much of it.
func (x *lexicon) tidy() {
	switch {
	case len(x.words)+len(x.charPair) > maxLexemes:
		*x = lexicon{}
	case len(x.tenants) > maxTenants:
		x.tenants = nil
	}
	x.text, x.fields = x.text[:0], x.fields[:0]
}

// field reads a field.
func (x *lexicon) field(text string, weight float64) {
	x.text = x.read(x.text, text, 0)
	x.fields = append(x.fields, field{len(x.text), weight})
}

// read returns a text's words, limit at most, appended to list; limit 0 is none.
func (x *lexicon) read(list []*lexeme, text string, limit int) []*lexeme {
	if x.words == nil {
		x.words, x.charPair, x.stemOf, x.gramOf = map[string]*lexeme{}, map[string]*lexeme{}, map[string]*stem{}, map[string]uint32{}
	}
	from := len(list)
	for start := 0; start < len(text); {
		if limit > 0 && len(list)-from >= limit {
			return list[:from+limit]
		}
		if !wordASCII[text[start]] && text[start] < utf8.RuneSelf && (start+1 == len(text) || text[start+1] < utf8.RuneSelf) {
			start++
			continue
		}
		if w, end := x.short.next(text, start); w != nil {
			list = append(list, w)
			start = end
			continue
		}
		end, plain := run(text, start)
		if plain && end-start <= maxTokenRunes {
			list = append(list, x.plain(text[start:end]))
		} else {
			for _, t := range tokens(text[start:end]) {
				list = append(list, x.lexeme(t))
			}
		}
		start = end
	}
	if limit > 0 && len(list)-from > limit {
		list = list[:from+limit]
	}
	return list
}

// run returns the end of what is to be read at once from start on: up to the next
// separator that stands alone, because normalising may join it with marks that
// follow. plain: it is ASCII letters and digits.
func run(text string, start int) (end int, plain bool) {
	plain = true
	for end = start; end < len(text); end++ {
		b := text[end]
		if b >= utf8.RuneSelf {
			plain = false
			continue
		}
		if wordASCII[b] {
			continue
		}
		if end+1 == len(text) || text[end+1] < utf8.RuneSelf {
			return end, plain && end > start
		}
		if end > start && plain {
			return end, true // the separator goes with what follows
		}
		plain = false
	}
	return end, plain
}

var wordASCII = func() (t [256]bool) {
	for b := range utf8.RuneSelf {
		t[b] = classOf(rune(b)) == classWord
	}
	return t
}()

// plain finds a word of ASCII letters and digits in whatever case.
func (x *lexicon) plain(word string) *lexeme {
	for i := range len(word) {
		x.lower[i] = lowerASCII[word[i]]
	}
	w := x.words[string(x.lower[:len(word)])]
	if w == nil {
		w = x.lexeme(token{text: string(x.lower[:len(word)])})
	}
	x.short.put(w)
	return w
}

func (x *lexicon) lexeme(t token) *lexeme {
	list := x.words
	if t.ideographic {
		list = x.charPair
	}
	w := list[t.text]
	if w == nil {
		w = &lexeme{text: strings.Clone(t.text), ideographic: t.ideographic, number: isNumber(t.text)} // a clone: it must not keep a document alive
		for i := range languages {
			if languages[i].stop(t.text) {
				w.stops |= 1 << i
			}
		}
		list[w.text] = w
	}
	return w
}

// form stems a word in a language; nil for a stop word.
func (x *lexicon) form(a *Analyzer, w *lexeme, language int) *stem {
	if w.last.language == language+1 {
		return w.last.stem
	}
	for _, f := range w.forms {
		if f.language == language+1 {
			w.last = f
			return f.stem
		}
	}
	f := form{language: language + 1}
	switch {
	case w.ideographic:
		f.stem = x.stem(w.text, true)
	case w.stops&(1<<language) == 0:
		f.stem = x.stem(a.stem(w, language), false)
	}
	w.last, w.forms = f, append(w.forms, f)
	return f.stem
}

// stem is the stem of a text. A pair of ideographs, which no word is, has no grams:
// it is one already.
func (x *lexicon) stem(text string, ideographs bool) *stem {
	s := x.stemOf[text]
	if s != nil {
		return s
	}
	s = &stem{number: uint32(len(x.stems)), text: strings.Clone(text), alone: ideographs || text == ""}
	if !ideographs {
		eachGram(text, func(g string) { s.grams = append(s.grams, x.gram(g)) })
	}
	x.stemOf[s.text] = s
	x.stems = append(x.stems, s)
	return s
}

// gram is the number of a gram.
func (x *lexicon) gram(text string) uint32 {
	n, ok := x.gramOf[text]
	if !ok {
		text = strings.Clone(text)
		n = uint32(len(x.grams))
		x.gramOf[text] = n
		x.grams, x.gramTexts = append(x.grams, gram{}), append(x.gramTexts, text)
	}
	return n
}
