package injection

import (
	"bytes"
	"math"
	"math/bits"
	"strings"

	"github.com/doorward/doorward/policy/recent"
)

// unit is a block with what was read from it.
type unit struct {
	block
	bits             bitset
	chars, words     float64 // sums of n-gram weights
	charN, wordN     int
	classes          class
	contentFrom      int // its content words, in reader.content
	contentTo        int
	fresh            bool    // reads otherwise than the source at its place
	roleLine         int8    // 0 none, else which role
	lift             float64 // what is added to its threshold
	logit            float64 // the model's, of the block by itself, once weighed
	grams, wordGrams []uint32
}

// reader turns text into units. It is reused through a pool and not safe for
// concurrent use.
type reader struct {
	tables  *tables
	model   *model
	fold    folded
	blocks  []block
	units   []unit
	counts  []uint8 // how often each content word (hashed) occurs in the text
	content []uint16
	// collect keeps the hashes of n-grams, for training and Explain.
	collect bool
	// excerpt says that the text is part of a longer one: no positions.
	excerpt  bool
	security int // words about attacks in the text
	singles  []verdict
	peak     float64   // the highest score of the last scan
	sums     []wordSum // by hash
	// readings remembers blocks that are read again and again; nil: none are.
	readings *recent.Map[reading, readBefore]
	// What size and background of the text add to the threshold of visible text.
	size, background float64
}

// tables are the compiled lexicon, literals and rules; shared and immutable.
type tables struct {
	lex     *lexicon
	phrases *phrases
	rules   []compiledRule
	filter  patternFilter
	spoken  map[string]bool // words of the literals
}

const countBuckets = 1 << 13

// flagTags is how many tag characters the flag of a region may have.
const flagTags = 7

// read segments text and reads each block. fresh, if not nil, says whether a
// block is to be read at all (views skip what they share with the source).
func (r *reader) read(text string, base layer, fresh func(block) bool) []unit {
	r.blocks = segment(text, base, r.blocks[:0])
	r.units = r.units[:0]
	r.security, r.content = 0, r.content[:0]
	if r.counts == nil {
		r.counts = make([]uint8, countBuckets)
	}
	clear(r.counts)
	prevRole, sinceRole := int8(0), 9
	for i, b := range r.blocks {
		r.units = append(r.units, unit{block: b})
		u := &r.units[i]
		u.fresh = fresh == nil || fresh(b)
		r.remember(u, text, text[b.start:b.end])
		sinceRole++
		if u.roleLine != 0 {
			u.bits.set(wordStructure, bitRoleLine)
			if prevRole != 0 && prevRole != u.roleLine && sinceRole <= 3 {
				u.bits.set(wordStructure, bitTurnPair)
			}
			prevRole, sinceRole = u.roleLine, 0
		} else if sinceRole == 1 {
			u.bits.set(wordStructure, bitAfterRole1)
		} else if sinceRole == 2 {
			u.bits.set(wordStructure, bitAfterRole2)
		}
	}
	r.forgedTurns()
	r.place()
	r.lift()
	return r.units
}

// foldBlock folds a block and reads it into u.
func (r *reader) foldBlock(u *unit, text, s string) {
	line := u.line
	r.fold.fold(s, r.tables.lex)
	if r.fold.smuggled > flagTags || r.fold.invisible > 3 && r.fold.invisible*4 > r.fold.letters {
		u.layer = max(u.layer, hidden)
	}
	r.readBlock(u, text, s)
	u.roleLine = roleLine(r.fold.buf[:r.fold.n], line)
}

// lift sets what is added to the threshold of each block: to visible ones by the
// size of the text (excerpts take that of the text they are of), to elements
// hidden by their style what the channel takes off. What the background adds is
// known once the blocks are weighed.
func (r *reader) lift() {
	if !r.excerpt {
		r.size = sizeOf(len(r.units))
	}
	for i := range r.units {
		switch u := &r.units[i]; {
		case u.layer == plain:
			u.lift = r.size
		case u.layer == hidden && u.styled:
			u.lift = styledLift
		}
	}
}

// forgedTurns marks a turn forged in plain text: a line in the name of the
// answering side, in a text where nobody asked before, and soon after it one in
// the name of the asking side with what it orders. Transcripts begin with the
// question.
func (r *reader) forgedTurns() {
	answer := -1
	for i := range r.units {
		u := &r.units[i]
		switch {
		case u.roleLine == 2:
			answer = i
		case u.roleLine == 1 && (answer < 0 || i-answer > 3):
			return
		case u.roleLine == 1:
			for k := answer; k <= min(i+1, len(r.units)-1); k++ {
				v := &r.units[k]
				v.layer = max(v.layer, forged)
				v.bits.set(wordStructure, bitForged)
				v.bits.set(wordLiterals, turnForged)
			}
			return
		}
	}
}

