package extract

import "fmt"

// paint is a filled area.
type paint struct {
	area  box
	color rgba
	order int
	image bool
}

// maxPaints is how many filled areas a page may have; without all of them it
// could not be told what is behind and over the text.
const maxPaints = 100_000

// pdfBands is into how many horizontal bands a page is cut to find the areas
// around a run quickly.
const pdfBands = 64

// paint records a filled area that is large enough to matter.
func (c *canvas) paint(p paint) {
	if p.area.x1-p.area.x0 < 1 || p.area.y1-p.area.y0 < 1 {
		return
	}
	if len(c.paints) >= maxPaints {
		if c.err == nil {
			c.err = fmt.Errorf("%w: PDF page of more than %d filled areas", ErrTooLarge, maxPaints)
		}
		return
	}
	c.order++
	p.order = c.order
	for i := c.band(p.area.y0); i <= c.band(p.area.y1); i++ {
		c.bands[i] = append(c.bands[i], int32(len(c.paints)))
	}
	c.paints = append(c.paints, p)
}

// band is the band of a height on the page.
func (c *canvas) band(y float64) int {
	n := (y - c.visible.y0) / (c.visible.y1 - c.visible.y0) * pdfBands
	if !(n > 0) { // also when it is not a number
		return 0
	}
	return int(min(n, pdfBands-1))
}

// pathOperator builds and paints paths. A path is kept as the box around it;
// curves by their control points.
func (c *canvas) pathOperator(op string, args []any) {
	n := func(i int) float64 { return lastNum(args, i) }
	point := func(x, y float64) {
		x, y = c.g.ctm.apply(x, y)
		if !c.pathSet {
			c.path, c.pathSet = nowhere, true
		}
		c.path.grow(x, y)
	}
	switch op {
	case "m", "l":
		point(n(1), n(0))
	case "c":
		point(n(5), n(4))
		point(n(3), n(2))
		point(n(1), n(0))
	case "v", "y":
		point(n(3), n(2))
		point(n(1), n(0))
	case "re":
		point(n(3), n(2))
		point(n(3)+n(1), n(2)+n(0))
	case "W", "W*":
		c.clipNext = true
	case "f", "F", "f*", "B", "B*", "b", "b*":
		if c.pathSet && c.off == 0 && c.g.fillAlpha >= 0.9 && !c.g.masked {
			// What a pattern looks like is not worked out: it counts as paper.
			p := paint{area: c.path.cut(c.g.clip), color: c.g.fill}
			if c.g.fillPattern {
				p.color = white
			}
			c.paint(p)
		}
		c.endPath()
	case "sh":
		if c.off == 0 && c.g.fillAlpha >= 0.9 && !c.g.masked {
			c.paint(paint{area: c.g.clip, color: white})
		}
	case "S", "s", "n":
		c.endPath()
	}
}

func (c *canvas) endPath() {
	if c.clipNext && c.pathSet {
		c.g.clip = c.g.clip.cut(c.path)
	} else if c.clipNext {
		c.g.clip = nowhere
	}
	c.pathSet, c.clipNext = false, false
}

// colorOperator sets colours.
func (c *canvas) colorOperator(op string, args []any, res pdfDict) bool {
	n := func(i int) float64 { return lastNum(args, i) }
	fill := op[0] >= 'a' && op[0] <= 'z'
	set := func(col rgba) {
		if fill {
			c.g.fill, c.g.fillPattern = col, false
		} else {
			c.g.stroke = col
		}
	}
	switch op {
	case "g", "G":
		set(rgba{n(0), n(0), n(0), 1})
	case "rg", "RG":
		set(rgba{n(2), n(1), n(0), 1})
	case "k", "K":
		set(cmyk(n(3), n(2), n(1), n(0)))
	case "cs", "CS":
		comps := c.components(res, args)
		if fill {
			c.g.fillN, c.g.fillPattern = comps, false
		} else {
			c.g.strokeN = comps
		}
		set(black)
	case "sc", "scn", "SC", "SCN":
		c.setColor(args, fill, set)
	default:
		return false
	}
	return true
}

// setColor sets a colour in the current space by the number of components.
func (c *canvas) setColor(args []any, fill bool, set func(rgba)) {
	n := func(i int) float64 { return lastNum(args, i) }
	if len(args) > 0 {
		if _, isPattern := args[len(args)-1].(pdfName); isPattern {
			set(rgba{0.5, 0.5, 0.5, 1})
			c.g.fillPattern = c.g.fillPattern || fill
			return
		}
	}
	comps := c.g.strokeN
	if fill {
		comps = c.g.fillN
	}
	switch {
	case comps < 0: // a tint: 0 is no ink
		t := 1 - n(0)
		set(rgba{t, t, t, 1})
	case len(args) == 1:
		set(rgba{n(0), n(0), n(0), 1})
	case len(args) == 3 && comps == 33: // Lab
		set(rgba{n(2) / 100, n(2) / 100, n(2) / 100, 1})
	case len(args) == 3:
		set(rgba{n(2), n(1), n(0), 1})
	case len(args) == 4:
		set(cmyk(n(3), n(2), n(1), n(0)))
	}
}

// components is the number of a colour space's components; -1 for tints, 33
// for Lab.
func (c *canvas) components(res pdfDict, args []any) int {
	if len(args) == 0 {
		return 0
	}
	name, _ := args[len(args)-1].(pdfName)
	space := c.get(c.dict(res["ColorSpace"])[name])
	a, ok := space.(pdfArray)
	if !ok || len(a) == 0 {
		return 0
	}
	switch c.name(a[0]) {
	case "Separation", "DeviceN":
		return -1
	case "Lab":
		return 33
	}
	return 0
}

func cmyk(c, m, y, k float64) rgba {
	return rgba{(1 - c) * (1 - k), (1 - m) * (1 - k), (1 - y) * (1 - k), 1}
}
