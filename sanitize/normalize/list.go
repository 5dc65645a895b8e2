package normalize

import "strings"

// listEdits decodes lists of numbers that are character codes — hexadecimal,
// binary, octal and decimal, separated by spaces, commas, or marked by 0x — and
// Morse code, and joins letters that are spaced out or split by punctuation.
func listEdits(text string) (edits []edit) {
	for i := 0; i < len(text); {
		// A list begins where a short token stands behind a separator.
		if i > 0 && !isSeparating[text[i-1]] {
			for i < len(text) && !isSeparating[text[i]] {
				i++
			}
			i++
			continue
		}
		if !begins(text, i) {
			i++
			continue
		}
		start := i
		for i < len(text) && !isSeparating[text[i]] {
			i++
		}
		if i-start > 8 || i == start {
			if n := i - start; n >= 24 && (text[start] == '0' || text[start] == '1') {
				if out := solidBinary(text[start:i]); out != "" {
					edits = append(edits, edit{start, i, out})
				}
			}
			continue
		}
		l := readList(text, start, i)
		if out := l.decode(); out != "" {
			edits = append(edits, edit{start, l.end, out})
		}
		if l.end > i {
			i = l.end
		}
	}
	return edits
}

// begins is a quick look at a token's first characters: a digit, a sign of
// Morse, a single letter, or two hexadecimal digits.
func begins(text string, i int) bool {
	c := text[i]
	if c-'0' < 10 || c == '.' || c == '-' {
		return true
	}
	if !isAlnum[c] {
		return false
	}
	if i+1 >= len(text) || isSeparating[text[i+1]] {
		return true
	}
	return hexValue[c] >= 0 && (i+2 >= len(text) || isSeparating[text[i+2]])
}

var isSeparating = func() (t [256]bool) {
	for _, c := range " \t\r\n,;|{}[]()\"'" {
		t[c] = true
	}
	return t
}()

// list is a run of short tokens of one kind.
type list struct {
	tokens []string
	gaps   []int // separators before each token
	end    int
}

// readList collects tokens of at most eight characters of the first one's kind,
// when there are at least five.
func readList(text string, start, end int) list {
	l := list{end: end}
	kind := kindOf(text[start:end])
	if kind == 0 || walk(text, end, kind, nil) < 4 {
		return l
	}
	l.tokens, l.gaps = append(l.tokens, text[start:end]), append(l.gaps, 0)
	walk(text, end, kind, &l)
	return l
}

// walk counts the tokens from at on that share a kind, and puts them in l.
func walk(text string, at, kind int, l *list) (n int) {
	for n < 1<<16 {
		next := at
		for next < len(text) && isSeparating[text[next]] && next-at < 8 {
			next++
		}
		stop := next
		for stop < len(text) && !isSeparating[text[stop]] && stop-next < 9 {
			stop++
		}
		if stop == next || stop-next > 8 || next == at {
			return n
		}
		if kind &= kindOf(text[next:stop]); kind == 0 {
			return n
		}
		n, at = n+1, stop
		if l != nil {
			l.tokens, l.gaps, l.end = append(l.tokens, text[next:stop]), append(l.gaps, stop-len(text[next:stop])-l.end), stop
		} else if n >= 4 {
			return n
		}
	}
	return n
}

// Kinds of tokens, as bits: a token can be of several.
const (
	kindHex = 1 << iota
	kindBinary
	kindOctal
	kindDecimal
	kindMorse
	kindLetter
)

func kindOf(t string) (k int) {
	switch c := t[0]; {
	case c == '.' || c == '-' || c == '/':
		if len(t) <= 6 && strings.Trim(t, ".-/") == "" {
			k = kindMorse
		}
		return k
	case len(t) == 1:
		if isAlnum[c] {
			k = kindLetter
		}
		return k
	case hexValue[c] < 0:
		return 0
	}
	digits, marked := strings.CutPrefix(t, "0x")
	if len(digits) == 2 && hexValue[digits[0]] >= 0 && hexValue[digits[1]] >= 0 {
		k |= kindHex
	}
	if marked || t[0] > '9' {
		return k
	}
	if bits := strings.TrimPrefix(t, "0b"); (len(bits) == 8 || len(bits) == 7) && strings.Trim(bits, "01") == "" {
		k |= kindBinary
	}
	if v, ok := number(t, 10); ok && len(t) <= 3 && v < 127 && (v >= 32 || v == 10) {
		k |= kindDecimal
	}
	if v, ok := number(strings.TrimPrefix(t, "0o"), 8); ok && v < 127 && (v >= 32 || v == 10) {
		k |= kindOctal
	}
	return k
}

// number reads up to five digits.
func number(t string, base int) (v int, ok bool) {
	if t == "" || len(t) > 8 {
		return 0, false
	}
	for i := 0; i < len(t); i++ {
		d := int(hexValue[t[i]])
		if d < 0 || d >= base {
			return 0, false
		}
		v = v*base + d
	}
	return v, true
}

