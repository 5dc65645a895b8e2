package sanitize

import "sort"

// EditMap maps offsets between a text and its rewriting. The zero EditMap is
// the identity. Make one with [Result.Offsets].
type EditMap struct {
	edits []pair
}

type pair struct{ source, result Span }

// Offsets returns the map between the given text and r.Text.
func (r Result) Offsets() EditMap {
	m := EditMap{edits: make([]pair, len(r.Edits))}
	for i, e := range r.Edits {
		m.edits[i] = pair{e.Source, e.Result}
	}
	return m
}

func mapOf(edits []edit) EditMap {
	m := EditMap{edits: make([]pair, len(edits))}
	for i, e := range edits {
		m.edits[i] = pair{e.Span, e.result}
	}
	return m
}

// Result maps a span of the source to the smallest span of the result that
// holds what is left of it; a replacement that it touches is taken whole.
func (m EditMap) Result(s Span) Span {
	return m.translate(s, func(p pair) (from, to Span) { return p.source, p.result })
}

// Source maps a span of the result back to the source; a replacement that it
// touches stands for all it replaced.
func (m EditMap) Source(s Span) Span {
	return m.translate(s, func(p pair) (from, to Span) { return p.result, p.source })
}

func (m EditMap) translate(s Span, side func(pair) (from, to Span)) Span {
	// The start is decided by the first edit that ends after it.
	i := sort.Search(len(m.edits), func(i int) bool { from, _ := side(m.edits[i]); return from.End > s.Start })
	out := Span{Start: m.shift(i, s.Start, side)}
	if i < len(m.edits) {
		if from, to := side(m.edits[i]); s.Start >= from.Start {
			out.Start = to.Start
		}
	}
	if s.Len() == 0 {
		return Span{out.Start, out.Start}
	}
	// The end by the first that reaches it.
	i = sort.Search(len(m.edits), func(i int) bool { from, _ := side(m.edits[i]); return from.End >= s.End })
	out.End = m.shift(i, s.End, side)
	if i < len(m.edits) {
		if from, to := side(m.edits[i]); s.End > from.Start {
			out.End = to.End
		}
	}
	out.End = max(out.End, out.Start)
	return out
}

// shift maps an offset that lies outside every edit, i edits before it.
func (m EditMap) shift(i, at int, side func(pair) (from, to Span)) int {
	if i == 0 {
		return at
	}
	from, to := side(m.edits[i-1])
	return at + to.End - from.End
}
