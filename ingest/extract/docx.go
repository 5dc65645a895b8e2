package extract

import (
	"encoding/xml"
	"sort"
	"strconv"
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
)

// readDOCX reads a word processing document as printed without markup: body,
// text boxes, footnotes, headers and footers. Hidden, tiny and paper-coloured
// runs, comments, tracked deletions, field codes, alternative texts, properties
// and custom XML are reported.
func readDOCX(b *builder, in Input, _ int) error {
	o, err := openOffice(b, in.Bytes)
	if err != nil {
		return err
	}
	w := &word{office: o, styles: map[string]wordStyle{}, paper: white}
	if err := w.readStyles(); err != nil {
		return err
	}
	main, err := o.mainPart("word/document.xml")
	if err != nil {
		return err
	}
	rels, err := o.relations(main)
	if err != nil {
		return err
	}
	if err := w.part(main); err != nil {
		return err
	}
	for _, r := range sorted(rels) {
		switch {
		case r.external:
		case r.kind == "header" || r.kind == "footer" || r.kind == "footnotes" || r.kind == "endnotes":
			err = w.part(r.target)
		case r.kind == "comments", strings.HasPrefix(r.kind, "comments"):
			err = o.allText(r.target, Markup, "office-comment", "comment")
		case r.kind == "chart", r.kind == "diagramDrawing":
			err = o.drawing(r.target)
		case r.kind == "glossaryDocument":
			err = o.allText(r.target, Markup, "office-glossary", "glossary part")
		}
		if err != nil {
			return err
		}
	}
	return o.properties()
}

// sorted returns relations in a stable order.
func sorted(rels map[string]relation) []relation {
	out := make([]relation, 0, len(rels))
	for _, r := range rels {
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].target < out[j].target })
	return out
}

// wordStyle is what a run looks like, as far as it can hide; pointers and ""
// are unset.
type wordStyle struct {
	based     string
	name      string
	vanish    *bool
	color     string // hex, "auto" or theme word
	fill      string // shading behind
	highlight bool
	halfSize  int // half points
	noFill    bool
	list      bool // the style numbers its paragraphs
}

// merge lays s over base.
func (s wordStyle) merge(base wordStyle) wordStyle {
	if s.vanish == nil {
		s.vanish = base.vanish
	}
	if s.color == "" {
		s.color = base.color
	}
	if s.fill == "" {
		s.fill = base.fill
	}
	if s.halfSize == 0 {
		s.halfSize = base.halfSize
	}
	s.highlight = s.highlight || base.highlight
	s.noFill = s.noFill || base.noFill
	s.list = s.list || base.list
	return s
}

// word walks the parts of a document.
type word struct {
	*office
	styles map[string]wordStyle
	paper  rgba
}

// part walks one part.
func (w *word) part(name string) error {
	p := &wordPart{word: w}
	w.gap()
	err := w.xml(name, p.token)
	w.gap()
	return err
}

// wordPart is the state of a walk: the elements open, the run's look.
type wordPart struct {
	*word
	open      []string
	run       wordStyle
	para      wordStyle // from the paragraph's style
	cellFill  string
	deleted   int // inside w:del or w:moveFrom
	fallback  int // inside mc:Fallback
	hiddenRow bool
	offPage   bool
	heading   int
	start     int // of the paragraph
	tables    []wordTable
	list      bool
}

type wordTable struct {
	start, head, rows, cells int
	look                     wordStyle
}

func (p *wordPart) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.StartElement:
		p.begin(t)
		p.open = append(p.open, t.Name.Local)
	case xml.EndElement:
		if n := len(p.open); n > 0 {
			p.open = p.open[:n-1]
		}
		p.end(t.Name.Local)
	case xml.CharData:
		p.chars(string(t))
	case xml.Comment:
		p.hide(Markup, "xml-comment", "comment", string(t))
	}
	return nil
}

// in reports whether an element is open.
func (p *wordPart) in(name string) bool {
	for i := len(p.open) - 1; i >= 0; i-- {
		if p.open[i] == name {
			return true
		}
	}
	return false
}

func (p *wordPart) begin(e xml.StartElement) {
	a := flatAttrs(e)
	if p.in("rPr") {
		if !p.in("pPr") {
			p.run.set(e.Name.Local, a)
		}
		return
	}
	if p.beginContent(e.Name.Local, a) {
		return
	}
	switch e.Name.Local {
	case "pStyle":
		p.paragraphStyle(a["val"])
	case "tblStyle":
		if n := len(p.tables); n > 0 {
			p.tables[n-1].look = p.style(a["val"], 0)
		}
	case "numPr":
		p.list = true
	case "outlineLvl":
		if n, err := strconv.Atoi(a["val"]); err == nil && n < 6 {
			p.heading = n + 1
		}
	case "shd":
		fill := themed(a["fill"], a["themeFill"], a["themeFillShade"])
		if p.in("tcPr") {
			p.cellFill = fill
		} else if p.in("pPr") {
			p.para.fill = fill
		}
	case "del", "moveFrom":
		if !p.in("rPr") && !p.in("trPr") {
			p.deleted++
		}
	case "Fallback":
		p.fallback++
	case "hidden":
		p.hiddenRow = p.hiddenRow || p.in("trPr")
	case "docPr", "cNvPr":
		p.hide(Metadata, "office-alt-text", "alternative text", a["descr"]+" "+a["title"])
	case "fldSimple":
		p.hide(Markup, "office-field", "field code", a["instr"])
	case "background":
		if c, ok := hexColor(a["color"]); ok {
			p.paper = c
		}
	case "shape", "rect":
		p.hide(Metadata, "office-alt-text", "alternative text", a["alt"])
		p.offPage = p.offPage || strings.Contains(strings.ReplaceAll(a["style"], " ", ""), "visibility:hidden")
	}
}

