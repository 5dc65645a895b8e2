package sanitize

import "sort"

// OffsetMap maps offsets of a view to spans of its source as runs: within a run
// of equal step, or from one view segment to one source segment as a whole.
type OffsetMap struct {
	segments []segment
}

// segment says view[v0:v1] came from source[s0:s1]. When linear, byte i of the
// one is byte i of the other; otherwise every byte of the view segment stands
// for the whole source segment (a decoded blob, a folded character).
type segment struct {
	v0, v1, s0, s1 int
	linear         bool
}

// Add appends the next view segment; segments must be added in view order.
// Adjacent linear runs are merged.
func (m *OffsetMap) Add(viewLen, sourceStart, sourceEnd int) {
	v0 := 0
	if n := len(m.segments); n > 0 {
		v0 = m.segments[n-1].v1
	}
	linear := viewLen == sourceEnd-sourceStart
	if n := len(m.segments); n > 0 && linear {
		last := &m.segments[n-1]
		if last.linear && last.s1 == sourceStart {
			last.v1 += viewLen
			last.s1 = sourceEnd
			return
		}
	}
	m.segments = append(m.segments, segment{v0, v0 + viewLen, sourceStart, sourceEnd, linear})
}

// Span maps a view span to the smallest source span that covers it.
func (m *OffsetMap) Span(v Span) Span {
	if m == nil {
		return v
	}
	if len(m.segments) == 0 {
		return Span{}
	}
	first := m.at(v.Start)
	last := first
	if v.End > v.Start {
		last = m.at(v.End - 1)
	}
	start, end := first.s0, last.s1
	if first.linear {
		start = first.s0 + v.Start - first.v0
	}
	if last.linear && v.End > v.Start {
		end = last.s0 + v.End - last.v0
	}
	if end < start {
		start, end = end, start
	}
	return Span{start, end}
}

// at returns the segment holding a view offset, clamped to the ends.
func (m *OffsetMap) at(v int) segment {
	i := sort.Search(len(m.segments), func(i int) bool { return m.segments[i].v1 > v })
	if i == len(m.segments) {
		i--
	}
	return m.segments[i]
}

// Source maps a span of the view to the span of the source it came from.
func (v View) Source(s Span) Span {
	if v.Map == nil {
		return Span{s.Start + v.Base, s.End + v.Base}
	}
	return v.Map.Span(s)
}
