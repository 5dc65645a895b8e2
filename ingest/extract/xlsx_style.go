package extract

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// cellText is a string of the workbook: text without a look of its own, or runs
// that have one.
type cellText struct {
	plain string
	runs  []cellRun
}

type cellRun struct {
	text string
	look cellFormat
}

// add appends a run.
func (t *cellText) add(s string, look cellFormat) {
	if look == (cellFormat{}) && len(t.runs) == 0 {
		t.plain += s
		return
	}
	t.runs = append(t.runs, cellRun{s, look})
}

// empty reports whether there is no text.
func (t cellText) empty() bool { return t.plain == "" && len(t.runs) == 0 }

// split separates what the runs show in a cell of the given fill from what they
// hide.
func (t cellText) split(fill string) (shown, hidden string) {
	shown = t.plain
	for _, r := range t.runs {
		r.look.fill = fill
		if technique, _ := r.look.hidden(true, ""); technique != "" {
			hidden += r.text
		} else {
			shown += r.text
		}
	}
	return shown, hidden
}

// cellFormat is the look of a cell or run, as far as it can hide.
type cellFormat struct {
	color string // hex; "" is automatic
	fill  string // hex; "" is none
	size  float64
	code  string // number format
	id    int    // built-in number format
}

// set applies a font property.
func (f *cellFormat) set(name string, a map[string]string) {
	switch name {
	case "sz":
		f.size, _ = strconv.ParseFloat(a["val"], 64)
	case "color":
		f.color = sheetColor(a)
	case "vanish":
		f.size = 0.1
	}
}

// sheetColor reads a colour element; theme and index colours that are white or
// black are known, others taken as visible.
func sheetColor(a map[string]string) string {
	switch {
	case len(a["rgb"]) == 8:
		return a["rgb"][2:]
	case a["rgb"] != "":
		return a["rgb"]
	case a["theme"] == "0", a["indexed"] == "1", a["indexed"] == "9":
		return "FFFFFF"
	case a["theme"] == "1", a["indexed"] == "0", a["indexed"] == "8":
		return "000000"
	}
	return ""
}

// hidden returns how a cell of this format is hidden, or "".
func (f cellFormat) hidden(isText bool, value string) (technique, where string) {
	if f.size > 0 && f.size < 3 {
		return "tiny-text", "font size of a cell"
	}
	back := white
	if c, ok := hexColor(f.fill); ok {
		back = c
	}
	if c, ok := hexColor(f.color); ok && contrast(c, back) < minContrast {
		return "same-colour", "font colour as the cell"
	}
	if f.code != "" && emptySection(f.code, isText, value) {
		return "xlsx-empty-format", "number format that shows nothing"
	}
	return "", ""
}

// emptySection reports whether the section of a number format that applies to
// the value shows nothing: ";;;" for all, "0;0;0;" for text.
func emptySection(code string, isText bool, value string) bool {
	sections := splitTop(code, ';')
	if len(sections) < 2 {
		return false
	}
	i := 0
	n, err := strconv.ParseFloat(value, 64)
	switch {
	case isText:
		if i = 3; len(sections) < 4 {
			return false
		}
	case err != nil:
		return false
	case n < 0:
		i = 1
	case n == 0:
		i = min(2, len(sections)-1)
		if len(sections) == 2 {
			i = 0
		}
	}
	return strings.TrimSpace(strings.Trim(sections[i], `"`)) == ""
}

// readShared reads the shared strings.
func (w *workbook) readShared() error {
	var now cellText
	var run cellFormat
	open, phonetic := "", false
	return w.xml("xl/sharedStrings.xml", func(tok xml.Token) error {
		switch t := tok.(type) {
		case xml.StartElement:
			open = t.Name.Local
			switch open {
			case "si":
				now, run = cellText{}, cellFormat{}
			case "r":
				run = cellFormat{}
			case "rPh":
				phonetic = true
			case "sz", "color":
				run.set(open, flatAttrs(t))
			}
		case xml.EndElement:
			open = ""
			switch t.Name.Local {
			case "si":
				w.shared = append(w.shared, now)
			case "rPh":
				phonetic = false
			}
		case xml.CharData:
			if open == "t" && phonetic {
				w.hide(Metadata, "xlsx-phonetic", "phonetic text", string(t))
			} else if open == "t" {
				now.add(string(t), run)
			}
		}
		return nil
	})
}