// readBlock reads the folded block into u: classes, patterns, literals, n-grams.
func (r *reader) readBlock(u *unit, text, s string) {
	f := &r.fold
	u.classes = f.classes
	if !u.fresh && !r.collect {
		return // never scored
	}
	stretch := 1
	if len(f.tokens) > 0 && f.letters > 0 && f.n > 3*len(f.tokens) && f.buf[f.tokens[0].start] >= 0xE0 {
		stretch = 2
	}
	for c := r.tables.filter.candidates(f.classes); c != 0; c &= c - 1 {
		i := bits.TrailingZeros64(c)
		if patterns[i].match(f.tokens, stretch) {
			u.bits.set(wordSlots, i)
		}
	}
	u.bits[wordLiterals] = r.tables.phrases.groups(f.buf, f.n)
	if u.layer == forged {
		u.bits.set(wordLiterals, 0) // the token itself stands outside the block
	}
	u.bits[wordClasses] = uint64(f.classes)
	if f.classes != 0 {
		r.skips(u)
	}
	r.structure(u, text, s)
	r.grams(u)
	r.contentWords(u)
}

// skips notes ordered pairs of classes that stand close together.
func (r *reader) skips(u *unit) {
	t := r.fold.tokens
	for i := range t {
		if t[i].class == 0 {
			continue
		}
		for j := i + 1; j < len(t) && j <= i+skipReach; j++ {
			for a := t[i].class; a != 0; a &= a - 1 {
				for b := t[j].class; b != 0; b &= b - 1 {
					u.bits.set(wordSkips, trailing(a)*classCount+trailing(b))
				}
			}
		}
	}
}

// structure notes the form of the block.
func (r *reader) structure(u *unit, text, s string) {
	f := &r.fold
	set := func(bit int, on bool) {
		if on {
			u.bits.set(wordStructure, bit)
		}
	}
	switch n := f.n; {
	case n < 12:
		set(bitTiny, true)
	case n < 40:
		set(bitShort, true)
	case n < 110:
		set(bitMedium, true)
	case n < 260:
		set(bitLong, true)
	default:
		set(bitVeryLong, true)
	}
	set(bitHidden, u.layer == hidden)
	set(bitEncoded, u.layer == encoded)
	set(bitForged, u.layer == forged)
	set(bitQuestion, f.question)
	set(bitExclaim, f.exclaim)
	set(bitColon, f.colonEnd)
	set(bitInvisible, f.invisible > 2)
	set(bitSmuggled, f.smuggled > flagTags)
	set(bitShouting, f.letters > 8 && f.upper*2 > f.letters)
	set(bitNoClass, f.classes == 0)
	set(bitManyClasses, onesOf(f.classes) >= 7)
	set(bitMidLine, !u.line)
	set(bitForeign, f.beyond && foreign(f.buf[:f.n]))
	set(bitImperativeYou, len(f.tokens) > 0 && f.tokens[0].class&(cWrite|cTool|cSend|cRespond|cReveal|cOverride|cFollow) != 0 && f.classes&(cYou|cMy) != 0)
	if u.start > 0 {
		c := text[u.start-1]
		set(bitValue, c == '"' || c == '\'')
		set(bitQuoted, c == '"' || strings.HasSuffix(text[:u.start], "“"))
	}
	switch s[0] {
	case '#':
		set(bitHeading, true)
	case '>':
		set(bitQuoteBlock, true)
	case '|':
		set(bitTable, true)
	case '-', '*', '+':
		set(bitBullet, len(s) > 1 && s[1] == ' ')
		set(bitDecorated, len(s) > 1 && s[1] == s[0])
	case '=', '!', '~', '<', '_', '^', '@', '$', '&', '%', ':', ';':
		set(bitDecorated, true)
	case '"', '\'':
		set(bitQuoted, true)
	}
	set(bitCode, f.signs&codeSign != 0 && f.signs&bracketSign != 0)
	set(bitPlaceholder, f.signs&holeSign != 0 && u.bits[wordLiterals]&(1<<3) != 0)
}

// contentWords keeps the hashes of the block's content words and counts them
// for the whole text.
func (r *reader) contentWords(u *unit) {
	u.contentFrom = len(r.content)
	for _, t := range r.fold.tokens {
		if t.class == 0 && t.end-t.start >= 4 {
			h := uint16(t.hash % countBuckets)
			r.content = append(r.content, h)
			r.countWord(h)
		}
		if t.class&cAttack != 0 {
			r.security++
		}
	}
	u.contentTo = len(r.content)
}

