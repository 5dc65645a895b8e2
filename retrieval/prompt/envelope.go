package prompt

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Marking says how passages are set apart from instructions, beyond their
// delimiters (Hines et al., "Defending Against Indirect Prompt Injection Attacks
// With Spotlighting", arXiv 2403.14720). Marking lowers the rate at which models
// obey retrieved text; it promises nothing.
type Marking int

const (
	// Datamark interleaves passages with a mark: prose in place of its blanks,
	// code and tables before each line, CJK before each line and after each stop.
	Datamark Marking = iota
	// Delimit adds nothing to the delimiters.
	Delimit
	// Encode writes passages in base64. Only strong models can read that, and it
	// takes about half as many tokens again.
	Encode
)

var markingWords = [...]string{"datamark", "delimit", "base64"}

func (m Marking) String() string {
	if m < 0 || int(m) >= len(markingWords) {
		return "datamark"
	}
	return markingWords[m]
}

// ParseMarking reads "datamark", "delimit" or "base64".
func ParseMarking(word string) (Marking, error) {
	for i, w := range markingWords {
		if w == word {
			return Marking(i), nil
		}
	}
	return Datamark, fmt.Errorf("marking %q is not known, use datamark, delimit or base64", word)
}

// Content is the type of a passage's text; it decides how marks are placed.
type Content int

const (
	Auto Content = iota // looked at and guessed
	Prose
	Code
	Table
	CJK // Chinese, Japanese, Korean, Thai: scripts that put no blanks between words
)

// Detect guesses the content type of a text from its characters and line shapes.
func Detect(text string) Content {
	var letters, wide, odd, runes int
	for _, r := range text {
		runes++
		switch {
		case r < utf8.RuneSelf: // most text; the tables below are slow
			if 'a' <= r|0x20 && r|0x20 <= 'z' {
				letters++
			} else if strings.IndexByte("{};=<>&|[]+*\\", byte(r)) >= 0 {
				odd++
			}
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer):
			wide++
		case unicode.IsLetter(r):
			letters++
		}
	}
	lines, rows, indented := 0, 0, 0
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		lines++
		if strings.Count(line, "|") >= 2 || strings.Count(line, "\t") >= 2 || strings.Count(line, ",") >= 3 && !strings.Contains(line, ", ") {
			rows++
		}
		if line[0] == '\t' || strings.HasPrefix(line, "  ") {
			indented++
		}
	}
	switch {
	case wide > letters:
		return CJK
	case lines >= 2 && rows*10 >= lines*8:
		return Table
	case odd*100 > runes*4 || lines >= 4 && indented*2 > lines && odd > lines/2:
		return Code
	default:
		return Prose
	}
}

// marks are tried in turn until one does not stand in the text. None is a
// letter (a run of letters is one long token piece, slow to count), none is
// ASCII and each is one character in the common fonts.
var marks = []rune{'¦', '¬', '¤', '‡', '※', '\uE000', '\uE001', '\uE002', '\uE003'}

// pickMark returns a mark that does not stand in text, or 0.
func pickMark(text string) rune {
	for _, m := range marks {
		if !strings.ContainsRune(text, m) {
			return m
		}
	}
	return 0
}

// encoding names how a segment's body was written, in its opening marker.
const (
	asIs      = "plain"
	asBlanks  = "blanks" // marks in place of U+0020
	asInserts = "marks"  // marks inserted; dropping them gives the text
	asBase64  = "base64"
)

// encode writes a passage for the envelope. decode undoes it exactly.
func encode(text string, m Marking, c Content) (body, how string, mark rune) {
	if m == Encode {
		return base64.StdEncoding.EncodeToString([]byte(text)), asBase64, 0
	}
	if m == Datamark {
		mark = pickMark(text)
	}
	if mark == 0 {
		return text, asIs, 0
	}
	if c == Auto {
		c = Detect(text)
	}
	if c == Prose {
		return strings.ReplaceAll(text, " ", string(mark)), asBlanks, mark
	}
	var out strings.Builder
	out.WriteRune(mark)
	for _, r := range text {
		out.WriteRune(r)
		if r == '\n' || c == CJK && strings.ContainsRune("。、，．！？；：", r) {
			out.WriteRune(mark)
		}
	}
	return out.String(), asInserts, mark
}

func decode(body, how string, mark rune) (string, error) {
	switch how {
	case asIs:
		return body, nil
	case asBlanks:
		return strings.ReplaceAll(body, string(mark), " "), nil
	case asInserts:
		return strings.ReplaceAll(body, string(mark), ""), nil
	case asBase64:
		b, err := base64.StdEncoding.DecodeString(body)
		return string(b), err
	}
	return "", ErrEnvelope
}

// ErrEnvelope means a text is not an envelope this package wrote.
var ErrEnvelope = errors.New("not a well-formed passage envelope")

// Segment is one passage as it stands in an envelope.
type Segment struct {
	Label string // the citation label, "S1-7f3a"
	Text  string // the passage's neutralised text
}

// Label is the citation label of the n-th passage, counted from 1, of the
// request with this nonce: "S1-7f3a". The suffix differs from request to
// request, so that a document cannot foretell a label.
func Label(nonce string, n int) string {
	sum := sha256.Sum256([]byte("citation\x00" + nonce))
	return "S" + strconv.Itoa(n) + "-" + hex.EncodeToString(sum[:2])
}

// labelLen returns the length of the bracketed label that s begins with, or 0.
func labelLen(s string) int {
	i := 2
	if len(s) < 9 || s[0] != '[' || s[1] != 'S' && s[1] != 's' {
		return 0
	}
	for i < len(s) && i < 8 && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 2 || len(s) < i+6 || s[i] != '-' || s[i+5] != ']' {
		return 0
	}
	if strings.Trim(s[i+1:i+5], "0123456789abcdefABCDEF") != "" {
		return 0
	}
	return i + 6
}

// rendered is a passage as it stands between its markers.
type rendered struct {
	body string
	how  string // " blanks ¦": how the body was written, and with which mark
}

func render(text string, m Marking, c Content) rendered {
	body, how, mark := encode(text, m, c)
	if mark != 0 {
		how += " " + string(mark)
	}
	return rendered{body: body, how: " " + how}
}

// segment is one passage between its markers.
func (s rendered) segment(label, nonce string) string {
	name := " " + label + " " + nonce
	return openMark + name + s.how + endMark + s.body + "\n<<end" + name + endMark
}

// Parse recovers the segments from a text that holds an envelope with this
// nonce: exactly the passages that were put in, whatever they contain. What only
// looks like a marker, without the nonce, is text.
func Parse(text, nonce string) ([]Segment, error) {
	var out []Segment
	for {
		_, after, ok := strings.Cut(text, "<<passage S")
		if !ok {
			return out, nil
		}
		text = after
		head, rest, ok := strings.Cut(after, ">>\n")
		fields := strings.Split("S"+head, " ")
		if !ok || len(fields) < 3 || len(fields) > 4 || fields[1] != nonce {
			continue
		}
		var mark rune
		if len(fields) == 4 {
			mark, _ = utf8.DecodeRuneInString(fields[3])
		}
		body, rest, ok := strings.Cut(rest, "\n<<end "+fields[0]+" "+nonce+">>\n")
		if !ok {
			return nil, ErrEnvelope
		}
		plain, err := decode(body, fields[2], mark)
		if err != nil {
			return nil, ErrEnvelope
		}
		out = append(out, Segment{Label: fields[0], Text: plain})
		text = rest
	}
}
