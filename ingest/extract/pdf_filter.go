package extract

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"errors"
	"fmt"
	"io"
)

// pdfMaxStream bounds one expanded stream; images are never expanded.
const pdfMaxStream = 32 << 20

// errPDFFilter means a stream in a coding this package does not undo; only
// images have those.
var errPDFFilter = errors.New("stream coding is not supported")

// decode undoes a stream's filters within the document's limits.
func (d *pdfDoc) decode(s *pdfStream) ([]byte, error) {
	data := s.raw
	if d.crypt != nil && s.dict["Type"] != pdfName("XRef") {
		var err error
		if data, err = d.crypt.stream(data, s); err != nil {
			return nil, err
		}
	}
	filters, params := d.filters(s.dict)
	if len(filters) > 8 {
		return nil, fmt.Errorf("%w: PDF stream of more than 8 filters", ErrTooLarge)
	}
	for i, f := range filters {
		var err error
		var param pdfDict
		if i < len(params) {
			param = params[i]
		}
		if data, err = d.filter(f, data, param); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// filters lists a stream's filters and their parameters.
func (d *pdfDoc) filters(dict pdfDict) (names []string, params []pdfDict) {
	f := d.get(first2(dict["Filter"], dict["F"]))
	if n, ok := f.(pdfName); ok {
		return []string{string(n)}, []pdfDict{d.dict(firstOf(d.get(first2(dict["DecodeParms"], dict["DP"]))))}
	}
	a, _ := f.(pdfArray)
	ps := d.array(first2(dict["DecodeParms"], dict["DP"]))
	for i, o := range a {
		names = append(names, d.name(o))
		var p pdfDict
		if i < len(ps) {
			p = d.dict(ps[i])
		}
		params = append(params, p)
	}
	return names, params
}

func first2(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

func firstOf(o any) any {
	if a, ok := o.(pdfArray); ok && len(a) > 0 {
		return a[0]
	}
	return o
}

func (d *pdfDoc) filter(name string, data []byte, param pdfDict) ([]byte, error) {
	var out []byte
	var err error
	switch name {
	case "FlateDecode", "Fl":
		if out, err = d.inflate(data); err == nil {
			out, err = d.predict(out, param)
		}
	case "LZWDecode", "LZW":
		if out, err = d.lzw(data, d.num(param["EarlyChange"], 1) != 0); err == nil {
			out, err = d.predict(out, param)
		}
	case "ASCIIHexDecode", "AHx":
		l := &pdfLexer{p: append([]byte("<"), data...)}
		out = []byte(l.hex())
	case "ASCII85Decode", "A85":
		out, err = decode85(data)
	case "RunLengthDecode", "RL":
		out, err = d.runLength(data)
	case "Crypt":
		out = data
	default:
		return nil, errPDFFilter
	}
	return out, err
}

// inflate expands zlib data. Data that ends early is used as far as it goes,
// and a wrong checksum is overlooked: viewers show such pages.
func (d *pdfDoc) inflate(data []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: compressed PDF stream", ErrMalformed)
	}
	r := &bounded{ReadCloser: z, b: d.builder, packed: int64(len(data))}
	out, err := io.ReadAll(io.LimitReader(r, pdfMaxStream+1))
	switch {
	case len(out) > pdfMaxStream:
		return nil, fmt.Errorf("%w: PDF stream of more than %d bytes", ErrTooLarge, pdfMaxStream)
	case err == nil, errors.Is(err, zlib.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF) && len(out) > 0:
		return out, nil
	case limitError(err) != nil:
		return nil, err
	}
	return nil, fmt.Errorf("%w: compressed PDF stream", ErrMalformed)
}

// predict undoes the PNG and TIFF predictors.
func (d *pdfDoc) predict(data []byte, param pdfDict) ([]byte, error) {
	kind := int(d.num(param["Predictor"], 1))
	if kind < 2 {
		return data, nil
	}
	colors := d.num(param["Colors"], 1)
	bits := d.num(param["BitsPerComponent"], 8)
	columns := d.num(param["Columns"], 1)
	if colors < 1 || colors > 32 || bits < 1 || bits > 32 || columns < 1 || columns > 1<<20 {
		return nil, fmt.Errorf("%w: predictor of a PDF stream", ErrMalformed)
	}
	pixel := max(1, int(colors*bits)/8)
	row := (int(colors*bits*columns) + 7) / 8
	if kind == 2 {
		for at := 0; at+row <= len(data) && bits == 8; at += row {
			for i := pixel; i < row; i++ {
				data[at+i] += data[at+i-pixel]
			}
		}
		return data, nil
	}
	out := make([]byte, 0, len(data))
	prev := make([]byte, row)
	for len(data) > 1 {
		line := data[1:min(len(data), row+1)]
		unfilter(data[0], line, prev, pixel)
		out = append(out, line...)
		copy(prev, line)
		data = data[1+len(line):]
	}
	return out, nil
}

// unfilter undoes one row of PNG filtering (RFC 2083, section 6).
func unfilter(kind byte, line, prev []byte, pixel int) {
	for i := range line {
		var left, up, corner int
		up = int(prev[i])
		if i >= pixel {
			left, corner = int(line[i-pixel]), int(prev[i-pixel])
		}
		switch kind {
		case 1:
			line[i] += byte(left)
		case 2:
			line[i] += byte(up)
		case 3:
			line[i] += byte((left + up) / 2)
		case 4:
			line[i] += byte(paeth(left, up, corner))
		}
	}
}

func paeth(a, b, c int) int {
	abs := func(n int) int { return max(n, -n) }
	p := a + b - c
	switch pa, pb, pc := abs(p-a), abs(p-b), abs(p-c); {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

// lzw expands LZW data as PDF and TIFF have it: most significant bit first,
// codes of 9 to 12 bits.
func (d *pdfDoc) lzw(data []byte, early bool) ([]byte, error) {
	type entry struct {
		prev  int
		last  byte
		first byte
		n     int
	}
	table := make([]entry, 258, 4096)
	for i := range 256 {
		table[i] = entry{-1, byte(i), byte(i), 1}
	}
	var out []byte
	width, prev, acc, bits := uint(9), -1, uint(0), uint(0)
	shift := 0
	if early {
		shift = 1
	}
	for _, c := range data {
		acc, bits = acc<<8|uint(c), bits+8
		if bits < width {
			continue
		}
		code := int(acc >> (bits - width) & (1<<width - 1))
		bits -= width
		switch {
		case code == 256:
			table, width, prev = table[:258], 9, -1
			continue
		case code == 257:
			return out, nil
		case code > len(table) || code == len(table) && prev < 0:
			return nil, fmt.Errorf("%w: LZW data of a PDF stream", ErrMalformed)
		}
		if prev >= 0 && len(table) < 4096 {
			from := code
			if code == len(table) {
				from = prev
			}
			table = append(table, entry{prev, table[from].first, table[prev].first, table[prev].n + 1})
		}
		if code >= len(table) {
			return nil, fmt.Errorf("%w: LZW data of a PDF stream", ErrMalformed)
		}
		n := table[code].n
		out = append(out, make([]byte, n)...)
		for at, i := code, len(out)-1; at >= 0; at, i = table[at].prev, i-1 {
			out[i] = table[at].last
		}
		if err := d.expand(int64(n), int64(len(out)), int64(len(data))*10); err != nil {
			return nil, err
		}
		prev = code
		for width < 12 && len(table)+shift >= 1<<width {
			width++
		}
	}
	return out, nil
}

func decode85(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(bytes.TrimSpace(data), []byte("<~"))
	if i := bytes.IndexByte(data, '~'); i >= 0 {
		data = data[:i]
	}
	out, err := io.ReadAll(ascii85.NewDecoder(bytes.NewReader(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: ASCII85 data of a PDF stream", ErrMalformed)
	}
	return out, nil
}

func (d *pdfDoc) runLength(data []byte) ([]byte, error) {
	var out []byte
	for len(data) > 0 && data[0] != 128 {
		n := int(data[0])
		if n < 128 {
			end := min(len(data), n+2)
			out = append(out, data[1:end]...)
			data = data[end:]
			continue
		}
		if len(data) < 2 {
			break
		}
		out = append(out, bytes.Repeat(data[1:2], 257-n)...)
		data = data[2:]
		if err := d.expand(int64(257-n), int64(len(out)), int64(len(out))); err != nil {
			return nil, err
		}
	}
	return out, nil
}
