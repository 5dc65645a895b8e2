package demo

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Widths between which the demo is laid out. Where nothing says how wide the
// screen is, it is as wide as a mail.
const (
	leastWidth, mostWidth, usualWidth = 60, 112, 96
)

// View shows the demo to a person.
type View struct {
	w        io.Writer
	width    int
	color    bool
	terminal bool
	column   int // of the answer being streamed
	word     []rune
	steps    int // of the progress shown so far
}

// NewView looks at where it writes: colour and a moving bar are for terminals,
// colour only where NO_COLOR is not set (no-color.org), the width is the
// terminal's or COLUMNS.
func NewView(w io.Writer) *View {
	v := &View{w: w, width: usualWidth}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		v.width = n
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		v.terminal = os.Getenv("TERM") != "dumb"
		v.color = v.terminal && os.Getenv("NO_COLOR") == ""
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			v.width = n
		}
	}
	v.width = max(leastWidth, min(v.width, mostWidth))
	return v
}

func silent() *View { return &View{w: io.Discard, width: usualWidth} }

// pace is how slowly a scripted answer streams.
func (v *View) pace() time.Duration {
	if v.terminal {
		return 5 * time.Millisecond
	}
	return 0
}

// Styles, as parameters of the terminal's "select graphic rendition".
const (
	strong = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
	title  = "1;36"
)

func (v *View) paint(style, s string) string {
	if !v.color || s == "" || style == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

func (v *View) line(format string, args ...any) {
	fmt.Fprintf(v.w, format+"\n", args...)
}

// heading begins a part.
func (v *View) heading(text string) {
	v.line("")
	v.say(title, text)
	v.line("%s", v.paint(faint, strings.Repeat("─", min(v.width, utf8.RuneCountInString(text)))))
}

// say writes a paragraph.
func (v *View) say(style, text string) {
	for _, l := range wrap(text, v.width) {
		v.line("%s", v.paint(style, l))
	}
}

// labelled writes a label and, beside it, a paragraph.
func (v *View) labelled(style, label, text string) {
	const indent = 14
	for i, l := range wrap(text, v.width-indent) {
		if i > 0 {
			label = ""
		}
		v.line("  %s%s", v.paint(style, pad(label, indent-2)), l)
	}
}

// printable makes text of documents and models fit to be printed: control and other
// invisible characters could move the cursor or reorder what is read.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs), r == utf8.RuneError:
			return '·'
		}
		return r
	}, text)
}

// glue is a blank at which wrap does not break a line.
const glue = "\u00a0"

// wrap breaks text into lines of at most width characters; longer words stand
// alone and whole.
func wrap(text string, width int) []string {
	var out []string
	for _, paragraph := range strings.Split(text, "\n") {
		line, n := "", 0
		for _, w := range strings.FieldsFunc(paragraph, func(r rune) bool { return r == ' ' || r == '\t' }) {
			w = strings.ReplaceAll(w, glue, " ")
			size := utf8.RuneCountInString(w)
			switch {
			case n == 0:
				line, n = w, size
			case n+1+size > width:
				out = append(out, line)
				line, n = w, size
			default:
				line, n = line+" "+w, n+1+size
			}
		}
		out = append(out, line)
	}
	return out
}

// cut shortens text to width characters.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(0, width-1)]) + "…"
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

func padLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}

// table writes rows: the first column left, the others right. Zeros are shown
// as dots, so that numbers stand out; an empty row is a gap. Where the screen is
// too narrow for the header, the short one is used.
func (v *View) table(header, short []string, rows [][]string) {
	widths := columns(header, rows)
	if total := sum(widths) + 2*len(widths); total > v.width {
		header = short
		widths = columns(header, rows)
	}
	v.line("  %s", v.paint(faint, strings.TrimRight(row(header, widths, pad, padLeft), " ")))
	for _, cells := range rows {
		if len(cells) == 0 {
			v.line("")
			continue
		}
		first := func(s string, width int) string {
			if s == "total" {
				return v.paint(strong, pad(s, width))
			}
			return pad(s, width)
		}
		number := func(s string, width int) string {
			if s == "0" {
				return v.paint(faint, padLeft("·", width))
			}
			return padLeft(s, width)
		}
		v.line("  %s", row(cells, widths, first, number))
	}
}

func columns(header []string, rows [][]string) []int {
	widths := make([]int, len(header))
	for _, cells := range append([][]string{header}, rows...) {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	return widths
}

func sum(list []int) (n int) {
	for _, i := range list {
		n += i
	}
	return n
}

// row puts cells side by side.
func row(cells []string, widths []int, first, rest func(string, int) string) string {
	out := first(cells[0], widths[0])
	for i, c := range cells[1:] {
		out += "  " + rest(c, widths[i+1])
	}
	return out
}

// progress shows how far ingest has got: a bar that moves on a terminal, a
// line now and then elsewhere.
func (v *View) progress(done, total int) {
	if total == 0 {
		return
	}
	label := fmt.Sprintf(" %d of %d documents", done, total)
	if !v.terminal {
		if step := done * 4 / total; step > v.steps {
			v.steps = step
			v.line("  ingesting:%s", label)
		}
		return
	}
	room := max(10, min(50, v.width-len(label)-4))
	full := done * room / total
	fmt.Fprintf(v.w, "\r  %s%s%s", v.paint(green, strings.Repeat("█", full)), v.paint(faint, strings.Repeat("░", room-full)), label)
	if done == total {
		fmt.Fprintln(v.w)
	}
}

// delta streams a piece of an answer, breaking lines between words.
func (v *View) delta(text string) {
	for _, r := range printable(text) {
		if r != ' ' && r != '\n' {
			v.word = append(v.word, r)
			continue
		}
		v.flush()
	}
}

const answerIndent = "  │ "

// flush writes the word that was being streamed.
func (v *View) flush() {
	if len(v.word) == 0 {
		return
	}
	word := string(v.word)
	size := len(v.word)
	v.word = v.word[:0]
	switch {
	case v.column == 0:
		fmt.Fprint(v.w, v.paint(green, answerIndent))
	case v.column+1+size > v.width-len([]rune(answerIndent)):
		fmt.Fprint(v.w, "\n"+v.paint(green, answerIndent))
		v.column = 0
	default:
		fmt.Fprint(v.w, " ")
		v.column++
	}
	fmt.Fprint(v.w, v.marks(word))
	v.column += size
}

// endAnswer ends the streamed answer's last line.
func (v *View) endAnswer() {
	v.flush()
	if v.column > 0 {
		fmt.Fprintln(v.w)
	}
	v.column = 0
}
