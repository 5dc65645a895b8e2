package extract

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
)

// maxSlides bounds a presentation.
const maxSlides = 5000

// readPPTX reads the slides a show would show. Hidden slides, notes, comments,
// shapes off the slide or hidden, runs nobody can see, alternative texts and
// the texts of layouts and masters are reported.
func readPPTX(b *builder, in Input, _ int) error {
	o, err := openOffice(b, in.Bytes)
	if err != nil {
		return err
	}
	p := &deck{office: o, width: 12192000, height: 6858000}
	slides, err := p.slides()
	if err != nil {
		return err
	}
	for _, s := range slides {
		if err := p.slide(s); err != nil {
			return err
		}
	}
	for _, name := range o.names {
		if strings.HasPrefix(name, "ppt/slideLayouts/slideLayout") || strings.HasPrefix(name, "ppt/slideMasters/slideMaster") || strings.HasPrefix(name, "ppt/notesMasters/") {
			if err := o.drawnText(name, Metadata, "pptx-layout", "layout or master"); err != nil {
				return err
			}
		}
	}
	return o.properties()
}

// deck is an opened presentation. Lengths are in English metric units.
type deck struct {
	*office
	width, height float64
}

// slides lists the slides' parts in order.
func (p *deck) slides() ([]string, error) {
	main, err := p.mainPart("ppt/presentation.xml")
	if err != nil {
		return nil, err
	}
	rels, err := p.relations(main)
	if err != nil {
		return nil, err
	}
	var out []string
	err = p.xml(main, func(tok xml.Token) error {
		e, ok := tok.(xml.StartElement)
		if !ok {
			return nil
		}
		a := flatAttrs(e)
		switch e.Name.Local {
		case "sldSz":
			p.width, p.height = emu(a["cx"]), emu(a["cy"])
		case "sldId":
			// Both id and r:id are there; the relation is the one that resolves.
			for _, at := range e.Attr {
				if r, ok := rels[at.Value]; ok && at.Name.Local == "id" && !r.external {
					out = append(out, r.target)
				}
			}
		}
		return nil
	})
	if len(out) > maxSlides {
		return nil, fmt.Errorf("%w: presentation of more than %d slides", ErrTooLarge, maxSlides)
	}
	return out, err
}

// slide reads one slide, then what belongs to it.
func (p *deck) slide(part string) error {
	p.border()
	s := &slideWalk{deck: p, back: white}
	if err := p.xml(part, s.token); err != nil {
		return err
	}
	p.gap()
	rels, err := p.relations(part)
	if err != nil {
		return err
	}
	for _, r := range sorted(rels) {
		switch {
		case r.external:
		case r.kind == "notesSlide":
			err = p.drawnText(r.target, Markup, "pptx-notes", "speaker notes")
		case strings.Contains(strings.ToLower(r.kind), "comment"):
			err = p.allText(r.target, Markup, "office-comment", "comment")
		case (r.kind == "diagramDrawing" || r.kind == "chart") && s.hiddenSlide:
			err = p.drawnText(r.target, Concealed, "pptx-hidden-slide", "diagram of a hidden slide")
		case r.kind == "diagramDrawing", r.kind == "chart":
			err = p.drawing(r.target)
		}
		if err != nil {
			return err
		}
	}
	return p.err
}

// shape is a shape or group that is open.
type shape struct {
	hidden bool
	title  bool
	placed bool // has an offset of its own
	x, y   float64
	w, h   float64
	fill   string
	start  int
	group  bool
	childX float64
	childY float64
	scaleX float64
	scaleY float64
}

// slideWalk is the state of reading a slide.
type slideWalk struct {
	*deck
	open        []string
	shapes      []shape
	hiddenSlide bool
	fallback    int
	back        rgba
	run         runLook
	table       int
	cells       int
	head        int
	rows        int
}

