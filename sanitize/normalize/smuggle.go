package normalize

import (
	"strings"
	"unicode/utf8"
)

// tags reads a run of tag characters (U+E0000 to U+E007F), one for each
// character of ASCII. The flags of England and its like, a black flag with
// tags behind it, are left alone.
func (f *folder) tags(i int) int {
	var b strings.Builder
	end := i
	for end < len(f.text) {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		if !isTag(r) {
			break
		}
		if 0xE0020 <= r && r <= 0xE007E {
			b.WriteByte(byte(r - 0xE0000))
		}
		end += n
	}
	if f.before(i) == 0x1F3F4 && b.Len() <= 6 {
		return end
	}
	f.replace(i, end, b.String())
	return end
}

// selectors reads a run of variation selectors: one behind a base is writing,
// more are bytes (Paul Butler, "Smuggling arbitrary data through an emoji").
func (f *folder) selectors(i int) int {
	var b []byte
	end := i
	for end < len(f.text) {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		switch {
		case 0xFE00 <= r && r <= 0xFE0F:
			b = append(b, byte(r-0xFE00))
		case 0xE0100 <= r && r <= 0xE01EF:
			b = append(b, byte(r-0xE0100+16))
		case 0x180B <= r && r <= 0x180D:
			b = append(b, 0)
		default:
			n = 0
		}
		if n == 0 {
			break
		}
		end += n
	}
	if len(b) == 1 && f.before(i) > ' ' && !asciiLetter(f.before(i)) {
		return end
	}
	with := ""
	if len(b) > 2 && looksLikeText(b) {
		with = string(b)
	}
	f.replace(i, end, with)
	return end
}

// regional reads regional indicators: pairs that are country codes are flags,
// other runs are letters.
func (f *folder) regional(i int) int {
	var b []byte
	end := i
	for end < len(f.text) {
		r, n := utf8.DecodeRuneInString(f.text[end:])
		if 0x1F1E6 <= r && r <= 0x1F1FF {
			b = append(b, byte(r-0x1F1E6)+'a')
		} else if r != 0x200B && r != 0x200C && r != ' ' || len(b)%2 == 0 {
			break
		}
		end += n
	}
	flags := len(b)%2 == 0
	for k := 0; flags && k < len(b); k += 2 {
		flags = countries[string(b[k:k+2])]
	}
	if !flags {
		f.replace(i, end, string(b))
	}
	return end
}

// countries are the codes of ISO 3166-1 that have flags, and the exceptional
// ones that emoji use.
var countries = func() map[string]bool {
	const codes = `ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bl bm bn bo bq br bs bt bv bw by bz ca cc cd cf cg
ch ci ck cl cm cn co cp cr cu cv cw cx cy cz de dg dj dk dm do dz ea ec ee eg eh er es et eu fi fj fk fm fo fr ga gb gd ge gf gg
gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu ic id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw
ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mf mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl
no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm sn so sr ss st
sv sx sy sz ta tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug um un us uy uz va vc ve vg vi vn vu wf ws xk ye yt za zm zw`
	m := map[string]bool{}
	for _, c := range strings.Fields(codes) {
		m[c] = true
	}
	return m
}()

// bitEdits reads bits written as two kinds of invisible characters, eight to a
// character of ASCII, in either polarity.
func bitEdits(text string) (edits []edit) {
	for i := 0; i < len(text); {
		k := strings.IndexByte(text[i:], 0xE2) // the first byte of U+200B and its neighbours
		if k < 0 {
			return edits
		}
		i += k
		end, bits := zeroWidthBits(text, i)
		if len(bits) >= 16 {
			if out := bitsToText(bits); out != "" {
				edits = append(edits, edit{i, end, out})
			}
		}
		i = max(end, i+1)
	}
	return edits
}

func zeroWidthBits(text string, i int) (end int, bits []byte) {
	for end = i; end < len(text); {
		r, n := utf8.DecodeRuneInString(text[end:])
		switch r {
		case 0x200B, 0x2060:
			bits = append(bits, 0)
		case 0x200C, 0x200D, 0x2061, 0x2062, 0x2063:
			bits = append(bits, 1)
		default:
			return end, bits
		}
		end += n
	}
	return end, bits
}

func bitsToText(bits []byte) string {
	for _, flip := range [...]byte{0, 1} {
		out := make([]byte, 0, len(bits)/8)
		for k := 0; k+8 <= len(bits); k += 8 {
			var c byte
			for _, b := range bits[k : k+8] {
				c = c<<1 | b ^ flip
			}
			out = append(out, c)
		}
		if looksLikeText(out) {
			return string(out)
		}
	}
	return ""
}

// invalid handles bytes that are not UTF-8: overlong forms and surrogates coded
// one by one (CESU-8) stand for what a careless decoder makes of them, other
// bytes between ASCII letters for nothing.
func (f *folder) invalid(i int) int {
	t := f.text[i:]
	next := func(k int) (byte, bool) {
		if k < len(t) && t[k]&0xC0 == 0x80 {
			return t[k] & 0x3F, true
		}
		return 0, false
	}
	a, ok1 := next(1)
	b, ok2 := next(2)
	switch {
	case (t[0] == 0xC0 || t[0] == 0xC1) && ok1:
		f.replace(i, i+2, string(rune(t[0]&0x1F)<<6|rune(a)))
		return i + 2
	case t[0] == 0xE0 && ok1 && ok2:
		f.replace(i, i+3, string(rune(a)<<6|rune(b)))
		return i + 3
	case t[0] == 0xED && ok1 && ok2 && a >= 0x20 && a < 0x30 && len(t) >= 6 && t[3] == 0xED:
		c, ok3 := next(4)
		d, ok4 := next(5)
		if ok3 && ok4 && c >= 0x30 {
			high, low := rune(a&0x0F)<<6|rune(b), rune(c&0x0F)<<6|rune(d)
			f.replace(i, i+6, string(0x10000+high<<10+low))
			return i + 6
		}
	}
	end := i + 1
	for end < len(f.text) {
		if r, n := utf8.DecodeRuneInString(f.text[end:]); r != utf8.RuneError || n != 1 || f.text[end] == 0xC0 || f.text[end] == 0xC1 || f.text[end] == 0xE0 || f.text[end] == 0xED {
			break
		}
		end++
	}
	if asciiLetter(f.before(i)) || asciiLetter(f.after(end)) {
		f.replace(i, end, "")
	}
	return end
}
