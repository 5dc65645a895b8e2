package prompt

import (
	"crypto/sha256"
	"io"
	"strconv"
	"strings"

	"github.com/doorward/doorward/policy/recent"
)

// What a passage looks like and counts is worked out once: doing so anew for
// every passage of every answer would be most of what building a prompt costs. A
// prompt is counted in parts, cut where no token can reach across: before a blank
// that follows a letter or a digit, and before what is neither.
//
//	<<passage | LABEL | NONCE | how and mark >> body << end | LABEL | NONCE | >>

// look is what a passage looks like. It holds no text.
type look struct {
	plain   bool    // neutralising changes nothing
	content Content // what Auto stands for
	tokens  int     // of the core of its segment
}

// lookOf is everything a look depends on: the marking, the content asked for,
// and a hash of title and text.
type lookOf struct {
	marking Marking
	content Content
	sum     [sha256.Size]byte
}

const mostLooks = 1 << 13

func newLooks() *recent.Map[lookOf, look] { return recent.New[lookOf, look](mostLooks) }

// Parts of every segment.
const (
	openMark = "<<passage"
	endMark  = ">>\n"
)

// render writes a passage as it stands between its markers, and counts it, but
// for the label and the nonce.
func (b *Builder) render(p Passage, m Marking) (text string, s rendered, tokens int) {
	k := lookOf{marking: m, content: p.Content}
	h := sha256.New()
	_, _ = io.WriteString(h, strconv.Itoa(len(p.Title))+" "+p.Title)
	_, _ = io.WriteString(h, p.Text)
	h.Sum(k.sum[:0])
	text = titled(p)
	l, known := b.looks.Get(k)
	if !known || !l.plain {
		neutral := Neutralise(text)
		l.plain, text = neutral == text, neutral
	}
	if !known {
		if l.content = p.Content; l.content == Auto {
			l.content = Detect(text)
		}
	}
	s = render(text, m, l.content)
	if !known {
		l.tokens = b.Counter.Count(s.core())
		b.looks.Put(k, l, 1)
	}
	return text, s, l.tokens
}

// core is what of a segment depends on the passage alone.
func (s rendered) core() string { return s.how + endMark + s.body + "\n<<end" }

// around counts what stands around a core, with what label and nonce count.
func (b *Builder) around(label, nonce int) int {
	return b.Counter.Count(openMark) + 2*label + 2*nonce + b.Counter.Count(endMark)
}

// after counts what follows the envelope. A line break there belongs to the token
// that the last marker ends with.
func (b *Builder) after(envelope bool, tail string) int {
	if !envelope {
		return b.Counter.Count(tail)
	}
	return b.Counter.Count(endMark+tail) - b.Counter.Count(endMark)
}

// titled is a passage's title, in one line, and its text.
func titled(p Passage) string {
	if p.Title == "" {
		return p.Text
	}
	return strings.Join(strings.Fields(p.Title), " ") + "\n" + p.Text
}