// runLook is the look of a run of text.
type runLook struct {
	color  string
	noFill bool
	size   int // hundredths of a point
	alpha  int // thousandths of a percent; -1 when not set
}

func (s *slideWalk) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.StartElement:
		s.begin(t)
		s.open = append(s.open, t.Name.Local)
	case xml.EndElement:
		if n := len(s.open); n > 0 {
			s.open = s.open[:n-1]
		}
		s.end(t.Name.Local)
	case xml.CharData:
		if n := len(s.open); n > 0 && s.open[n-1] == "t" {
			s.text(string(t))
		}
	case xml.Comment:
		s.hide(Markup, "xml-comment", "comment", string(t))
	}
	return nil
}

func (s *slideWalk) in(name string) bool {
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i] == name {
			return true
		}
	}
	return false
}

// shape returns the innermost open shape, or a stand-in.
func (s *slideWalk) shape() *shape {
	if n := len(s.shapes); n > 0 {
		return &s.shapes[n-1]
	}
	return &shape{}
}

func (s *slideWalk) begin(e xml.StartElement) {
	a := flatAttrs(e)
	switch e.Name.Local {
	case "sld":
		s.hiddenSlide = a["show"] == "0" || a["show"] == "false"
	case "sp", "grpSp", "graphicFrame", "pic", "cxnSp":
		s.shapes = append(s.shapes, shape{start: -1, group: e.Name.Local == "grpSp", scaleX: 1, scaleY: 1})
	case "cNvPr":
		s.shape().hidden = s.shape().hidden || yes(a["hidden"])
		s.hide(Metadata, "office-alt-text", "alternative text", a["descr"]+" "+a["title"])
	case "ph":
		s.shape().title = a["type"] == "title" || a["type"] == "ctrTitle"
	case "off", "ext", "chOff", "chExt":
		s.place(e.Name.Local, a)
	case "Fallback":
		s.fallback++
	case "rPr", "endParaRPr":
		s.run = runLook{alpha: -1}
		s.run.size, _ = strconv.Atoi(a["sz"])
	case "noFill":
		s.run.noFill = s.run.noFill || s.in("rPr") && !s.in("ln")
	case "alpha":
		if s.in("rPr") {
			s.run.alpha, _ = strconv.Atoi(a["val"])
		}
	case "srgbClr", "schemeClr", "sysClr", "prstClr":
		s.colour(e.Name.Local, a)
	case "r", "fld":
		s.run = runLook{alpha: -1}
	case "br":
		s.text("\n")
	case "p":
		s.paragraph()
	case "tbl":
		s.gap()
		s.table, s.rows = len(s.out)+1, 0
	case "tr":
		s.line()
		s.cells = 0
	case "tc":
		if s.cells > 0 {
			s.bar()
		}
		s.cells++
	}
}

// place reads a shape's or group's position.
func (s *slideWalk) place(what string, a map[string]string) {
	if !s.in("xfrm") {
		return
	}
	h := s.shape()
	switch what {
	case "off":
		h.placed, h.x, h.y = true, emu(a["x"]), emu(a["y"])
	case "ext":
		h.w, h.h = emu(a["cx"]), emu(a["cy"])
	case "chOff":
		h.childX, h.childY = emu(a["x"]), emu(a["y"])
	case "chExt":
		if cx, cy := emu(a["cx"]), emu(a["cy"]); cx > 0 && cy > 0 {
			h.scaleX, h.scaleY = h.w/cx, h.h/cy
		}
	}
}

// colour reads a colour by where it stands: run, shape or slide background.
func (s *slideWalk) colour(kind string, a map[string]string) {
	hex := a["val"]
	switch {
	case kind == "sysClr":
		hex = a["lastClr"]
	case kind == "schemeClr" && (hex == "bg1" || hex == "lt1"), kind == "prstClr" && hex == "white":
		hex = "FFFFFF"
	case kind == "schemeClr" || kind == "prstClr":
		hex = ""
	}
	switch {
	case s.in("ln"), s.in("effectLst"):
	case s.in("rPr") || s.in("endParaRPr"):
		s.run.color = hex
	case s.in("spPr") || s.in("tcPr"):
		s.shape().fill = hex
		if hex == "" {
			s.shape().fill = "808080"
		}
	case s.in("bg"):
		if c, ok := hexColor(hex); ok {
			s.back = c
		}
	}
}

