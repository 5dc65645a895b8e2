package secret

import (
	"unsafe"

	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/match"
)

// lookBehind is how much text before the first undecided byte a stream keeps:
// what a window may show of a match's line.
const lookBehind = 256

// NewStream starts a stream. It finds what Scan of the whole plain text finds,
// and lets go of a byte only when no rule can still match over it: it holds
// literals that have begun, expressions that are still alive, matches until
// gitleaks has confirmed them, and a PEM block to its end. At most some 128
// KiB are ever held. A stream is for one goroutine.
func (s *Scanner) NewStream() sanitize.Stream {
	return &stream{run: run{s: s}}
}

type stream struct {
	run
	buf   []byte // the text from base on
	state match.State
	// pending are the places where a rule may match, in the order a scan of the
	// whole would decide them.
	pending []place
	safe    int
}

// place is an anchor whose literal was seen, and where its match would begin.
type place struct {
	anchor *anchor
	start  int // in buf
	// retry is the length of buf from which deciding is worth trying again.
	retry int
}

func (s *stream) Write(p []byte) (safe int, found []sanitize.Finding) {
	scanned := len(s.buf)
	s.buf = append(s.buf, p...)
	text := s.text()
	s.state = s.s.auto.Scan(text[scanned:], s.state, func(literal, end int) {
		anchors := s.s.anchors[literal]
		for i := range anchors {
			a := &anchors[i]
			start := scanned + end - len(a.literal) - a.offset
			if start >= 0 && a.check(text, start, false) != no {
				s.pending = append(s.pending, place{a, start, 0})
			}
		}
	})
	s.settle(false)
	limit := s.limit()
	found = s.take(limit)
	for _, c := range s.found {
		limit = min(limit, c.Start)
	}
	s.safe = max(s.safe, s.base+limit)
	s.forget()
	return s.safe, found
}

// Close decides what waited for more text.
func (s *stream) Close() []sanitize.Finding {
	s.settle(true)
	return s.take(len(s.buf))
}

// text is the kept text as a string. It is only valid until buf changes, and
// nothing that outlives a call keeps a part of it.
func (s *stream) text() string {
	return unsafe.String(unsafe.SliceData(s.buf), len(s.buf))
}

// settle decides places in order, up to the first that must wait.
func (s *stream) settle(final bool) {
	text, i := s.text(), 0
	for ; i < len(s.pending); i++ {
		p := &s.pending[i]
		if len(text) < p.retry && !final {
			break
		}
		v := p.anchor.check(text, p.start, final)
		if v == yes {
			v = s.decide(text, p.anchor, p.start, final)
		}
		if v == more {
			// Looking again at every growth by an eighth keeps the work linear.
			p.retry = len(text) + (len(text)-p.start)/8
			break
		}
	}
	if i > 0 {
		s.pending = append(s.pending[:0], s.pending[i:]...)
	}
}

// limit is how far the text is decided: nothing that begins before it can still
// be found.
func (s *stream) limit() int {
	limit := len(s.buf) - s.s.auto.Depth(s.state)
	for n := 0; n < s.s.back && limit > 0 && s.s.backSet[s.buf[limit-1]]; n++ {
		limit--
	}
	for _, p := range s.pending {
		limit = min(limit, p.start)
	}
	return runeStart(s.text(), limit)
}

// take releases findings that end by limit, with places in the whole stream.
func (s *stream) take(limit int) []sanitize.Finding {
	found := plain(s.release(limit))
	for i := range found {
		found[i].Span = shift(found[i].Span, s.base)
	}
	return found
}

// forget drops text that nothing can need any more.
func (s *stream) forget() {
	drop := s.safe - s.base - lookBehind
	if drop < 4*lookBehind {
		return // not worth moving the rest
	}
	s.buf = append(s.buf[:0], s.buf[drop:]...)
	s.base += drop
	for i := range s.pending {
		s.pending[i].start -= drop
		s.pending[i].retry = 0
	}
	for i := range s.found {
		s.found[i].Span, s.found[i].match = shift(s.found[i].Span, -drop), shift(s.found[i].match, -drop)
	}
	for i := range s.done {
		s.done[i] -= drop
	}
}
