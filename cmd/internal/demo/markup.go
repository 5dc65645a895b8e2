package demo

import (
	"regexp"
	"strings"
)

// ink is how a run of text is put on paper.
type ink int

const (
	black ink = iota
	bold
	white   // white on white
	unseen  // a hidden run in DOCX, render mode 3 in PDF
	heading // PDF only; DOCX has a style for it
)

type run struct {
	text string
	ink  ink
}

// block is a paragraph, heading, list item or table of a document source.
type block struct {
	level int // 1 to 3: a heading
	item  bool
	runs  []run
	rows  [][]string // a table; the first row is its header
}

var (
	inkMark  = regexp.MustCompile(`\{\{(hidden|white):([^{}]*)\}\}|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*`)
	ruleLine = regexp.MustCompile(`^\|[-| ]+\|$`)
)

// parseMarkup reads the little Markdown that document sources are written in:
// headings, paragraphs of one line, list items, tables, bold and emphasis, and
// the marks for hidden and white text.
func parseMarkup(source string) []block {
	var out []block
	for _, line := range strings.Split(source, "\n") {
		line = strings.TrimSpace(line)
		text := strings.TrimLeft(line, "#")
		switch level := len(line) - len(text); {
		case line == "" || ruleLine.MatchString(line):
		case level > 0:
			out = append(out, block{level: min(level, 3), runs: runsOf(strings.TrimSpace(text))})
		case strings.HasPrefix(line, "| "):
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if n := len(out); n > 0 && out[n-1].rows != nil {
				out[n-1].rows = append(out[n-1].rows, cells)
			} else {
				out = append(out, block{rows: [][]string{cells}})
			}
		case strings.HasPrefix(line, "- "):
			out = append(out, block{item: true, runs: runsOf(line[2:])})
		default:
			out = append(out, block{runs: runsOf(line)})
		}
	}
	return out
}

func runsOf(line string) []run {
	var out []run
	at := 0
	for _, m := range inkMark.FindAllStringSubmatchIndex(line, -1) {
		if m[0] > at {
			out = append(out, run{text: line[at:m[0]]})
		}
		switch {
		case m[2] >= 0 && line[m[2]:m[3]] == "hidden":
			out = append(out, run{line[m[4]:m[5]], unseen})
		case m[2] >= 0:
			out = append(out, run{line[m[4]:m[5]], white})
		case m[6] >= 0:
			out = append(out, run{line[m[6]:m[7]], bold})
		default:
			out = append(out, run{text: line[m[8]:m[9]]})
		}
		at = m[1]
	}
	if at < len(line) {
		out = append(out, run{text: line[at:]})
	}
	return out
}