// emu reads a length.
func emu(v string) float64 {
	n, _ := strconv.ParseFloat(v, 64)
	return n
}

func (s *slideWalk) paragraph() {
	if s.table > 0 {
		s.space, s.apart = true, true
		return
	}
	s.line()
	if h := s.shape(); h.start < 0 {
		h.start = len(s.out)
	}
}

func (s *slideWalk) end(name string) {
	switch name {
	case "sp", "grpSp", "graphicFrame", "pic", "cxnSp":
		s.endShape()
	case "Fallback":
		s.fallback--
	case "tr":
		s.line()
		if s.rows++; s.rows == 1 {
			s.head = len(s.out)
		}
	case "tbl":
		if s.table > 0 {
			s.tableBlock(s.table-1, s.head)
		}
		s.table = 0
		s.gap()
	case "tcPr":
		s.shape().fill = ""
	}
}

func (s *slideWalk) endShape() {
	n := len(s.shapes)
	if n == 0 {
		return
	}
	h := s.shapes[n-1]
	s.shapes = s.shapes[:n-1]
	if h.start < 0 {
		return
	}
	s.line()
	if h.title && h.start < len(s.out) {
		s.block(chunk.Heading, 2, h.start)
	}
	s.gap()
}

// text adds a run's text, or reports it.
func (s *slideWalk) text(t string) {
	if s.fallback > 0 {
		return
	}
	if technique, where := s.hiding(); technique != "" {
		s.hideRun(Concealed, technique, where, t)
		return
	}
	if t == "\n" {
		if s.table > 0 {
			s.space, s.apart = true, true
		} else {
			s.line()
		}
		return
	}
	s.inline(t)
}

// hiding returns how the present run is hidden.
func (s *slideWalk) hiding() (technique, where string) {
	back := s.back
	for _, h := range s.shapes {
		if h.hidden {
			return "pptx-hidden-shape", "hidden shape"
		}
		if c, ok := hexColor(h.fill); ok {
			back = c
		}
	}
	fore, known := hexColor(s.run.color)
	switch {
	case s.hiddenSlide:
		return "pptx-hidden-slide", "hidden slide"
	case s.offSlide():
		return "pptx-off-slide", "shape off the slide"
	case s.run.size > 0 && s.run.size < 300:
		return "tiny-text", "font size"
	case s.run.noFill, s.run.alpha >= 0 && s.run.alpha < 10_000:
		return "same-colour", "text without fill"
	case known && contrast(fore, back) < minContrast:
		return "same-colour", "font colour as behind it"
	}
	return "", ""
}

// offSlide reports whether the innermost placed shape lies off the slide, after
// the transforms of the groups around it.
func (s *slideWalk) offSlide() bool {
	for i := len(s.shapes) - 1; i >= 0; i-- {
		h := s.shapes[i]
		if !h.placed {
			continue
		}
		x, y, w, ht := h.x, h.y, h.w, h.h
		for j := i - 1; j >= 0; j-- {
			if g := s.shapes[j]; g.group && g.placed {
				x, y = g.x+(x-g.childX)*g.scaleX, g.y+(y-g.childY)*g.scaleY
				w, ht = w*g.scaleX, ht*g.scaleY
			}
		}
		// A shape of less than a point cannot show text, unless its text flows
		// over, which an empty extent does not tell; those count as hidden.
		return x+w <= 0 || y+ht <= 0 || x >= s.width || y >= s.height || w < 12700 && ht < 12700
	}
	return false
}
