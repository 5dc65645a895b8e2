package injection

import "slices"

// A pattern is a short sequence of word classes within one block. Patterns are
// the slots of the model; those with a score are rules as well.
type pattern struct {
	name string
	// seq must occur in order, at most gap tokens between two of them; with
	// free set, in any order within gap tokens altogether (verb-final and
	// verb-first languages share those).
	seq  []class
	gap  int
	free bool
	// head limits where seq starts: within the first head tokens, if not 0.
	head int
	// unless drops the pattern where one of these classes stands in the block.
	unless class
}

// patterns are tried on every block. Their order is part of the model: weights
// are kept by index, so append only.
var patterns = []pattern{
	{name: "override-prior-instructions", seq: []class{cOverride, cPrior | cAll | cYou | cSystem, cInstr | cTask}, gap: 4},
	{name: "override-instructions", seq: []class{cOverride, cInstr}, gap: 3},
	{name: "override-prior", seq: []class{cOverride, cPrior | cAll}, gap: 2},
	{name: "override-any-order", seq: []class{cInstr, cPrior | cAll, cOverride}, gap: 4, free: true},
	{name: "override-everything-said", seq: []class{cOverride, cAll | cPrior, cYou | cMy}, gap: 4},
	{name: "new-instructions", seq: []class{cNew, cInstr | cTask}, gap: 1},
	{name: "instead-follow", seq: []class{cFollow | cMust, cNew, cInstr | cTask}, gap: 4},
	{name: "follow-instruction", seq: []class{cFollow, cInstr}, gap: 4},
	{name: "not-follow-prior", seq: []class{cNot, cFollow, cPrior | cInstr}, gap: 4},
	{name: "respond-only", seq: []class{cRespond, cOnly}, gap: 4},
	{name: "only-respond", seq: []class{cOnly, cRespond}, gap: 3},
	{name: "your-response", seq: []class{cYou, cResponse}, gap: 3},
	{name: "in-your-response", seq: []class{cRespond | cWrite | cChange | cNot | cTell, cYou, cResponse}, gap: 7},
	{name: "you-are-ai", seq: []class{cYou, cAI | cPersona | cMode}, gap: 5},
	{name: "you-are-now", seq: []class{cYou, cNow}, gap: 2},
	{name: "if-you-are-ai", seq: []class{cIf, cYou, cAI}, gap: 6},
	{name: "if-user-asks", seq: []class{cIf, cUser | cMy | cYou, cRespond | cTell | cReveal | cWrite}, gap: 6},
	{name: "ai-must", seq: []class{cAI, cMust | cFollow | cRespond}, gap: 3},
	{name: "to-ai", seq: []class{cNote | cInstr | cUrgent, cAI}, gap: 4},
	{name: "any-ai-reading", seq: []class{cAll | cIf, cAI}, gap: 3},
	{name: "reveal-prompt", seq: []class{cReveal | cSend | cRespond, cSystem | cPrior | cYou | cNew | cAll, cInstr}, gap: 5},
	{name: "reveal-secret", seq: []class{cReveal | cSend | cRespond, cSecret}, gap: 5},
	{name: "your-secret", seq: []class{cYou, cSecret | cInstr}, gap: 3},
	{name: "send-conversation", seq: []class{cSend | cReveal, cTalk}, gap: 6},
	{name: "send-secret", seq: []class{cSend, cSecret}, gap: 6},
	{name: "send-my", seq: []class{cSend, cMy}, gap: 4},
	{name: "tool-my", seq: []class{cTool, cMy}, gap: 4},
	{name: "not-tell-user", seq: []class{cNot, cTell | cReveal, cUser | cTalk | cAll | cInstr}, gap: 5},
	{name: "not-mention", seq: []class{cNot, cTell}, gap: 3},
	{name: "hide-act", seq: []class{cHide, cSend | cTool | cFollow | cReveal}, gap: 4},
	{name: "urgent-task", seq: []class{cUrgent, cTask | cInstr}, gap: 3},
	{name: "task-urgent", seq: []class{cTask | cInstr, cUrgent}, gap: 6},
	{name: "new-urgent-task", seq: []class{cNew, cUrgent, cTask | cInstr}, gap: 3},
	{name: "task-comes", seq: []class{cTask | cInstr, cCome}, gap: 5},
	{name: "new-task-comes", seq: []class{cNew, cTask | cInstr, cCome}, gap: 4},
	{name: "your-new-task", seq: []class{cYou, cNew, cTask | cInstr}, gap: 3},
	{name: "must-follow", seq: []class{cMust, cFollow}, gap: 4},
	{name: "change-focus", seq: []class{cChange, cYou | cTalk | cTask | cMind}, gap: 3},
	{name: "pause-current", seq: []class{cChange | cOverride | cDrop, cYou, cPrior, cTask}, gap: 3},
	{name: "persona", seq: []class{cPersona, cAI | cNot | cLimit}, gap: 6},
	{name: "no-limits", seq: []class{cNot, cLimit}, gap: 5},
	{name: "act-as", seq: []class{cYou | cMust | cMy, cPersona}, gap: 4},
	{name: "mode-enabled", seq: []class{cMode, cMode}, gap: 2},
	{name: "override-limits", seq: []class{cOverride, cLimit}, gap: 5},
	{name: "system-note", seq: []class{cSystem, cNote | cInstr}, gap: 1},
	{name: "encode-answer", seq: []class{cRespond | cWrite | cReveal, cEncode}, gap: 6},
	{name: "encode-secret", seq: []class{cEncode, cSecret | cTalk | cInstr}, gap: 6},
	{name: "verdict", seq: []class{cRespond | cVerdict, cVerdict, cVerdict}, gap: 6},
	{name: "verdict-order", seq: []class{cMust | cFollow | cRespond | cOverride, cVerdict}, gap: 4},
	{name: "done-now", seq: []class{cDone, cNow, cTask | cWrite}, gap: 5},
	{name: "forget-now", seq: []class{cOverride | cDrop, cNow | cInstead}, gap: 8},
	{name: "say-instead", seq: []class{cInstead, cRespond | cWrite | cReveal}, gap: 3},
	{name: "write-instead", seq: []class{cRespond | cWrite | cReveal, cInstead}, gap: 8},
	{name: "imperative-write", seq: []class{cWrite}, head: 1},
	{name: "imperative-respond", seq: []class{cRespond}, head: 1},
	{name: "imperative-tool", seq: []class{cTool | cSend}, head: 1},
	{name: "please-do", seq: []class{cPlease, cWrite | cTool | cSend | cRespond | cReveal | cFollow}, gap: 1, head: 3},
	{name: "imperative-override", seq: []class{cOverride | cDrop}, head: 2},
	{name: "mind-task", seq: []class{cMind, cTask | cInstr | cNew}, gap: 5},
	{name: "ai-addressed", seq: []class{cAI}, head: 3},
	{name: "prior-void", seq: []class{cPrior, cInstr, cOverride | cNot}, gap: 5},
	{name: "you-must", seq: []class{cYou, cMust}, gap: 1},
	{name: "attack-talk", seq: []class{cAttack}},
	{name: "drop-prior-instructions", seq: []class{cDrop, cPrior | cAll | cYou, cInstr | cTask | cTalk}, gap: 5},
}

