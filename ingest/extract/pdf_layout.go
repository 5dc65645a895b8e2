package extract

import (
	"fmt"
	"math"
	"strings"

	"github.com/doorward/doorward/sanitize"
)

// layout writes the runs of a page as lines of text.
type layout struct {
	*canvas
	page    int
	lines   []pdfLine
	unknown int
	glyphs  int
	start   int
	size    float64 // largest of the line
	last    *pdfRun // last visible run
	veiled  *pdfRun // last hidden run
}

// write adds the page's visible runs in content order and reports the others.
func (l *layout) write() {
	l.gap()
	begin := len(l.out)
	l.start = begin
	for i := range l.runs {
		if l.stopped() {
			return
		}
		r := &l.runs[i]
		if technique, how := l.hidden(r); technique != "" {
			l.concealed(r, technique, how)
			continue
		}
		l.unknown += r.unknown
		l.glyphs += r.glyphs
		l.place(r)
		l.inline(r.text)
		if r.claimed != "" {
			l.hide(Concealed, "pdf-remap", fmt.Sprintf("page %d ToUnicode", l.page), r.claimed)
		}
		l.size = max(l.size, r.size)
		l.last = r
	}
	l.endLine()
	l.replacements(string(l.out[min(begin, len(l.out)):]))
	l.gap()
}

// replacements reports the page's replacement texts that say something else
// than is drawn.
func (l *layout) replacements(page string) {
	if len(l.actual) == 0 {
		return
	}
	join := strings.NewReplacer(" ", "", "\n", "", "\u00ad", "").Replace
	shown := join(page)
	for _, s := range l.actual {
		if !strings.Contains(shown, join(s)) {
			l.hide(Markup, "pdf-actual-text", fmt.Sprintf("page %d replacement text", l.page), s)
		}
	}
}

// concealed reports a hidden run, joined to the hidden run before it as the two
// stand on the page.
func (l *layout) concealed(r *pdfRun, technique, how string) {
	if l.veiled != nil {
		line, blank := between(l.veiled, r)
		l.apart = l.apart || line || blank
	}
	l.veiled = r
	where := fmt.Sprintf("page %d %s", l.page, how)
	l.hideRun(Concealed, technique, where, r.text)
	if r.claimed != "" && r.claimed != r.text {
		l.hide(Concealed, "pdf-remap", where, r.claimed)
	}
}

// place begins a new line, or a blank, where the page has one.
func (l *layout) place(r *pdfRun) {
	if l.last == nil {
		return
	}
	switch line, blank := between(l.last, r); {
	case line && math.Abs(l.last.across(r)) > min(l.last.size, r.size)*1.9:
		l.endLine()
		l.gap()
		l.start = len(l.out)
	case line:
		l.endLine()
	case blank:
		l.space = true
	}
}

// direction is the unit vector a run is written along.
func (r *pdfRun) direction() (dx, dy float64) {
	dx, dy = r.ex-r.x, r.ey-r.y
	if n := math.Hypot(dx, dy); n > 0 {
		return dx / n, dy / n
	}
	return 1, 0
}

// across is how far the next run is off the line of this one.
func (r *pdfRun) across(next *pdfRun) float64 {
	dx, dy := r.direction()
	return (next.x-r.ex)*-dy + (next.y-r.ey)*dx
}

// between tells whether a run begins a new line, or stands apart on the same.
func between(last, r *pdfRun) (line, blank bool) {
	dx, dy := last.direction()
	along := (r.x-last.ex)*dx + (r.y-last.ey)*dy
	size := max(last.size, r.size)
	return math.Abs(last.across(r)) > size*0.6 || along < -size*1.5, along > size*0.15
}

// endLine ends the line and remembers how large it was.
func (l *layout) endLine() {
	l.line()
	end := len(l.out)
	for end > l.start && l.out[end-1] == '\n' {
		end--
	}
	if end > l.start {
		l.lines = append(l.lines, pdfLine{span: sanitize.Span{Start: l.start, End: end}, size: l.size, chars: end - l.start})
	}
	l.start, l.size = len(l.out), 0
}

// hidden returns how a run is hidden, or "".
func (l *layout) hidden(r *pdfRun) (technique, how string) {
	s := r.state
	mode := s.mode
	color, alpha := s.fill, s.fillAlpha
	if mode == 1 || mode == 5 {
		color, alpha = s.stroke, s.strokeAlpha
	}
	switch {
	case r.offOC:
		return "pdf-layer", "layer off"
	case mode == 3 || mode == 7 || mode < 0 || mode > 7:
		return "pdf-render-mode", fmt.Sprintf("render mode %d", min(max(mode, 0), 9))
	case r.size < pdfMinSize || r.narrow < pdfMinWidth:
		return "tiny-text", "font size"
	case alpha < minOpacity:
		return "pdf-transparent", "alpha"
	case s.masked:
		return "pdf-transparent", "soft mask"
	}
	if !s.clip.has(r.midX, r.midY) {
		return "pdf-off-page", "outside the page or clip"
	}
	back, covered := l.around(r)
	if covered {
		return "pdf-covered", "painted over"
	}
	outlined := (mode == 2 || mode == 6) && contrast(over(s.stroke, back), back) >= minContrast && s.strokeAlpha >= minOpacity
	if color.a = alpha; !s.fillPattern && !outlined && contrast(over(color, back), back) < minContrast {
		return "same-colour", "colour as behind it"
	}
	return "", ""
}

// around returns the colour behind a run, and whether something painted later
// covers it.
func (l *layout) around(r *pdfRun) (back rgba, covered bool) {
	back = white
	for _, i := range l.bands[l.band(r.midY)] {
		p := &l.paints[i]
		if !p.area.has(r.midX, r.midY) {
			continue
		}
		if p.order < r.order {
			back = p.color
		} else if p.area.has(r.x, r.y) && p.area.has(r.ex, r.ey) {
			covered = true
		}
	}
	return back, covered
}
