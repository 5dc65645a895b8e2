package extract

import "encoding/binary"

// program reads which glyphs of an embedded TrueType font draw which
// characters, from its own character map and glyph names, so that a ToUnicode
// map that says otherwise is noticed. Fonts without either (most subsets)
// cannot be checked.
func (d *pdfDoc) program(f *pdfFont, desc pdfDict) {
	fd := d.dict(desc["FontDescriptor"])
	file, ok := d.get(fd["FontFile2"]).(*pdfStream)
	if !ok {
		return
	}
	data, err := d.decode(file)
	if err != nil {
		d.fail(err)
		return
	}
	byGlyph := map[int]string{}
	tables := sfntTables(data)
	readPost(tables["post"], byGlyph)
	readCmap(tables["cmap"], byGlyph)
	if len(byGlyph) == 0 {
		return
	}
	f.glyphs = byGlyph
	if s, ok := d.get(desc["CIDToGIDMap"]).(*pdfStream); ok {
		m, err := d.decode(s)
		if err != nil {
			d.fail(err)
			return
		}
		f.glyphs = map[int]string{}
		for cid := 0; cid*2+1 < len(m); cid++ {
			if t := byGlyph[int(m[cid*2])<<8|int(m[cid*2+1])]; t != "" {
				f.glyphs[cid] = t
			}
		}
	}
}

// sfntTables finds the tables of a TrueType file.
func sfntTables(p []byte) map[string][]byte {
	out := map[string][]byte{}
	if len(p) < 12 {
		return out
	}
	for i := range int(binary.BigEndian.Uint16(p[4:])) {
		e := 12 + 16*i
		if e+16 > len(p) {
			break
		}
		at, n := int(binary.BigEndian.Uint32(p[e+8:])), int(binary.BigEndian.Uint32(p[e+12:]))
		if at >= 0 && n >= 0 && at <= len(p) && n <= len(p)-at {
			out[string(p[e:e+4])] = p[at : at+n]
		}
	}
	return out
}

// readCmap inverts the Unicode character maps of formats 4 and 12. A glyph that
// draws several characters keeps the first.
func readCmap(p []byte, out map[int]string) {
	if len(p) < 4 {
		return
	}
	for i := range int(binary.BigEndian.Uint16(p[2:])) {
		e := 4 + 8*i
		if e+8 > len(p) {
			return
		}
		platform, encoding := binary.BigEndian.Uint16(p[e:]), binary.BigEndian.Uint16(p[e+2:])
		at := int(binary.BigEndian.Uint32(p[e+4:]))
		if platform != 0 && (platform != 3 || encoding != 1 && encoding != 10) || at < 0 || at+16 > len(p) {
			continue
		}
		switch t := p[at:]; binary.BigEndian.Uint16(t) {
		case 4:
			cmap4(t, out)
		case 12:
			cmap12(t, out)
		}
	}
}

func putGlyph(out map[int]string, gid, char int) {
	// Private use characters say nothing.
	if gid == 0 || char == 0 || char >= 0xe000 && char <= 0xf8ff || char > 0x10ffff {
		return
	}
	if _, have := out[gid]; !have {
		out[gid] = string(rune(char))
	}
}

func cmap4(t []byte, out map[int]string) {
	u16 := func(at int) int {
		if at < 0 || at+2 > len(t) {
			return 0
		}
		return int(binary.BigEndian.Uint16(t[at:]))
	}
	n := u16(6) / 2
	for s := range n {
		end, start := u16(14+2*s), u16(16+2*n+2*s)
		delta, rangeAt := u16(16+4*n+2*s), 16+6*n+2*s
		offset := u16(rangeAt)
		for c := start; c <= end && c < 0xffff; c++ {
			gid := (c + delta) & 0xffff
			if offset != 0 {
				if gid = u16(rangeAt + offset + 2*(c-start)); gid != 0 {
					gid = (gid + delta) & 0xffff
				}
			}
			putGlyph(out, gid, c)
		}
	}
}

func cmap12(t []byte, out map[int]string) {
	groups := min(int(binary.BigEndian.Uint32(t[12:])), (len(t)-16)/12)
	total := 0
	for g := range groups {
		e := t[16+12*g:]
		start, end, gid := int(binary.BigEndian.Uint32(e)), int(binary.BigEndian.Uint32(e[4:])), int(binary.BigEndian.Uint32(e[8:]))
		for c := start; c <= end && total < 1<<17; c++ {
			putGlyph(out, gid+c-start, c)
			total++
		}
	}
}

// readPost reads glyph names of format 2 that are not among the standard 258.
func readPost(p []byte, out map[int]string) {
	if len(p) < 34 || binary.BigEndian.Uint32(p) != 0x00020000 {
		return
	}
	n := int(binary.BigEndian.Uint16(p[32:]))
	if 34+2*n > len(p) {
		return
	}
	var names []string
	for at := 34 + 2*n; at < len(p); {
		size := int(p[at])
		if at+1+size > len(p) {
			break
		}
		names = append(names, string(p[at+1:at+1+size]))
		at += 1 + size
	}
	for gid := range n {
		if i := int(binary.BigEndian.Uint16(p[34+2*gid:])) - 258; i >= 0 && i < len(names) {
			if t := glyphText(names[i]); t != "" && gid > 0 {
				out[gid] = t
			}
		}
	}
}
