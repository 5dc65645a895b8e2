package injection

import "strings"

// region is a stretch of markup whose content a reader does not see as such: a
// comment, a hidden element, a forged turn.
type region struct {
	start, end           int // content
	outerStart, outerEnd int // with its wrapper
	layer                layer
}

// maxRegion bounds how far a region's end is looked for, so that scanning stays
// linear.
const maxRegion = 1 << 13

// nextRegion finds the next region at or after pos.
func nextRegion(t string, pos int) (region, bool) {
	for i := pos; i < len(t); i++ {
		j := strings.IndexAny(t[i:], "<[")
		if j < 0 {
			break
		}
		i += j
		var r region
		var ok bool
		if t[i] == '<' {
			r, ok = angleRegion(t, i)
		} else {
			r, ok = bracketRegion(t, i)
		}
		if ok {
			return r, true
		}
	}
	return region{}, false
}

func angleRegion(t string, i int) (region, bool) {
	rest := t[i:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return delimited(t, i, 4, "-->", hidden), true
	case len(rest) > 2 && (rest[1] == '|' || strings.HasPrefix(rest, "<｜")):
		return templateTurn(t, i)
	case strings.HasPrefix(rest, "<start_of_turn>"), strings.HasPrefix(rest, "<<SYS>>"), strings.HasPrefix(rest, "<<sys>>"):
		return turn(t, i, strings.IndexByte(rest, '>')+1), true
	}
	n := tagLength(rest)
	if n == 0 || rest[1] == '/' || !hidingTag(rest[:n]) {
		return region{}, false
	}
	name := tagName(rest[1:n])
	end := closing(t, i+n, name)
	r := region{start: i + n, end: end, outerStart: i, outerEnd: end, layer: hidden}
	if end < len(t) && t[end] == '<' {
		r.outerEnd = end + len("</"+name+">")
	}
	return r, true
}

// delimited is a region up to its end mark, or to the end of its reach.
func delimited(t string, i, open int, end string, l layer) region {
	limit := min(len(t), i+maxRegion)
	if i+open > limit {
		open = limit - i
	}
	if j := strings.Index(t[i+open:limit], end); j >= 0 {
		return region{i + open, i + open + j, i, i + open + j + len(end), l}
	}
	// Not closed: a browser hides the rest; the paragraph is taken.
	stop := limit
	if j := strings.Index(t[i:limit], "\n\n"); j >= 0 {
		stop = max(i+j, i+open)
	}
	return region{i + open, stop, i, stop, l}
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
func templateTurn(t string, i int) (region, bool) {
	rest := t[i:min(len(t), i+60)]
	end := strings.Index(rest, "|>")
	width := 2
	if end < 0 {
		end, width = strings.Index(rest, "｜>"), len("｜>")
	}
	if end < 0 || strings.ContainsAny(rest[:end], "\n<"[:1]) {
		return region{}, false
	}
	return turn(t, i, end+width), true
}

// turnEnds close a forged turn.
var turnEnds = []string{"<|im_end|>", "<|end|>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<</SYS>>", "<|end_of_turn|>", "<|return|>", "<｜end▁of▁sentence｜>", "[/INST]", "</s>"}

// turn is a forged turn: from its token to the closing one, or to the end of
// the paragraph.
func turn(t string, i, open int) region {
	limit := min(len(t), i+maxRegion)
	stop, outer := -1, -1
	for _, e := range turnEnds {
		if j := strings.Index(t[i+open:limit], e); j >= 0 && (stop < 0 || i+open+j < stop) {
			stop, outer = i+open+j, i+open+j+len(e)
		}
	}
	if stop < 0 {
		stop = limit
		if j := strings.Index(t[i+open:limit], "\n\n"); j >= 0 {
			stop = i + open + j
		}
		outer = stop
	}
	return region{i + open, stop, i, outer, forged}
}

func bracketRegion(t string, i int) (region, bool) {
	rest := t[i:]
	switch {
	case strings.HasPrefix(rest, "[INST]"):
		return turn(t, i, len("[INST]")), true
	case strings.HasPrefix(rest, "[//]: #"), strings.HasPrefix(rest, "[comment]: #"):
		if i > 0 && t[i-1] != '\n' && t[i-1] != ' ' {
			return region{}, false
		}
		open := strings.IndexByte(rest, '#') + 1
		end := len(rest)
		if j := strings.Index(rest, "\n\n"); j >= 0 {
			end = j
		}
		if j := strings.Index(rest[:end], ")\n"); j >= 0 {
			end = j + 1
		} else if j := strings.LastIndexByte(rest[:end], ')'); j > open {
			end = j + 1
		}
		return region{i + open, i + end, i, i + end, hidden}, true
	}
	return region{}, false
}
