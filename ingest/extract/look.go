package extract

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// Thresholds of what a reader can see.
const (
	minSize     = 4.0 // pixels (3 pt); the smallest print in use is about 6
	minContrast = 1.2 // WCAG 2 contrast ratio; 1 is the same colour, 3 the least advised
	minOpacity  = 0.1
	offScreen   = 500.0 // pixels beyond the left or top edge
)

// rgba is a colour with components from 0 to 1.
type rgba struct{ r, g, b, a float64 }

var (
	black = rgba{0, 0, 0, 1}
	white = rgba{1, 1, 1, 1}
)

// look is how an element's text appears.
type look struct {
	gone      string // technique of the nearest ancestor that hides for good
	where     string // its locator
	invisible bool   // visibility, which a descendant may undo
	color     rgba
	back      rgba
	size      float64 // pixels
	opacity   float64 // product over ancestors
	pre       bool
	block     bool
	layout    bool // cells of a table used for layout
	content   []string
}

// hidden returns the technique and locator that hide the text, or "".
func (l look) hidden() (technique, locator string) {
	switch {
	case l.gone != "":
		return l.gone, l.where
	case l.invisible:
		return "css-visibility", "css visibility"
	case l.opacity < minOpacity:
		return "css-opacity", "css opacity"
	case l.size < minSize:
		return "tiny-text", "css font size"
	case l.color.a < minOpacity:
		return "css-transparent", "css transparent colour"
	case contrast(over(l.color, l.back), l.back) < minContrast:
		return "same-colour", "css colour as background"
	}
	return "", ""
}

// hideFor marks the look as hidden for all descendants.
func (l *look) hideFor(technique, locator string) {
	if l.gone == "" {
		l.gone, l.where = technique, locator
	}
}

// apply returns the look of an element under a parent's look.
func (s *sheet) apply(n *html.Node, l look) look {
	decls, content := s.matching(n)
	l.content, l.block = content, false
	s.presentational(n, &l)
	if len(decls) == 0 {
		return l
	}
	v := make(map[string]string, len(decls))
	for _, d := range decls {
		v[d.name] = d.value
		switch d.name { // shorthands override the longhands before them
		case "background":
			delete(v, "background-color")
		case "font":
			delete(v, "font-size")
		}
	}
	l.colors(v)
	l.fontSize(v)
	l.boxes(v)
	l.places(v)
	l.clips(v)
	return l
}

// presentational applies HTML attributes that hide.
func (s *sheet) presentational(n *html.Node, l *look) {
	if hasAttr(n, "hidden") {
		l.hideFor("html-hidden", "attribute hidden")
	}
	if n.Data == "dialog" && !hasAttr(n, "open") {
		l.hideFor("html-hidden", "closed dialog")
	}
	if c, ok := color(attr(n, "bgcolor")); ok {
		l.back = c
	}
	if n.Data == "font" {
		if c, ok := color(attr(n, "color")); ok {
			l.color = c
		}
	}
	if n.Data == "body" {
		if c, ok := color(attr(n, "text")); ok {
			l.color = c
		}
	}
	for _, c := range strings.Fields(attr(n, "class")) {
		if hidingClasses[strings.ToLower(c)] && !s.known[c] {
			l.hideFor("css-class", "class name that hides")
		}
	}
}

// colors applies colour, background and opacity.
func (l *look) colors(v map[string]string) {
	for _, name := range []string{"background", "background-color"} {
		if s, ok := v[name]; ok {
			for _, part := range splitTop(s, ' ') {
				if c, ok := color(part); ok && part != "" {
					l.back = over(c, l.back)
				}
			}
		}
	}
	for _, name := range []string{"color", "-webkit-text-fill-color"} {
		switch s := v[name]; s {
		case "", "inherit", "currentcolor", "unset":
		case "initial":
			l.color = black
		default:
			if c, ok := color(s); ok {
				l.color = c
			}
		}
	}
	if o, ok := fraction(v["opacity"]); ok {
		l.opacity *= o
	}
	if m := filterOpacity.FindStringSubmatch(v["filter"]); m != nil {
		if o, ok := fraction(m[1]); ok {
			l.opacity *= o
		}
	}
}

