package injection

import "strings"

// region is a stretch of markup whose content a reader does not see as such: a
// comment, a hidden element, a forged turn.
type region struct {
	start, end           int // content
	outerStart, outerEnd int // with its wrapper
	layer                layer
	styled               bool // hidden by a style or an attribute
}

// maxRegion bounds how far a region's end is looked for, so that scanning stays
// linear.
const maxRegion = 1 << 13

// marks finds where closing marks stand. It remembers the next place of each, so
// that a text of many openings without closings takes linear time.
type marks struct {
	text string
	next map[string]int
	// angle and bracket are the next places of '<' and '[' that were found.
	angle, bracket int
}

// after is the first place of mark at or after from, or -1 if there is none
// before limit.
func (m *marks) after(mark string, from, limit int) int {
	at, known := m.next[mark]
	if !known || at < from {
		at = len(m.text)
		if i := strings.Index(m.text[from:], mark); i >= 0 {
			at = from + i
		}
		if m.next == nil {
			m.next = map[string]int{}
		}
		m.next[mark] = at
	}
	if at+len(mark) > limit {
		return -1
	}
	return at
}

// nextRegion finds the next region at or after pos.
func (m *marks) nextRegion(pos int) (region, bool) {
	t := m.text
	for i := pos; i < len(t); i++ {
		m.angle, m.bracket = nextByte(t, '<', m.angle, i), nextByte(t, '[', m.bracket, i)
		if i = min(m.angle, m.bracket); i == len(t) {
			break
		}
		var r region
		var ok bool
		if t[i] == '<' {
			r, ok = m.angleRegion(i)
		} else {
			r, ok = m.bracketRegion(i)
		}
		if ok {
			return r, true
		}
	}
	return region{}, false
}

// nextByte is the first place of c at or after from, or the length of t; known is
// one found before, or 0.
func nextByte(t string, c byte, known, from int) int {
	if known >= from && (known > 0 || t[0] == c) {
		return known
	}
	if i := strings.IndexByte(t[from:], c); i >= 0 {
		return from + i
	}
	return len(t)
}

func (m *marks) angleRegion(i int) (region, bool) {
	t := m.text
	rest := t[i:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return m.comment(i), true
	case len(rest) > 2 && (rest[1] == '|' || strings.HasPrefix(rest, "<｜")):
		return m.templateTurn(i)
	case strings.HasPrefix(rest, "<start_of_turn>"), strings.HasPrefix(rest, "<<SYS>>"), strings.HasPrefix(rest, "<<sys>>"):
		return m.turn(i, strings.IndexByte(rest, '>')+1), true
	}
	n := tagLength(rest)
	if n == 0 || rest[1] == '/' || !hidingTag(rest[:n]) {
		return region{}, false
	}
	name := tagName(rest[1:n])
	end := closing(t, i+n, name)
	r := region{start: i + n, end: end, outerStart: i, outerEnd: end, layer: hidden, styled: true}
	if end < len(t) && t[end] == '<' {
		r.outerEnd = end + len("</"+name+">")
	}
	return r, true
}

// comment is an HTML comment up to its end mark, or to the end of its reach.
func (m *marks) comment(i int) region {
	const open, end = len("<!--"), "-->"
	limit := min(len(m.text), i+maxRegion)
	if j := m.after(end, i+open, limit); j >= 0 {
		return region{i + open, j, i, j + len(end), hidden, false}
	}
	// Not closed: a browser hides the rest; the paragraph is taken.
	stop := m.paragraphEnd(i+open, limit)
	return region{i + open, stop, i, stop, hidden, false}
}

// paragraphEnd is the next blank line before limit, or limit.
func (m *marks) paragraphEnd(from, limit int) int {
	if j := m.after("\n\n", from, limit); j >= 0 {
		return j
	}
	return limit
}

// hidingTag reports whether an opening tag hides its element, by its attributes.
func hidingTag(tag string) bool {
	if strings.IndexByte(tag, ' ') < 0 {
		return false
	}
	low := strings.ReplaceAll(strings.ToLower(tag), " ", "")
	if strings.HasPrefix(low, "<details") || strings.HasPrefix(low, "<img") || strings.HasPrefix(low, "<input") || strings.HasPrefix(low, "<a") {
		return false
	}
	for _, m := range hidingMarks {
		if strings.Contains(low, m) {
			return true
		}
	}
	return sameColour(low) || strings.Contains(strings.ToLower(tag), " hidden>") || strings.Contains(strings.ToLower(tag), " hidden ")
}

