package output

import (
	"html"
	"sort"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/doorward/doorward/sanitize"
)

const (
	memory    = 1 << 10 // bytes before a disguise that scanners are shown
	stretch   = 4 << 10 // bytes after which a reading without one may end
	maxEscape = 12      // bytes of an escape that are waited for
)

// streamer makes streams; every sanitize.Streamer is one.
type streamer interface{ NewStream() sanitize.Stream }

// folded shows scanners a second reading of the stream: JSON, Markdown, percent
// and HTML escapes decoded, full-width and other variants of letters and digits
// as plain ones. It is active from a character that reads differently until some
// KiB after the last one, so plain text is scanned once. It reports only matches
// that hold such a character; the others are found in the text itself.
//
// The cleaner before it never splits an escape, so that a scanner of the plain
// text has not let go of what stands before one when this reading begins.
type folded struct {
	scanners []streamer
	streams  []sanitize.Stream // nil while nothing differs
	safe     []int             // per stream, in the reading
	memory   []byte
	at       int // stream offset of the next byte
	last     int // stream offset after the last disguise
	found    []sanitize.Finding
	view     int // length of the reading
	pieces   []piece
	chunk    []byte // reading not yet given to the streams
	scratch  [utf8.UTFMax]byte
}

// piece says that the reading's bytes from view on stand for the source's from
// source on: byte for byte, or all for one escape of size bytes.
type piece struct {
	view, source, size int
	decoded            bool
}

func newFolded(scanners []streamer) *folded { return &folded{scanners: scanners} }

func (f *folded) Write(p []byte) (int, []sanitize.Finding) {
	for i := 0; i < len(p); {
		start := i
		for i < len(p) && p[i] < utf8.RuneSelf && p[i] != '\\' && p[i] != '&' && p[i] != '%' {
			i++
		}
		f.plain(p[start:i])
		if i == len(p) {
			break
		}
		plain, n := decode(p[i:], f.scratch[:0])
		n = max(n, 1) // cut short by the end of the answer
		if plain == nil {
			f.plain(p[i : i+n])
		} else {
			f.differs(plain, n)
		}
		i += n
	}
	safe := f.flush()
	found := f.found
	f.found = nil
	return safe, found
}

func (f *folded) Close() []sanitize.Finding {
	f.flush()
	f.end()
	return f.found
}

// plain takes source bytes that read as they are.
func (f *folded) plain(p []byte) {
	for f.streams != nil && len(p) > 0 {
		n := min(len(p), stretch-f.at%stretch)
		f.add(p[:n], piece{view: f.view, source: f.at, size: n})
		f.remember(p[:n])
		p = p[n:]
		if f.at%stretch == 0 && f.at-f.last >= stretch {
			f.rest()
		}
	}
	f.remember(p)
}

// remember keeps the last source bytes.
func (f *folded) remember(p []byte) {
	f.at += len(p)
	f.memory = append(f.memory, p[max(0, len(p)-memory):]...)
	if len(f.memory) >= 2*memory {
		f.memory = f.memory[:copy(f.memory, f.memory[len(f.memory)-memory:])]
	}
}

// differs takes an escape of n source bytes that reads as plain.
func (f *folded) differs(plain []byte, n int) {
	if f.streams == nil {
		f.start()
	}
	f.add(plain, piece{view: f.view, source: f.at, size: n, decoded: true})
	f.at += n
	f.last = f.at
	f.memory = f.memory[:0] // what is remembered must be one piece of the source
}

// start begins the second reading with what is remembered.
func (f *folded) start() {
	f.streams = make([]sanitize.Stream, len(f.scanners))
	for i, s := range f.scanners {
		f.streams[i] = s.NewStream()
	}
	f.safe = make([]int, len(f.streams))
	f.view, f.pieces, f.chunk = 0, f.pieces[:0], f.chunk[:0]
	before := f.memory[max(0, len(f.memory)-memory):]
	f.add(before, piece{source: f.at - len(before), size: len(before)})
}

// rest ends the second reading if no match is under way in it.
func (f *folded) rest() {
	if f.flush() == f.at {
		f.end()
	}
}

func (f *folded) end() {
	for _, s := range f.streams {
		f.found = append(f.found, f.source(s.Close())...)
	}
	f.streams = nil
}

func (f *folded) add(text []byte, p piece) {
	if last := len(f.pieces) - 1; !p.decoded && last >= 0 && !f.pieces[last].decoded && f.pieces[last].source+f.pieces[last].size == p.source {
		f.pieces[last].size += p.size
	} else if len(text) > 0 {
		f.pieces = append(f.pieces, p)
	}
	f.chunk = append(f.chunk, text...)
	f.view += len(text)
}

