package output

import (
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/fingerprint"
)

// Rules of the windowed classes.
const (
	RuleVerbatim  = "verbatim-context"
	RuleEcho      = "system-prompt-echo"
	RuleProtected = "protected-text"
)

const (
	gram       = 4  // words that begin a run
	maxPlaces  = 32 // places of a text that one run is followed at
	maxBetween = 64 // bytes before a word that are counted with it
	maxWord    = 8 << 10
)

// passage is a text whose long runs must not come out: its words, and where each
// sequence of gram words ends.
type passage struct {
	words []uint64
	ends  map[uint64][]int32
}

// newPassage indexes texts; a run does not reach from one into the next.
func newPassage(texts ...string) *passage {
	size := 0
	for _, text := range texts {
		size += len(text) / 6
	}
	p := &passage{words: make([]uint64, 0, size), ends: make(map[uint64][]int32, size)}
	for _, text := range texts {
		first := len(p.words)
		fingerprint.Each(text, func(w fingerprint.Word) {
			p.words = append(p.words, w.Hash)
			if n := len(p.words); n-first >= gram {
				key := gramKey(p.words[n-gram:])
				if at := p.ends[key]; len(at) < maxPlaces {
					p.ends[key] = append(at, int32(n))
				}
			}
		})
		p.words = append(p.words, 0) // no word: a border
	}
	if len(p.ends) == 0 {
		return nil
	}
	return p
}

func gramKey(words []uint64) uint64 {
	h := uint64(14695981039346656037)
	for _, w := range words {
		h = (h ^ w) * 1099511628211
		h ^= h >> 29
	}
	return h
}

// follower follows the runs that an answer shares with a passage.
type follower struct {
	passage *passage
	last    [gram]uint64
	n       int
	open    []run
}

// run is a run in progress: the next word of the passage, and how many words of
// the answer it has.
type run struct {
	next  int32
	words int
}

// word takes the next word of the answer and returns how many words the longest
// run that ends with it has; 0 for less than gram.
func (f *follower) word(hash uint64) int {
	if f.passage == nil {
		return 0
	}
	longest := 0
	still := f.open[:0]
	for _, r := range f.open {
		if int(r.next) < len(f.passage.words) && f.passage.words[r.next] == hash {
			still = append(still, run{r.next + 1, r.words + 1})
			longest = max(longest, r.words+1)
		}
	}
	f.open = still
	copy(f.last[:], f.last[1:])
	f.last[gram-1] = hash
	if f.n++; f.n < gram {
		return 0
	}
	for _, end := range f.passage.ends[gramKey(f.last[:])] {
		if !f.follows(end) && len(f.open) < maxPlaces {
			f.open = append(f.open, run{end, gram})
			longest = max(longest, gram)
		}
	}
	return longest
}

func (f *follower) follows(end int32) bool {
	for _, r := range f.open {
		if r.next == end {
			return true
		}
	}
	return false
}

// runStream finds what of an answer lies in a run beyond so many tokens: from
// the token after the limit to the end of the run. Only a word that would pass
// the limit is held, and only while it is being written.
type runStream struct {
	cutter fingerprint.Cutter
	in     follower // the text that must not be repeated
	own    follower // the user's prompt: words of its runs count nothing
	limit  int
	count  func(string) int
	kind   sanitize.Kind
	rule   string

	text  []byte // from base on, at most what the next word needs
	base  int
	end   int   // of the last word
	over  bool  // the last word was past the limit
	spent []int // tokens of the last words
	found []sanitize.Finding
}

// newRunStream returns nil when there is nothing to look for.
func newRunStream(texts []string, own *passage, limit int, count func(string) int, kind sanitize.Kind, rule string) *runStream {
	p := newPassage(texts...)
	if p == nil || limit <= 0 {
		return nil
	}
	if count == nil {
		count = roughly
	}
	return &runStream{in: follower{passage: p}, own: follower{passage: own}, limit: limit, count: count, kind: kind, rule: rule}
}

// roughly counts tokens when no tokenizer is at hand, rather too many: one for
// every four bytes begun.
func roughly(s string) int { return (len(s) + 3) / 4 }

func (s *runStream) Write(p []byte) (int, []sanitize.Finding) {
	s.text = append(s.text, p...)
	s.cutter.Write(p, s.word)
	found := s.found
	s.found = nil
	at := s.base + len(s.text)
	start, open := s.cutter.Open()
	if !open {
		start = at
	}
	if !open || len(s.text) > maxWord {
		s.forget(max(s.base, at-maxBetween))
	}
	switch {
	case s.over:
		return s.end, found
	case len(s.in.open) > 0:
		return start, found
	}
	return at, found
}

func (s *runStream) Close() []sanitize.Finding {
	s.cutter.Close(s.word)
	found := s.found
	s.found = nil
	return found
}

// word takes the next word of the answer.
func (s *runStream) word(w fingerprint.Word) {
	length := s.in.word(w.Hash)
	own := s.own.word(w.Hash)
	cost := 0
	if own < gram {
		cost = s.cost(w, length > 0)
	}
	for i := 1; own == gram && i < gram && i <= len(s.spent); i++ {
		s.spent[len(s.spent)-i] = 0 // they began the user's own run
	}
	s.forget(w.End)
	if s.spent = append(s.spent, cost); len(s.spent) >= 4096 {
		s.spent = append(s.spent[:0], s.spent[2048:]...)
	}
	start := w.Start
	if s.over {
		start = s.end
	}
	s.end = w.End
	s.over = cost > 0 && length > 0 && s.tokens(length) > s.limit
	if s.over {
		s.found = append(s.found, sanitize.Finding{Span: sanitize.Span{Start: start, End: w.End},
			Kind: s.kind, Type: "TEXT", Rule: s.rule, Score: 1})
	}
}

// tokens is what the last words of a run count, as far as it matters.
func (s *runStream) tokens(words int) int {
	n := 0
	for _, tokens := range s.spent[max(0, len(s.spent)-words):] {
		if n += tokens; n > s.limit {
			break
		}
	}
	return n
}

// cost counts a word's tokens: in a run exactly, with what stands before it.
func (s *runStream) cost(w fingerprint.Word, inRun bool) int {
	from, to := w.Start-s.base, w.End-s.base
	if !inRun || from < 0 {
		return (w.End - w.Start + 3) / 4
	}
	return max(1, s.count(string(s.text[max(0, from-maxBetween):to])))
}

// forget drops the text before a stream offset.
func (s *runStream) forget(before int) {
	if n := before - s.base; n > 0 {
		s.text = s.text[:copy(s.text, s.text[n:])]
		s.base = before
	}
}
