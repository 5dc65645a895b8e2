package normalize

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/ascii85"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io"
	"math/big"
	"strings"
	"unicode/utf8"
)

// minBlob is the shortest run that is tried as encoded text: shorter ones are
// words. maxInflate bounds what one compressed blob may become.
const (
	minBlob    = 16
	maxInflate = 1 << 20
)

// blobEdits decodes runs of base64 (standard and URL alphabets, padded or not,
// wrapped over lines), base32, base58 and hexadecimal that come out as text,
// with gzip, zlib or deflate inside.
func blobEdits(text string) (edits []edit) {
	floor := 0
	for i := 0; i+minBlob <= len(text); {
		// A run of minBlob characters from i on or later holds the one probed here.
		probe := i + minBlob - 1
		if !isBlob[text[probe]] {
			i = probe + 1
			continue
		}
		start := probe
		for start > floor && isBlob[text[start-1]] {
			start--
		}
		for i = probe; i < len(text) && isBlob[text[i]]; {
			i++
		}
		floor = i
		if i-start < minBlob {
			continue
		}
		run, lines := wrapped(text, start, i)
		for _, l := range lines { // all of them, or all but the last, which may be prose
			if out := decodeBlob(run[:l.length]); out != "" {
				i = padded(text, l.end)
				edits = append(edits, edit{start, i, out})
				break
			}
			i = l.end
		}
		floor = max(floor, i)
	}
	return edits
}

// isBlob are the characters of the encodings.
var isBlob = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlnum[c] || strings.IndexByte("+/-_", byte(c)) >= 0
	}
	return t
}()

// tail is a possible end of a wrapped run: its place in the text, and the length
// of what was joined up to there.
type tail struct{ end, length int }

// wrapped joins a run with its continuations on the next lines, while lines are
// of one length but the last. It returns the last two places where it may end,
// the further one first.
func wrapped(text string, start, end int) (string, []tail) {
	width := end - start
	at := end
	next := continuation(text, at, width)
	if width < 40 || next < 0 {
		return text[start:end], []tail{{end, width}}
	}
	var b strings.Builder
	b.WriteString(text[start:end])
	before := tail{end, width}
	for next >= 0 {
		from := at + 1
		if text[at] == '\r' {
			from++
		}
		before = tail{at, b.Len()}
		b.WriteString(text[from:next])
		at = next
		if next-from < width {
			break
		}
		next = continuation(text, at, width)
	}
	return b.String(), []tail{{at, b.Len()}, before}
}

// continuation returns the end of the line of at most width encoding characters
// that follows the line end at at, or -1.
func continuation(text string, at, width int) int {
	if at < len(text) && text[at] == '\r' {
		at++
	}
	if at >= len(text) || text[at] != '\n' {
		return -1
	}
	at++
	next := at
	for next < len(text) && next-at <= width && isBlob[text[next]] {
		next++
	}
	if next == at || next-at > width {
		return -1
	}
	return next
}

// padded moves a place behind the padding that stands there.
func padded(text string, at int) int {
	for n := 0; n < 6 && at < len(text) && text[at] == '='; n++ {
		at++
	}
	return at
}

// decodeBlob tries the encodings a run can be in, the narrowest first.
func decodeBlob(run string) string {
	if s := shapeOf(run); !s.encoded(len(run)) {
		return ""
	}
	if len(run)%2 == 0 {
		if b, err := hex.DecodeString(run); err == nil {
			return inflate(b)
		}
	}
	if b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(run)); err == nil && len(run) >= minBlob {
		if out := inflate(b); out != "" {
			return out
		}
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		encoding = base64.RawURLEncoding
	}
	if b, err := encoding.DecodeString(run); err == nil {
		if out := inflate(b); out != "" {
			return out
		}
	}
	// A trailing character too many, or a prefix that belongs to something else.
	if n := len(run) % 4; n == 1 {
		if b, err := encoding.DecodeString(run[:len(run)-1]); err == nil {
			if out := inflate(b); out != "" {
				return out
			}
		}
	}
	if len(run) <= 512 && !strings.ContainsAny(run, "0OIl+/-_") {
		return inflate(base58(run))
	}
	return ""
}

// runShape counts the characters of a run.
type runShape struct{ lower, upper, digit, other, joints int }