// flush gives the streams what was read. Before they are started everything is
// safe as far as the second reading goes: the first one holds the same text back.
func (f *folded) flush() (safe int) {
	if f.streams == nil {
		return f.at
	}
	lowest := f.view
	for i, s := range f.streams {
		if len(f.chunk) > 0 {
			safe, hits := s.Write(f.chunk)
			f.safe[i] = max(f.safe[i], safe)
			f.found = append(f.found, f.source(hits)...)
		}
		lowest = min(lowest, f.safe[i])
	}
	f.chunk = f.chunk[:0]
	safe = f.at
	if lowest < f.view {
		safe = f.locate(lowest).from(lowest)
	}
	if keep := sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].view > lowest }) - 1; keep > 64 {
		f.pieces = f.pieces[:copy(f.pieces, f.pieces[keep:])]
	}
	return safe
}

// source maps matches to the source and drops those without an escape.
func (f *folded) source(hits []sanitize.Finding) []sanitize.Finding {
	out := hits[:0]
	for _, h := range hits {
		if h.End <= h.Start || len(f.pieces) == 0 {
			continue
		}
		first, last := f.index(h.Start), f.index(h.End-1)
		disguised := false
		for _, p := range f.pieces[first : last+1] {
			disguised = disguised || p.decoded
		}
		if disguised {
			h.Start, h.End = f.pieces[first].from(h.Start), f.pieces[last].to(h.End)
			out = append(out, h)
		}
	}
	return out
}

func (f *folded) index(view int) int {
	return max(0, sort.Search(len(f.pieces), func(i int) bool { return f.pieces[i].view > view })-1)
}

func (f *folded) locate(view int) piece { return f.pieces[f.index(view)] }

// from is the source offset where the reading's byte at view begins.
func (p piece) from(view int) int {
	if p.decoded {
		return p.source
	}
	return p.source + view - p.view
}

// to is the source offset after the reading's byte before view.
func (p piece) to(view int) int {
	if p.decoded {
		return p.source + p.size
	}
	return p.source + view - p.view
}

// decode reads the escape or character that p begins with: what it reads as, nil
// for itself, and its length, 0 when more must come. It appends to out.
func decode(p, out []byte) (plain []byte, n int) {
	switch p[0] {
	case '\\':
		return decodeBackslash(p, out)
	case '%':
		return decodeHex(p, out, 1, 2)
	case '&':
		return decodeReference(p, out)
	}
	if !utf8.FullRune(p) {
		return nil, 0
	}
	r, size := utf8.DecodeRune(p)
	if b := variant(r); b != 0 {
		return append(out, b), size
	}
	return nil, size
}

func decodeBackslash(p, out []byte) ([]byte, int) {
	if len(p) < 2 {
		return nil, 0
	}
	switch b := p[1]; {
	case b == 'u':
		return decodeHex(p, out, 2, 4)
	case b == 'x':
		return decodeHex(p, out, 2, 2)
	case b == 'n' || b == 'r':
		return append(out, '\n'), 2
	case b == 't':
		return append(out, '\t'), 2
	case b > ' ' && b < utf8.RuneSelf && squeezed[b] == 0:
		return append(out, b), 2
	}
	return nil, 1
}

// decodeHex reads digits hexadecimal digits from p[at].
func decodeHex(p, out []byte, at, digits int) ([]byte, int) {
	v := rune(0)
	for i := at; i < at+digits; i++ {
		if i >= len(p) {
			return nil, 0
		}
		d := p[i]
		switch {
		case d >= '0' && d <= '9':
			v = v<<4 | rune(d-'0')
		case d|0x20 >= 'a' && d|0x20 <= 'f':
			v = v<<4 | rune(d|0x20-'a'+10)
		default:
			return nil, 1
		}
	}
	if b := variant(v); b != 0 {
		v = rune(b)
	}
	if v == 0 || v >= 0x80 && digits == 2 || !utf8.ValidRune(v) {
		return nil, 1
	}
	return utf8.AppendRune(out, v), at + digits
}

// decodeReference reads an HTML character reference.
func decodeReference(p, out []byte) ([]byte, int) {
	for i := 1; i < maxEscape; i++ {
		if i >= len(p) {
			return nil, 0
		}
		if p[i] == ';' {
			s := html.UnescapeString(string(p[:i+1]))
			r, size := utf8.DecodeRuneInString(s)
			if size != len(s) || r == utf8.RuneError {
				return nil, 1
			}
			if b := variant(r); b != 0 {
				r = rune(b)
			}
			return utf8.AppendRune(out, r), i + 1
		}
		if squeezed[p[i]] == 0 && !(p[i] == '#' && i == 1) {
			return nil, 1
		}
	}
	return nil, 1
}

// variant is the plain ASCII character that r is another form of, or 0.
func variant(r rune) byte {
	switch {
	case r < 0x80:
		return 0
	case r >= 0xFF01 && r <= 0xFF5E:
		return byte(r - 0xFF01 + '!')
	case unicode.Is(unicode.Nd, r):
		return '0' + digitValue(r)
	case r >= 0x2070 && r < 0x20A0, r >= 0x2100 && r < 0x2150, r >= 0x2460 && r < 0x2500, r >= 0x1D400 && r < 0x1D800:
		if s := norm.NFKC.String(string(r)); len(s) == 1 {
			return s[0]
		}
	}
	return 0
}

// digitValue is the value of a decimal digit: Unicode has them in runs that
// begin with a zero.
func digitValue(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	return 0
}
