package demo

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/doorward/doorward/sanitize/output"
)

// asking announces the questions.
func (v *View) asking(r *Result) {
	v.heading("The way out: the same three questions, asked by four people")
	for i, q := range r.Questions {
		v.labelled(strong, fmt.Sprintf("Question %d", i+1), q)
	}
	v.line("")
	v.say(faint, "Each is asked over HTTP, as a chatbot backend would: POST /v1/retrieve with the backend's key and a signed statement of who is asking, then the model's answer through POST /v1/output/stream.")
	if r.Model == (Script{}).Name() {
		v.line("")
		v.say(faint, "No model is configured, so the answers are SCRIPTED: the script quotes the fitting sentence of each passage, and twice misbehaves on purpose. A real model can be asked with --model-url.")
	}
}

// person begins a person's part.
func (v *View) person(p Person, may, of int) {
	name := " " + p.Name + ", " + p.Job + " "
	v.line("\n%s%s%s", v.paint(faint, "━━━"), v.paint(title, name), v.paint(faint, strings.Repeat("━", max(3, v.width-len([]rune(name))-3))))
	v.labelled(faint, "known as", fmt.Sprintf("%s; groups %s; clearance %d", p.ID, strings.Join(p.Groups, ", "), p.Clearance))
	v.labelled(faint, "may read", fmt.Sprintf("%d of %d indexed documents; the other %d do not exist for them", may, of, of-may))
}

// question shows what a person was given for a question.
func (v *View) question(n int, a Answer, unrestricted int, full bool, model string) {
	v.line("")
	v.labelled(strong, fmt.Sprintf("Question %d", n+1), a.Question)
	var shown []string
	for _, id := range a.Documents {
		shown = append(shown, pathOf(id))
	}
	if len(shown) == 0 {
		shown = []string{"nothing"}
	}
	v.labelled(green, "shown", strings.Join(shown, "\n"))
	v.labelled(red, "not shown", fmt.Sprintf("%d of the %d documents this search finds without a policy", a.Withheld, unrestricted))
	v.labelled(yellow, "stripped", strippedText(a.Stripped))
	v.prompt(a, full)
	v.labelled(green, "answer", model+", after the output filter:")
}

func strippedText(counts map[string]int) string {
	var list []string
	for _, rule := range byCount(counts) {
		list = append(list, fmt.Sprintf("%s"+glue+"×%d", rule, counts[rule]))
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// prompt shows what the model is given: the first one whole, of the others the
// beginning of each passage.
func (v *View) prompt(a Answer, full bool) {
	note := fmt.Sprintf("%d tokens", a.Usage.PromptTokens)
	if full {
		note += ", in full:"
	} else {
		note += ", shortened:"
	}
	v.labelled(cyan, "prompt", note)
	bar := v.paint(cyan, "  │ ")
	for _, m := range a.Messages {
		if !full && m.Role == "system" {
			continue
		}
		if full {
			v.line("%s%s", bar, v.paint(faint, m.Role))
		}
		text := printable(m.Content)
		if !full {
			text = shorten(text)
		}
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			if !full {
				line = cut(line, v.width-6)
			}
			if !full {
				v.line("%s%s", bar, v.marks(line))
				continue
			}
			for _, l := range wrap(line, v.width-6) {
				v.line("%s%s", bar, v.marks(l))
			}
		}
	}
}

var (
	passageStart = regexp.MustCompile(`^<<passage `)
	passageEnd   = regexp.MustCompile(`^<<end `)
)

// shorten keeps the first line of each passage, and says how many it had.
func shorten(text string) string {
	var out []string
	inside, lines := false, 0
	for _, line := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case passageStart.MatchString(line):
			inside, lines = true, 0
		case passageEnd.MatchString(line):
			inside = false
			out[len(out)-1] += fmt.Sprintf(" … %d lines", lines)
		case inside:
			if lines++; lines > 1 {
				continue
			}
			line = "  " + line
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

var mark = regexp.MustCompile(`\[[A-Z][A-Z0-9_]*_\d+\]|\[withheld\]|<<(?:passage|end)[^>]*>>|\[[0-9a-f]+-\d+\]`)

// marks paints what Doorward put into a text: placeholders, delimiters, labels.
func (v *View) marks(text string) string {
	if !v.color {
		return text
	}
	return mark.ReplaceAllStringFunc(text, func(m string) string {
		if strings.HasPrefix(m, "<<") {
			return v.paint(cyan, m)
		}
		return v.paint(yellow, m)
	})
}

// answered ends an answer and says what the filter did.
func (v *View) answered(a Answer) {
	v.endAnswer()
	switch {
	case a.Action == "hold":
		v.labelled(red, "stopped", filteredText(a.Filtered)+"; the answer ends here")
	case len(a.Filtered) > 0:
		v.labelled(red, "withheld", filteredText(a.Filtered))
	default:
		v.labelled(faint, "withheld", "nothing")
	}
	if a.Misbehave != "" {
		v.labelled(faint, "", "("+a.Misbehave+")")
	}
}

func filteredText(counts []output.Count) string {
	var list []string
	for _, c := range counts {
		list = append(list, fmt.Sprintf("%s"+glue+"×%d", c.Rule, c.N))
	}
	return strings.Join(list, ", ")
}

// matrix shows all answers at once.
func (v *View) matrix(r *Result) {
	v.heading("Who was shown what")
	v.say(faint, "This table is the operator's. To the people in it, a document they may not read and one that does not exist look the same.")
	for i, q := range r.Questions {
		v.line("")
		v.labelled(strong, fmt.Sprintf("Question %d", i+1), q)
		v.matrixOf(r, q)
		if n := r.Nobodys[i]; n > 0 {
			v.line("  %s", v.paint(red, fmt.Sprintf("and %d that none of the four may read", n)))
		}
	}
}

const nameColumn = 8

func (v *View) matrixOf(r *Result, question string) {
	var documents []string
	shown := map[string]map[string]bool{}
	for _, a := range r.Answers {
		if a.Question != question {
			continue
		}
		shown[a.Person] = map[string]bool{}
		for _, id := range a.Documents {
			shown[a.Person][id] = true
			if !slices.Contains(documents, id) {
				documents = append(documents, id)
			}
		}
	}
	slices.Sort(documents)
	room := v.width - 4 - nameColumn*len(r.People)
	header := "  " + pad("", room)
	for _, p := range r.People {
		first, _, _ := strings.Cut(p.Name, " ")
		header += padLeft(first, nameColumn)
	}
	v.line("%s", v.paint(faint, header))
	for _, id := range documents {
		line := "  " + pad(cut(pathOf(id), room), room)
		for _, p := range r.People {
			if shown[p.ID][id] {
				line += v.paint(green, padLeft("●", nameColumn))
			} else {
				line += v.paint(faint, padLeft("·", nameColumn))
			}
		}
		v.line("%s", line)
	}
}
