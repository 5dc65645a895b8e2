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

// AddBlock appends a view segment of which every byte stands for the whole
// source segment, whatever their lengths: a folded character, a decoded blob.
func (m *OffsetMap) AddBlock(viewLen, sourceStart, sourceEnd int) {
	v0 := 0
	if n := len(m.segments); n > 0 {
		v0 = m.segments[n-1].v1
	}
	m.segments = append(m.segments, segment{v0, v0 + viewLen, sourceStart, sourceEnd, false})
}

// AddView appends the bytes start to end of another view, unchanged, with the
// places they have in that view's source. It is how a view of a view gets a map
// to the first source.
func (m *OffsetMap) AddView(v View, start, end int) {
	if start >= end {
		return
	}
	if v.Map == nil {
		m.Add(end-start, start+v.Base, end+v.Base)
		return
	}
	segments := v.Map.segments
	i := sort.Search(len(segments), func(i int) bool { return segments[i].v1 > start })
	for ; i < len(segments) && segments[i].v0 < end; i++ {
		s := segments[i]
		from, to := max(start, s.v0), min(end, s.v1)
		if s.linear {
			m.Add(to-from, s.s0+from-s.v0, s.s0+to-s.v0)
		} else {
			m.AddBlock(to-from, s.s0, s.s1)
		}
	}
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

// Linear reports whether a view span is a verbatim copy of one span of the
// source: no transform touched it. A nil map is linear everywhere.
func (m *OffsetMap) Linear(v Span) bool {
	if m == nil {
		return true
	}
	if len(m.segments) == 0 {
		return false
	}
	s := m.at(v.Start)
	return s.linear && s.v0 <= v.Start && v.End <= s.v1
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