// hidingMarks are attribute texts, without blanks, that hide an element.
var hidingMarks = []string{
	"display:none", "visibility:hidden", "opacity:0;", "opacity:0\"", "opacity:0'", "opacity:0.0",
	"font-size:0", "font-size:1px", "font-size:.", "font-size:1pt", "text-indent:-", "left:-9", "top:-9",
	"color:transparent", "color:white", "color:#fff", "color:rgb(255,255,255)", "color:rgba(0,0,0,0)",
	"height:0", "width:0", "clip:rect(0", "clip-path:inset(100%", "hidden=\"", "hidden='hidden",
}

// sameColour reports a style whose text and background colours are equal.
func sameColour(low string) bool {
	bg := value(low, "background:")
	if bg == "" {
		bg = value(low, "background-color:")
	}
	fg := value(low, ";color:")
	if fg == "" {
		fg = value(low, "\"color:")
	}
	return bg != "" && fg == bg
}

func value(s, key string) string {
	_, rest, ok := strings.Cut(s, key)
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, ";\"'"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

func tagName(s string) string {
	for i := 0; i < len(s); i++ {
		if byteKinds[s[i]]&(letterByte|digitByte) == 0 {
			return s[:i]
		}
	}
	return s
}

// closing finds the end tag, within reach, else the end of the paragraph.
func closing(t string, from int, name string) int {
	limit := min(len(t), from+maxRegion)
	for i := from; i < limit; {
		j := strings.Index(t[i:limit], "</")
		if j < 0 {
			break
		}
		i += j
		if len(t) >= i+3+len(name) && strings.EqualFold(t[i+2:i+2+len(name)], name) && t[i+2+len(name)] == '>' {
			return i
		}
		i += 2
	}
	if j := strings.Index(t[from:limit], "\n\n"); j >= 0 {
		return from + j
	}
	return limit
}

// templateTurn is a turn opened by a token of the <|name|> form.
func (m *marks) templateTurn(i int) (region, bool) {
	t := m.text
	rest := t[i:min(len(t), i+60)]
	end := strings.Index(rest, "|>")
	width := 2
	if end < 0 {
		end, width = strings.Index(rest, "｜>"), len("｜>")
	}
	if end < 0 || strings.ContainsAny(rest[:end], "\n<"[:1]) {
		return region{}, false
	}
	// A token that ends a string literal is talked about, not spoken.
	if after := rest[end+width:]; after != "" && strings.IndexByte("\"'`", after[0]) >= 0 {
		return region{}, false
	}
	return m.turn(i, end+width), true
}

// turnEnds close a forged turn.
var turnEnds = []string{"<|im_end|>", "<|end|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<</SYS>>", "<|end_of_turn|>", "<|return|>", "<｜end▁of▁sentence｜>", "[/INST]", "</s>"}

// turn is a forged turn: from its token to the closing one, or to the end of
// the paragraph.
func (m *marks) turn(i, open int) region {
	limit := min(len(m.text), i+maxRegion)
	stop, outer := -1, -1
	for _, e := range turnEnds {
		if j := m.after(e, i+open, limit); j >= 0 && (stop < 0 || j < stop) {
			stop, outer = j, j+len(e)
		}
	}
	if stop < 0 {
		stop = m.paragraphEnd(i+open, limit)
		outer = stop
	}
	return region{i + open, stop, i, outer, forged, false}
}

func (m *marks) bracketRegion(i int) (region, bool) {
	t := m.text
	rest := t[i:]
	switch {
	case strings.HasPrefix(rest, "[INST]"):
		return m.turn(i, len("[INST]")), true
	case strings.HasPrefix(rest, "[//]: #"), strings.HasPrefix(rest, "[comment]: #"):
		if i > 0 && t[i-1] != '\n' && t[i-1] != ' ' {
			return region{}, false
		}
		open := strings.IndexByte(rest, '#') + 1
		end := min(len(rest), maxRegion)
		if j := strings.Index(rest[:end], "\n\n"); j >= 0 {
			end = j
		}
		if j := strings.Index(rest[:end], ")\n"); j >= 0 {
			end = j + 1
		} else if j := strings.LastIndexByte(rest[:end], ')'); j > open {
			end = j + 1
		}
		return region{i + open, i + end, i, i + end, hidden, false}, true
	}
	return region{}, false
}
