package injection

import "strings"

// Bounds on growing a run. A block next to one that scores at least growAbove is
// taken in; next to a run that scores at least sureRun a weaker sign is enough,
// growBack before it and growOn behind it, where orders are spelled out.
const (
	growAbove = .25
	growBack  = .1
	growOn    = .05
	sureRun   = .75
	// gapBlocks and gapBytes bound what is taken between two runs of one
	// paragraph.
	gapBlocks, gapBytes = 3, 300
	// lineBytes bounds a line that goes as a whole where most of it is taken.
	lineBytes = 700
)

// grow takes into the runs that passed what belongs to them: high to start, low
// to go on, never beyond the paragraph or the markup they stand in. taken holds
// each block's score, 0 for those in no run.
func grow(text string, units []unit, singles []verdict, taken []float64) {
	takeNeighbours(units, singles, taken)
	takeTurns(units, taken)
	takeTails(units, taken)
	takeCutSentences(text, units, taken)
	takeGaps(units, taken)
	takeLines(text, units, taken)
}

// goesWith reports whether block i may be taken into a run next to block k.
func goesWith(units []unit, i, k int) bool {
	return units[i].fresh && units[i].para == units[k].para && joined(units, max(i, k))
}

// takeNeighbours takes weak neighbours in.
func takeNeighbours(units []unit, singles []verdict, taken []float64) {
	for i := range units {
		if taken[i] == 0 {
			continue
		}
		back, on := growAbove, growAbove
		if taken[i] >= sureRun {
			back, on = growBack, growOn
		}
		for k := i + 1; k < len(units) && taken[k] == 0 && goesWith(units, k, k-1) && singles[k].score >= on; k++ {
			taken[k] = taken[i]
		}
		for k := i - 1; k >= 0 && taken[k] == 0 && goesWith(units, k, k+1) && singles[k].score >= back; k-- {
			taken[k] = taken[i]
		}
	}
}

// takeTurns takes the whole of a turn forged in plain text where a part of it
// is taken: its markers are the wrapper.
func takeTurns(units []unit, taken []float64) {
	forgedTurn := func(i int) bool { return units[i].fresh && units[i].bits[wordLiterals]&(1<<turnForged) != 0 }
	for i := range units {
		if taken[i] == 0 || !forgedTurn(i) {
			continue
		}
		for k := i - 1; k >= 0 && taken[k] == 0 && forgedTurn(k); k-- {
			taken[k] = taken[i]
		}
		for k := i + 1; k < len(units) && taken[k] == 0 && forgedTurn(k); k++ {
			taken[k] = taken[i]
		}
	}
}

// takeTails takes the order itself in where it follows what announces it: one
// block in the same paragraph that begins with a verb, or that asks.
func takeTails(units []unit, taken []float64) {
	for i := len(units) - 1; i > 0; i-- {
		u, before := &units[i], &units[i-1]
		if taken[i] != 0 || taken[i-1] == 0 || !goesWith(units, i, i-1) || before.bits[wordSlots]&orderSlots != 0 {
			continue
		}
		announced := before.bits[wordSlots]&announceSlots != 0 || before.bits[wordStructure]&(1<<bitColon) != 0
		order := u.bits[wordSlots]&orderSlots != 0
		asks := u.bits[wordStructure]&(1<<bitQuestion) != 0
		if order && (taken[i-1] >= sureRun || announced) || asks && announced {
			taken[i] = taken[i-1]
		}
	}
}

// orderSlots are the patterns of a block that begins with what is to be done,
// announceSlots those of one that says that something is to be done.
var (
	orderSlots    = maskOf("imperative-write", "imperative-respond", "imperative-tool", "please-do", "send-my", "tool-my")
	announceSlots = maskOf("new-instructions", "new-task-comes", "new-urgent-task", "urgent-task", "task-urgent", "task-comes", "your-new-task",
		"change-focus", "mind-task", "instead-follow", "override-prior-instructions", "drop-prior-instructions")
)

func maskOf(names ...string) (mask uint64) {
	for _, name := range names {
		_, bit, _ := slotIndex(name)
		mask |= 1 << bit
	}
	return mask
}

// takeCutSentences goes on where a run ends inside a sentence: at a quotation
// mark that segmenting took for the border of a value.
func takeCutSentences(text string, units []unit, taken []float64) {
	goesOn := func(i int) bool { // block i goes on with the sentence before it
		a, b := &units[i-1], &units[i]
		return b.start-a.end == 1 && (text[a.end] == '\'' || text[a.end] == '"') && text[b.start] == ',' && goesWith(units, i, i-1)
	}
	for i := 1; i < len(units); i++ {
		if taken[i] == 0 && taken[i-1] != 0 && goesOn(i) {
			taken[i] = taken[i-1]
		}
	}
	for i := len(units) - 1; i > 0; i-- {
		if taken[i-1] == 0 && taken[i] != 0 && units[i-1].fresh && goesOn(i) {
			taken[i-1] = taken[i]
		}
	}
}

// takeGaps takes what stands between two runs of one paragraph that are close.
func takeGaps(units []unit, taken []float64) {
	last := -1
	for i := range units {
		if taken[i] == 0 {
			continue
		}
		if last >= 0 && i-last > 1 && i-last-1 <= gapBlocks && units[i].start-units[last].end <= gapBytes {
			all := true
			for k := last + 1; k <= i; k++ {
				all = all && goesWith(units, k, k-1)
			}
			for k := last + 1; all && k < i; k++ {
				taken[k] = min(taken[last], taken[i])
			}
		}
		last = i
	}
}

// takeLines takes the rest of a line where a certain run fills most of it.
func takeLines(text string, units []unit, taken []float64) {
	for from := 0; from < len(units); {
		to := from + 1
		for to < len(units) && !units[to].line && goesWith(units, to, to-1) && strings.Trim(text[units[to-1].end:units[to].start], " ") == "" {
			to++
		}
		takeLine(units[from:to], taken[from:to])
		from = to
	}
}

func takeLine(units []unit, taken []float64) {
	bytes, score := 0, 0.0
	for i := range units {
		if taken[i] != 0 {
			bytes += units[i].end - units[i].start
			score = max(score, taken[i])
		}
	}
	length := units[len(units)-1].end - units[0].start
	if score < sureRun || length > lineBytes || bytes*4 < length*3 {
		return
	}
	for i := range units {
		if taken[i] == 0 && units[i].fresh {
			taken[i] = score
		}
	}
}
