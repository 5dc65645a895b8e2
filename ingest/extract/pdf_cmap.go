package extract

import "strings"

// pdfCMap maps codes to text or to CIDs.
type pdfCMap struct {
	one    map[string]string // code → UTF-16BE text, by code bytes
	ranges []cmapRange
	cids   []cmapRange
	spaces []cmapRange // codespace
}

type cmapRange struct {
	lo, hi string
	to     string // bfrange: the first text
	cid    int
}

// cmapLimit bounds the entries of a CMap.
const cmapLimit = 1 << 17

// cmap reads a CMap program. usecmap is followed to no other file: predefined
// CMaps give CIDs, never text, and a chain could be a loop.
func (d *pdfDoc) cmap(data []byte, _ int) *pdfCMap {
	m := &pdfCMap{one: map[string]string{}}
	l := &pdfLexer{p: data}
	var args []any
	for !l.end() && !d.stopped() {
		o := l.object()
		op, isOp := o.(pdfOp)
		if !isOp {
			if len(args) < cmapLimit {
				args = append(args, o)
			}
			continue
		}
		switch op {
		case "endbfchar":
			m.chars(args)
		case "endbfrange":
			m.bfRanges(args)
		case "endcidrange", "endcidchar":
			m.cidRanges(args, op == "endcidchar")
		case "endcodespacerange":
			for i := 0; i+1 < len(args); i += 2 {
				lo, _ := args[i].(pdfString)
				hi, _ := args[i+1].(pdfString)
				m.spaces = append(m.spaces, cmapRange{lo: string(lo), hi: string(hi)})
			}
		}
		args = args[:0]
	}
	return m
}

func (m *pdfCMap) chars(args []any) {
	for i := 0; i+1 < len(args) && len(m.one) < cmapLimit; i += 2 {
		code, _ := args[i].(pdfString)
		switch to := args[i+1].(type) {
		case pdfString:
			m.one[string(code)] = utf16Text(string(to))
		case pdfName:
			m.one[string(code)] = glyphText(string(to))
		}
	}
}

func (m *pdfCMap) bfRanges(args []any) {
	for i := 0; i+2 < len(args) && len(m.ranges) < cmapLimit; i += 3 {
		lo, _ := args[i].(pdfString)
		hi, _ := args[i+1].(pdfString)
		switch to := args[i+2].(type) {
		case pdfString:
			m.ranges = append(m.ranges, cmapRange{lo: string(lo), hi: string(hi), to: string(to)})
		case pdfArray:
			base := bigEndian([]byte(lo))
			for j, o := range to {
				if s, ok := o.(pdfString); ok && len(m.one) < cmapLimit {
					m.one[codeBytes(base+j, len(lo))] = utf16Text(string(s))
				}
			}
		}
	}
}

func (m *pdfCMap) cidRanges(args []any, single bool) {
	step := 3
	if single {
		step = 2
	}
	for i := 0; i+step-1 < len(args) && len(m.cids) < cmapLimit; i += step {
		lo, _ := args[i].(pdfString)
		hi, cid := lo, args[i+step-1]
		if !single {
			hi, _ = args[i+1].(pdfString)
		}
		if n, ok := cid.(float64); ok {
			m.cids = append(m.cids, cmapRange{lo: string(lo), hi: string(hi), cid: int(n)})
		}
	}
}

func codeBytes(n, size int) string {
	b := make([]byte, size)
	for i := size - 1; i >= 0; i-- {
		b[i] = byte(n)
		n >>= 8
	}
	return string(b)
}

// text is what a code means; "" when the map does not say.
func (m *pdfCMap) text(code string) string {
	if m == nil {
		return ""
	}
	if s, ok := m.one[code]; ok {
		return clean(s)
	}
	for _, r := range m.ranges {
		if len(r.lo) == len(code) && r.lo <= code && code <= r.hi {
			to := []byte(r.to)
			add := bigEndian([]byte(code)) - bigEndian([]byte(r.lo))
			for i := len(to) - 1; i >= 0 && add > 0; i-- {
				add += int(to[i])
				to[i] = byte(add)
				add >>= 8
			}
			s := clean(utf16Text(string(to)))
			if len(m.one) < cmapLimit {
				m.one[code] = s // ranges are searched once for each code
			}
			return s
		}
	}
	return ""
}

// clean drops the zero characters some writers map unused codes to.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }

// length is how many bytes the next code has.
func (m *pdfCMap) length(s string) int {
	for n := 1; n <= 4 && n <= len(s); n++ {
		for _, r := range m.spaces {
			if len(r.lo) == n && inside(r, s[:n]) {
				return n
			}
		}
	}
	return min(len(s), 2)
}

// inside compares byte by byte, as codespace ranges are rectangles.
func inside(r cmapRange, code string) bool {
	for i := range len(code) {
		if i >= len(r.hi) || code[i] < r.lo[i] || code[i] > r.hi[i] {
			return false
		}
	}
	return true
}

func (m *pdfCMap) cid(code string) int {
	for _, r := range m.cids {
		if len(r.lo) == len(code) && r.lo <= code && code <= r.hi {
			return r.cid + bigEndian([]byte(code)) - bigEndian([]byte(r.lo))
		}
	}
	return bigEndian([]byte(code))
}
