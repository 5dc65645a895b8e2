package extract

import (
	"bytes"
	"fmt"
	"math"
)

// Limits of content streams.
const (
	pdfMaxOps   = 20_000_000 // operators of one document
	pdfMaxForms = 16         // forms within forms
	pdfMaxState = 512        // saved graphics states
)

// matrix is [a b c d e f] as PDF has it.
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// mul applies m, then n.
func (m matrix) mul(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

func (m matrix) apply(x, y float64) (float64, float64) {
	return m[0]*x + m[2]*y + m[4], m[1]*x + m[3]*y + m[5]
}

// box is a rectangle in page space.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) cut(o box) box {
	return box{max(b.x0, o.x0), max(b.y0, o.y0), min(b.x1, o.x1), min(b.y1, o.y1)}
}

func (b box) has(x, y float64) bool { return x >= b.x0 && x <= b.x1 && y >= b.y0 && y <= b.y1 }

func (b *box) grow(x, y float64) {
	*b = box{min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y)}
}

var nowhere = box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}

// gstate is the part of the graphics state that decides what is seen.
type gstate struct {
	ctm            matrix
	fill, stroke   rgba
	fillPattern    bool
	masked         bool // under a soft mask
	fillAlpha      float64
	strokeAlpha    float64
	clip           box
	font           *pdfFont
	size           float64
	charGap        float64
	wordGap        float64
	stretch        float64
	leading        float64
	rise           float64
	mode           int
	fillN, strokeN int // components of the colour space, 0 for others
}

// pdfRun is a run of shown text with one look.
type pdfRun struct {
	text    string
	claimed string // what ToUnicode says instead
	x, y    float64
	ex, ey  float64 // where the next glyph would go
	size    float64 // effective, in points
	narrow  float64 // effective horizontal size
	state   gstate
	order   int
	offOC   bool
	unknown int // glyphs without text
	glyphs  int
	midX    float64
	midY    float64
}

// canvas interprets the content of one page.
type canvas struct {
	*pdfDoc
	g        gstate
	stack    []gstate
	tm, lm   matrix
	path     box
	pathSet  bool
	clipNext bool
	runs     []pdfRun
	paints   []paint
	bands    [pdfBands][]int32 // indexes of paints
	visible  box
	order    int
	marks    []bool // open marked contents: layer off
	off      int    // how many of them are off
	actual   []string
	fonts    map[any]*pdfFont
	layers   map[pdfRef]bool // off
	ops      *int
	images   int
}

// form interprets one content stream with its resources.
func (c *canvas) form(data []byte, res pdfDict, depth int) error {
	if depth > pdfMaxForms {
		return fmt.Errorf("%w: PDF forms nested more than %d deep", ErrTooLarge, pdfMaxForms)
	}
	l := &pdfLexer{p: data}
	var args []any
	base := len(c.stack)
	marks := len(c.marks)
	for !l.end() {
		o := l.object()
		op, isOp := o.(pdfOp)
		if !isOp {
			if args = append(args, o); len(args) > 1024 {
				args = args[512:]
			}
			continue
		}
		if *c.ops++; *c.ops > pdfMaxOps {
			return fmt.Errorf("%w: PDF content of more than %d operators", ErrTooLarge, pdfMaxOps)
		}
		if c.stopped() {
			return c.err
		}
		if op == "BI" {
			c.inlineImage(l)
		} else if err := c.operator(string(op), args, res, depth); err != nil {
			return err
		}
		args = args[:0]
	}
	if len(c.stack) > base {
		c.g = c.stack[base]
		c.stack = c.stack[:base]
	}
	for len(c.marks) > marks {
		c.endMark()
	}
	return nil
}

// num returns the i-th argument from the end, 0 being the last.
func lastNum(args []any, i int) float64 {
	if i >= len(args) {
		return 0
	}
	n, _ := args[len(args)-1-i].(float64)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	return n
}

// operator runs one operator.
func (c *canvas) operator(op string, args []any, res pdfDict, depth int) error {
	n := func(i int) float64 { return lastNum(args, i) }
	switch op {
	case "q":
		if len(c.stack) >= pdfMaxState {
			return fmt.Errorf("%w: more than %d saved graphics states", ErrTooLarge, pdfMaxState)
		}
		c.stack = append(c.stack, c.g)
	case "Q":
		if k := len(c.stack); k > 0 {
			c.g, c.stack = c.stack[k-1], c.stack[:k-1]
		}
	case "cm":
		c.g.ctm = matrix{n(5), n(4), n(3), n(2), n(1), n(0)}.mul(c.g.ctm)
	case "gs":
		c.extState(res, args)
	case "Do":
		return c.xobject(res, args, depth)
	case "BDC", "BMC":
		c.beginMark(res, args)
	case "EMC":
		c.endMark()
	default:
		if !c.textOperator(op, args, res) && !c.colorOperator(op, args, res) {
			c.pathOperator(op, args)
		}
	}
	return nil
}

