package prompt

import (
	"crypto/sha256"
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
// and hashes of title and text.
type lookOf struct {
	marking     Marking
	content     Content
	title, text [sha256.Size]byte
}

const mostLooks = 1 << 13

func newLooks() *recent.Map[lookOf, look] { return recent.New[lookOf, look](mostLooks) }

// Parts of every segment.
const (
	openMark = "<<passage"
	endMark  = ">>\n"
)

// look looks at a passage: how it is written between its markers, and what that
// counts, but for the label and the nonce.
func (b *Builder) look(p Passage, m Marking) look {
	k := lookOf{m, p.Content, recent.Sum(p.Title), recent.Sum(p.Text)}
	if l, known := b.looks.Get(k); known {
		return l
	}
	text := titled(p)
	neutral := Neutralise(text)
	l := look{plain: neutral == text, content: p.Content}
	if l.content == Auto {
		l.content = Detect(neutral)
	}
	l.tokens = b.Counter.Count(render(neutral, m, l.content).core())
	b.looks.Put(k, l, 1)
	return l
}

// text is what is written of a passage.
func (l look) text(p Passage) string {
	if l.plain {
		return titled(p)
	}
	return Neutralise(titled(p))
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
