package extract

import "encoding/xml"

// drawing adds the text of a drawing, diagram or chart that is shown.
func (o *office) drawing(part string) error {
	s := &slideWalk{deck: &deck{office: o, width: 1e12, height: 1e12}, back: white}
	open := ""
	err := o.xml(part, func(tok xml.Token) error {
		if err := s.token(tok); err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			open = t.Name.Local
		case xml.EndElement:
			open = ""
		case xml.CharData:
			if open == "v" { // categories and values of a chart
				o.line()
				o.inline(string(t))
			}
		}
		return nil
	})
	o.gap()
	return err
}

// drawnText reports the text runs of a part as hidden.
func (o *office) drawnText(part string, class Class, technique, locator string) error {
	open := ""
	return o.xml(part, func(tok xml.Token) error {
		switch t := tok.(type) {
		case xml.StartElement:
			open = t.Name.Local
			o.apart = o.apart || open == "p" || open == "br" || open == "v"
			if open == "cNvPr" {
				a := flatAttrs(t)
				o.hide(Metadata, "office-alt-text", "alternative text", a["descr"]+" "+a["title"])
			}
		case xml.EndElement:
			open = ""
		case xml.CharData:
			if open == "t" || open == "v" {
				o.hideRun(class, technique, locator, string(t))
			}
		case xml.Comment:
			o.hide(Markup, "xml-comment", "comment", string(t))
		}
		return nil
	})
}
