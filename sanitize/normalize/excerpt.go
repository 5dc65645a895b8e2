package normalize

import (
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// Context is how many bytes of unchanged text an excerpt keeps on each side of
// a change, so that rules which need a word nearby still see it.
const Context = 256

// excerpts appends to list the views that edits make of v, one for each group
// of edits whose surroundings touch, until budget bytes are spent.
func excerpts(list []sanitize.View, v sanitize.View, edits []edit, via string, budget int) ([]sanitize.View, int) {
	for i := 0; i < len(edits); {
		j := i + 1
		for j < len(edits) && edits[j].start-edits[j-1].end <= 2*Context {
			j++
		}
		x, ok := excerpt(v, edits[i:j], via, budget)
		if !ok {
			return list, budget
		}
		list, budget = append(list, x), budget-len(x.Text)
		i = j
	}
	return list, budget
}

// excerpt applies edits to the part of v around them. It reports false when the
// result would pass budget bytes.
func excerpt(v sanitize.View, edits []edit, via string, budget int) (sanitize.View, bool) {
	start := runeStart(v.Text, edits[0].start-Context)
	end := runeStart(v.Text, edits[len(edits)-1].end+Context)
	size := end - start
	for _, e := range edits {
		size += len(e.with) - (e.end - e.start)
	}
	if size > budget {
		return sanitize.View{}, false
	}
	return apply(v, edits, via, start, end), true
}

// apply makes a view of v.Text[start:end] with edits applied.
func apply(v sanitize.View, edits []edit, via string, start, end int) sanitize.View {
	var b strings.Builder
	m := new(sanitize.OffsetMap)
	at := start
	for _, e := range edits {
		b.WriteString(v.Text[at:e.start])
		m.AddView(v, at, e.start)
		if e.with != "" {
			b.WriteString(e.with)
			s := v.Source(sanitize.Span{Start: e.start, End: e.end})
			m.AddBlock(len(e.with), s.Start, s.End)
		}
		at = e.end
	}
	b.WriteString(v.Text[at:end])
	m.AddView(v, at, end)
	names := make([]string, 0, len(v.Via)+1)
	return sanitize.View{Text: b.String(), Via: append(append(names, v.Via...), via), Map: m}
}
