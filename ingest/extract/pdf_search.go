package extract

import (
	"bytes"
	"regexp"
	"strconv"
)

var pdfObjStart = regexp.MustCompile(`(?:^|[\s>])(\d{1,9})\s+(\d{1,5})\s+obj\b`)

// search rebuilds the cross-references by looking for objects; the last object
// of a number wins, as the latest revision of the file.
func (d *pdfDoc) search() {
	for _, m := range pdfObjStart.FindAllSubmatchIndex(d.p, pdfMaxObjects) {
		n, _ := strconv.Atoi(string(d.p[m[2]:m[3]]))
		d.xref[n] = pdfEntry{offset: m[2]}
	}
	for _, n := range d.numbers() {
		s, ok := d.load(n).(*pdfStream)
		if !ok {
			continue
		}
		switch s.dict["Type"] {
		case pdfName("ObjStm"):
			for member := range d.objectStream(n) {
				d.entry(member, pdfEntry{inStream: n})
			}
		case pdfName("XRef"):
			d.adopt(s.dict)
		}
	}
	for at := 0; ; {
		i := bytes.Index(d.p[at:], []byte("trailer"))
		if i < 0 {
			break
		}
		at += i + len("trailer")
		l := &pdfLexer{p: d.p, at: at}
		if t, ok := l.object().(pdfDict); ok {
			d.adopt(t)
		}
	}
	if d.dict(d.trailer["Root"]) == nil {
		for _, n := range d.numbers() {
			if o := d.dict(pdfRef{n, 0}); o["Type"] == pdfName("Catalog") {
				d.trailer["Root"] = pdfRef{n, 0}
			}
		}
	}
}

// adopt takes over a trailer found by searching; later ones win.
func (d *pdfDoc) adopt(t pdfDict) {
	for _, k := range []pdfName{"Root", "Encrypt", "ID", "Info"} {
		if t[k] != nil {
			d.trailer[k] = t[k]
		}
	}
}