func shapeOf(run string) (s runShape) {
	for i := 0; i < len(run); i++ {
		switch c := run[i]; {
		case 'a' <= c && c <= 'z':
			s.lower++
		case 'A' <= c && c <= 'Z':
			s.upper++
		case '0' <= c && c <= '9':
			s.digit++
		default:
			s.other++
			if i > 0 && isAlnum[run[i-1]] {
				s.joints++
			}
		}
	}
	return s
}

// encoded reports whether a run can be an encoding of text rather than a word,
// a path or an identifier: encodings mix cases or digits.
func (s runShape) encoded(n int) bool {
	if s.joints*5 > n {
		return false
	}
	return s.digit > 0 && (s.lower > 0 || s.upper > 0) || s.lower > 1 && s.upper > 1 || s.digit == n || s.upper == n
}

// base58 decodes Bitcoin's alphabet.
func base58(run string) []byte {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n := new(big.Int)
	for i := 0; i < len(run); i++ {
		k := strings.IndexByte(alphabet, run[i])
		if k < 0 {
			return nil
		}
		n.Mul(n, big.NewInt(58)).Add(n, big.NewInt(int64(k)))
	}
	return n.Bytes()
}

// inflate returns bytes as text, decompressed where they are compressed, or
// nothing when they are not text.
func inflate(b []byte) string {
	if looksLikeText(b) {
		return string(b)
	}
	if len(b) < 8 {
		return ""
	}
	var r io.Reader
	var err error
	switch {
	case b[0] == 0x1f && b[1] == 0x8b:
		r, err = gzip.NewReader(bytes.NewReader(b))
	case b[0] == 0x78 && (b[1] == 0x01 || b[1] == 0x5e || b[1] == 0x9c || b[1] == 0xda):
		r, err = zlib.NewReader(bytes.NewReader(b))
	default:
		return utf16Text(b)
	}
	if err != nil {
		return ""
	}
	out, err := io.ReadAll(io.LimitReader(r, min(maxInflate, int64(64*len(b)))))
	if _, corrupt := err.(flate.CorruptInputError); corrupt && len(out) == 0 || !looksLikeText(out) {
		if len(out) > 2 && out[0] == 0x1f && out[1] == 0x8b {
			return base64.StdEncoding.EncodeToString(out) // for the next depth
		}
		return ""
	}
	return string(out)
}

// utf16Text reads UTF-16 little endian, as PowerShell encodes commands.
func utf16Text(b []byte) string {
	if len(b)%2 != 0 {
		return ""
	}
	out := make([]byte, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		if b[i+1] != 0 || b[i] == 0 {
			return ""
		}
		out = append(out, b[i])
	}
	if !looksLikeText(out) {
		return ""
	}
	return string(out)
}

// ascii85Edits decodes Adobe's ASCII85 between <~ and ~>.
func ascii85Edits(text string) (edits []edit) {
	closing := -1
	for i := 0; ; {
		k := strings.Index(text[i:], "<~")
		if k < 0 {
			return edits
		}
		i += k
		if closing < i+2 {
			if k = strings.Index(text[i+2:], "~>"); k < 0 {
				return edits
			}
			closing = i + 2 + k
		}
		if closing-i > 1<<16 {
			i += 2
			continue
		}
		out := make([]byte, 4*(closing-i)+8)
		n, _, err := ascii85.Decode(out, []byte(text[i+2:closing]), true)
		if err == nil && looksLikeText(out[:n]) {
			edits = append(edits, edit{i, closing + 2, string(out[:n])})
		}
		i = closing + 2
	}
}

// looksLikeText reports whether decoded bytes are worth reading: UTF-8, of
// which at least seven in ten characters are letters, digits, spaces or common
// punctuation.
func looksLikeText(b []byte) bool {
	if len(b) < 3 || !utf8.Valid(b) {
		return false
	}
	good, all := 0, 0
	for _, r := range string(b) {
		all++
		switch {
		case r < ' ' && r != '\n' && r != '\r' && r != '\t', r == 0x7f, 0x80 <= r && r < 0xA0:
			return false
		case r < utf8.RuneSelf:
			good++
		case r > 0x2000 || r >= 0x370:
			good++ // letters of other scripts, but not the upper half of Latin-1
		}
	}
	return good*10 >= all*7
}