// decode returns what a list says, or nothing.
func (l list) decode() string {
	if len(l.tokens) < 5 {
		return ""
	}
	kind := -1
	for _, t := range l.tokens {
		kind &= kindOf(t)
	}
	switch {
	case kind&kindMorse != 0:
		return l.morse()
	case kind&kindLetter != 0:
		return l.letters()
	case kind&kindBinary != 0:
		return l.numbers(2, "0b")
	}
	if out := l.numbers(16, "0x"); kind&kindHex != 0 && wordy(out) {
		return out
	}
	if out := l.numbers(10, ""); kind&kindDecimal != 0 && wordy(out) {
		return out
	}
	if out := l.numbers(8, "0o"); kind&kindOctal != 0 && wordy(out) {
		return out
	}
	return ""
}

// numbers reads the tokens as character codes.
func (l list) numbers(base int, prefix string) string {
	out := make([]byte, 0, len(l.tokens))
	for _, t := range l.tokens {
		v, ok := number(strings.TrimPrefix(t, prefix), base)
		if !ok || v > 255 {
			return ""
		}
		out = append(out, byte(v))
	}
	if !looksLikeText(out) {
		return ""
	}
	return string(out)
}

// wordy reports whether most of a decoded list is letters: tables of numbers
// also decode to something.
func wordy(s string) bool {
	letters := 0
	for i := 0; i < len(s); i++ {
		if asciiLetter(rune(s[i])) || s[i] == ' ' {
			letters++
		}
	}
	return len(s) >= 5 && letters*10 >= len(s)*8
}

// letters joins single letters; a wider gap than between most of them parts
// words.
func (l list) letters() string {
	if len(l.tokens) < 5 {
		return ""
	}
	var b strings.Builder
	for i, t := range l.tokens {
		if i > 0 && l.gaps[i] > l.gaps[1] && l.gaps[i] > 1 {
			b.WriteByte(' ')
		}
		b.WriteString(t)
	}
	if !wordy(b.String()) {
		return ""
	}
	return b.String()
}

// solidBinary reads bits written without a break, eight to a character.
func solidBinary(run string) string {
	if len(run)%8 != 0 || strings.Trim(run, "01") != "" {
		return ""
	}
	bits := make([]byte, len(run))
	for i := range bits {
		bits[i] = run[i] - '0'
	}
	out := make([]byte, 0, len(run)/8)
	for i := 0; i < len(bits); i += 8 {
		var c byte
		for _, b := range bits[i : i+8] {
			c = c<<1 | b
		}
		out = append(out, c)
	}
	if !looksLikeText(out) {
		return ""
	}
	return string(out)
}

// morse reads International Morse (ITU-R M.1677); a slash parts words.
func (l list) morse() string {
	var b strings.Builder
	known := 0
	for i, t := range l.tokens {
		if strings.Trim(t, "/") == "" || l.gaps[i] > 2 {
			b.WriteByte(' ')
		}
		if c, ok := morseCode[t]; ok {
			b.WriteByte(c)
			known++
		}
	}
	out := b.String()
	distinct := 0
	for c := byte('a'); c <= 'z'; c++ {
		if strings.IndexByte(out, c) >= 0 {
			distinct++
		}
	}
	if known < 5 || distinct < 4 {
		return "" // dotted and dashed lines
	}
	return out
}

var morseCode = func() map[string]byte {
	const letters = "a.- b-... c-.-. d-.. e. f..-. g--. h.... i.. j.--- k-.- l.-.. m-- n-. o--- p.--. q--.- r.-. s... t- u..- v...- w.-- x-..- y-.-- z--.. 0----- 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----."
	m := map[string]byte{}
	for _, f := range strings.Fields(letters) {
		m[f[1:]] = f[0]
	}
	return m
}()

// splitEdits joins the letters of words split by one kind of punctuation:
// i.g.n.o.r.e, s-e-c-r-e-t.
func splitEdits(text string) (edits []edit) {
	for i := 0; i+8 < len(text); i++ {
		c := text[i]
		if isSplit[c] && i > 0 && asciiLetter(rune(text[i-1])) && text[i+2] == c && (i < 2 || !isAlnum[text[i-2]]) {
			end := i + 1
			var b strings.Builder
			b.WriteByte(text[i-1])
			for end < len(text) && asciiLetter(rune(text[end])) && (end+1 == len(text) || !isAlnum[text[end+1]]) {
				b.WriteByte(text[end])
				end++
				if end >= len(text) || text[end] != c {
					break
				}
				end++
			}
			if b.Len() >= 5 {
				edits = appendEdit(edits, edit{i - 1, end, b.String()})
				i = end
			}
		}
	}
	return edits
}

var isSplit = func() (t [256]bool) {
	for _, c := range ".-_*/|+~:,'" {
		t[c] = true
	}
	return t
}()
