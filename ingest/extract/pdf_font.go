package extract

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// pdfGlyph is one shown character.
type pdfGlyph struct {
	code    int
	text    string  // what it means; "" when nothing says
	claimed string  // what ToUnicode says, where the font's encoding says otherwise
	width   float64 // thousandths of the font size
	space   bool    // single byte 32, which word spacing applies to
}

// pdfFont decodes the strings shown in one font.
type pdfFont struct {
	composite bool
	type3     bool
	scale     float64        // width units to text space, 1/1000 but for Type 3
	encoding  map[int]string // code → text by the font's own encoding
	toUnicode *pdfCMap
	codes     *pdfCMap       // composite: code → CID; nil is two bytes, identity
	utf16     bool           // composite: codes are UTF-16 themselves
	glyphs    map[int]string // CID or code → text by the embedded font program
	widths    map[int]float64
	missing   float64
}

// font reads a font dictionary.
func (d *pdfDoc) font(o any) *pdfFont {
	dict := d.dict(o)
	f := &pdfFont{scale: 0.001, widths: map[int]float64{}, missing: 500}
	if s, ok := d.get(dict["ToUnicode"]).(*pdfStream); ok {
		if data, err := d.decode(s); err == nil {
			f.toUnicode = d.cmap(data, 0)
		} else {
			d.fail(err)
		}
	}
	switch d.name(dict["Subtype"]) {
	case "Type0":
		d.compositeFont(f, dict)
		return f
	case "Type3":
		f.type3 = true
		if m := d.array(dict["FontMatrix"]); len(m) == 6 {
			f.scale = d.num(m[0], 0.001)
		}
	}
	d.simpleFont(f, dict)
	return f
}

// simpleFont reads widths and the encoding of a font with one-byte codes.
func (d *pdfDoc) simpleFont(f *pdfFont, dict pdfDict) {
	firstChar := int(d.num(dict["FirstChar"], 0))
	for i, w := range d.array(dict["Widths"]) {
		if i > 255 {
			break
		}
		f.widths[firstChar+i] = d.num(w, 0)
	}
	desc := d.dict(dict["FontDescriptor"])
	f.missing = d.num(desc["MissingWidth"], 500)
	base := d.name(dict["BaseFont"])
	if strings.Contains(base, "Courier") {
		f.missing = 600
	}
	embedded := desc["FontFile"] != nil || desc["FontFile2"] != nil || desc["FontFile3"] != nil
	symbolic := int(d.num(desc["Flags"], 0))&4 != 0 || strings.HasSuffix(base, "Symbol") || strings.Contains(base, "Dingbats") || strings.Contains(base, "Wingdings")
	enc := d.get(dict["Encoding"])
	builtin := d.type1Encoding(desc)
	// The codes of a symbolic or Type 3 font mean what its program draws; an
	// embedded font without an encoding has one of its own.
	if f.type3 || enc == nil && embedded || symbolic && d.name(dict["Subtype"]) == "TrueType" {
		f.encoding = d.differences(map[int]string{}, d.dict(enc))
		if f.type3 && f.toUnicode != nil || symbolic {
			f.encoding = map[int]string{}
		}
		if symbolic && f.toUnicode == nil {
			f.encoding = baseEncoding("")
		}
		if len(builtin) > 0 && enc == nil {
			f.encoding = builtin
		}
		return
	}
	if symbolic && !embedded && enc == nil {
		f.encoding = map[int]string{}
		return
	}
	name := d.name(enc)
	if e := d.dict(enc); e != nil {
		name = d.name(e["BaseEncoding"])
	}
	codes := baseEncoding(name)
	if name == "" && len(builtin) > 0 {
		codes = builtin
	}
	f.encoding = d.differences(codes, d.dict(enc))
}

var type1Put = regexp.MustCompile(`dup\s+(\d{1,3})\s*/([A-Za-z0-9._]{1,40})\s+put`)

// type1Encoding reads the encoding in the clear part of an embedded Type 1
// font program; nil when there is none.
func (d *pdfDoc) type1Encoding(desc pdfDict) map[int]string {
	s, ok := d.get(desc["FontFile"]).(*pdfStream)
	if !ok {
		return nil
	}
	data, err := d.decode(s)
	if err != nil {
		d.fail(err)
		return nil
	}
	if i := bytes.Index(data, []byte("eexec")); i >= 0 {
		data = data[:i]
	}
	out := map[int]string{}
	for _, m := range type1Put.FindAllSubmatch(data, 256) {
		code, _ := strconv.Atoi(string(m[1]))
		if t := glyphText(string(m[2])); t != "" && code < 256 {
			out[code] = t
		}
	}
	return out
}

// differences lays an encoding's differences over a base.
func (d *pdfDoc) differences(base map[int]string, enc pdfDict) map[int]string {
	code := 0
	for _, o := range d.array(enc["Differences"]) {
		switch o := d.get(o).(type) {
		case float64:
			code = int(o)
		case pdfName:
			if s := glyphText(string(o)); s != "" {
				base[code] = s
			} else {
				delete(base, code)
			}
			code++
		}
	}
	return base
}