var filterOpacity = regexp.MustCompile(`opacity\(\s*([\d.]+%?)\s*\)`)

// fontSize applies font size and letter spacing.
func (l *look) fontSize(v map[string]string) {
	s := v["font-size"]
	if s == "" {
		for _, part := range strings.Fields(v["font"]) {
			part, _, _ = strings.Cut(part, "/")
			if _, ok := pixels(part, l.size); ok && !weights[part] {
				s = part
			}
		}
	}
	if px, ok := pixels(s, l.size); ok {
		l.size = px
	}
	if px, ok := pixels(v["letter-spacing"], l.size); ok && px < -l.size*0.4 {
		l.hideFor("css-collapsed", "css letter spacing")
	}
	if v["zoom"] == "0" || v["scale"] == "0" {
		l.size = 0
	}
}

var weights = set("100 200 300 400 500 600 700 800 900")

// boxes applies display, visibility and boxes of no size.
func (l *look) boxes(v map[string]string) {
	switch d := v["display"]; {
	case d == "none":
		l.hideFor("css-display-none", "css display none")
	case strings.HasPrefix(d, "block"), strings.HasPrefix(d, "flex"), strings.HasPrefix(d, "grid"), d == "list-item", d == "table":
		l.block = true
	}
	switch v["visibility"] {
	case "hidden", "collapse":
		l.invisible = true
	case "visible", "initial":
		l.invisible = false
	}
	if v["content-visibility"] == "hidden" {
		l.hideFor("css-visibility", "css content visibility")
	}
	if v["mso-hide"] == "all" {
		l.hideFor("css-display-none", "css mso-hide")
	}
	clipped := strings.Contains(v["overflow"]+v["overflow-x"]+v["overflow-y"], "hidden") || strings.Contains(v["overflow"], "clip")
	if !clipped {
		return
	}
	for _, name := range []string{"height", "width", "max-height", "max-width", "line-height"} {
		if px, ok := pixels(v[name], l.size); ok && px <= 2 {
			l.hideFor("css-collapsed", "css box without size")
		}
	}
}

// places applies positions outside the page.
func (l *look) places(v map[string]string) {
	pos := v["position"]
	if pos == "absolute" || pos == "fixed" || pos == "relative" || pos == "sticky" {
		for _, name := range []string{"left", "top", "right", "bottom"} {
			if px, ok := pixels(v[name], l.size); ok && (px <= -offScreen || px >= 20*offScreen) {
				l.hideFor("css-off-screen", "css position")
			}
		}
		if z, err := strconv.Atoi(v["z-index"]); err == nil && z < 0 {
			l.hideFor("css-behind", "css z-index")
		}
	}
	for _, name := range []string{"text-indent", "margin-left", "margin-top"} {
		if px, ok := pixels(v[name], l.size); ok && (px <= -offScreen || px >= 20*offScreen) {
			l.hideFor("css-off-screen", "css "+name)
		}
	}
	for _, part := range strings.Fields(v["margin"]) {
		if px, ok := pixels(part, l.size); ok && px <= -offScreen {
			l.hideFor("css-off-screen", "css margin")
		}
	}
	for _, m := range transforms.FindAllStringSubmatch(v["transform"]+" translate("+v["translate"]+")", -1) {
		l.transform(m[1], m[2])
	}
}

var transforms = regexp.MustCompile(`(translate[xy3d]*|scale[xy3d]*|matrix|rotate[xy])\(([^)]*)\)`)

