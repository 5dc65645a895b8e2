package extract

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/doorward/doorward/ingest/chunk"
	"github.com/doorward/doorward/sanitize"
)

// readXLSX reads the visible sheets of a workbook as tables of what the cells
// show. Hidden sheets, rows and columns, formats that show nothing, colours
// that cannot be seen, comments, validation prompts, formulas with words and
// properties are reported.
func readXLSX(b *builder, in Input, _ int) error {
	o, err := openOffice(b, in.Bytes)
	if err != nil {
		return err
	}
	w := &workbook{office: o}
	if err := w.readBookStyles(); err != nil {
		return err
	}
	if err := w.readShared(); err != nil {
		return err
	}
	sheets, err := w.readSheets()
	if err != nil {
		return err
	}
	for _, s := range sheets {
		if err := w.sheet(s); err != nil {
			return err
		}
	}
	return o.properties()
}

// workbook is an opened workbook.
type workbook struct {
	*office
	shared  []cellText
	formats []cellFormat // by cell style
	date04  bool
}

// sheetPart is one sheet of the workbook.
type sheetPart struct {
	name, part string
	hidden     bool
}

// readSheets lists the sheets in order and reports what the workbook defines.
func (w *workbook) readSheets() ([]sheetPart, error) {
	main, err := w.mainPart("xl/workbook.xml")
	if err != nil {
		return nil, err
	}
	rels, err := w.relations(main)
	if err != nil {
		return nil, err
	}
	var sheets []sheetPart
	defined := false
	err = w.xml(main, func(tok xml.Token) error {
		switch t := tok.(type) {
		case xml.StartElement:
			a := flatAttrs(t)
			defined = t.Name.Local == "definedName"
			switch t.Name.Local {
			case "workbookPr":
				w.date04 = a["date1904"] == "1" || a["date1904"] == "true"
			case "definedName":
				w.hide(Metadata, "office-property", "defined name", a["comment"]+" "+a["description"])
			case "sheet":
				r := rels[a["id"]]
				if !r.external && r.target != "" {
					sheets = append(sheets, sheetPart{name: a["name"], part: r.target, hidden: a["state"] != "" && a["state"] != "visible"})
				}
			}
		case xml.CharData:
			if defined && words(string(t)) >= 2 {
				w.hide(Metadata, "office-property", "defined name", string(t))
			}
		}
		return nil
	})
	if len(sheets) > 1000 {
		return nil, fmt.Errorf("%w: workbook of more than 1000 sheets", ErrTooLarge)
	}
	return sheets, err
}

// sheetWalk is the state of reading one sheet.
type sheetWalk struct {
	*workbook
	hiddenSheet bool
	hiddenCols  [][2]int
	hiddenRow   bool
	open        string
	cell        sheetCell
	col         int
	lastCol     int
	cells       int // written in this row
	rows        int
	head        int
}

// sheetCell is the cell being read.
type sheetCell struct {
	kind, formula, value string
	style                int
	inline               cellText
	run                  cellFormat
}

// sheet reads one sheet, then its comments and drawings.
func (w *workbook) sheet(s sheetPart) error {
	k := &sheetWalk{workbook: w, hiddenSheet: s.hidden}
	if s.hidden {
		w.hide(Concealed, "xlsx-hidden-sheet", "name of a hidden sheet", s.name)
	} else {
		w.heading(2, s.name)
	}
	start := len(w.out)
	if err := w.xml(s.part, k.token); err != nil {
		return err
	}
	w.line()
	if !s.hidden {
		n := len(w.blocks)
		w.block(chunk.Table, 0, start)
		if len(w.blocks) > n && k.rows > 1 {
			w.blocks[n].Header = sanitize.Span{Start: w.blocks[n].Start, End: k.head}
		}
	}
	w.gap()
	rels, err := w.relations(s.part)
	if err != nil {
		return err
	}
	for _, r := range sorted(rels) {
		switch {
		case r.external:
		case strings.Contains(strings.ToLower(r.kind), "comment"):
			err = w.allText(r.target, Markup, "office-comment", "comment")
		case r.kind == "drawing" && s.hidden:
			err = w.allText(r.target, Concealed, "xlsx-hidden-sheet", "drawing of a hidden sheet")
		case r.kind == "drawing":
			err = w.drawing(r.target)
		}
		if err != nil {
			return err
		}
	}
	return w.err
}

func (k *sheetWalk) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.StartElement:
		k.begin(t)
	case xml.EndElement:
		k.end(t.Name.Local)
		k.open = ""
	case xml.CharData:
		k.chars(string(t))
	case xml.Comment:
		k.hide(Markup, "xml-comment", "comment", string(t))
	}
	return nil
}

