package extract

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
)

var xmlDeclaration = regexp.MustCompile(`^\s*<\?xml[^>]*\?>`)

// xmlTokens calls fn for every token of an XML text, with a limit on depth and
// without document type declarations: the standard library expands no custom
// entities, and nothing honest needs them here.
func (b *builder) xmlTokens(r io.Reader, part string, fn func(xml.Token) error) error {
	dec := xml.NewDecoder(r)
	dec.Strict = true
	dec.CharsetReader = func(string, io.Reader) (io.Reader, error) {
		return nil, ErrEncoding
	}
	depth := 0
	for !b.stopped() {
		tok, err := dec.RawToken()
		if err == io.EOF {
			if depth != 0 {
				return fmt.Errorf("%w: %s ends inside an element", ErrMalformed, part)
			}
			return nil
		}
		if err != nil {
			if limit := limitError(err); limit != nil {
				return limit
			}
			return fmt.Errorf("%w: %s is not well-formed XML", ErrMalformed, part)
		}
		switch t := tok.(type) {
		case xml.StartElement:
			if depth++; depth > maxNesting*2 {
				return fmt.Errorf("%w: %s nests elements more than %d deep", ErrTooLarge, part, maxNesting*2)
			}
		case xml.EndElement:
			if depth--; depth < 0 {
				return fmt.Errorf("%w: %s closes an element twice", ErrMalformed, part)
			}
		case xml.Directive:
			if strings.Contains(strings.ToUpper(string(t)), "ENTITY") {
				return fmt.Errorf("%w: %s declares entities", ErrMalformed, part)
			}
		}
		if err := fn(tok); err != nil {
			return err
		}
	}
	return b.err
}

// readXML shows the character data of an XML document; attributes, comments and
// instructions are reported.
func readXML(b *builder, in Input, _ int) error {
	s, err := decodeMarkup(in)
	if err != nil {
		return err
	}
	s = xmlDeclaration.ReplaceAllString(s, "")
	b.gap()
	svg := 0
	return b.xmlTokens(strings.NewReader(s), "the document", func(tok xml.Token) error {
		switch t := tok.(type) {
		case xml.StartElement:
			b.line()
			if svg > 0 || strings.EqualFold(t.Name.Local, "svg") {
				svg++
			}
			for _, a := range t.Attr {
				if words(a.Value) >= 2 && !strings.HasPrefix(a.Name.Local, "xmlns") && a.Name.Space != "xmlns" {
					b.hide(Metadata, "xml-attribute", "attribute", a.Value)
				}
			}
		case xml.EndElement:
			b.line()
			if svg > 0 {
				svg--
			}
		case xml.CharData:
			if svg > 0 {
				b.hide(Markup, "html-svg", "element svg", string(t))
				return nil
			}
			b.inline(string(t))
		case xml.Comment:
			b.hide(Markup, "xml-comment", "comment", string(t))
		case xml.ProcInst:
			b.hide(Markup, "xml-instruction", "processing instruction", string(t.Inst))
		}
		return nil
	})
}

// flatAttrs returns an element's attributes by local name.
func flatAttrs(e xml.StartElement) map[string]string {
	m := make(map[string]string, len(e.Attr))
	for _, a := range e.Attr {
		m[a.Name.Local] = a.Value
	}
	return m
}