// readBookStyles reads xl/styles.xml.
func (w *workbook) readBookStyles() error {
	var fonts []cellFormat
	var fills []string
	codes := map[string]string{}
	section := ""
	return w.xml("xl/styles.xml", func(tok xml.Token) error {
		e, ok := tok.(xml.StartElement)
		if !ok {
			return nil
		}
		a := flatAttrs(e)
		switch e.Name.Local {
		case "fonts", "fills", "cellXfs", "cellStyleXfs", "borders", "dxfs", "numFmts":
			section = e.Name.Local
		case "numFmt":
			codes[a["numFmtId"]] = a["formatCode"]
			for _, s := range cssStrings(a["formatCode"]) {
				w.hide(Metadata, "xlsx-format-text", "text in a number format", s)
			}
		case "font":
			if section == "fonts" {
				fonts = append(fonts, cellFormat{})
			}
		case "sz", "color":
			if section == "fonts" && len(fonts) > 0 {
				fonts[len(fonts)-1].set(e.Name.Local, a)
			}
		case "patternFill":
			if section == "fills" {
				fills = append(fills, "")
			}
		case "fgColor":
			if section == "fills" && len(fills) > 0 {
				fills[len(fills)-1] = sheetColor(a)
			}
		case "gradientFill":
			if section == "fills" {
				fills = append(fills, "808080")
			}
		case "xf":
			if section == "cellXfs" {
				w.formats = append(w.formats, cellStyle(a, fonts, fills, codes))
			}
		}
		return nil
	})
}

// cellStyle joins the parts of a cell style.
func cellStyle(a map[string]string, fonts []cellFormat, fills []string, codes map[string]string) cellFormat {
	var f cellFormat
	if i, err := strconv.Atoi(a["fontId"]); err == nil && i >= 0 && i < len(fonts) {
		f = fonts[i]
	}
	if i, err := strconv.Atoi(a["fillId"]); err == nil && i >= 0 && i < len(fills) {
		f.fill = fills[i]
	}
	f.code = codes[a["numFmtId"]]
	f.id, _ = strconv.Atoi(a["numFmtId"])
	return f
}

// number writes a numeric value roughly as the sheet shows it: dates as
// ISO 8601, percentages, otherwise the number itself.
func (f cellFormat) number(v string, date04 bool) string {
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		return v
	}
	code := strings.ToLower(f.code)
	isDate := f.id >= 14 && f.id <= 22 || f.id >= 45 && f.id <= 47
	if code != "" {
		bare := stripFormat(code)
		isDate = strings.ContainsAny(bare, "ydh") || strings.Contains(bare, "mm") || strings.Contains(bare, "ss")
	}
	switch {
	case isDate && n >= 0 && n < 2_958_466:
		return sheetDate(n, date04)
	case f.id == 9 || f.id == 10 || strings.HasSuffix(strings.TrimSpace(code), "%"):
		return strconv.FormatFloat(math.Round(n*1e6)/1e4, 'f', -1, 64) + "%"
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// stripFormat drops literals, colours and locales from a number format.
func stripFormat(code string) string {
	var b strings.Builder
	for i := 0; i < len(code); i++ {
		switch code[i] {
		case '"':
			i = stringEnd(code, i)
		case '\\', '_', '*':
			i++
		case '[':
			if j := strings.IndexByte(code[i:], ']'); j > 0 {
				i += j
			}
		default:
			b.WriteByte(code[i])
		}
	}
	return strings.ReplaceAll(b.String(), "general", "")
}

// sheetDate turns a serial day into a date; the 1900 system has a 29 February
// 1900 that never was.
func sheetDate(n float64, date04 bool) string {
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if date04 {
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	day, frac := math.Modf(n)
	t := epoch.AddDate(0, 0, int(day)).Add(time.Duration(math.Round(frac*86400)) * time.Second)
	if day == 0 && frac > 0 {
		return t.Format("15:04:05")
	}
	if frac == 0 {
		return t.Format("2006-01-02")
	}
	return fmt.Sprint(t.Format("2006-01-02 15:04:05"))
}