func (k *sheetWalk) begin(e xml.StartElement) {
	a := flatAttrs(e)
	k.open = e.Name.Local
	switch e.Name.Local {
	case "col":
		if yes(a["hidden"]) || a["width"] == "0" {
			from, _ := strconv.Atoi(a["min"])
			to, _ := strconv.Atoi(a["max"])
			k.hiddenCols = append(k.hiddenCols, [2]int{from, to})
		}
	case "row":
		k.hiddenRow = yes(a["hidden"]) || a["ht"] == "0"
		k.lastCol, k.cells, k.col = 0, 0, 0
		k.line()
	case "c":
		k.cell = sheetCell{kind: a["t"]}
		k.cell.style, _ = strconv.Atoi(a["s"])
		if c := column(a["r"]); c > 0 {
			k.col = c
		} else {
			k.col++
		}
	case "r":
		k.cell.run = cellFormat{}
	case "sz", "color", "vanish":
		k.cell.run.set(e.Name.Local, a)
	case "dataValidation":
		k.hide(Metadata, "xlsx-validation", "validation prompt", strings.Join([]string{a["promptTitle"], a["prompt"], a["errorTitle"], a["error"]}, " "))
	case "hyperlink":
		k.hide(Metadata, "office-alt-text", "link tooltip", a["tooltip"])
	}
}

func (k *sheetWalk) chars(s string) {
	switch k.open {
	case "v":
		k.cell.value += s
	case "f":
		k.cell.formula += s
	case "t":
		k.cell.inline.add(s, k.cell.run)
	case "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter":
		k.hide(Metadata, "xlsx-print-header", "header or footer in print", s)
	case "formula1", "formula2":
		if words(s) >= 2 {
			k.hide(Metadata, "xlsx-validation", "validation formula", s)
		}
	}
}

func (k *sheetWalk) end(name string) {
	switch name {
	case "c":
		k.endCell()
	case "row":
		k.line()
		if k.cells > 0 {
			k.rows++
			if k.rows == 1 {
				k.head = len(k.out)
			}
		}
	}
}

// endCell writes the cell, or reports it.
func (k *sheetWalk) endCell() {
	if strings.Contains(k.cell.formula, `"`) && words(k.cell.formula) >= 2 {
		k.hide(Markup, "xlsx-formula", "formula", k.cell.formula)
	}
	text, isText := k.cellText()
	if text.empty() {
		return
	}
	f := k.format(k.cell.style)
	shown, hidden := text.split(f.fill)
	k.hide(Concealed, "same-colour", "run of a cell", hidden)
	if len(text.runs) > 0 {
		f.color, f.size = "", 0 // each run has been judged by its own look
	}
	technique, where := f.hidden(isText, k.cell.value)
	switch {
	case k.hiddenSheet:
		technique, where = "xlsx-hidden-sheet", "cell of a hidden sheet"
	case k.hiddenRow:
		technique, where = "xlsx-hidden-row", "cell of a hidden row"
	case k.hiddenCol():
		technique, where = "xlsx-hidden-column", "cell of a hidden column"
	}
	if technique != "" {
		k.hide(Concealed, technique, where, shown)
		return
	}
	if shown == "" {
		return
	}
	for gap := k.col - k.lastCol; gap > 0 && (k.cells > 0 || k.rows > 0); gap-- {
		if k.col-k.lastCol > 64 && gap > 1 {
			continue
		}
		if k.lastCol == 0 && gap == 1 {
			break // nothing before the first column
		}
		k.bar()
	}
	k.lastCol = k.col
	k.cells++
	k.space = false
	k.inline(shown)
}

func (k *sheetWalk) hiddenCol() bool {
	for _, c := range k.hiddenCols {
		if k.col >= c[0] && k.col <= c[1] {
			return true
		}
	}
	return false
}

// cellText is what the cell shows, and whether it is text.
func (k *sheetWalk) cellText() (cellText, bool) {
	v := k.cell.value
	switch k.cell.kind {
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil || n < 0 || n >= len(k.shared) {
			return cellText{}, true
		}
		return k.shared[n], true
	case "inlineStr":
		return k.cell.inline, true
	case "str", "e", "d":
		return cellText{plain: v}, true
	case "b":
		if v == "1" {
			return cellText{plain: "TRUE"}, false
		}
		return cellText{plain: "FALSE"}, false
	}
	return cellText{plain: k.format(k.cell.style).number(v, k.date04)}, false
}

func (w *workbook) format(style int) cellFormat {
	if style < 0 || style >= len(w.formats) {
		return cellFormat{}
	}
	return w.formats[style]
}

// column is the number of a cell reference's column; 0 for none.
func column(ref string) int {
	n := 0
	for i := 0; i < len(ref) && ref[i] >= 'A' && ref[i] <= 'Z' && i < 4; i++ {
		n = n*26 + int(ref[i]-'A') + 1
	}
	return n
}

// yes reads an XML boolean.
func yes(s string) bool { return s == "1" || s == "true" || s == "on" }
