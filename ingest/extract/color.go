package extract

import (
	"math"
	"strconv"
	"strings"
)

// color reads a CSS colour: names, hex, rgb(), hsl(), and the others by their
// lightness. ok is false for what is no colour.
func color(s string) (c rgba, ok bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "transparent" {
		return rgba{}, true
	}
	if hex, ok := colorNames[s]; ok {
		return hexColor(hex)
	}
	if strings.HasPrefix(s, "#") {
		return hexColor(s[1:])
	}
	name, args, found := strings.Cut(s, "(")
	if !found {
		if len(s) == 6 {
			return hexColor(s) // bgcolor without #
		}
		return rgba{}, false
	}
	parts := strings.FieldsFunc(strings.TrimSuffix(args, ")"), func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	return colorFunction(name, parts)
}

// colorFunction reads rgb(), hsl() and lightness-first functions.
func colorFunction(name string, parts []string) (rgba, bool) {
	if len(parts) < 3 {
		return rgba{}, false
	}
	c := rgba{a: 1}
	if len(parts) > 3 {
		c.a, _ = fraction(parts[3])
	}
	num := func(i int, full float64) float64 {
		p := strings.TrimSuffix(strings.TrimSuffix(parts[i], "deg"), "%")
		n, _ := strconv.ParseFloat(p, 64)
		if strings.HasSuffix(parts[i], "%") {
			return n / 100
		}
		return n / full
	}
	switch name {
	case "rgb", "rgba":
		c.r, c.g, c.b = num(0, 255), num(1, 255), num(2, 255)
	case "hsl", "hsla":
		c.r, c.g, c.b = hsl(num(0, 360), num(1, 100), num(2, 100))
	case "hwb":
		w, k := num(1, 100), num(2, 100)
		c.r, c.g, c.b = w, w, math.Max(w, 1-k)
	case "lab", "lch":
		c.r = num(0, 100)
		c.g, c.b = c.r, c.r
	case "oklab", "oklch":
		c.r = num(0, 1)
		c.g, c.b = c.r, c.r
	default:
		return rgba{}, false
	}
	return c, true
}

// hexColor reads 3, 4, 6 or 8 hex digits.
func hexColor(s string) (rgba, bool) {
	if len(s) == 3 || len(s) == 4 {
		var long strings.Builder
		for i := 0; i < len(s); i++ {
			long.WriteByte(s[i])
			long.WriteByte(s[i])
		}
		s = long.String()
	}
	if len(s) != 6 && len(s) != 8 {
		return rgba{}, false
	}
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		return rgba{}, false
	}
	a := uint64(255)
	if len(s) == 8 {
		a, n = n&255, n>>8
	}
	return rgba{float64(n>>16&255) / 255, float64(n>>8&255) / 255, float64(n&255) / 255, float64(a) / 255}, true
}

// hsl converts hue (turns), saturation and lightness.
func hsl(h, s, l float64) (r, g, b float64) {
	f := func(n float64) float64 {
		k := math.Mod(n+h*12, 12)
		return l - s*math.Min(l, 1-l)*math.Max(-1, math.Min(math.Min(k-3, 9-k), 1))
	}
	return f(0), f(8), f(4)
}

// colorNames are the named colours pages use most; a name that is missing is no
// colour, and the text keeps the colour it had.
var colorNames = map[string]string{
	"white": "ffffff", "black": "000000", "snow": "fffafa", "ivory": "fffff0", "ghostwhite": "f8f8ff", "whitesmoke": "f5f5f5",
	"floralwhite": "fffaf0", "mintcream": "f5fffa", "azure": "f0ffff", "aliceblue": "f0f8ff", "honeydew": "f0fff0",
	"seashell": "fff5ee", "beige": "f5f5dc", "oldlace": "fdf5e6", "linen": "faf0e6", "lavenderblush": "fff0f5",
	"antiquewhite": "faebd7", "cornsilk": "fff8dc", "lightyellow": "ffffe0", "lightcyan": "e0ffff", "lavender": "e6e6fa",
	"mistyrose": "ffe4e1", "papayawhip": "ffefd5", "lemonchiffon": "fffacd", "lightgoldenrodyellow": "fafad2", "gainsboro": "dcdcdc",
	"lightgray": "d3d3d3", "lightgrey": "d3d3d3", "silver": "c0c0c0", "darkgray": "a9a9a9", "darkgrey": "a9a9a9", "gray": "808080",
	"grey": "808080", "dimgray": "696969", "dimgrey": "696969", "red": "ff0000", "lime": "00ff00", "green": "008000", "blue": "0000ff",
	"navy": "000080", "yellow": "ffff00", "orange": "ffa500", "purple": "800080", "teal": "008080", "aqua": "00ffff", "cyan": "00ffff",
	"fuchsia": "ff00ff", "magenta": "ff00ff", "maroon": "800000", "olive": "808000", "brown": "a52a2a", "pink": "ffc0cb",
	"gold": "ffd700", "tomato": "ff6347", "crimson": "dc143c", "indigo": "4b0082", "violet": "ee82ee", "khaki": "f0e68c",
	"darkblue": "00008b", "darkred": "8b0000", "darkgreen": "006400", "darkslategray": "2f4f4f", "midnightblue": "191970",
}
