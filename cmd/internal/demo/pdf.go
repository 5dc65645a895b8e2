package demo

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
)

// Page geometry in points: A4 with margins of an inch.
const (
	pageWidth, pageHeight = 595, 842
	margin                = 72
	textWidth             = pageWidth - 2*margin
)

// helvetica holds the widths of the characters from space to tilde, in
// thousandths of the font size, from the font's published metrics.
var helvetica = [95]int{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
}

// sheet lays text out on pages, top down.
type sheet struct {
	pages []*bytes.Buffer
	y     float64
}

// writePDF makes a PDF 1.4 file with the standard fonts, which every viewer has.
// It knows Latin-1 text only.
func writePDF(blocks []block) ([]byte, error) {
	s := &sheet{}
	s.newPage()
	for _, b := range blocks {
		switch {
		case b.rows != nil:
			s.table(b.rows)
		case b.level > 0:
			s.gap(8)
			for i := range b.runs {
				b.runs[i].ink = heading
			}
			s.flow(b.runs, margin, textWidth, float64(20-3*b.level))
			s.gap(4)
		case b.item:
			s.put(margin, 11, run{text: "-"})
			s.flow(b.runs, margin+14, textWidth-14, 11)
			s.gap(3)
		default:
			s.flow(b.runs, margin, textWidth, 11)
			s.gap(7)
		}
	}
	return s.file()
}

func (s *sheet) newPage() {
	s.pages = append(s.pages, &bytes.Buffer{})
	s.y = pageHeight - margin
}

func (s *sheet) gap(points float64) { s.y -= points }

// put writes a run at the present line.
func (s *sheet) put(x, size float64, r run) {
	font, mode := "F1", ""
	switch r.ink {
	case bold, heading:
		font = "F2"
	case white:
		mode = "1 1 1 rg "
	case unseen:
		mode = "3 Tr "
	}
	fmt.Fprintf(s.pages[len(s.pages)-1], "q BT %s/%s %.0f Tf %.1f %.1f Td (%s) Tj ET Q\n", mode, font, size, x, s.y-size, pdfEscape(r.text))
}

// flow breaks runs into lines. Runs without black ink take no room.
func (s *sheet) flow(runs []run, left, width, size float64) {
	x := left
	line := func() {
		s.y -= size * 1.35
		if x = left; s.y < margin+size {
			s.newPage()
		}
	}
	for _, r := range runs {
		for _, word := range strings.SplitAfter(r.text, " ") {
			w := textLength(word, size)
			if x+textLength(strings.TrimRight(word, " "), size) > left+width && x > left {
				line()
			}
			s.put(x, size, run{word, r.ink})
			x += w
		}
	}
	line()
}

func (s *sheet) table(rows [][]string) {
	for i, row := range rows {
		if s.y < margin+20 {
			s.newPage()
		}
		for j, cell := range row {
			r := run{text: strings.ReplaceAll(cell, "**", "")}
			if i == 0 {
				r.ink = bold
			}
			s.put(margin+float64(j*textWidth/len(row)), 10, r)
		}
		s.gap(15)
	}
	s.gap(7)
}

func textLength(text string, size float64) float64 {
	total := 0
	for _, r := range text {
		if r >= ' ' && r <= '~' {
			total += helvetica[r-' ']
		} else {
			total += 556
		}
	}
	return float64(total) * size / 1000
}

// pdfEscape writes a string literal in WinAnsi, which is Latin-1 for letters.
func pdfEscape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '(' || r == ')' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x100:
			b.WriteByte(byte(r))
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}

// file writes objects, cross-references and trailer.
func (s *sheet) file() ([]byte, error) {
	var out bytes.Buffer
	var offsets []int
	object := func(format string, args ...any) {
		offsets = append(offsets, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n", len(offsets))
		fmt.Fprintf(&out, format, args...)
		out.WriteString("\nendobj\n")
	}
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	var kids []string
	for i := range s.pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", 5+2*i))
	}
	object("<< /Type /Pages /Kids [%s] /Count %d >>", strings.Join(kids, " "), len(kids))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>")
	for i, p := range s.pages {
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents %d 0 R >>", pageWidth, pageHeight, 6+2*i)
		var packed bytes.Buffer
		z := zlib.NewWriter(&packed)
		if _, err := z.Write(p.Bytes()); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		object("<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream", packed.Len(), packed.Bytes())
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return out.Bytes(), nil
}