func (l *look) transform(name, args string) {
	for _, a := range strings.FieldsFunc(args, func(r rune) bool { return r == ',' || r == ' ' }) {
		switch {
		case strings.HasPrefix(name, "translate"):
			px, ok := pixels(a, l.size)
			percent := strings.HasSuffix(a, "%")
			if ok && !percent && math.Abs(px) >= offScreen || percent && ok && math.Abs(px) >= l.size*5 {
				l.hideFor("css-off-screen", "css transform")
			}
		case strings.HasPrefix(name, "scale"):
			if f, err := strconv.ParseFloat(a, 64); err == nil && math.Abs(f) < 0.15 {
				l.hideFor("tiny-text", "css transform")
			}
		case strings.HasPrefix(name, "rotate"):
			if strings.HasPrefix(a, "90deg") || strings.HasPrefix(a, "-90deg") || strings.HasPrefix(a, "270deg") {
				l.hideFor("css-collapsed", "css transform")
			}
		}
	}
}

var (
	clipRect  = regexp.MustCompile(`rect\(([^)]*)\)`)
	clipInset = regexp.MustCompile(`inset\(\s*([\d.]+)(%|px)`)
	clipRound = regexp.MustCompile(`(?:circle|ellipse)\(\s*0`)
	clipPoly  = regexp.MustCompile(`polygon\(\s*(?:0(?:px|%)?[\s,]*)+\)`)
)

// clips applies clip and clip-path.
func (l *look) clips(v map[string]string) {
	if m := clipRect.FindStringSubmatch(v["clip"]); m != nil {
		small := true
		for _, part := range strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			px, ok := pixels(part, l.size)
			small = small && ok && math.Abs(px) <= 2
		}
		if small {
			l.hideFor("css-clip", "css clip")
		}
	}
	p := v["clip-path"]
	if m := clipInset.FindStringSubmatch(p); m != nil {
		if n, _ := strconv.ParseFloat(m[1], 64); m[2] == "%" && n >= 50 || n >= offScreen {
			l.hideFor("css-clip", "css clip-path")
		}
	}
	if clipRound.MatchString(p) || clipPoly.MatchString(p) {
		l.hideFor("css-clip", "css clip-path")
	}
}

// pixels reads a CSS length; em is the parent's font size.
func pixels(s string, em float64) (float64, bool) {
	switch s {
	case "":
		return 0, false
	case "medium":
		return 16, true
	case "small":
		return 13, true
	case "x-small", "xx-small":
		return 10, true
	case "large", "x-large", "xx-large":
		return 20, true
	}
	end := len(s)
	for end > 0 && (s[end-1] < '0' || s[end-1] > '9') && s[end-1] != '.' {
		end--
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	if err != nil {
		return 0, false
	}
	switch s[end:] {
	case "px":
		return n, true
	case "":
		return n, n == 0 || n < -offScreen
	case "pt":
		return n * 4 / 3, true
	case "pc":
		return n * 16, true
	case "in":
		return n * 96, true
	case "cm":
		return n * 96 / 2.54, true
	case "mm":
		return n * 96 / 25.4, true
	case "em", "ch", "ex", "lh":
		return n * em, true
	case "rem", "rlh":
		return n * 16, true
	case "%":
		return n / 100 * em, true
	case "vw", "vh", "vmin", "vmax", "dvw", "dvh", "svh", "lvh":
		return n * screenWidth / 100, true
	}
	return 0, false
}

// fraction reads an opacity.
func fraction(s string) (float64, bool) {
	percent := strings.HasSuffix(s, "%")
	n, err := strconv.ParseFloat(strings.TrimSuffix(s, "%"), 64)
	if err != nil {
		return 0, false
	}
	if percent {
		n /= 100
	}
	return max(0, min(1, n)), true
}

// over blends a colour over an opaque background.
func over(c, back rgba) rgba {
	mix := func(x, y float64) float64 { return x*c.a + y*(1-c.a) }
	return rgba{mix(c.r, back.r), mix(c.g, back.g), mix(c.b, back.b), 1}
}

// contrast is the WCAG 2 contrast ratio of two opaque colours, 1 to 21.
func contrast(x, y rgba) float64 {
	a, b := luminance(x), luminance(y)
	return (max(a, b) + 0.05) / (min(a, b) + 0.05)
}

// luminance is the relative luminance of WCAG 2.
func luminance(c rgba) float64 {
	lin := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.r) + 0.7152*lin(c.g) + 0.0722*lin(c.b)
}
