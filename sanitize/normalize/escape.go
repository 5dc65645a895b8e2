package normalize

import (
	"html"
	"mime"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// escapeEdits decodes what stands for single characters: HTML entities, percent
// signs, backslash escapes of JSON, JavaScript, C and Python.
func escapeEdits(text string) (edits []edit) {
	for i := 0; i < len(text); {
		for i < len(text) && traits[text[i]] != hasEscape {
			i++
		}
		if i == len(text) {
			return edits
		}
		var e edit
		var ok bool
		switch text[i] {
		case '&':
			e, ok = entity(text, i)
		case '%':
			e, ok = percents(text, i)
		case '\\':
			e, ok = backslashes(text, i)
		}
		if !ok {
			i++
			continue
		}
		edits = append(edits, e)
		i = e.end
	}
	return edits
}

// entity decodes one HTML entity. Those for the five characters of markup and
// for a space are decoded only where something follows that makes use of them.
func entity(text string, i int) (edit, bool) {
	end := i + 1
	for end < len(text) && end-i < 34 && (isAlnum[text[end]] || text[end] == '#' && end == i+1) {
		end++
	}
	if end < i+3 {
		return edit{}, false
	}
	numeric := text[i+1] == '#'
	if end < len(text) && text[end] == ';' {
		end++
	} else if !numeric {
		return edit{}, false
	}
	with := html.UnescapeString(text[i:end])
	if with == text[i:end] || with == "" {
		return edit{}, false
	}
	if !numeric {
		next := byte(0)
		if end < len(text) {
			next = text[end]
		}
		switch with {
		case "&":
			if next != '#' && !isAlnum[next] {
				return edit{}, false
			}
		case "\u00a0":
			with = " "
		}
	}
	return edit{i, end, with}, true
}

// percents decodes a run of percent escapes that is UTF-8 and printable.
func percents(text string, i int) (edit, bool) {
	var b []byte
	end := i
	for end+2 < len(text) && text[end] == '%' && len(b) < 4096 {
		v, ok := hexByte(text[end+1:])
		if !ok {
			break
		}
		b = append(b, v)
		end += 3
	}
	if len(b) == 0 || !utf8.Valid(b) || b[0] < ' ' && b[0] != '\n' && b[0] != '\t' && b[0] != '\r' {
		return edit{}, false
	}
	return edit{i, end, string(b)}, true
}

// hexByte reads two hexadecimal digits.
func hexByte(s string) (byte, bool) {
	if len(s) < 2 || hexValue[s[0]] < 0 || hexValue[s[1]] < 0 {
		return 0, false
	}
	return byte(hexValue[s[0]]<<4 | hexValue[s[1]]), true
}

var hexValue = func() (t [256]int8) {
	for c := range t {
		t[c] = -1
		switch {
		case '0' <= c && c <= '9':
			t[c] = int8(c - '0')
		case 'a' <= c && c <= 'f':
			t[c] = int8(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			t[c] = int8(c - 'A' + 10)
		}
	}
	return t
}()

var isAlnum = func() (t [256]bool) {
	for c := range t {
		t[c] = '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
	}
	return t
}()

// backslashes decodes a run of backslash escapes that name characters by number.
func backslashes(text string, i int) (edit, bool) {
	var units []uint16 // UTF-16, so that escaped surrogates pair up
	var b []byte
	end := i
	for end < len(text) && end-i < 8192 {
		r, n, raw := backslash(text[end:])
		if n == 0 {
			break
		}
		if raw && r >= utf8.RuneSelf {
			b = append(flush(b, &units), byte(r)) // \xc3\xa9 is UTF-8
		} else if r > 0xFFFF {
			b = utf8.AppendRune(flush(b, &units), r)
		} else {
			units = append(units, uint16(r))
		}
		end += n
	}
	b = flush(b, &units)
	if end == i || len(b) == 0 && end-i < 12 {
		return edit{}, false
	}
	return edit{i, end, string(b)}, true
}

// flush pairs surrogates, nested ones too: of high high low low the inner pair
// leaves the outer one next to each other. Lone ones are dropped.
func flush(b []byte, units *[]uint16) []byte {
	var out []rune
	for _, u := range *units {
		r := rune(u)
		if n := len(out); n > 0 && 0xDC00 <= r && r < 0xE000 {
			k := n - 1
			for k >= 0 && out[k] >= 0x10000 {
				k--
			}
			if k >= 0 && 0xD800 <= out[k] && out[k] < 0xDC00 {
				out[k] = utf16.DecodeRune(out[k], r)
				continue
			}
		}
		out = append(out, r)
	}
	*units = (*units)[:0]
	for _, r := range out {
		if r < 0xD800 || r >= 0xE000 {
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// backslash reads one escape: its value and length, and whether it is a byte
// rather than a character.
func backslash(s string) (r rune, n int, raw bool) {
	digits := func(from, count int) (rune, bool) {
		if len(s) < from+count {
			return 0, false
		}
		v, err := strconv.ParseUint(s[from:from+count], 16, 32)
		return rune(v), err == nil && v <= utf8.MaxRune
	}
	if len(s) < 3 || s[0] != '\\' {
		return 0, 0, false
	}
	switch s[1] {
	case 'u':
		if end := strings.IndexByte(s[:min(len(s), 12)], '}'); s[2] == '{' && end > 3 {
			if v, ok := digits(3, end-3); ok {
				return v, end + 1, false
			}
		}
		if v, ok := digits(2, 4); ok {
			return v, 6, false
		}
	case 'U':
		if v, ok := digits(2, 8); ok {
			return v, 10, false
		}
	case 'x':
		if v, ok := digits(2, 2); ok {
			return v, 4, true
		}
	case '\\': // an escaped escape, as in JSON within JSON
		if len(s) > 3 && (s[2] == 'u' || s[2] == 'x') {
			if r, n, raw := backslash(s[1:]); n > 0 {
				return r, n + 1, raw
			}
		}
	case '0', '1':
		if len(s) >= 4 && '0' <= s[2] && s[2] <= '7' && '0' <= s[3] && s[3] <= '7' {
			return rune(s[1]-'0')<<6 | rune(s[2]-'0')<<3 | rune(s[3]-'0'), 4, true
		}
	}
	return 0, 0, false
}

// quotedEdits decodes MIME words (RFC 2047) and quoted-printable (RFC 2045),
// the latter where there are three escapes or soft line ends close together.
func quotedEdits(text string) (edits []edit) {
	var run []edit
	escapes := 0
	settle := func() {
		if escapes >= 3 {
			edits = append(edits, run...)
		}
		run, escapes = run[:0], 0
	}
	for i := 0; i < len(text); {
		k := strings.IndexByte(text[i:], '=')
		if k < 0 {
			break
		}
		i += k
		e, ok := mimeWord(text, i)
		if ok {
			settle()
			edits = append(edits, e)
			i = e.end
			continue
		}
		if e, ok = quotedRun(text, i); !ok {
			i++
			continue
		}
		if len(run) > 0 && e.start-run[len(run)-1].end > 200 {
			settle()
		}
		run = append(run, e)
		escapes += (e.end - e.start) / 2
		i = e.end
	}
	settle()
	return edits
}

func mimeWord(text string, i int) (edit, bool) {
	if !strings.HasPrefix(text[i:], "=?") {
		return edit{}, false
	}
	rest := text[i:min(len(text), i+512)]
	second := strings.IndexByte(rest[2:], '?')
	if second < 0 || second+4 >= len(rest) || rest[second+4] != '?' {
		return edit{}, false
	}
	end := strings.Index(rest[second+5:], "?=")
	if end < 0 {
		return edit{}, false
	}
	end += second + 7
	out, err := new(mime.WordDecoder).Decode(rest[:end])
	if err != nil || !looksLikeText([]byte(out)) {
		return edit{}, false
	}
	return edit{i, i + end, out}, true
}

// quotedRun decodes a soft line end or a run of "=" and two capital digits.
func quotedRun(text string, i int) (edit, bool) {
	for _, soft := range [...]string{"=\r\n", "=\n"} {
		if strings.HasPrefix(text[i:], soft) {
			return edit{i, i + len(soft), ""}, i > 0 && isAlnum[text[i-1]]
		}
	}
	var b []byte
	end := i
	for end+2 < len(text) && text[end] == '=' {
		v, ok := hexByte(text[end+1:])
		if !ok || 'a' <= text[end+1] || 'a' <= text[end+2] {
			break
		}
		b = append(b, v)
		end += 3
	}
	if len(b) == 0 || !utf8.Valid(b) {
		return edit{}, false
	}
	return edit{i, end, string(b)}, true
}