// maxParts is how many classes in sequence a pattern may have.
const maxParts = 4

// patternFilter tells which patterns can occur in a block with given classes,
// all patterns at once: bit i of a mask stands for pattern i.
type patternFilter struct {
	// at[n][c] are the patterns whose part n holds class c, short[n] those
	// without a part n, unless[c] those that class c drops.
	at     [maxParts][classCount]uint64
	short  [maxParts]uint64
	unless [classCount]uint64
}

func newPatternFilter(list []pattern) (f patternFilter) {
	for i := range list {
		for n := range f.at {
			if n >= len(list[i].seq) {
				f.short[n] |= 1 << i
				continue
			}
			for c := list[i].seq[n]; c != 0; c &= c - 1 {
				f.at[n][trailing(c)] |= 1 << i
			}
		}
		for c := list[i].unless; c != 0; c &= c - 1 {
			f.unless[trailing(c)] |= 1 << i
		}
	}
	return f
}

// candidates are the patterns all of whose parts are present.
func (f *patternFilter) candidates(present class) uint64 {
	at, drop := f.short, uint64(0)
	for c := present; c != 0; c &= c - 1 {
		k := trailing(c)
		for n := range at {
			at[n] |= f.at[n][k]
		}
		drop |= f.unless[k]
	}
	return at[0] & at[1] & at[2] & at[3] &^ drop
}

// match reports whether the pattern, a candidate, occurs in the tokens.
func (p *pattern) match(t []token, stretch int) bool {
	if p.free {
		return p.matchFree(t, stretch)
	}
	limit := len(t)
	if p.head > 0 {
		limit = min(limit, p.head)
	}
	for i := range limit {
		if t[i].class&p.seq[0] != 0 && p.follow(t, i, stretch) {
			return true
		}
	}
	return false
}

// follow matches the rest of seq after token i, taking the nearest each time.
func (p *pattern) follow(t []token, i, stretch int) bool {
	for _, c := range p.seq[1:] {
		next := -1
		for j := i + 1; j < len(t) && j <= i+1+p.gap*stretch; j++ {
			if t[j].class&c != 0 {
				next = j
				break
			}
		}
		if next < 0 {
			return false
		}
		i = next
	}
	return true
}

// matchFree looks for all classes, each on a token of its own where possible,
// within gap tokens.
func (p *pattern) matchFree(t []token, stretch int) bool {
	width := p.gap*stretch + len(p.seq)
	for i := range t {
		if t[i].class&p.seq[0] == 0 {
			continue
		}
		before, after := t[max(0, i-width):i], t[i+1:min(len(t), i+width)]
		all := true
		for _, c := range p.seq[1:] {
			has := func(o token) bool { return o.class&c != 0 }
			all = all && (slices.ContainsFunc(after, has) || slices.ContainsFunc(before, has))
		}
		if all {
			return true
		}
	}
	return false
}
