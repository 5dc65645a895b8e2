package extract

import (
	"bytes"
	"fmt"
	"slices"
)

// pdfMaxObjects bounds the objects of one file.
const pdfMaxObjects = 1_000_000

// pdfDoc is an opened PDF file. Cross-reference tables and streams are
// followed; when they do not lead to a page tree, the file is searched for its
// objects, as viewers do.
type pdfDoc struct {
	*builder
	p       []byte
	xref    map[int]pdfEntry
	trailer pdfDict
	cache   map[int]any
	busy    map[int]bool
	members map[int]map[int]any // object stream → member number → object
	crypt   *pdfCrypt
}

// pdfEntry is where an object is: at an offset, or in an object stream.
type pdfEntry struct {
	offset   int
	inStream int // object number of the stream; 0 for none
}

// openPDF reads the cross-references.
func openPDF(b *builder, p []byte) (*pdfDoc, error) {
	if i := bytes.Index(p[:min(len(p), 1024)], []byte("%PDF-")); i > 0 {
		p = p[i:]
	}
	d := &pdfDoc{builder: b, p: p}
	d.reset()
	d.readXrefs()
	if d.catalog() == nil {
		d.reset()
		d.search()
	}
	if err := d.b().err; err != nil {
		return nil, err
	}
	if d.trailer["Encrypt"] != nil {
		if err := d.decrypt(); err != nil {
			return nil, err
		}
		if d.catalog() == nil {
			return nil, fmt.Errorf("%w: PDF without pages", ErrMalformed)
		}
	}
	if d.catalog() == nil {
		return nil, fmt.Errorf("%w: PDF without pages", ErrMalformed)
	}
	return d, nil
}

func (d *pdfDoc) b() *builder { return d.builder }

func (d *pdfDoc) reset() {
	d.xref, d.trailer, d.cache = map[int]pdfEntry{}, pdfDict{}, map[int]any{}
	d.busy, d.members = map[int]bool{}, map[int]map[int]any{}
}

// catalog returns the document's root when it has pages.
func (d *pdfDoc) catalog() pdfDict {
	root := d.dict(d.trailer["Root"])
	if root == nil || d.dict(root["Pages"]) == nil {
		return nil
	}
	return root
}

// readXrefs follows the chain of cross-reference sections, newest first. A
// section is read once, so a loop ends.
func (d *pdfDoc) readXrefs() {
	i := bytes.LastIndex(d.p, []byte("startxref"))
	if i < 0 {
		return
	}
	l := &pdfLexer{p: d.p, at: i + len("startxref")}
	at, _ := l.object().(float64)
	todo, seen := []int{int(at)}, map[int]bool{}
	for len(todo) > 0 && len(seen) < 1000 && !d.stopped() {
		at := todo[0]
		todo = todo[1:]
		if at < 0 || at >= len(d.p) || seen[at] {
			continue
		}
		seen[at] = true
		t := d.section(at)
		for k, v := range t {
			if _, have := d.trailer[k]; !have {
				d.trailer[k] = v
			}
		}
		for _, k := range []pdfName{"XRefStm", "Prev"} {
			if n, ok := t[k].(float64); ok {
				todo = append(todo, int(n))
			}
		}
	}
}

// section reads one cross-reference table or stream and returns its trailer.
func (d *pdfDoc) section(at int) pdfDict {
	l := &pdfLexer{p: d.p, at: at}
	l.skip()
	if bytes.HasPrefix(d.p[l.at:], []byte("xref")) {
		l.at += len("xref")
		return d.table(l)
	}
	if s, ok := d.indirect(l.at, 0).(*pdfStream); ok && s.dict["Type"] == pdfName("XRef") {
		d.xrefStream(s)
		return s.dict
	}
	return nil
}

// table reads the subsections of a classic table, then the trailer.
func (d *pdfDoc) table(l *pdfLexer) pdfDict {
	for !d.stopped() {
		first := l.object()
		if first == pdfOp("trailer") {
			t, _ := l.object().(pdfDict)
			return t
		}
		start, ok1 := first.(float64)
		count, ok2 := l.object().(float64)
		if !ok1 || !ok2 || count < 0 || count > pdfMaxObjects {
			return nil
		}
		for i := 0; i < int(count); i++ {
			offset, ok := l.object().(float64)
			if !ok {
				return nil
			}
			l.object()
			if l.object() == pdfOp("n") {
				d.entry(int(start)+i, pdfEntry{offset: int(offset)})
			} else {
				d.entry(int(start)+i, pdfEntry{offset: -1})
			}
		}
	}
	return nil
}

// entry records an object unless a newer section has it.
func (d *pdfDoc) entry(num int, e pdfEntry) {
	if _, have := d.xref[num]; !have && num >= 0 {
		if len(d.xref) >= pdfMaxObjects {
			d.err = fmt.Errorf("%w: PDF of more than %d objects", ErrTooLarge, pdfMaxObjects)
			return
		}
		d.xref[num] = e
	}
}

// xrefStream reads a cross-reference stream.
func (d *pdfDoc) xrefStream(s *pdfStream) {
	data, err := d.decode(s)
	if err != nil {
		return
	}
	var w [3]int
	widths, _ := s.dict["W"].(pdfArray)
	total := 0
	for i := range w {
		if i < len(widths) {
			n, _ := widths[i].(float64)
			w[i] = int(max(0, min(n, 8)))
		}
		total += w[i]
	}
	if total == 0 {
		return
	}
	index, _ := s.dict["Index"].(pdfArray)
	if index == nil {
		index = pdfArray{0.0, s.dict["Size"]}
	}
	for i := 0; i+1 < len(index); i += 2 {
		start, _ := index[i].(float64)
		count, _ := index[i+1].(float64)
		for n := 0; n < int(count) && len(data) >= total && !d.stopped(); n++ {
			kind, a := 1, bigEndian(data[w[0]:w[0]+w[1]])
			if w[0] > 0 {
				kind = bigEndian(data[:w[0]])
			}
			data = data[total:]
			switch kind {
			case 0:
				d.entry(int(start)+n, pdfEntry{offset: -1})
			case 1:
				d.entry(int(start)+n, pdfEntry{offset: a})
			case 2:
				d.entry(int(start)+n, pdfEntry{inStream: a})
			}
		}
	}
}

