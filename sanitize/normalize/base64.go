package normalize

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// minBase64 is the shortest run of base64 characters that is tried: shorter
// ones are words.
const minBase64 = 16

// base64Edits decodes runs of the standard and URL alphabets, padded or not,
// that come out as text.
func base64Edits(text string) (edits []edit) {
	for i := 0; i < len(text); {
		if !isBase64[text[i]] {
			i++
			continue
		}
		start := i
		for i < len(text) && isBase64[text[i]] {
			i++
		}
		if i-start < minBase64 {
			continue
		}
		end := i
		for i < len(text) && i < end+2 && text[i] == '=' {
			i++
		}
		if out := decodeBase64(text[start:end]); out != "" {
			edits = append(edits, edit{start, i, out})
		}
	}
	return edits
}

var isBase64 = func() (t [256]bool) {
	for c := range t {
		t[c] = 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("+/-_", byte(c)) >= 0
	}
	return t
}()

func decodeBase64(run string) string {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		encoding = base64.RawURLEncoding
	}
	out, err := encoding.DecodeString(run)
	if err != nil || !looksLikeText(out) {
		return ""
	}
	return string(out)
}

// looksLikeText reports whether decoded bytes are worth reading: UTF-8, of
// which at most three in ten characters are not printable.
func looksLikeText(b []byte) bool {
	if len(b) == 0 || !utf8.Valid(b) {
		return false
	}
	odd := 0
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			odd++
		}
	}
	return odd*10 <= len(b)*3
}
