package extract

import (
	"bytes"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/sanitize"
)

const (
	pdfMinSize  = 3.0 // points; smaller print is not read
	pdfMinWidth = 1.0 // points of horizontal size
	pdfMaxPages = 20_000
)

// readPDF reads the text a viewer draws, page by page in the order of the
// content. Text drawn invisibly, too small, in the colour behind it, off the
// page, outside the clip, under something painted later or on a layer that is
// off is reported, and so is all text that is not page content: annotations,
// form values, metadata, outlines, attachments, scripts, replacement texts. A
// page that is only an image has no text (there is no OCR).
func readPDF(b *builder, in Input, _ int) error {
	d, err := openPDF(b, in.Bytes)
	if err != nil {
		return err
	}
	root := d.catalog()
	layers := d.layers(root)
	ops, pages, unknown, glyphs := 0, 0, 0, 0
	var lines []pdfLine
	err = d.pages(root["Pages"], pdfDict{}, map[int]bool{}, 0, func(page pdfDict) error {
		if pages++; pages > pdfMaxPages {
			return fmt.Errorf("%w: PDF of more than %d pages", ErrTooLarge, pdfMaxPages)
		}
		c := &canvas{pdfDoc: d, fonts: map[any]*pdfFont{}, layers: layers, ops: &ops}
		if err := c.page(page); err != nil {
			return err
		}
		l := layout{canvas: c, page: pages}
		l.write()
		lines = append(lines, l.lines...)
		unknown, glyphs = unknown+l.unknown, glyphs+l.glyphs
		if c.images > 0 {
			b.skip("image/*")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if b.err != nil {
		return b.err
	}
	if unknown*5 > glyphs {
		return fmt.Errorf("%w: a PDF font does not say which characters it draws", ErrEncoding)
	}
	if unknown > 0 {
		b.warn("PDF glyphs without characters were left out")
	}
	d.headings(lines)
	d.unshown()
	return b.err
}

// pages walks the page tree in order. A node seen twice is a cycle.
func (d *pdfDoc) pages(o any, inherited pdfDict, seen map[int]bool, depth int, fn func(pdfDict) error) error {
	if r, ok := o.(pdfRef); ok {
		if seen[r.num] {
			return fmt.Errorf("%w: PDF page tree with a cycle", ErrMalformed)
		}
		seen[r.num] = true
	}
	node := d.dict(o)
	if node == nil || d.stopped() {
		return d.err
	}
	if depth > pdfDepth {
		return fmt.Errorf("%w: PDF page tree nested more than %d deep", ErrTooLarge, pdfDepth)
	}
	page := pdfDict{}
	for _, k := range []pdfName{"Resources", "MediaBox", "CropBox", "UserUnit"} {
		page[k] = first2(node[k], inherited[k])
	}
	kids, isTree := d.get(node["Kids"]).(pdfArray)
	if !isTree {
		page["Contents"] = node["Contents"]
		return fn(page)
	}
	for _, k := range kids {
		if err := d.pages(k, page, seen, depth+1, fn); err != nil {
			return err
		}
	}
	return nil
}

// page interprets a page's content.
func (c *canvas) page(page pdfDict) error {
	visible := box{0, 0, 612, 792}
	if a := c.array(page["MediaBox"]); len(a) == 4 {
		visible = c.rect(a, identity)
	}
	if a := c.array(page["CropBox"]); len(a) == 4 {
		visible = visible.cut(c.rect(a, identity))
	}
	c.visible = visible
	c.g = gstate{ctm: identity, fill: black, stroke: black, fillAlpha: 1, strokeAlpha: 1, clip: visible, stretch: 1}
	var data bytes.Buffer
	parts, isArray := c.get(page["Contents"]).(pdfArray)
	if !isArray {
		parts = pdfArray{page["Contents"]}
	}
	for _, o := range parts {
		s, ok := c.get(o).(*pdfStream)
		if !ok {
			continue
		}
		p, err := c.decode(s)
		if err != nil {
			if limitError(err) != nil {
				return err
			}
			return fmt.Errorf("%w: content of a PDF page", ErrMalformed)
		}
		data.Write(p)
		data.WriteByte('\n')
	}
	if err := c.form(data.Bytes(), c.dict(page["Resources"]), 0); err != nil {
		return err
	}
	return c.err
}

// layers lists the optional content groups that are off by default.
func (d *pdfDoc) layers(root pdfDict) map[pdfRef]bool {
	off := map[pdfRef]bool{}
	props := d.dict(root["OCProperties"])
	config := d.dict(props["D"])
	if d.name(config["BaseState"]) == "OFF" {
		for _, o := range d.array(props["OCGs"]) {
			if r, ok := o.(pdfRef); ok {
				off[r] = true
			}
		}
	}
	for _, o := range d.array(config["ON"]) {
		if r, ok := o.(pdfRef); ok {
			delete(off, r)
		}
	}
	for _, o := range d.array(config["OFF"]) {
		if r, ok := o.(pdfRef); ok {
			off[r] = true
		}
	}
	return off
}

// layerOff reports whether optional content is off: a group, or a membership
// dictionary under its policy. Expressions (VE) count as on only when all
// groups they name are on.
func (c *canvas) layerOff(o any, depth int) bool {
	if r, ok := o.(pdfRef); ok && c.layers[r] {
		return true
	}
	d := c.dict(o)
	if d == nil || c.name(d["Type"]) != "OCMD" || depth > 8 {
		return false
	}
	groups, ok := c.get(d["OCGs"]).(pdfArray)
	if !ok {
		groups = pdfArray{d["OCGs"]}
	}
	on, off := 0, 0
	for _, g := range groups {
		if r, ok := g.(pdfRef); ok && c.layers[r] {
			off++
		} else {
			on++
		}
	}
	if ve := c.array(d["VE"]); len(ve) > 0 {
		return c.anyOff(ve, 0)
	}
	switch c.name(d["P"]) {
	case "AllOn":
		return off > 0
	case "AnyOff":
		return off == 0
	case "AllOff":
		return on > 0
	}
	return on == 0 && off > 0
}

func (c *canvas) anyOff(a pdfArray, depth int) bool {
	for _, o := range a {
		if r, ok := o.(pdfRef); ok && c.layers[r] {
			return true
		}
		if inner := c.array(o); inner != nil && depth < 8 && c.anyOff(inner, depth+1) {
			return true
		}
	}
	return false
}

// beginMark opens marked content: layers and replacement texts.
func (c *canvas) beginMark(res pdfDict, args []any) {
	off := false
	if len(args) >= 2 {
		tag, _ := args[len(args)-2].(pdfName)
		props := c.get(args[len(args)-1])
		ref := args[len(args)-1]
		if name, ok := props.(pdfName); ok {
			ref = c.dict(res["Properties"])[name]
		}
		dict := c.dict(ref)
		off = tag == "OC" && c.layerOff(ref, 0)
		for _, k := range []pdfName{"ActualText", "Alt", "E"} {
			if s, ok := c.get(dict[k]).(pdfString); ok {
				c.actual = append(c.actual, pdfTextString(s))
			}
		}
	}
	c.marks = append(c.marks, off)
	if off {
		c.off++
	}
}

func (c *canvas) endMark() {
	n := len(c.marks)
	if n == 0 {
		return
	}
	if c.marks[n-1] {
		c.off--
	}
	c.marks = c.marks[:n-1]
}

// pdfLine is a written line, for finding headings.
type pdfLine struct {
	span  sanitize.Span
	size  float64
	chars int
}

// headings marks lines set larger than the body as headings.
func (d *pdfDoc) headings(lines []pdfLine) {
	chars := map[int]int{}
	for _, l := range lines {
		chars[int(math.Round(l.size*2))] += l.chars
	}
	body, most := 0.0, 0
	sizes := make([]int, 0, len(chars))
	for s := range chars {
		sizes = append(sizes, s)
	}
	sort.Ints(sizes)
	for _, s := range sizes {
		if chars[s] > most {
			body, most = float64(s)/2, chars[s]
		}
	}
	for _, l := range lines {
		ratio := l.size / max(body, 1)
		if ratio < 1.15 || l.chars > 200 || l.chars < 2 {
			continue
		}
		level := 3
		if ratio >= 1.6 {
			level = 1
		} else if ratio >= 1.3 {
			level = 2
		}
		d.blocks = append(d.blocks, chunk.Block{Span: l.span, Kind: chunk.Heading, Level: level})
		if d.builder.name == "" {
			d.builder.name = strings.TrimSpace(string(d.out[l.span.Start:l.span.End]))
		}
	}
}