// place sets the bits that need the whole text: position, size, vocabulary.
func (r *reader) place() {
	n := len(r.units)
	for i := range r.units {
		u := &r.units[i]
		set := func(bit int, on bool) {
			if on {
				u.bits.set(wordStructure, bit)
			}
		}
		if r.excerpt {
			continue
		}
		set(bitFirst, i == 0)
		set(bitLast, i == n-1)
		set(bitNearEdge, n > 6 && (i < 3 || i >= n-3))
		set(bitInner, n > 6 && i >= 3 && i < n-3)
		set(bitOneBlock, n == 1)
		set(bitFewBlocks, n == 2 || n == 3)
		set(bitSomeBlocks, n > 3 && n <= 8)
		set(bitParagraph, i == 0 || u.para != r.units[i-1].para)
		if n >= 8 && u.contentTo > u.contentFrom {
			share := r.topicShare(u)
			set(bitTopic0, share == 0)
			set(bitTopic1, share > 0 && share <= .34)
			set(bitTopic2, share > .34 && share <= .67)
			set(bitTopic3, share > .67)
		}
		per := float64(r.security) / float64(n)
		set(bitSecurity1, r.security > 0 && per <= .05)
		set(bitSecurity2, per > .05 && per <= .3)
		set(bitSecurity3, per > .3)
	}
}

// topicShare is the share of the block's content words that also stand
// elsewhere in the text.
func (r *reader) topicShare(u *unit) float64 {
	n := 0
	for _, h := range r.content[u.contentFrom:u.contentTo] {
		if r.counts[h] > 1 {
			n++
		}
	}
	return float64(n) / float64(u.contentTo-u.contentFrom)
}

// windowBits joins the bits of units i to j (exclusive) and marks the width.
func windowBits(units []unit, i, j int) bitset {
	b := units[i].bits
	for k := i + 1; k < j; k++ {
		b.union(&units[k].bits)
	}
	switch j - i {
	case 1:
	case 2:
		b.set(wordStructure, bitWindow2)
	case 3:
		b.set(wordStructure, bitWindow3)
	default:
		b.set(wordStructure, bitWhole)
	}
	return b
}

// score is the model's logit for units i to j.
func (m *model) score(units []unit, i, j int) float64 {
	var chars, words float64
	var charN, wordN int
	l := plain
	for k := i; k < j; k++ {
		u := &units[k]
		chars += u.chars
		words += u.words
		charN += u.charN
		wordN += u.wordN
		l = max(l, u.layer)
	}
	z := m.bias
	if charN > 0 {
		z += chars / math.Sqrt(float64(charN))
	}
	if wordN > 0 {
		z += words / math.Sqrt(float64(wordN))
	}
	b := windowBits(units, i, j)
	var dense int32
	b.each(l, func(x int) { dense += int32(m.dense[x]) })
	return z + float64(dense)*m.denseScale
}

// roleLine tells a line that opens a turn ("## Instruction:", "Assistant:")
// and which side speaks: 1 asks, 2 answers.
func roleLine(b []byte, line bool) int8 {
	if !line {
		return 0
	}
	s := b[1:]
	for len(s) > 0 && (s[0] == ' ' || byteKinds[s[0]] == 0 && s[0] < 0x80) {
		s = s[1:]
	}
	if len(s) > 40 {
		s = s[:40]
	}
	if bytes.IndexByte(s, ':') < 0 {
		return 0
	}
	for _, r := range roleWords {
		if len(s) > len(r.word) && string(s[:len(r.word)]) == r.word {
			rest := s[len(r.word):]
			for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '*' || rest[0] == ']' || rest[0] == '#') {
				rest = rest[1:]
			}
			if len(rest) > 0 && rest[0] == ':' {
				return r.side
			}
		}
	}
	return 0
}

var roleWords = []struct {
	word string
	side int8
}{
	{"system prompt", 1}, {"system message", 1}, {"system", 1}, {"user", 1}, {"human", 1}, {"instructions", 1}, {"instruction", 1}, {"prompt", 1},
	{"new instruction", 1}, {"new instructions", 1}, {"new task", 1}, {"task", 1}, {"query", 1}, {"question", 1}, {"developer", 1}, {"admin", 1}, {"input", 1},
	{"assistant", 2}, {"response", 2}, {"answer", 2}, {"output", 2}, {"ai", 2}, {"bot", 2}, {"chatgpt", 2}, {"model", 2}, {"gpt", 2}, {"agent", 2}, {"summary", 2}, {"completion", 2},
}
