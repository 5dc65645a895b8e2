package extract

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// unshownKeys are the dictionary entries that hold text which is not page
// content, and how it is reported.
var unshownKeys = map[pdfName]struct {
	class     Class
	technique string
}{
	"Contents": {Markup, "pdf-annotation"}, "RC": {Markup, "pdf-annotation"}, "Subj": {Markup, "pdf-annotation"},
	"V": {Markup, "pdf-form-value"}, "DV": {Markup, "pdf-form-value"}, "TU": {Metadata, "pdf-form-value"}, "Opt": {Markup, "pdf-form-value"},
	"CA": {Metadata, "pdf-form-value"}, "JS": {Markup, "pdf-script"}, "ActualText": {Markup, "pdf-actual-text"}, "Alt": {Metadata, "pdf-alt-text"},
	"E": {Metadata, "pdf-alt-text"}, "Title": {Metadata, "pdf-metadata"}, "Subject": {Metadata, "pdf-metadata"}, "Keywords": {Metadata, "pdf-metadata"},
	"Author": {Metadata, "pdf-metadata"}, "Creator": {Metadata, "pdf-metadata"}, "Producer": {Metadata, "pdf-metadata"}, "Desc": {Metadata, "pdf-attachment"},
	"F": {Metadata, "pdf-attachment"}, "UF": {Metadata, "pdf-attachment"}, "Name": {Metadata, "pdf-metadata"}, "URI": {Metadata, "pdf-link"},
}

// unshown goes through all objects of the file, also those nothing refers to,
// and reports their text.
func (d *pdfDoc) unshown() {
	shown := " " + foldWords(string(d.out)) + " "
	seen := map[string]bool{}
	for _, n := range d.numbers() {
		if d.stopped() {
			return
		}
		d.texts(d.load(n), shown, seen, 0)
		if s, ok := d.load(n).(*pdfStream); ok {
			d.streamTexts(s)
		}
		delete(d.cache, n) // page content is done; keep memory flat
	}
	d.texts(d.trailer, shown, seen, 0)
}

// texts reports the strings of one object.
func (d *pdfDoc) texts(o any, shown string, seen map[string]bool, depth int) {
	if depth > pdfDepth {
		return
	}
	switch o := o.(type) {
	case *pdfStream:
		d.texts(o.dict, shown, seen, depth+1)
	case pdfArray:
		for _, e := range o {
			d.texts(e, shown, seen, depth+1)
		}
	case pdfDict:
		for _, k := range sortedKeys(o) {
			how, listed := unshownKeys[k]
			if !listed {
				d.texts(o[k], shown, seen, depth+1)
				continue
			}
			d.reportKey(o[k], how.class, how.technique, shown, seen, depth)
		}
	}
}

// reportKey reports a listed entry: a string, strings, or what is inside.
func (d *pdfDoc) reportKey(o any, class Class, technique, shown string, seen map[string]bool, depth int) {
	switch o := o.(type) {
	case pdfString:
		s := pdfTextString(o)
		f := foldWords(s)
		if seen[technique+s] || strings.Contains(shown, " "+f+" ") && f != "" && technique != "pdf-script" {
			return
		}
		seen[technique+s] = true
		if technique == "pdf-link" && words(strings.NewReplacer("%20", " ", "+", " ", "_", " ").Replace(s)) < 5 && !strings.HasPrefix(strings.ToLower(s), "javascript:") {
			return
		}
		d.hide(class, technique, "entry of an object", s)
	case pdfArray:
		for _, e := range o {
			if s, ok := e.(pdfString); ok {
				d.reportKey(s, class, technique, shown, seen, depth)
			} else {
				d.texts(e, shown, seen, depth+1)
			}
		}
	default:
		d.texts(o, shown, seen, depth+1)
	}
}

// streamTexts reports streams that hold text: metadata, scripts, forms in XML,
// attachments. Attachments of other kinds are counted.
func (d *pdfDoc) streamTexts(s *pdfStream) {
	kind := d.name(s.dict["Type"])
	switch {
	case kind == "Metadata" || d.name(s.dict["Subtype"]) == "XML":
		d.streamText(s, Metadata, "pdf-xmp", "metadata stream")
	case kind == "EmbeddedFile":
		d.streamText(s, Markup, "pdf-attachment", "attached file")
	case kind == "" && len(s.dict) <= 4 && s.dict["Subtype"] == nil && s.dict["N"] == nil && s.dict["Length1"] == nil && s.dict["FunctionType"] == nil:
		d.looseStream(s)
	}
}

// looseStream reports streams without a type that are scripts or XML; content
// streams and CMaps have been read.
func (d *pdfDoc) looseStream(s *pdfStream) {
	data, err := d.decode(s)
	if err != nil {
		d.fail(err)
		return
	}
	head := strings.TrimSpace(string(data[:min(len(data), 200)]))
	if strings.HasPrefix(head, "<") || strings.HasPrefix(head, "function") || strings.Contains(head, "app.") || strings.HasPrefix(head, "var ") {
		d.hide(Markup, "pdf-script", "script or form stream", pdfTextString(pdfString(data)))
	}
}

func (d *pdfDoc) streamText(s *pdfStream, class Class, technique, where string) {
	data, err := d.decode(s)
	if err != nil {
		d.fail(err)
		d.skip("application/octet-stream")
		return
	}
	if !isText(data) {
		d.skip("application/octet-stream")
		return
	}
	text := pdfTextString(pdfString(data))
	if technique == "pdf-xmp" {
		text = untagged(text)
	}
	d.hide(class, technique, where, text)
}

// untagged drops the tags of XMP, whose attributes may hold values as well.
func untagged(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:open] + " ")
		s = s[open:]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			b.WriteString(s)
			break
		}
		if tag := s[:end]; words(tag) >= 4 {
			b.WriteString(tag + " ")
		}
		s = s[end+1:]
	}
	return b.String()
}

// pdfTextString decodes a text string: UTF-16 or UTF-8 with a byte order mark,
// else nearly Latin-1.
func pdfTextString(s pdfString) string {
	switch {
	case strings.HasPrefix(string(s), "\xfe\xff"):
		return utf16Text(string(s[2:]))
	case strings.HasPrefix(string(s), "\xff\xfe"):
		swapped := []byte(s[2:])
		for i := 0; i+1 < len(swapped); i += 2 {
			swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		}
		return utf16Text(string(swapped))
	case utf8.ValidString(string(s)):
		return strings.TrimPrefix(string(s), "\xef\xbb\xbf")
	}
	out, _ := charmap.Windows1252.NewDecoder().String(string(s))
	return out
}

func sortedKeys(d pdfDict) []pdfName {
	out := make([]pdfName, 0, len(d))
	for k := range d {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
