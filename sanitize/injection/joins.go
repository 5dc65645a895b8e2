package injection

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/doorward/doorward/policy/recent"
	"github.com/doorward/doorward/sanitize"
	"github.com/doorward/doorward/sanitize/normalize"
)

// reach bounds what is read on each side of a join: bytes, and ends of sentences
// or lines.
type reach struct{ bytes, borders int }

// near holds the widest run of blocks with the cut one in it; far, what is read
// where that looks suspicious and is not enough.
var (
	near = reach{190, maxWindow}
	far  = reach{380, 9}
)

// ScanJoins scans the places where an assembled text was joined, for payloads
// split over its parts: joins are byte offsets into text, ascending. The parts
// are taken to have been scanned before: only what is found because of a join is
// returned. It reads at most 380 bytes at each join, again where a word that
// matters may have been cut, and twice as far where they look suspicious; a
// payload whose halves lie farther away is not seen.
func (s *Scanner) ScanJoins(ctx context.Context, text string, joins []int) ([]sanitize.Finding, error) {
	r := s.readers.Get().(*reader)
	r.readings = s.readings
	defer func() {
		r.readings = nil
		s.readers.Put(r)
	}()
	g := glue(text, joins)
	var out []sanitize.Finding
	for i := 0; i < len(g.joins); {
		w := g.window(i, near)
		next := i + len(w.joins)
		found, peak, err := s.rememberJoined(ctx, r, &w)
		if err == nil && len(found) == 0 && peak >= s.threshold/4 {
			w = g.window(i, far)
			found, _, err = s.rememberJoined(ctx, r, &w)
		}
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			f.Start, f.End = g.source(f.Start), g.source(f.End)
			out = append(out, f)
		}
		i = next
	}
	return merge(text, out), nil
}

// seam is what a window of one join is remembered by: all that its scan reads,
// for one scanner. The text is hashed, not kept.
type seam struct {
	text  [sha256.Size]byte
	place join
}

// heard is what was found in a window, in offsets from where it begins, and the
// highest score.
type heard struct {
	found []sanitize.Finding
	peak  float64
}

// mostSeams bounds the remembered windows: some megabytes.
const mostSeams = 1 << 13

// rememberJoined is scanJoined, but for windows that were scanned before: the same
// passages come one after another in many answers.
func (s *Scanner) rememberJoined(ctx context.Context, r *reader, w *window) ([]sanitize.Finding, float64, error) {
	if len(w.joins) != 1 {
		return s.scanJoined(ctx, r, w)
	}
	k := seam{recent.Sum(w.text), w.joins[0]}
	if v, ok := s.seams.Get(k); ok {
		return moved(v.found, w.from), v.peak, nil
	}
	found, peak, err := s.scanJoined(ctx, r, w)
	if err == nil {
		s.seams.Put(k, heard{moved(found, -w.from), peak}, 1+len(found))
	}
	return found, peak, err
}

// moved are findings, so many bytes farther on.
func moved(found []sanitize.Finding, by int) []sanitize.Finding {
	out := slices.Clone(found)
	for i := range out {
		out[i].Start, out[i].End = out[i].Start+by, out[i].End+by
	}
	return out
}

// scanJoined scans a window, and again with its cut words closed where that may
// tell more. It returns also the highest score of the first reading.
func (s *Scanner) scanJoined(ctx context.Context, r *reader, w *window) ([]sanitize.Finding, float64, error) {
	found, peak, err := s.scanWindow(ctx, r, w)
	if err != nil || !w.closeWords(func(word string) bool { return peak >= s.threshold/8 || s.tables.known(word) }) {
		return found, peak, err
	}
	more, _, err := s.scanWindow(ctx, r, w)
	return append(found, more...), peak, err
}

// scanWindow scans a window and returns, in offsets of the glued text, what is
// found there because of its joins, and the highest score.
func (s *Scanner) scanWindow(ctx context.Context, r *reader, w *window) ([]sanitize.Finding, float64, error) {
	found, err := s.scanWith(ctx, r, normalize.Build(w.text))
	if err != nil {
		return nil, 0, err
	}
	peak := r.peak
	var out []sanitize.Finding
	for _, f := range found {
		due, err := s.dueToJoin(ctx, r, w, f)
		if err != nil {
			return nil, 0, err
		}
		if due {
			f.Start, f.End = w.glued(f.Start), w.glued(f.End)
			out = append(out, f)
		}
	}
	return out, peak, nil
}

// dueToJoin reports whether a finding crosses a join, or would not be found in
// its part of the window alone.
func (s *Scanner) dueToJoin(ctx context.Context, r *reader, w *window, f sanitize.Finding) (bool, error) {
	from, to := 0, len(w.text)
	for _, j := range w.joins {
		switch {
		case f.Start < j.at && f.End > j.at:
			return true, nil
		case j.at <= f.Start:
			from = j.at
		case j.at < to:
			to = j.at
		}
	}
	found, err := s.scanWith(ctx, r, normalize.Build(w.text[from:to]))
	for _, o := range found {
		if o.Start+from < f.End && f.Start < o.End+from {
			return false, err
		}
	}
	return true, err
}

// join is a place where two parts meet.
type join struct {
	at int
	// blank says that the byte at the join was put there and may stand inside a
	// word.
	blank bool
}

// window is the text around one join, or around several that are close.
type window struct {
	text  string
	from  int    // of text in the glued text
	joins []join // in text
	// closed are the places in text of blanks that were taken out of words.
	closed []int
}

// glued maps an offset of the window to the glued text; one at a closed word
// maps behind its blank.
func (w *window) glued(at int) int {
	n := 0
	for n < len(w.closed) && w.closed[n] <= at {
		n++
	}
	return w.from + at + n
}