// beginContent takes the elements that make text, paragraphs and tables.
func (p *wordPart) beginContent(name string, a map[string]string) bool {
	switch name {
	case "p":
		p.beginParagraph()
	case "r":
		p.run = wordStyle{}
	case "tbl":
		p.beginTable()
	case "tr":
		p.hiddenRow = false
		if n := len(p.tables); n > 0 {
			p.tables[n-1].cells = 0
		}
	case "tc":
		p.beginCell()
	case "br", "cr":
		p.shown("\n")
	case "tab":
		if !p.in("pPr") {
			p.shown(" ")
		}
	case "noBreakHyphen", "softHyphen":
		p.shown("-")
	case "textpath":
		p.shown(a["string"])
	default:
		return false
	}
	return true
}

func (p *wordPart) end(name string) {
	switch name {
	case "p":
		p.endParagraph()
	case "del", "moveFrom":
		if p.deleted > 0 && !p.in("rPr") && !p.in("trPr") {
			p.deleted--
		}
	case "Fallback":
		p.fallback--
	case "anchor", "pict":
		p.offPage = false
	case "tc":
		p.cellFill = ""
	case "tr":
		p.endRow()
	case "tbl":
		p.endTable()
	}
}

// chars adds the character data of text elements.
func (p *wordPart) chars(s string) {
	if len(p.open) == 0 {
		return
	}
	switch p.open[len(p.open)-1] {
	case "t":
		p.shown(s)
	case "delText":
		p.hideRun(Markup, "office-deleted", "tracked deletion", s)
	case "instrText", "delInstrText":
		p.hideRun(Markup, "office-field", "field code", s)
	case "posOffset":
		// English metric units: 914,400 to the inch. A drawing more than 20 inches
		// off its anchor is on no page.
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil && (n > 20*914400 || n < -12*914400) {
			p.offPage = true
		}
	}
}

// shown adds a run's text, or reports it.
func (p *wordPart) shown(s string) {
	if p.fallback > 0 {
		return // the same drawing again, for old programs
	}
	class, technique, locator := p.hiding()
	if technique != "" {
		p.hideRun(class, technique, locator, s)
		return
	}
	if p.list && p.heading == 0 && !p.inCell() && len(p.out) == p.start {
		p.raw("- ")
	}
	if s == "\n" {
		if len(p.tables) > 0 {
			p.space, p.apart = true, true
		} else {
			p.line()
		}
		return
	}
	p.inline(s)
}

func (p *wordPart) beginParagraph() {
	p.run, p.para, p.heading, p.list = wordStyle{}, wordStyle{}, 0, false
	if p.inCell() {
		p.space, p.apart = true, true
		return
	}
	p.line()
	p.start = len(p.out)
}

func (p *wordPart) inCell() bool { return len(p.tables) > 0 }

func (p *wordPart) paragraphStyle(id string) {
	p.para = p.style(id, 0)
	p.list = p.list || p.para.list
	name := strings.ToLower(p.styles[id].name)
	if name == "" {
		name = strings.ToLower(id)
	}
	if name == "title" {
		p.heading = 1
	}
	if rest, ok := strings.CutPrefix(strings.ReplaceAll(name, " ", ""), "heading"); ok {
		if n, err := strconv.Atoi(rest); err == nil && n >= 1 && n <= 9 {
			p.heading = min(n, 6)
		}
	}
}

func (p *wordPart) endParagraph() {
	p.run = wordStyle{}
	if p.inCell() {
		p.space, p.apart = true, true
		return
	}
	switch {
	case p.heading > 0:
		p.block(chunk.Heading, p.heading, p.start)
		p.gap()
	case p.list:
		p.block(chunk.List, 0, p.start)
		p.line()
	default:
		p.gap()
	}
	p.heading, p.list = 0, false
}

func (p *wordPart) beginTable() {
	if len(p.tables) == 0 {
		p.gap()
	}
	p.tables = append(p.tables, wordTable{start: len(p.out)})
}

func (p *wordPart) beginCell() {
	n := len(p.tables)
	if n == 0 {
		return
	}
	if p.tables[n-1].cells > 0 && !p.hiddenRow {
		p.bar()
	}
	p.tables[n-1].cells++
	p.space, p.apart = false, true
}

func (p *wordPart) endRow() {
	n := len(p.tables)
	p.hiddenRow = false
	if n != 1 {
		p.space, p.apart = true, true
		return
	}
	p.line()
	p.tables[0].rows++
	if p.tables[0].rows == 1 {
		p.tables[0].head = len(p.out)
	}
}

func (p *wordPart) endTable() {
	n := len(p.tables)
	if n == 0 {
		return
	}
	t := p.tables[n-1]
	p.tables = p.tables[:n-1]
	if n == 1 {
		p.line()
		p.tableBlock(t.start, t.head)
		p.gap()
	}
}
