package ingest

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

// contextBytes is how much is shown on either side of a finding.
const contextBytes = 80

// mask shows a text with its findings hidden: each is its kind or type in
// brackets, whatever part of it would show.
type mask struct {
	text  string
	spans []masked // in order, not overlapping
	lines []int    // where lines begin
}

type masked struct {
	sanitize.Span
	label string
}

func newMask(text string, found []sanitize.Finding) *mask {
	m := &mask{text: text, lines: []int{0}}
	for i := range len(text) {
		if text[i] == '\n' {
			m.lines = append(m.lines, i+1)
		}
	}
	sorted := append([]sanitize.Finding(nil), found...)
	sanitize.SortFindings(sorted)
	for _, f := range sorted {
		label := f.Type
		if label == "" {
			label = string(f.Kind)
		}
		if n := len(m.spans); n > 0 && f.Start < m.spans[n-1].End {
			m.spans[n-1].End = max(m.spans[n-1].End, f.End)
			continue
		}
		if f.Len() > 0 {
			m.spans = append(m.spans, masked{f.Span, label})
		}
	}
	return m
}

// line is the line of an offset, from 1.
func (m *mask) line(at int) int { return sort.SearchInts(m.lines, at+1) }

// around shows what stands about a span, on one line.
func (m *mask) around(s sanitize.Span) string {
	start, end := m.edge(max(0, s.Start-contextBytes), -1), m.edge(min(len(m.text), s.End+contextBytes), 1)
	text := strings.Join(strings.Fields(m.show(start, end)), " ")
	if start > 0 {
		text = "…" + text
	}
	if end < len(m.text) {
		text += "…"
	}
	return text
}

// all shows the text up to a number of bytes.
func (m *mask) all(limit int) string {
	end := m.edge(min(limit, len(m.text)), 1)
	text := m.show(0, end)
	if end < len(m.text) {
		text += fmt.Sprintf("\n… %d bytes more", len(m.text)-end)
	}
	return text
}

// edge moves an offset out of a rune or of a masked span.
func (m *mask) edge(at, step int) int {
	for at > 0 && at < len(m.text) && !utf8.RuneStart(m.text[at]) {
		at += step
	}
	for _, s := range m.spans {
		if at > s.Start && at < s.End {
			if step < 0 {
				return s.Start
			}
			return s.End
		}
	}
	return at
}

func (m *mask) show(start, end int) string {
	var b strings.Builder
	for _, s := range m.spans {
		if s.End <= start || s.Start >= end {
			continue
		}
		b.WriteString(printable(m.text[start:max(start, s.Start)]))
		fmt.Fprintf(&b, "⟦%s⟧", s.label)
		start = s.End
	}
	if start < end {
		b.WriteString(printable(m.text[start:end]))
	}
	return b.String()
}

// printable writes what does not print, or would change how the rest is shown or
// read (control, format, private and unassigned characters, also those a
// terminal obeys), as code points.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n', r == '\t', r == ' ', unicode.IsGraphic(r) && !unicode.IsSpace(r) && r != utf8.RuneError:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "\\u{%X}", r)
		}
	}
	return b.String()
}
