package pii

import (
	"strings"
	"unicode/utf8"

	"github.com/doorward/doorward/sanitize"
)

const (
	// history is what a stream keeps before the byte it stands at: more than
	// any decision looks back.
	history = 1024
)

// NewStream scans text as it arrives. It finds exactly what Scan finds in the
// whole plain text, for any split. Write's safe lies where the earliest match
// that is still possible would begin: in prose a word or two behind the end,
// behind a number up to some 24 bytes more for the words that may explain it,
// and at the stream's start as long as all of it may be one value (in ordinary
// text about its first three words, at most 64 bytes).
func (s *Scanner) NewStream() sanitize.Stream {
	st := &stream{}
	st.run.reset(s)
	return st
}

// stream keeps the last bytes of the text and a run over them.
type stream struct {
	run     run
	buf     strings.Builder // folded text, from base; its String is no copy
	scratch []byte
	partial []byte // the beginning of a rune
	base    int    // folded offset of buf
	started bool   // the text is too long to be one value
	low     int    // where in buf the earliest open match begins
	safe    int
}

// Write takes the next bytes.
func (st *stream) Write(p []byte) (safe int, found []sanitize.Finding) {
	st.take(p)
	if !st.started && st.run.loneOpen(st.buf.String()) {
		return 0, nil
	}
	st.started = true
	found = st.advance()
	at := st.base + st.low
	st.safe = max(st.safe, at+st.run.fold.by(at))
	st.trim()
	return st.safe, found
}

// Close ends the text.
func (st *stream) Close() []sanitize.Finding {
	st.add(st.partial)
	st.partial = nil
	st.run.ended = true
	if !st.started {
		st.run.lone = loneValue(st.buf.String())
	}
	return unique(st.advance())
}

// take folds the complete runes of p.
func (st *stream) take(p []byte) {
	if len(p) == 0 {
		return
	}
	if len(st.partial) > 0 {
		p = append(st.partial, p...)
		st.partial = nil
	}
	cut := len(p)
	for back := 1; back < utf8.UTFMax && back <= len(p); back++ {
		if c := p[len(p)-back]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(p[len(p)-back:]) {
				cut = len(p) - back
			}
			break
		}
	}
	st.add(p[:cut])
	st.partial = append([]byte(nil), p[cut:]...)
}

// add folds whole runes to the end of the text.
func (st *stream) add(p []byte) {
	if isASCII(p) {
		st.buf.Write(p)
		return
	}
	st.scratch = st.scratch[:0]
	st.run.fold.append(&st.scratch, st.base+st.buf.Len(), p)
	st.buf.Write(st.scratch)
}

func isASCII(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// advance runs over what has arrived and returns findings in the source.
func (st *stream) advance() []sanitize.Finding {
	r := &st.run
	r.text = st.buf.String()
	r.found = r.found[:0]
	r.loop()
	st.low = r.held()
	r.text = ""
	out := make([]sanitize.Finding, 0, len(r.found))
	for _, f := range r.found {
		f.Span = r.fold.source(sanitize.Span{Start: f.Start + st.base, End: f.End + st.base})
		out = append(out, f)
	}
	return out
}

// trim drops what no decision can look at any more.
func (st *stream) trim() {
	k := st.run.at - history
	if k < history { // move seldom
		return
	}
	text := st.buf.String()
	for k > 0 && !utf8.RuneStart(text[k]) {
		k--
	}
	st.buf = strings.Builder{}
	st.buf.Grow(len(text) - k + 3*history)
	st.buf.WriteString(text[k:])
	st.base += k
	st.run.at -= k
	st.run.low = max(0, st.run.low-k)
	st.run.need = max(0, st.run.need-k)
}