// baseEncoding builds one of the named encodings.
func baseEncoding(name string) map[int]string {
	m := make(map[int]string, 256)
	for c := 32; c < 127; c++ {
		m[c] = string(rune(c))
	}
	switch name {
	case "WinAnsiEncoding":
		for c := 128; c < 256; c++ {
			if r := charmap.Windows1252.DecodeByte(byte(c)); r != utf8.RuneError {
				m[c] = string(r)
			}
		}
		m[0xa0], m[0xad] = " ", "-"
	case "MacRomanEncoding":
		for c := 128; c < 256; c++ {
			m[c] = string(charmap.Macintosh.DecodeByte(byte(c)))
		}
		m[0xca] = " "
	default:
		m[0x27], m[0x60] = "’", "‘"
		for i, r := range []rune("¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ\x00–†‡·\x00¶•‚„”»…‰\x00¿\x00`´ˆ˜¯˘˙¨\x00˚¸\x00˝˛ˇ—") {
			if r != 0 {
				m[0xa1+i] = string(r)
			}
		}
		for c, r := range map[int]rune{0xe1: 'Æ', 0xe3: 'ª', 0xe8: 'Ł', 0xe9: 'Ø', 0xea: 'Œ', 0xeb: 'º', 0xf1: 'æ', 0xf5: 'ı', 0xf8: 'ł', 0xf9: 'ø', 0xfa: 'œ', 0xfb: 'ß'} {
			m[c] = string(r)
		}
	}
	return m
}

// glyphText is the text of a glyph name by the rules of the Adobe Glyph List
// for the Latin, Greek and punctuation names in common use; "" when unknown.
func glyphText(name string) string {
	name, _, _ = strings.Cut(name, ".")
	if utf8.RuneCountInString(name) == 1 {
		return name
	}
	if s, ok := glyphNames[name]; ok {
		return s
	}
	if hex, ok := strings.CutPrefix(name, "uni"); ok && len(hex)%4 == 0 {
		return hexText(hex, 4)
	}
	if hex, ok := strings.CutPrefix(name, "u"); ok && len(hex) >= 4 && len(hex) <= 6 {
		return hexText(hex, len(hex))
	}
	// Accented letters are a letter and an accent's name.
	if len(name) > 2 {
		if mark, ok := accents[name[1:]]; ok {
			return composed(name[:1] + mark)
		}
	}
	return ""
}

func hexText(hex string, step int) string {
	var b strings.Builder
	for ; len(hex) >= step; hex = hex[step:] {
		n, err := strconv.ParseUint(hex[:step], 16, 32)
		if err != nil || n > utf8.MaxRune {
			return ""
		}
		b.WriteRune(rune(n))
	}
	return b.String()
}

// compositeFont reads a Type 0 font and its descendant.
func (d *pdfDoc) compositeFont(f *pdfFont, dict pdfDict) {
	f.composite = true
	switch enc := d.get(dict["Encoding"]).(type) {
	case pdfName:
		name := string(enc)
		f.utf16 = strings.Contains(name, "UCS2") || strings.Contains(name, "UTF16")
	case *pdfStream:
		if data, err := d.decode(enc); err == nil {
			f.codes = d.cmap(data, 0)
		} else {
			d.fail(err)
		}
	}
	f.missing = 1000
	a := d.array(dict["DescendantFonts"])
	if len(a) == 0 {
		return
	}
	desc := d.dict(a[0])
	f.missing = d.num(desc["DW"], 1000)
	d.cidWidths(f, d.array(desc["W"]))
	d.program(f, desc)
}

// cidWidths reads the W array: c [w1 w2 …] or first last w.
func (d *pdfDoc) cidWidths(f *pdfFont, w pdfArray) {
	for i := 0; i+1 < len(w) && len(f.widths) < 1<<17; {
		from := int(d.num(w[i], 0))
		if list, ok := d.get(w[i+1]).(pdfArray); ok {
			for j, o := range list {
				f.widths[from+j] = d.num(o, 0)
			}
			i += 2
			continue
		}
		if i+2 >= len(w) {
			return
		}
		to, width := int(d.num(w[i+1], 0)), d.num(w[i+2], 0)
		for c := from; c <= to && c-from < 1<<16; c++ {
			f.widths[c] = width
		}
		i += 3
	}
}

// decode splits a shown string into glyphs.
func (f *pdfFont) decode(s string) []pdfGlyph {
	if f.composite {
		return f.decodeComposite(s)
	}
	out := make([]pdfGlyph, 0, len(s))
	for i := 0; i < len(s); i++ {
		code := int(s[i])
		g := pdfGlyph{code: code, width: f.missing, space: code == 32}
		if w, ok := f.widths[code]; ok {
			g.width = w
		}
		seen := f.encoding[code]
		if drawn, ok := f.glyphs[code]; ok && drawn != "" {
			seen = drawn
		}
		g.settle(seen, f.toUnicode.text(s[i:i+1]))
		out = append(out, g)
	}
	return out
}

func (f *pdfFont) decodeComposite(s string) []pdfGlyph {
	var out []pdfGlyph
	for len(s) > 0 {
		n := min(2, len(s))
		if f.codes != nil {
			n = f.codes.length(s)
		} else if f.utf16 && len(s) >= 4 && utf16.IsSurrogate(rune(s[0])<<8|rune(s[1])) {
			n = 4
		}
		raw := s[:n]
		s = s[n:]
		cid := bigEndian([]byte(raw))
		if f.codes != nil {
			cid = f.codes.cid(raw)
		}
		g := pdfGlyph{code: cid, width: f.missing, space: raw == " "}
		if w, ok := f.widths[cid]; ok {
			g.width = w
		}
		seen := f.glyphs[cid]
		if seen == "" && f.utf16 {
			seen = utf16Text(raw)
		}
		g.settle(seen, f.toUnicode.text(raw))
		out = append(out, g)
	}
	return out
}

// settle decides what a glyph says. What the font draws wins over what
// ToUnicode claims; a claim that is not the same text is kept to be reported.
func (g *pdfGlyph) settle(seen, claimed string) {
	switch {
	case seen == "":
		g.text = claimed
	case claimed == "" || sameText(seen, claimed):
		g.text = seen
	default:
		g.text, g.claimed = seen, claimed
	}
}

// utf16Text decodes big-endian UTF-16.
func utf16Text(s string) string {
	u := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		u = append(u, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return string(utf16.Decode(u))
}
