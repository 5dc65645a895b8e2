package extract

import "math"

// textOperator runs the operators of text objects.
func (c *canvas) textOperator(op string, args []any, res pdfDict) bool {
	n := func(i int) float64 { return lastNum(args, i) }
	switch op {
	case "BT":
		c.tm, c.lm = identity, identity
	case "ET":
	case "Tc":
		c.g.charGap = n(0)
	case "Tw":
		c.g.wordGap = n(0)
	case "Tz":
		c.g.stretch = n(0) / 100
	case "TL":
		c.g.leading = n(0)
	case "Ts":
		c.g.rise = n(0)
	case "Tr":
		c.g.mode = int(n(0))
	case "Tf":
		if len(args) >= 2 {
			c.g.font = c.useFont(c.resource(res, "Font", args[:len(args)-1]))
		}
		c.g.size = n(0)
	case "Td":
		c.move(n(1), n(0))
	case "TD":
		c.g.leading = -n(0)
		c.move(n(1), n(0))
	case "Tm":
		c.lm = matrix{n(5), n(4), n(3), n(2), n(1), n(0)}
		c.tm = c.lm
	case "T*":
		c.move(0, -c.g.leading)
	case "Tj", "'", "\"":
		if op == "\"" {
			c.g.wordGap, c.g.charGap = n(2), n(1)
		}
		if op != "Tj" {
			c.move(0, -c.g.leading)
		}
		if len(args) > 0 {
			c.showLast(args[len(args)-1])
		}
	case "TJ":
		if len(args) > 0 {
			c.showArray(args[len(args)-1])
		}
	default:
		return false
	}
	return true
}

func (c *canvas) move(x, y float64) {
	c.lm = matrix{1, 0, 0, 1, x, y}.mul(c.lm)
	c.tm = c.lm
}

func (c *canvas) showLast(o any) {
	if s, ok := o.(pdfString); ok {
		c.show(string(s))
	}
}

func (c *canvas) showArray(o any) {
	a, _ := o.(pdfArray)
	for _, e := range a {
		switch e := e.(type) {
		case pdfString:
			c.show(string(e))
		case float64:
			c.tm = matrix{1, 0, 0, 1, -e / 1000 * c.g.size * c.g.stretch, 0}.mul(c.tm)
		}
	}
}

// useFont reads a font once.
func (c *canvas) useFont(o any) *pdfFont {
	key := o
	if _, isRef := o.(pdfRef); !isRef {
		return c.font(o)
	}
	if f, ok := c.fonts[key]; ok {
		return f
	}
	f := c.font(o)
	c.fonts[key] = f
	return f
}

// maxRunGlyphs ends a run so that long strings are judged piece by piece.
const maxRunGlyphs = 24

// show adds a string, in runs that end at blanks: what hides half a line is
// found by the word.
func (c *canvas) show(s string) {
	if c.g.font == nil || s == "" {
		return
	}
	var run *pdfRun
	flush := func() {
		if run != nil && run.glyphs > 0 {
			run.ex, run.ey = c.origin()
			run.midX, run.midY = (run.x+run.ex)/2, (run.y+run.ey)/2
			c.lift(run)
			c.runs = append(c.runs, *run)
		}
		run = nil
	}
	for _, g := range c.g.font.decode(s) {
		if run == nil {
			run = c.startRun()
		}
		run.glyphs++
		run.text += g.text
		if g.claimed != "" {
			run.claimed += g.claimed
		}
		if g.text == "" {
			run.unknown++
		}
		advance := g.width*c.g.font.scale*c.g.size + c.g.charGap
		if g.space {
			advance += c.g.wordGap
		}
		c.tm = matrix{1, 0, 0, 1, advance * c.g.stretch, 0}.mul(c.tm)
		if g.text == " " || run.glyphs >= maxRunGlyphs {
			flush()
		}
	}
	flush()
}

// origin is where the next glyph goes, in page space.
func (c *canvas) origin() (float64, float64) {
	return c.tm.mul(c.g.ctm).apply(0, c.g.rise)
}

// startRun begins a run at the present place.
func (c *canvas) startRun() *pdfRun {
	m := c.tm.mul(c.g.ctm)
	c.order++
	r := &pdfRun{state: c.g, order: c.order, offOC: c.off > 0}
	r.x, r.y = c.origin()
	unit := 1.0
	if c.g.font.type3 {
		unit = c.g.font.scale * 1000
	}
	r.size = math.Abs(c.g.size) * unit * math.Hypot(m[2], m[3])
	r.narrow = math.Abs(c.g.size*c.g.stretch) * unit * math.Hypot(m[0], m[1])
	return r
}

// lift moves the middle of a run from the baseline into its letters.
func (c *canvas) lift(r *pdfRun) {
	m := c.tm.mul(c.g.ctm)
	r.midX += m[2] * c.g.size * 0.3
	r.midY += m[3] * c.g.size * 0.3
}