// extState applies a graphics state dictionary.
func (c *canvas) extState(res pdfDict, args []any) {
	d := c.dict(c.resource(res, "ExtGState", args))
	c.g.fillAlpha = c.num(d["ca"], c.g.fillAlpha)
	c.g.strokeAlpha = c.num(d["CA"], c.g.strokeAlpha)
	if f := c.array(d["Font"]); len(f) == 2 {
		c.g.font, c.g.size = c.useFont(f[0]), c.num(f[1], c.g.size)
	}
	if m := c.get(d["SMask"]); m != nil {
		// What a soft mask leaves visible is not worked out, so text under one
		// counts as hidden; a name (None) ends the mask.
		_, none := m.(pdfName)
		c.g.masked = !none
	}
}

// resource looks up the named resource that is the last argument.
func (c *canvas) resource(res pdfDict, kind pdfName, args []any) any {
	if len(args) == 0 {
		return nil
	}
	name, _ := args[len(args)-1].(pdfName)
	return c.dict(res[kind])[name]
}

// xobject draws a form or an image.
func (c *canvas) xobject(res pdfDict, args []any, depth int) error {
	o := c.resource(res, "XObject", args)
	s, ok := c.get(o).(*pdfStream)
	if !ok {
		return nil
	}
	off := c.layerOff(s.dict["OC"], 0)
	if off {
		c.off++
		defer func() { c.off-- }()
	}
	if c.name(s.dict["Subtype"]) != "Form" {
		c.image(s.dict)
		return nil
	}
	data, err := c.decode(s)
	if err != nil {
		if limitError(err) != nil {
			return err
		}
		return fmt.Errorf("%w: form of a PDF page", ErrMalformed)
	}
	saved, stack := c.g, c.stack
	if m := c.array(s.dict["Matrix"]); len(m) == 6 {
		c.g.ctm = c.matrix(m).mul(c.g.ctm)
	}
	if b := c.array(s.dict["BBox"]); len(b) == 4 {
		c.g.clip = c.g.clip.cut(c.rect(b, c.g.ctm))
	}
	inner := c.dict(s.dict["Resources"])
	if inner == nil {
		inner = res
	}
	tm, lm := c.tm, c.lm
	err = c.form(data, inner, depth+1)
	c.g, c.stack, c.tm, c.lm = saved, stack, tm, lm
	return err
}

func (d *pdfDoc) matrix(a pdfArray) matrix {
	var m matrix
	for i := range m {
		m[i] = d.num(a[i], 0)
	}
	return m
}

// rect transforms a rectangle to the box around it.
func (d *pdfDoc) rect(a pdfArray, m matrix) box {
	b := nowhere
	for _, p := range [][2]int{{0, 1}, {2, 1}, {0, 3}, {2, 3}} {
		b.grow(m.apply(d.num(a[p[0]], 0), d.num(a[p[1]], 0)))
	}
	return b
}

// image records the area an image covers: the unit square.
func (c *canvas) image(dict pdfDict) {
	c.images++
	if c.off > 0 || c.get(dict["ImageMask"]) == true {
		return
	}
	area := c.rect(pdfArray{0.0, 0.0, 1.0, 1.0}, c.g.ctm).cut(c.g.clip)
	// A soft mask may leave the image transparent anywhere.
	if c.g.fillAlpha >= 0.9 && dict["SMask"] == nil && dict["Mask"] == nil {
		c.paint(paint{area: area, image: true, color: white})
	}
}

// inlineImage steps over an inline image's data.
func (c *canvas) inlineImage(l *pdfLexer) {
	c.images++
	for !l.end() {
		if l.object() == pdfOp("ID") {
			break
		}
	}
	for at := l.at; ; {
		i := bytes.Index(l.p[min(at, len(l.p)):], []byte("EI"))
		if i < 0 {
			l.at = len(l.p)
			return
		}
		at += i + 2
		before, after := l.p[at-3], byte(' ')
		if at < len(l.p) {
			after = l.p[at]
		}
		if pdfSpace(before) && pdfSpace(after) {
			l.at = at
			return
		}
	}
}