// closeWords takes the blanks out of words that may have been cut, if one of
// them matters, and reports whether it did.
func (w *window) closeWords(matters func(word string) bool) bool {
	due := false
	for _, j := range w.joins {
		due = due || j.blank && matters(wordAround(w.text, j.at))
	}
	if !due {
		return false
	}
	var b strings.Builder
	b.Grow(len(w.text))
	joins, done := make([]join, len(w.joins)), 0
	for i, j := range w.joins {
		b.WriteString(w.text[done:j.at])
		joins[i].at, done = b.Len(), j.at
		if j.blank {
			w.closed = append(w.closed, b.Len())
			done++
		}
	}
	b.WriteString(w.text[done:])
	w.text, w.joins = b.String(), joins
	return true
}

// wordAround is the word that a blank at an offset cuts.
func wordAround(text string, at int) string {
	from, to := at, at+1
	for from > 0 && inWord(text[from-1]) {
		from--
	}
	for to < len(text) && inWord(text[to]) {
		to++
	}
	return text[from:at] + text[at+1:to]
}

func inWord(c byte) bool { return c >= 0x80 || byteKinds[c]&(letterByte|digitByte) != 0 }

// longWord is the length from which a word may be a piece of encoded text.
const longWord = 20

// known reports whether a word says something to the rules, or may.
func (t *tables) known(word string) bool {
	if len(word) >= longWord || strings.IndexFunc(word, func(r rune) bool { return r >= 0x80 }) >= 0 {
		return true
	}
	w := []byte(strings.ToLower(word))
	return t.lex.word(w, hashWord(w)) != 0 || t.spoken[string(w)]
}

// glued is an assembled text without the line breaks between its parts: a
// payload cut inside a sentence would read as two blocks where the parts are
// set apart by blank lines.
type glued struct {
	text  string
	joins []join // in text
	ends  []int  // in text, where each removed stretch stood
	lost  []int  // bytes removed up to there, in all
}

// glue puts one blank in place of the blanks around each join. A join without a
// line break stays.
func glue(text string, joins []int) glued {
	g := glued{joins: make([]join, 0, len(joins)), ends: make([]int, 0, len(joins)), lost: make([]int, 0, len(joins))}
	var b strings.Builder
	b.Grow(len(text))
	done, lost := 0, 0
	for _, at := range joins {
		if at <= done || at >= len(text) {
			continue
		}
		from, to := blanksAround(text, at, done)
		if !strings.Contains(text[from:to], "\n") {
			g.joins = append(g.joins, join{at: at - lost})
			continue
		}
		b.WriteString(text[done:from])
		g.joins = append(g.joins, join{b.Len(), cutsWord(text, from, to)})
		b.WriteByte(' ')
		lost += to - from - 1
		g.ends, g.lost = append(g.ends, b.Len()), append(g.lost, lost)
		done = to
	}
	b.WriteString(text[done:])
	g.text = b.String()
	return g
}

// window is the text around the join numbered i and around those whose windows
// touch: a payload may be cut more than once.
func (g *glued) window(i int, r reach) window {
	from, to := windowAround(g.text, g.joins[i].at, r)
	w := window{from: from}
	for ; i < len(g.joins) && (len(w.joins) == 0 || g.joins[i].at <= to); i++ {
		w.joins = append(w.joins, join{g.joins[i].at - from, g.joins[i].blank})
		_, end := windowAround(g.text, g.joins[i].at, r)
		to = max(to, end)
	}
	w.text = g.text[from:to]
	return w
}

// source maps an offset of the glued text back; one at a join maps behind it.
func (g *glued) source(at int) int {
	i, found := slices.BinarySearch(g.ends, at)
	if found {
		i++
	}
	if i == 0 {
		return at
	}
	return at + g.lost[i-1]
}

// blanksAround is the stretch of blanks at a join, not before least.
func blanksAround(text string, at, least int) (from, to int) {
	from, to = at, at
	for from > least && byteKinds[text[from-1]] == blankByte {
		from--
	}
	for to < len(text) && byteKinds[text[to]] == blankByte {
		to++
	}
	return from, to
}

// cutsWord reports whether a word may go on behind a join: a letter stands
// before it, and behind it a letter that opens no sentence.
func cutsWord(text string, from, to int) bool {
	if from == 0 || to >= len(text) {
		return false
	}
	before, after := text[from-1], text[to]
	return (byteKinds[before]&letterByte != 0 || before >= 0x80) && (byteKinds[after]&letterByte != 0 && byteKinds[after]&upperByte == 0 || after >= 0x80)
}

// windowAround is the text around a join, cut at blanks.
func windowAround(text string, at int, r reach) (from, to int) {
	from, to = max(0, at-r.bytes), min(len(text), at+r.bytes)
	if from > 0 {
		if i := strings.IndexAny(text[from:at], " \n"); i >= 0 {
			from += i + 1
		}
	}
	if to < len(text) {
		// The blank at the join itself is no place to cut: what follows may be one long word.
		if i := strings.LastIndexAny(text[at:to], " \n"); i > 0 {
			to = at + i
		}
	}
	for n, i := 0, at-2; i > from; i-- {
		if n += border(text, i); n == r.borders {
			from = i + 1
		}
	}
	for n, i := 0, at; i < to-1; i++ {
		if n += border(text, i); n == r.borders {
			to = i + 1
		}
	}
	return onRune(text, from, -1), onRune(text, to, +1)
}

// border is 1 at the end of a sentence or a line that holds something.
func border(text string, i int) int {
	switch text[i] {
	case '\n':
		if i > 0 && text[i-1] != '\n' {
			return 1
		}
	case '.', '!', '?':
		if i+1 < len(text) && text[i+1] == ' ' {
			return 1
		}
	}
	return 0
}
