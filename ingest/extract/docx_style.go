package extract

import (
	"encoding/xml"
	"strconv"
	"strings"
)

// set applies one element of run properties.
func (s *wordStyle) set(name string, a map[string]string) {
	switch name {
	case "vanish", "webHidden", "specVanish":
		on := a["val"] != "0" && a["val"] != "false" && a["val"] != "off"
		if name == "vanish" || on {
			s.vanish = &on
		}
	case "rStyle":
		s.based = a["val"]
	case "color":
		s.color = themed(a["val"], a["themeColor"], a["themeShade"])
	case "sz":
		if n, err := strconv.Atoi(a["val"]); err == nil {
			s.halfSize = max(n, 1)
		}
	case "shd":
		s.fill = themed(a["fill"], a["themeFill"], a["themeFillShade"])
	case "highlight":
		s.highlight = a["val"] != "none" && a["val"] != "white"
	case "noFill":
		s.noFill = true
	case "alpha":
		// 100,000 is fully transparent in w14:alpha.
		if n, err := strconv.Atoi(a["val"]); err == nil && n > 90_000 {
			s.noFill = true
		}
	}
}

// themed is the colour a program draws: a theme colour wins over the value
// beside it. Only the paper's colour matters here, white unless shaded.
func themed(value, theme, shade string) string {
	if theme != "background1" && theme != "light1" {
		return value
	}
	if len(shade) == 2 {
		return shade + shade + shade
	}
	return "FFFFFF"
}

// readStyles reads word/styles.xml; the style "" is the document's default.
func (w *word) readStyles() error {
	var open []string
	id, now, part := "", wordStyle{}, wordStyle{} // part: of a table, its first row and so on
	return w.xml("word/styles.xml", func(tok xml.Token) error {
		switch t := tok.(type) {
		case xml.StartElement:
			a := flatAttrs(t)
			parent := strings.Join(open, "/")
			switch {
			case t.Name.Local == "style":
				id, now = a["styleId"], wordStyle{}
			case t.Name.Local == "rPrDefault":
				id, now = "", wordStyle{}
			case t.Name.Local == "basedOn":
				now.based = a["val"]
			case t.Name.Local == "numPr":
				now.list = true
			case t.Name.Local == "name":
				now.name = a["val"]
			case t.Name.Local == "tblStylePr":
				part = wordStyle{}
			case strings.Contains(parent, "tblStylePr") && t.Name.Local == "shd":
				part.fill = themed(a["fill"], a["themeFill"], a["themeFillShade"])
			case strings.Contains(parent, "tblStylePr"):
				part.set(t.Name.Local, a)
			case strings.Contains(parent, "rPr") && t.Name.Local != "rStyle":
				now.set(t.Name.Local, a)
			}
			open = append(open, t.Name.Local)
		case xml.EndElement:
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
			if t.Name.Local == "tblStylePr" && part.unseen() {
				now = part.merge(now)
			}
			if t.Name.Local == "style" || t.Name.Local == "rPrDefault" {
				w.styles[id] = now
			}
		}
		return nil
	})
}

// unseen reports whether a look of a part of a table hides whatever it is
// applied to. Which cells that is, is not worked out: it then counts for all.
func (s wordStyle) unseen() bool {
	back := white
	if c, ok := hexColor(s.fill); ok {
		back = c
	}
	c, ok := hexColor(s.color)
	return ok && contrast(c, back) < minContrast || s.vanish != nil && *s.vanish || s.halfSize > 0 && s.halfSize < 6
}

// hiding returns how the present run is hidden.
func (p *wordPart) hiding() (Class, string, string) {
	s := p.run
	if s.based != "" {
		s = s.merge(p.style(s.based, 0))
	}
	s = s.merge(p.para)
	if n := len(p.tables); n > 0 {
		s = s.merge(p.tables[n-1].look)
	}
	s = s.merge(p.styles[""])
	switch {
	case p.deleted > 0:
		return Markup, "office-deleted", "tracked deletion"
	case s.vanish != nil && *s.vanish:
		return Concealed, "office-vanish", "hidden run"
	case p.hiddenRow:
		return Concealed, "office-hidden-row", "hidden table row"
	case p.offPage:
		return Concealed, "office-off-page", "drawing off the page"
	case s.halfSize > 0 && s.halfSize < 6:
		return Concealed, "tiny-text", "font size"
	case s.noFill:
		return Concealed, "same-colour", "text without fill"
	case !s.highlight && p.sameColour(s):
		return Concealed, "same-colour", "font colour as paper"
	}
	return "", "", ""
}

// sameColour reports whether a run cannot be told from what is behind it.
func (p *wordPart) sameColour(s wordStyle) bool {
	back := p.paper
	for _, fill := range []string{p.cellFill, s.fill} {
		if c, ok := hexColor(fill); ok {
			back = c
		}
	}
	fore := black
	if contrast(fore, back) < minContrast*2 {
		fore = white // "auto" text turns white on dark ground
	}
	if c, ok := hexColor(s.color); ok {
		fore = c
	}
	return contrast(fore, back) < minContrast
}

// style resolves a style with what it is based on.
func (w *word) style(id string, depth int) wordStyle {
	s, ok := w.styles[id]
	if !ok || depth > 20 {
		return wordStyle{}
	}
	if s.based != "" {
		return s.merge(w.style(s.based, depth+1))
	}
	return s
}