func bigEndian(p []byte) int {
	n := 0
	for _, c := range p {
		n = n<<8 | int(c)
	}
	return n
}

// numbers lists the objects in order.
func (d *pdfDoc) numbers() []int {
	out := make([]int, 0, len(d.xref))
	for n := range d.xref {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// indirect reads the object defined at an offset; want is its number, or 0.
func (d *pdfDoc) indirect(at, want int) any {
	if at < 0 || at >= len(d.p) {
		return nil
	}
	l := &pdfLexer{p: d.p, at: at}
	num, ok := l.object().(float64)
	gen, ok2 := l.object().(float64)
	if !ok || !ok2 || l.object() != pdfOp("obj") || want != 0 && int(num) != want {
		return nil
	}
	ref := pdfRef{int(num), int(gen)}
	o := l.object()
	dict, isDict := o.(pdfDict)
	if !isDict {
		return d.crypt.value(o, ref)
	}
	l.skip()
	if !bytes.HasPrefix(d.p[l.at:], []byte("stream")) {
		return d.crypt.value(o, ref)
	}
	l.at += len("stream")
	if l.at < len(d.p) && d.p[l.at] == '\r' {
		l.at++
	}
	if l.at < len(d.p) && d.p[l.at] == '\n' {
		l.at++
	}
	dict, _ = d.crypt.value(dict, ref).(pdfDict)
	return &pdfStream{dict: dict, raw: d.streamBytes(dict, l.at), ref: ref}
}

// streamBytes takes the stated length when the stream ends there, else looks
// for the end.
func (d *pdfDoc) streamBytes(dict pdfDict, at int) []byte {
	if n, ok := d.get(dict["Length"]).(float64); ok && n >= 0 && at+int(n) <= len(d.p) && n < 1<<40 {
		l := &pdfLexer{p: d.p, at: at + int(n)}
		l.skip()
		if bytes.HasPrefix(d.p[l.at:], []byte("endstream")) {
			return d.p[at : at+int(n)]
		}
	}
	i := bytes.Index(d.p[at:], []byte("endstream"))
	if i < 0 {
		return d.p[at:]
	}
	return bytes.TrimRight(d.p[at:at+i], "\r\n")
}

// load reads an object by number, once.
func (d *pdfDoc) load(num int) any {
	if o, ok := d.cache[num]; ok {
		return o
	}
	e, ok := d.xref[num]
	if !ok || e.offset < 0 || d.busy[num] || d.stopped() {
		return nil
	}
	d.busy[num] = true
	defer delete(d.busy, num)
	var o any
	if e.inStream > 0 {
		o = d.objectStream(e.inStream)[num]
	} else {
		o = d.indirect(e.offset, num)
	}
	d.cache[num] = o
	return o
}

// objectStream reads the members of an object stream, once. A stream cannot be
// a member of another, so a self-reference finds nothing.
func (d *pdfDoc) objectStream(num int) map[int]any {
	if m, ok := d.members[num]; ok {
		return m
	}
	d.members[num] = nil
	if e := d.xref[num]; e.inStream > 0 {
		return nil
	}
	s, ok := d.load(num).(*pdfStream)
	if !ok {
		return nil
	}
	data, err := d.decode(s)
	if err != nil {
		d.fail(err)
		return nil
	}
	n, _ := d.get(s.dict["N"]).(float64)
	first, _ := d.get(s.dict["First"]).(float64)
	if first < 0 || int(first) > len(data) {
		return nil
	}
	head := &pdfLexer{p: data[:int(first)]}
	m := map[int]any{}
	for i := 0; i < int(min(n, pdfMaxObjects)) && !head.end() && !d.stopped(); i++ {
		member, ok1 := head.object().(float64)
		offset, ok2 := head.object().(float64)
		at := int(first) + int(offset)
		if !ok1 || !ok2 || at < 0 || at >= len(data) {
			break
		}
		l := &pdfLexer{p: data, at: at}
		m[int(member)] = l.object()
	}
	d.members[num] = m
	return m
}

// fail keeps the first limit met.
func (d *pdfDoc) fail(err error) {
	if d.err == nil {
		d.err = limitError(err)
	}
}

// get resolves references.
func (d *pdfDoc) get(o any) any {
	for i := 0; i < 32; i++ {
		r, ok := o.(pdfRef)
		if !ok {
			return o
		}
		o = d.load(r.num)
	}
	return nil
}

// dict resolves to a dictionary, also a stream's; nil for anything else.
func (d *pdfDoc) dict(o any) pdfDict {
	switch o := d.get(o).(type) {
	case pdfDict:
		return o
	case *pdfStream:
		return o.dict
	}
	return nil
}

func (d *pdfDoc) array(o any) pdfArray {
	a, _ := d.get(o).(pdfArray)
	return a
}

func (d *pdfDoc) num(o any, fallback float64) float64 {
	if n, ok := d.get(o).(float64); ok {
		return n
	}
	return fallback
}

func (d *pdfDoc) name(o any) string {
	n, _ := d.get(o).(pdfName)
	return string(n)
}
